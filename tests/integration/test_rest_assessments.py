"""Assessments over REST: what staff see, what a candidate sees, and that looking changes nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from sitting.domain.chain import GENESIS, event_hash, inner_digest
from sitting.domain.events import EndReason
from sitting.domain.results import Receipt
from sitting.domain.user import Role
from sitting.storage.tables import metadata
from sitting.storage.unit_of_work import Storage
from tests.support.builders import SIGNER, Seat, begin, finalize, invite, publish_test, seated
from tests.support.clock import NOON
from tests.support.rest import Caller, Rest, refused, said
from tests.support.storage import rows

OF_ONE = ("", "/responses", "/events", "/results", "/receipt")
FOR_CANDIDATES = ("", "/results", "/receipt")


@pytest.fixture
async def staff(rest: Rest) -> Caller:
    return await rest.person(Role.INVIGILATOR)


async def owner_of(rest: Rest, seat: Seat) -> Caller:
    """The candidate at that seat, by token."""
    async with rest.storage.reading() as unit:
        return rest.caller(await unit.users.select(seat.live.assessment.user_id))


async def worked(storage: Storage, *, finished: bool = True) -> Seat:
    """Four questions: one right, one wrong, one cleared, one untouched; handed in after twelve minutes."""
    seat = await seated(storage, 4, pass_mark=25_000)
    await seat.answer(1, at=NOON + timedelta(minutes=1))
    await seat.answer(2, right=False, at=NOON + timedelta(minutes=2))
    await seat.answer(3, at=NOON + timedelta(minutes=3))
    cleared = seat.make_answer(3)
    await seat.send(type(cleared)(cleared.question_id, None), at=NOON + timedelta(minutes=4))
    if finished:
        await seat.finish(at=NOON + timedelta(minutes=12))
    return seat


async def test_row_of_a_finished_assessment_has_its_scores_in_points(rest: Rest, staff: Caller) -> None:
    seat = await worked(rest.storage)
    row = said(await staff.get(f"/assessments/{seat.assessment_id}"))
    expected = {
        "assessment_id": seat.assessment_id,
        "status": "completed",
        "end_reason": "submitted",
        "attempt": 1,
        "total_score": 1.0,
        "max_score": 4.0,
        "percentage_score": 25.0,
        "passed": True,
        "total_questions": 4,
        "time_taken_minutes": 12.0,
        "started_at": "2026-03-02T12:00:00Z",
        "deadline_at": "2026-03-02T12:30:00Z",
        "end_time": "2026-03-02T12:12:00Z",
    }
    assert {name: row[name] for name in expected} == expected
    receipt = said(await staff.get(f"/assessments/{seat.assessment_id}/receipt"))
    assert (row["head_seq"], row["head_hash"]) == (receipt["seq"], receipt["head"])


async def test_responses_cover_the_whole_paper_question_by_question(rest: Rest, staff: Caller) -> None:
    seat = await worked(rest.storage)
    items = said(await staff.get(f"/assessments/{seat.assessment_id}/responses"))["items"]
    right, wrong, cleared, untouched = items
    paper = seat.live.paper.questions
    assert [item["position"] for item in items] == [1, 2, 3, 4]
    assert [item["question_id"] for item in items] == [question.question_id for question in paper]
    assert [item["correct_option"] for item in items] == [question.content.key for question in paper]
    assert right == {
        "position": 1,
        "question_id": paper[0].question_id,
        "text": "What is 1 + 1?",
        "text_html": "<p>What is 1 + 1?</p>",
        "skill": "Arithmetic",
        "type": "single_choice",
        "selected_option": "o_1a",
        "selected_options": None,
        "value": None,
        "selected_text": "2",
        "selected_html": ["2"],
        "is_correct": True,
        "points": 1.0,
        "credit": 1.0,
        "max_points": 1.0,
        "origin": "bank",
        "answered_at": "2026-03-02T12:01:00Z",
        "seq": 3,
        "correct_option": "o_1a",
        "correct_options": ["o_1a"],
        "correct_text": "2",
        "correct_html": ["2"],
        "explanation": "Twice 1.",
        "explanation_html": "<p>Twice 1.</p>",
    }
    assert (wrong["selected_option"], wrong["is_correct"], wrong["points"]) == ("o_2b", False, 0.0)
    assert (cleared["selected_option"], cleared["is_correct"], cleared["seq"]) == (None, None, 6)
    assert (untouched["selected_option"], untouched["answered_at"], untouched["seq"]) == (None, None, None)


async def test_responses_of_an_open_assessment_are_not_graded_yet(rest: Rest, staff: Caller) -> None:
    seat = await worked(rest.storage, finished=False)
    first = said(await staff.get(f"/assessments/{seat.assessment_id}/responses"))["items"][0]
    assert (first["selected_option"], first["is_correct"], first["points"]) == ("o_1a", None, None)


async def test_log_comes_in_pages_with_payloads_and_hashes(rest: Rest, staff: Caller) -> None:
    seat = await worked(rest.storage)
    path = f"/assessments/{seat.assessment_id}/events"
    first = said(await staff.get(path, limit=4))
    second = said(await staff.get(path, limit=4, after=first["next"]))
    entries = first["items"] + second["items"]
    assert second["next"] is None
    assert [entry["seq"] for entry in entries] == [1, 2, 3, 4, 5, 6, 7]
    kinds = ["started", "attached", "answered", "answered", "answered", "answered", "finalized"]
    assert [entry["type"] for entry in entries] == kinds
    assert entries[2]["payload"]["answers"][0]["selected_option"] == "o_1a"
    assert entries[2]["occurred_at"] == "2026-03-02T12:01:00Z"
    receipt = said(await staff.get(f"/assessments/{seat.assessment_id}/receipt"))
    assert (entries[6]["seq"], entries[6]["hash"]) == (receipt["seq"], receipt["head"])


async def test_chain_can_be_checked_from_what_rest_gives_alone(rest: Rest, staff: Caller) -> None:
    seat = await seated(rest.storage)
    await seat.answer(1, at=NOON + timedelta(microseconds=1_234_567))
    await seat.finish(at=NOON + timedelta(minutes=3))
    entries = said(await staff.get(f"/assessments/{seat.assessment_id}/events"))["items"]
    assert len(entries) == 4
    head = GENESIS
    for seq, entry in enumerate(entries, start=1):
        inner = inner_digest(bytes.fromhex(entry["salt"]), entry["payload_text"].encode())
        occurred_at = datetime.fromisoformat(entry["occurred_at"])
        head = event_hash(head, seat.assessment_id, seq, entry["type"], occurred_at, inner)
        assert (entry["inner_digest"], entry["hash"]) == (inner.hex(), head.hex())
    assert said(await staff.get(f"/assessments/{seat.assessment_id}/receipt"))["head"] == head.hex()


async def test_results_are_those_of_the_contract_and_the_receipt_is_ours(rest: Rest, staff: Caller) -> None:
    seat = await worked(rest.storage)
    owner = await owner_of(rest, seat)
    results = said(await owner.get(f"/assessments/{seat.assessment_id}/results"))
    row = seat.live.assessment
    assert results == {
        "assessment_id": seat.assessment_id,
        "test_id": row.test_id,
        "user_id": row.user_id,
        "application_id": row.application_id,
        "attempt": 1,
        "status": "completed",
        "total_score": 1.0,
        "max_score": 4.0,
        "percentage_score": 25.0,
        "passed": True,
        "total_questions": 4,
        "generated_questions": 0,
        "answered_questions": 2,
        "correct_answers": 1,
        "started_at": "2026-03-02T12:00:00Z",
        "end_time": "2026-03-02T12:12:00Z",
        "time_taken_minutes": 12.0,
        "skills": [{"skill": "Arithmetic", "priority": None, "questions": 4, "correct": 1, "score_percentage": 25.0}],
        "scheduler_compliance": {
            "within_time_limit": True,
            "within_schedule_window": True,
            "time_limit_minutes": 30,
            "time_taken_minutes": 12.0,
            "deadline_at": "2026-03-02T12:30:00Z",
            "time_credits": [],
            "late_answers": 0,
            "notes": "Completed in 12 minutes",
        },
    }
    assert said(await staff.get(f"/assessments/{seat.assessment_id}/results")) == results
    receipt = said(await owner.get(f"/assessments/{seat.assessment_id}/receipt"))
    assert SIGNER.verifies(Receipt(**receipt))
    (key,) = said(await rest.anonymous.get("/keys"))["keys"]
    assert key["kid"] == receipt["key_id"]


async def test_timeout_is_told_as_it_was(rest: Rest, staff: Caller) -> None:
    seat = await seated(rest.storage)
    await seat.answer(1)
    await finalize(rest.storage, seat.assessment_id, at=NOON + timedelta(hours=1), reason=EndReason.TIMEOUT)
    results = said(await staff.get(f"/assessments/{seat.assessment_id}/results"))
    assert (results["status"], results["end_time"]) == ("timeout", "2026-03-02T12:30:00Z")
    assert results["scheduler_compliance"]["within_time_limit"] is False


async def test_p21_candidate_learns_no_score_before_the_end(rest: Rest, staff: Caller) -> None:
    seat = await worked(rest.storage, finished=False)
    owner = await owner_of(rest, seat)
    refused(await owner.get(f"/assessments/{seat.assessment_id}/results"), 409, "conflict")
    refused(await owner.get(f"/assessments/{seat.assessment_id}/receipt"), 409, "conflict")
    row = said(await owner.get(f"/assessments/{seat.assessment_id}"))
    assert row["status"] == "in_progress"
    assert (row["total_score"], row["percentage_score"], row["passed"]) == (None, None, None)
    results = said(await staff.get(f"/assessments/{seat.assessment_id}/results"))
    assert (results["answered_questions"], results["total_score"], results["correct_answers"]) == (2, None, None)
    refused(await staff.get(f"/assessments/{seat.assessment_id}/receipt"), 409, "conflict")


async def test_p21_candidate_never_sees_responses_with_the_key_or_the_log(rest: Rest) -> None:
    seat = await worked(rest.storage)
    owner = await owner_of(rest, seat)
    for view in ("/responses", "/events"):
        refused(await owner.get(f"/assessments/{seat.assessment_id}{view}"), 403, "not_allowed")
    refused(await owner.get("/assessments"), 403, "not_allowed")


async def test_p22_somebody_elses_assessment_is_as_if_it_did_not_exist(rest: Rest) -> None:
    seat = await worked(rest.storage)
    other = await rest.person(Role.CANDIDATE)
    for view in FOR_CANDIDATES:
        theirs = refused(await other.get(f"/assessments/{seat.assessment_id}{view}"), 404, "assessment_not_found")
        nothing = refused(await other.get(f"/assessments/999{view}"), 404, "assessment_not_found")
        assert {**theirs, "details": None} == {**nothing, "details": None}
        assert theirs["details"] == {"assessment_id": seat.assessment_id}


async def test_staff_are_told_of_assessments_that_do_not_exist(staff: Caller) -> None:
    for view in OF_ONE:
        refused(await staff.get(f"/assessments/999{view}"), 404, "assessment_not_found")


async def test_lists_are_by_test_or_of_all_and_come_in_pages(rest: Rest, staff: Caller) -> None:
    test = await publish_test(rest.storage)
    of_test = [(await begin(rest.storage, await invite(rest.storage, test))).assessment_id for _ in range(3)]
    other = (await seated(rest.storage)).assessment_id

    async def listed(path: str) -> list[int]:
        seen: list[int] = []
        cursor: str | None = ""
        while cursor is not None:
            page = said(await staff.get(path, limit=2, after=cursor))
            seen += [item["assessment_id"] for item in page["items"]]
            cursor = page["next"]
        return seen

    assert await listed(f"/tests/{test.test_id}/assessments") == of_test
    assert await listed("/assessments") == [*of_test, other]


async def everything(storage: Storage) -> dict[str, list[Any]]:
    """All rows of all tables."""
    return {table.name: [tuple(row) for row in await rows(storage, table)] for table in metadata.sorted_tables}


async def test_p19_staff_looking_at_an_assessment_changes_nothing(rest: Rest, staff: Caller) -> None:
    running, finished = await worked(rest.storage, finished=False), await worked(rest.storage)
    test_id = running.live.assessment.test_id
    before = await everything(rest.storage)
    rest.clock.advance(minutes=50)  # its time is long over: the sweep may close it, a look may not
    for seat in (running, finished):
        for view in OF_ONE:
            await staff.get(f"/assessments/{seat.assessment_id}{view}")
    for path in ("/assessments", f"/tests/{test_id}/assessments", f"/tests/{test_id}", "/tests", "/users", "/me"):
        said(await staff.get(path))
    after = await everything(rest.storage)
    assert sum(map(len, before.values())) > 30
    assert after == before
