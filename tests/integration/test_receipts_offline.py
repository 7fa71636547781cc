"""Receipts, logs and compliance records of real assessments, checked by docs/verify_receipt.py without the server."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sitting.domain.user import Role
from sitting.identity.signer import Signer
from sitting.usecases.erase_user import erase_user
from tests.support.builders import seated
from tests.support.clock import NOON
from tests.support.receipt_script import Evidence
from tests.support.rest import Caller, Rest, said

LATER = NOON + timedelta(days=400)
SIGNED = 6


async def all_pages(caller: Caller, path: str, **query: Any) -> list[Any]:
    found, after = [], ""
    while True:
        page = said(await caller.get(path, **query, **({"after": after} if after else {})))
        found += page["items"]
        if page["next"] is None:
            return found
        after = page["next"]


async def evidence_of(rest: Rest, assessment_id: int, directory: Path) -> Evidence:
    staff = await rest.person(Role.REVIEWER)
    address = f"/assessments/{assessment_id}"
    compliance = await staff.get(f"{address}/compliance")
    return Evidence(
        directory,
        receipt=said(await staff.get(f"{address}/receipt")),
        keys=said(await rest.anonymous.get("/keys")),
        log=await all_pages(staff, f"{address}/events", limit=2),
        compliance=compliance.json() if compliance.status_code == 200 else None,
    )


async def finished(rest: Rest) -> tuple[int, int]:
    """user_id and assessment_id of somebody who answered three questions and handed in, then answered too late."""
    seat = await seated(rest.storage)
    for position in (1, 2, 3):
        await seat.answer(position, right=position != 2, at=NOON + timedelta(minutes=position, microseconds=7))
    await seat.finish(at=NOON + timedelta(minutes=9))
    await seat.answer(2, at=NOON + timedelta(minutes=10))
    return seat.live.assessment.user_id, seat.assessment_id


@pytest.fixture
async def evidence(rest: Rest, tmp_path: Path) -> Evidence:
    _, assessment_id = await finished(rest)
    return await evidence_of(rest, assessment_id, tmp_path)


async def test_p27_receipt_log_and_compliance_of_a_real_assessment_hold(evidence: Evidence) -> None:
    code, text = evidence.check(apart=True)
    assert code == 0, text
    assert text.count("good") == 3
    assert f"{SIGNED} entries lead to the head that the receipt signs" in text
    assert "1 entries stand behind the signed one" in text


async def test_whole_message_that_the_candidate_got_will_do(evidence: Evidence) -> None:
    evidence.receipt = {"type": "assessment_completed", "data": {"reason": "submitted", "receipt": evidence.receipt}}
    assert evidence.check()[0] == 0


CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "seq": lambda entry: entry.update(seq=entry["seq"] + 100),
    "type": lambda entry: entry.update(type="credited"),
    "occurred_at": lambda entry: entry.update(occurred_at="2026-01-01T00:00:00.000001Z"),
    "payload_text": lambda entry: entry.update(payload_text=entry["payload_text"] + " "),
    "payload": lambda entry: entry["payload"].update(forged=True),
    "salt": lambda entry: entry.update(salt="00" * 16),
    "inner_digest": lambda entry: entry.update(inner_digest="00" * 32),
    "hash": lambda entry: entry.update(hash="00" * 32),
    "content gone": lambda entry: entry.update(payload=None, payload_text=None, salt=None),
}


async def test_p27_changed_field_of_any_entry_is_named(evidence: Evidence) -> None:
    sound = deepcopy(evidence.log)
    for name, change in CHANGES.items():
        for seq in (1, 4, SIGNED):
            evidence.log = deepcopy(sound)
            change(evidence.log[seq - 1])
            code, text = evidence.check()
            assert (code, f"entry {seq} is the first that does not fit" in text) == (1, True), (name, seq, text)


async def test_p27_entry_dropped_swapped_cut_or_added_is_named(evidence: Evidence) -> None:
    sound = evidence.log
    swapped = deepcopy(sound)
    swapped[2]["seq"], swapped[3]["seq"] = 4, 3
    added = deepcopy(sound)
    added.append({**added[-1], "seq": len(added) + 1})
    for log, seq in (
        (sound[:2] + sound[3:], 3),
        (swapped, 3),
        (sound[: SIGNED - 1], SIGNED),
        (sound[:1], 2),
        ([], 1),
        (added, len(added)),
    ):
        evidence.log = log
        code, text = evidence.check()
        assert (code, f"entry {seq} is the first that does not fit" in text) == (1, True), (seq, text)


async def test_p27_log_rewritten_with_its_hashes_does_not_lead_to_the_signed_head(
    evidence: Evidence, rest: Rest, tmp_path: Path
) -> None:
    _, other = await finished(rest)
    forged = await evidence_of(rest, other, tmp_path)
    evidence.log = forged.log
    code, text = evidence.check()
    assert (code, "entry 1 is the first that does not fit" in text) == (1, True), text
    forged.receipt["head"] = "00" * 32
    code, text = forged.check()
    assert code == 1
    assert "signature by key" in text
    assert "it is not the one that the receipt signs" in text


async def test_key_that_is_not_at_hand_proves_nothing(evidence: Evidence) -> None:
    stranger = Signer.generate()
    evidence.keys = {"keys": [{**stranger.public_jwk(), "kid": evidence.receipt["key_id"]}]}
    code, text = evidence.check()
    assert code == 3
    assert "not among the keys given" in text


@pytest.mark.parametrize("name", ["assessment_id", "seq", "head", "signature"])
async def test_changed_receipt_does_not_hold(evidence: Evidence, name: str) -> None:
    value = evidence.receipt[name]
    evidence.receipt[name] = value + 1 if isinstance(value, int) else ("A" if value[0] != "A" else "B") + value[1:]
    code, text = evidence.check()
    assert code == 1, text
    assert "does not hold" in text


async def test_changed_compliance_record_does_not_hold(evidence: Evidence) -> None:
    sound = evidence.compliance
    for changed in (
        {**sound, "text": sound["text"].replace('"late_answers":0', '"late_answers":1')},
        {**sound, "record": {**sound["record"], "late_answers": 1}},
        {**sound, "signature": "A" * 86},
    ):
        evidence.compliance = changed
        assert evidence.check()[0] == 1


async def test_p27_receipt_outlives_the_erasure_of_its_holder(rest: Rest, tmp_path: Path) -> None:
    user_id, assessment_id = await finished(rest)
    before = await evidence_of(rest, assessment_id, tmp_path)
    await erase_user(rest.storage, user_id, reason="asked for it", by=None, now=LATER)
    left = await evidence_of(rest, assessment_id, tmp_path)
    assert left.receipt == before.receipt
    assert left.compliance is None
    code, text = left.check()
    assert code == 0, text
    assert "the content of 7 entries was erased" in text
    left.compliance = before.compliance  # who kept it can still show that it is ours
    assert left.check()[0] == 0
    left.log.pop()
    code, text = left.check()
    assert (code, "no later entry says that it was erased" in text) == (1, True), text


async def test_file_that_is_no_receipt_is_told_apart_from_a_bad_one(evidence: Evidence) -> None:
    wrongs: list[Any] = [{}, [], {"seq": "1"}, {**evidence.receipt, "seq": True}]
    for wrong in wrongs:
        evidence.receipt = wrong
        code, text = evidence.check()
        assert code == 2
        assert "Traceback" not in text
