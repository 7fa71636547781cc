"""The chain's format is fixed for good: a red test here means that logs out there would no longer verify."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone

import pytest

from sitting.domain.chain import FORMAT, GENESIS, SALT_BYTES, SealedEvent, event_hash, inner_digest, seal
from tests.support.samples import MICROSECOND

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
AT_MICROSECONDS = 1_767_323_045_678_901
SALT = bytes(range(16))
PAYLOAD = b'{"flagged":true,"question_id":"q_1"}'

GOLDEN_INNER = "24270a3d2874ad7f6d23e9665191b84750175b13fd215d5889e62f0d81458d22"
GOLDEN_FIRST = "1fbf2f9fa7c3d6d6e0cfeec0e920f1c05bae7991e83c83c6d0bea0ab0a69533c"
GOLDEN_SECOND = "0ce339bb5f85dae14ad4dcb007e598294a104bc97dc7dcf3e1b92a5c5391c952"


def by_hand(previous: bytes, assessment_id: int, seq: int, type_: str, microseconds: int, inner: bytes) -> bytes:
    """The formula once more, written from the decision record and without the code under test."""
    text = b""
    for part in (
        b"sitting.event/1",
        previous,
        assessment_id.to_bytes(8, "big"),
        seq.to_bytes(8, "big"),
        type_.encode("utf-8"),
        microseconds.to_bytes(8, "big"),
        inner,
    ):
        text += len(part).to_bytes(4, "big") + part
    return hashlib.sha256(text).digest()


def test_inner_digest_is_pinned() -> None:
    assert inner_digest(SALT, PAYLOAD) == hashlib.sha256(SALT + PAYLOAD).digest()
    assert inner_digest(SALT, PAYLOAD).hex() == GOLDEN_INNER


def test_first_and_second_hash_of_a_log_are_pinned() -> None:
    inner = bytes.fromhex(GOLDEN_INNER)
    first = event_hash(GENESIS, 42, 1, "flagged", AT, inner)
    assert first.hex() == GOLDEN_FIRST
    assert event_hash(first, 42, 2, "flagged", AT + MICROSECOND, inner).hex() == GOLDEN_SECOND


def test_hash_agrees_with_the_formula_done_by_hand() -> None:
    inner = bytes(reversed(range(32)))
    previous = bytes(range(32))
    assert event_hash(previous, 2**53, 2**40, "späť", AT, inner) == by_hand(
        previous, 2**53, 2**40, "späť", AT_MICROSECONDS, inner
    )


def test_constants_of_the_format_are_what_the_record_says() -> None:
    assert FORMAT == b"sitting.event/1"
    assert bytes(32) == GENESIS
    assert SALT_BYTES == 16


BASE = (GENESIS, 42, 1, "flagged", AT, bytes(32))


@pytest.mark.parametrize(
    "changed",
    [
        (bytes(31) + b"\1", *BASE[1:]),
        (*BASE[:1], 43, *BASE[2:]),
        (*BASE[:2], 2, *BASE[3:]),
        (*BASE[:3], "flaggeD", *BASE[4:]),
        (*BASE[:4], AT + MICROSECOND, *BASE[5:]),
        (*BASE[:5], bytes(31) + b"\1"),
        (*BASE[:1], 1, 42, *BASE[3:]),
    ],
    ids=["previous", "assessment_id", "seq", "type", "time", "inner", "id and seq swapped"],
)
def test_a_change_of_any_field_changes_the_hash(changed: tuple[bytes, int, int, str, datetime, bytes]) -> None:
    assert event_hash(*changed) != event_hash(*BASE)


def test_moving_bytes_from_one_field_to_the_next_changes_the_hash() -> None:
    """Without their lengths, both would be the same run of zero bytes."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    longer_previous = event_hash(bytes(33), 0, 0, "\0", epoch, bytes(32))
    longer_type = event_hash(bytes(32), 0, 0, "\0\0", epoch, bytes(32))
    assert longer_previous != longer_type


def test_the_same_instant_in_another_zone_has_the_same_hash() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=5, minutes=45)))
    assert event_hash(GENESIS, 1, 1, "x", elsewhere, bytes(32)) == event_hash(GENESIS, 1, 1, "x", AT, bytes(32))


def test_an_instant_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        event_hash(GENESIS, 1, 1, "x", AT.replace(tzinfo=None), bytes(32))


def sealed(previous: bytes = GENESIS, seq: int = 1) -> SealedEvent:
    return seal(previous, 42, seq, "flagged", AT, PAYLOAD)


def test_sealed_entry_carries_what_was_hashed() -> None:
    event = sealed()
    assert (event.assessment_id, event.seq, event.type, event.occurred_at) == (42, 1, "flagged", AT)
    assert event.payload == PAYLOAD
    assert event.salt is not None
    assert event.inner == hashlib.sha256(event.salt + PAYLOAD).digest()
    assert event.hash == by_hand(GENESIS, 42, 1, "flagged", AT_MICROSECONDS, event.inner)


def test_second_entry_is_chained_to_the_first() -> None:
    first = sealed()
    second = sealed(previous=first.hash, seq=2)
    assert second.hash == by_hand(first.hash, 42, 2, "flagged", AT_MICROSECONDS, second.inner)


def test_each_entry_has_a_salt_of_its_own_so_that_equal_payloads_look_different() -> None:
    events = [sealed() for _ in range(50)]
    assert {len(event.salt or b"") for event in events} == {16}
    assert len({event.salt for event in events}) == 50
    assert len({event.inner for event in events}) == 50
