from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from sitting.domain.chain import GENESIS, SealedEvent, event_hash, inner_digest, seal
from sitting.kit.clock import from_microseconds, to_microseconds
from tests.support.replacing import replace

digests = st.binary(min_size=32, max_size=32)
numbers = st.integers(0, 2**64 - 1)
instants = st.integers(0, to_microseconds(datetime.fromisoformat("9000-01-01T00:00:00Z"))).map(from_microseconds)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@dataclass(frozen=True)
class Fields:
    """What an entry's hash is over, in the order of `event_hash`."""

    previous: bytes
    assessment_id: int
    seq: int
    type: str
    occurred_at: datetime
    inner: bytes

    def hash(self) -> bytes:
        return event_hash(*astuple(self))


fields = st.builds(Fields, digests, numbers, numbers, words, instants, digests)


def by_hand(what: Fields) -> bytes:
    """The formula, written out again without the code under test."""
    since_1970 = what.occurred_at - datetime.fromisoformat("1970-01-01T00:00:00Z")
    microseconds = (since_1970.days * 86_400 + since_1970.seconds) * 1_000_000 + since_1970.microseconds
    total = hashlib.sha256()
    for part in (
        b"sitting.event/1",
        what.previous,
        what.assessment_id.to_bytes(8, "big"),
        what.seq.to_bytes(8, "big"),
        what.type.encode(),
        microseconds.to_bytes(8, "big"),
        what.inner,
    ):
        total.update(len(part).to_bytes(4, "big"))
        total.update(part)
    return total.digest()


@given(fields)
def test_hash_is_the_formula(what: Fields) -> None:
    assert what.hash() == by_hand(what)


@given(fields, fields, st.sampled_from(list(Fields.__dataclass_fields__)))
def test_hashes_are_equal_only_where_every_field_is(one: Fields, other: Fields, name: str) -> None:
    changed = replace(one, **{name: getattr(other, name)})
    assert (changed.hash() == one.hash()) == (changed == one)
    assert (other.hash() == one.hash()) == (other == one)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=8), st.data())
def test_a_change_of_one_byte_breaks_the_chain_from_there_on(payloads: list[bytes], data: st.DataObject) -> None:
    log: list[SealedEvent] = []
    at = datetime.fromisoformat("2026-03-02T09:00:00Z")
    for seq, payload in enumerate(payloads, start=1):
        log.append(seal(log[-1].hash if log else GENESIS, 42, seq, "flagged", at, payload))
    assert heads(log) == [event.hash for event in log]
    broken = data.draw(st.integers(0, len(log) - 1))
    log[broken] = replace(log[broken], payload=(log[broken].payload or b"") + b"!")
    assert [head == event.hash for head, event in zip(heads(log), log, strict=True)] == [
        n < broken for n in range(len(log))
    ]


def heads(log: list[SealedEvent]) -> list[bytes]:
    """The hashes that the log should have, recomputed from what it holds."""
    found = [GENESIS]
    for event in log:
        inner = inner_digest(event.salt or b"", event.payload or b"")
        found.append(event_hash(found[-1], event.assessment_id, event.seq, event.type, event.occurred_at, inner))
    return found[1:]


@given(instants)
def test_instants_survive_as_microseconds(instant: datetime) -> None:
    assert from_microseconds(to_microseconds(instant)) == instant
