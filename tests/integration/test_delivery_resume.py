"""Coming back after a lost connection, with answers that nobody has acknowledged yet."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Any

import pytest

from sitting.storage.tables import assessment_responses
from tests.support.delivery import QUESTIONS, Asked, Candidate, Hall, Line, line, now, seated
from tests.support.eventually import eventually_async


def item(asked: Asked, option: str | None, seq: int, client: str = "phone", **more: Any) -> dict[str, Any]:
    """One pending answer."""
    return {
        "question_id": asked.question_id,
        "selected_option": option,
        "client_id": client,
        "client_seq": seq,
    } | more


def outcomes(recovered: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(ack["outcome"], ack["code"]) for ack in recovered["acknowledged"]]


def ended(hall: Hall) -> tuple[Candidate, dict[str, Any], dict[str, Any]]:
    """Somebody who has answered the first question and handed in, what the start said, and the acknowledgement."""
    candidate = hall.invite()
    with seated(candidate) as (own, started):
        saved = own.answer(candidate.questions[0], candidate.questions[0].right, client_id="phone", client_seq=1)
        own.ask("complete_assessment", "assessment_completed")
    return candidate, started, saved


def test_resume_gives_the_whole_snapshot(hall: Hall) -> None:
    candidate = hall.invite()
    first, second, *_ = candidate.questions
    with seated(candidate) as (own, started):
        saved = own.answer(first, first.right)
        own.answer(second, second.wrong)
        cleared = own.answer(second, None)
        own.ask("flag_question", "progress_update", question_id=second.question_id, flagged=True)
    with line(candidate.address) as own:
        recovered = own.ask("resume_assessment", "assessment_recovered", assessment_id=started["assessment_id"])
    moved = {"remaining_seconds", "attachment", "outline", "recovered"}
    assert {name: recovered[name] for name in set(started) - moved} == {
        name: started[name] for name in set(started) - moved
    }
    assert recovered["attachment"] > started["attachment"]
    assert [(r["question_id"], r["selected_option"], r["seq"]) for r in recovered["responses"]] == [
        (first.question_id, first.right, saved["seq"]),
        (second.question_id, None, cleared["seq"]),
    ]
    assert [slot["state"] for slot in recovered["outline"]] == ["answered", *["unanswered"] * (QUESTIONS - 1)]
    assert (recovered["flags"], recovered["position"]) == ([second.question_id], 2)
    assert (recovered["status"], recovered["acknowledged"], recovered["time_credits"]) == ("in_progress", [], [])
    assert recovered["recovered"] is True
    assert 0 < recovered["remaining_seconds"] < started["remaining_seconds"]


def test_each_pending_answer_learns_what_became_of_it(hall: Hall) -> None:
    candidate = hall.invite()
    first, second, third, fourth = candidate.questions
    with seated(candidate) as (own, started):
        stored = own.answer(first, first.right, client_id="phone", client_seq=3)
        newer = own.answer(second, second.right, client_id="phone", client_seq=5)
    with line(candidate.address) as own:
        recovered = own.ask(
            "resume_assessment",
            "assessment_recovered",
            assessment_id=started["assessment_id"],
            pending=[
                item(first, first.right, 3),
                item(second, second.wrong, 4),
                item(second, second.wrong, 1, "tablet", base_seq=newer["seq"] - 1),
                item(third, third.right, 6),
                item(third, third.wrong, 7),
                item(first, first.wrong, 3),
                item(fourth, "o_none", 8),
                {"question_id": fourth.question_id, "client_id": "phone", "client_seq": 9},
                item(fourth, fourth.right, 10, base_seq=0),
            ],
        )
    assert outcomes(recovered) == [
        ("duplicate", None),
        ("superseded", "answer_superseded"),
        ("superseded", "answer_superseded"),
        ("superseded", "answer_superseded"),
        ("saved", None),
        ("refused", "client_seq_conflict"),
        ("refused", "invalid_answer"),
        ("refused", "invalid_answer"),
        ("saved", None),
    ]
    acks = recovered["acknowledged"]
    assert [ack["client_seq"] for ack in acks] == [3, 4, 1, 6, 7, 3, 8, 9, 10]
    assert {name: acks[0][name] for name in ("seq", "digest", "saved_at")} == {
        name: stored[name] for name in ("seq", "digest", "saved_at")
    }
    assert len({ack["digest"] for ack in acks if ack["outcome"] == "saved"}) == 1, "one frame is one entry"
    assert [(r["question_id"], r["selected_option"]) for r in recovered["responses"]] == [
        (first.question_id, first.right),
        (second.question_id, second.right),
        (third.question_id, third.wrong),
        (fourth.question_id, fourth.right),
    ]
    rows = hall.rows(assessment_responses, assessment_id=started["assessment_id"])
    assert {row.question_id: row.seq for row in rows} == {r["question_id"]: r["seq"] for r in recovered["responses"]}


def test_fifty_pending_answers_are_taken_and_one_more_is_refused_whole(hall: Hall) -> None:
    candidate = hall.invite()
    asked = candidate.questions[0]
    with seated(candidate) as (own, started):
        pending = [item(asked, asked.right, seq) for seq in range(1, 52)]
        own.send("resume_assessment", "m", assessment_id=started["assessment_id"], pending=pending)
        assert own.refused("invalid_message")["reply_to"] == "m"
        own.answer(asked, asked.wrong)  # it is attached as before
        log = hall.log_of(started["assessment_id"])
        assert [entry.type for entry in log] == ["started", "attached", "answered"]
        recovered = own.ask(
            "resume_assessment", "assessment_recovered", assessment_id=started["assessment_id"], pending=pending[:50]
        )
    assert [outcome for outcome, _ in outcomes(recovered)] == ["superseded"] * 49 + ["saved"]


def test_p22_assessment_of_somebody_else_is_not_found_and_not_touched(hall: Hall) -> None:
    candidate, stranger = hall.invite(), hall.invite()
    asked = candidate.questions[0]
    with seated(candidate) as (own, started), line(stranger.address) as other:
        log = hall.log_of(started["assessment_id"])
        for assessment_id in (started["assessment_id"], 987_654_321, 2**53 - 1):
            other.send("resume_assessment", assessment_id=assessment_id, pending=[item(asked, asked.wrong, 1)])
            message = other.refused("assessment_not_found")
            assert message["data"]["details"] == {"assessment_id": assessment_id}
        other.send("start_assessment", test_id=candidate.test_id, application_id=candidate.application_id)
        other.refused("application_not_found")
        assert hall.log_of(started["assessment_id"]) == log
        own.answer(asked, asked.right)


def test_resume_of_what_is_over_gives_the_results_and_then_4010(hall: Hall) -> None:
    candidate, started, _ = ended(hall)
    with line(candidate.address) as own:
        own.send("resume_assessment", "m", assessment_id=started["assessment_id"])
        message = own.read()
        assert (message["type"], message["reply_to"]) == ("assessment_recovered", "m")
        recovered = message["data"]
        assert (recovered["status"], recovered["results"]["status"]) == ("completed", "completed")
        assert recovered["results"]["percentage_score"] == 25
        assert own.closed(4010) == []


def test_p14_pending_answers_behind_the_end_are_late_and_the_stored_one_gets_its_acknowledgement(hall: Hall) -> None:
    candidate, started, saved = ended(hall)
    first, second, *_ = candidate.questions
    responses = hall.rows(assessment_responses, assessment_id=started["assessment_id"])
    pending = [item(first, first.right, 1), item(second, second.right, 2), item(second, "o_none", 3)]
    for _ in range(2):
        with line(candidate.address) as own:
            recovered = own.ask(
                "resume_assessment",
                "assessment_recovered",
                assessment_id=started["assessment_id"],
                pending=pending,
            )
            assert [outcome for outcome, _ in outcomes(recovered)] == ["duplicate", "late", "refused"]
            assert recovered["acknowledged"][0]["digest"] == saved["digest"]
            assert recovered["acknowledged"][1]["code"] == "assessment_over"
            own.closed(4010)
    assert [entry.type for entry in hall.log_of(started["assessment_id"])][-2:] == ["finalized", "late_answer"]
    assert hall.rows(assessment_responses, assessment_id=started["assessment_id"]) == responses


def test_start_behind_the_last_attempt_is_refused_and_the_results_can_still_be_had(hall: Hall) -> None:
    candidate, started, _ = ended(hall)
    with line(candidate.address) as own:
        own.send("start_assessment", test_id=candidate.test_id)
        own.refused("attempts_exhausted")
        own.ask("resume_assessment", "assessment_recovered", assessment_id=started["assessment_id"])
        own.closed(4010)


@pytest.mark.parametrize("v1", [True, False])
def test_second_start_goes_on_with_the_snapshot_and_the_first_open_question(hall: Hall, v1: bool) -> None:
    candidate = hall.invite()
    first, second, *_ = candidate.questions
    with seated(candidate, v1=v1) as (own, started):
        saved = own.answer(first, first.right)
    with line(candidate.address, v1=v1) as own:
        own.send("start_assessment", test_id=candidate.test_id)
        again = own.expect("assessment_started")
        assert own.expect("question")["question_id"] == second.question_id
    assert (started["recovered"], again["recovered"]) == (False, True)
    assert (again["assessment_id"], again["attempt"]) == (started["assessment_id"], 1)
    assert again["deadline_at"] == started["deadline_at"]
    assert [(r["question_id"], r["seq"]) for r in again["responses"]] == [(first.question_id, saved["seq"])]


@pytest.mark.parametrize("how", ["start_assessment", "resume_assessment"])
def test_p16_remaining_time_is_right_though_the_database_made_the_candidate_wait(hall: Hall, how: str) -> None:
    candidate = hall.invite()
    with seated(candidate) as (_, started):
        pass
    key = "test_id" if how == "start_assessment" else "assessment_id"

    async def come_back_behind_a_slow_writer(own: Line) -> None:
        async with hall.held_up():
            own.send(how, **{key: started[key]})
            sent = time.monotonic()
            await eventually_async(lambda: has_passed(sent + 1.5))

    with line(candidate.address) as own:
        asyncio.run(come_back_behind_a_slow_writer(own))
        remaining = own.read()["data"]["remaining_seconds"]
        assert abs((datetime.fromisoformat(started["deadline_at"]) - now()).total_seconds() - remaining) < 1


async def has_passed(instant: float) -> None:
    assert time.monotonic() > instant
