"""Taking a test over REST alone: the whole way, the same rules as on the socket, and nobody else's assessment."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sitting.domain.blueprint import FeedbackPolicy, Navigation
from sitting.domain.user import Role
from sitting.storage.tables import assessment_responses
from tests.support.rest import Rest, refused, said
from tests.support.storage import rows
from tests.support.taking import WRITES, Desk, at_desk


async def test_candidate_takes_a_whole_test_without_a_socket(rest: Rest) -> None:
    desk = await at_desk(rest, 2)
    first = said(await desk.act("question", position=1))["question"]
    assert (first["question_id"], first["position"]) == (desk.question_id(1), 1)
    assert [option["id"] for option in first["question"]["options"]] == ["o_1a", "o_1b", "o_1c", "o_1d"]
    taken = said(await desk.answer(1, pair=("phone", 1), base_seq=0))
    assert (taken["answer_saved"]["seq"], taken["answer_feedback"]) == (3, None)
    assert taken["progress_update"]["answered_questions"] == 1
    second = said(await desk.act("question"))["question"]
    assert second["position"] == 2, "without an id or a position it is the next one"
    assert said(await desk.act("flags", question_id=second["question_id"], flagged=True))["flagged_questions"] == 1
    assert (await desk.act("integrity-events", kind="focus_lost", detail={"seconds": 4})).status_code == 204
    said(await desk.answer(2, right=False))
    assert (await desk.look("progress"))["percentage_complete"] == 100.0
    rest.clock.advance(minutes=12)
    end = said(await desk.act("complete"))
    assert (end["reason"], end["results"]["percentage_score"], end["results"]["time_taken_minutes"]) == (
        "submitted",
        50.0,
        12.0,
    )
    assert end["results"] == await desk.look("results")
    assert end["receipt"] == await desk.look("receipt")
    assert await desk.log() == ["started", "attached", "answered", "flagged", "integrity", "answered", "finalized"]


async def test_start_of_what_is_open_goes_on_with_the_whole_snapshot(rest: Rest) -> None:
    desk = await at_desk(rest)
    saved = said(await desk.answer(2))["answer_saved"]
    again = said(await desk.caller.post("/assessments", {"test_id": desk.snapshot["test_id"]}), 200)
    assert (desk.snapshot["recovered"], again["recovered"]) == (False, True)
    assert (again["assessment_id"], again["status"]) == (desk.assessment_id, "in_progress")
    assert again["attachment"] > desk.attachment
    [stored] = again["responses"]
    assert (stored["question_id"], stored["selected_option"], stored["seq"]) == (
        desk.question_id(2),
        "o_2a",
        saved["seq"],
    )


async def test_start_without_an_application_makes_nothing(rest: Rest) -> None:
    desk = await at_desk(rest)
    stranger = await rest.person(Role.CANDIDATE)
    refused(await stranger.post("/assessments", {"test_id": desk.snapshot["test_id"]}), 404, "application_not_found")
    refused(await stranger.post("/assessments", {"test_id": 999}), 404, "test_not_found")
    refused(await stranger.post("/assessments", {"test_id": "0"}), 422, "invalid_message")


async def test_resume_says_what_became_of_each_pending_answer(rest: Rest) -> None:
    desk = await at_desk(rest)
    numbered = {"client_id": "phone", "base_seq": 0}
    first = said(await desk.act("answers", **desk.item(1), **numbered, client_seq=5))["answer_saved"]
    back = await desk.resume(
        {**desk.item(1), **numbered, "client_seq": 5},
        {**desk.item(1, right=False), **numbered, "client_seq": 4},
        {**desk.item(2), **numbered, "client_seq": 6},
        {"question_id": desk.question_id(3), "client_id": "phone", "client_seq": 7},
        {"question_id": "q_none", "selected_option": "o_1a"},
    )
    said_of = [(each["outcome"], each["code"]) for each in back.snapshot["acknowledged"]]
    assert said_of == [
        ("duplicate", None),
        ("superseded", "answer_superseded"),
        ("saved", None),
        ("refused", "invalid_answer"),
        ("refused", "question_not_found"),
    ]
    assert back.snapshot["acknowledged"][0]["digest"] == first["digest"]
    assert {each["selected_option"] for each in back.snapshot["responses"]} == {"o_1a", "o_2a"}
    assert back.snapshot["answer_feedback"] == []


async def test_p06_same_pair_sent_again_has_one_effect_and_the_same_acknowledgement_for_ever(rest: Rest) -> None:
    desk = await at_desk(rest)
    first = said(await desk.answer(1, pair=("phone", 1)))["answer_saved"]
    rest.clock.advance(seconds=10)
    assert said(await desk.answer(1, pair=("phone", 1)))["answer_saved"] == first
    said(await desk.act("complete"))
    rest.clock.advance(minutes=600)
    late = await desk.with_new_token()
    assert said(await late.answer(1, pair=("phone", 1)))["answer_saved"] == first
    refused(await late.answer(1, right=False, pair=("phone", 1)), 409, "client_seq_conflict")
    assert (await desk.log()).count("answered") == 1


async def test_p07_acknowledgement_names_what_is_stored(rest: Rest) -> None:
    desk = await at_desk(rest)
    saved = said(await desk.answer(1, right=False, pair=("phone", 3), base_seq=0))["answer_saved"]
    staff = await rest.person(Role.REVIEWER)
    [entry] = [
        each
        for each in said(await staff.get(f"/assessments/{desk.assessment_id}/events"))["items"]
        if each["seq"] == saved["seq"]
    ]
    assert (entry["hash"], entry["occurred_at"]) == (saved["digest"], saved["saved_at"])
    assert entry["payload"]["answers"][0]["selected_option"] == "o_1b"
    [row] = await rows(rest.storage, assessment_responses, assessment_id=desk.assessment_id)
    assert (row.question_id, row.selected_option) == (saved["question_id"], "o_1b")


async def test_p05_older_answer_never_replaces_a_newer_one(rest: Rest) -> None:
    desk = await at_desk(rest)
    newer = said(await desk.answer(1, pair=("phone", 2)))["answer_saved"]
    problem = refused(await desk.answer(1, right=False, pair=("phone", 1)), 409, "answer_superseded")
    assert (problem["details"]["seq"], problem["details"]["selected_option"]) == (newer["seq"], "o_1a")
    cleared = said(await desk.act("answers", question_id=desk.question_id(1), selected_option=None))
    assert cleared["progress_update"]["answered_questions"] == 0


async def test_p14_after_the_end_nothing_changes_and_nothing_is_silent(rest: Rest) -> None:
    desk = await at_desk(rest)
    said(await desk.answer(1))
    end = said(await desk.act("complete"))
    for what in WRITES:
        refused(await desk.write(what), 409, "assessment_over")
    back = await desk.resume({**desk.item(2), "client_id": "phone", "client_seq": 1})
    assert [each["outcome"] for each in back.snapshot["acknowledged"]] == ["late"]
    assert {name: back.snapshot[name] for name in end} == end, "whoever lost the answer to `complete` finds it here"
    assert [row.selected_option for row in await rows(rest.storage, assessment_responses)] == ["o_1a"]


async def test_p21_no_answer_to_a_candidate_tells_what_is_right_before_the_end(rest: Rest) -> None:
    desk = await at_desk(rest, results="nothing")
    said_so_far = [str(desk.snapshot)]
    for position in (1, 2, 3):
        said_so_far.append((await desk.act("question", position=position)).text)
        said_so_far.append((await desk.answer(position, right=position == 1)).text)
    back = await desk.resume()
    said_so_far += [str(back.snapshot), str(await back.look("clock")), str(await back.look("progress"))]
    said_so_far += [(await back.act("flags", question_id=desk.question_id(1), flagged=True)).text]
    said_so_far += [(await back.answer(1, right=False, pair=("phone", 0))).text, (await back.act("complete")).text]
    everything = "".join(said_so_far)
    for secret in ("Twice", "explanation", '"key"', '"correct', "'correct", "total_score", "passed"):
        assert secret not in everything, secret


async def test_feedback_follows_the_answer_that_it_locks(rest: Rest) -> None:
    desk = await at_desk(rest, feedback=FeedbackPolicy.AFTER_ANSWER)
    assert said(await desk.act("question", position=1))["answer_feedback"] is None
    feedback = said(await desk.answer(1, right=False, pair=("phone", 1)))["answer_feedback"]
    assert (feedback["correct"], feedback["correct_option"], feedback["explanation"]) == (False, "o_1a", "Twice 1.")
    refused(await desk.answer(1, pair=("phone", 2)), 409, "answer_locked")
    assert said(await desk.act("question", position=1))["answer_feedback"] == feedback
    back = await desk.resume({**desk.item(1, right=False), "client_id": "phone", "client_seq": 1}, desk.item(2))
    assert [each["correct"] for each in back.snapshot["answer_feedback"]] == [False, True]


async def test_linear_test_goes_one_step_at_a_time_and_never_back(rest: Rest) -> None:
    desk = await at_desk(rest, navigation=Navigation.LINEAR)
    assert [item["question_id"] is None for item in desk.snapshot["outline"]] == [False, True, True]
    problem = refused(await desk.act("question", position=3), 409, "navigation_not_allowed")
    assert problem["details"] == {"position": 1}
    said(await desk.answer(1))
    second = said(await desk.act("question"))["question"]
    assert second["position"] == 2
    refused(await desk.answer(1, right=False), 409, "navigation_not_allowed")
    refused(await desk.act("question", position=1), 409, "navigation_not_allowed")
    back = await desk.resume()
    assert back.snapshot["position"] == 2
    assert await desk.log() == ["started", "attached", "answered", "presented", "attached"]


async def test_p22_somebody_else_s_assessment_is_not_there(rest: Rest) -> None:
    desk = await at_desk(rest)
    before = await desk.log()
    for role in Role:  # staff may look at it, and take it as little as anybody else
        other = Desk(rest, await rest.person(role), desk.snapshot)
        for what in WRITES:
            refused(await other.write(what), 404, "assessment_not_found")
        for what in ("clock", "progress"):
            address = f"/assessments/{desk.assessment_id}/{what}"
            refused(await other.caller.get(address), 404, "assessment_not_found")
        address = f"/assessments/{desk.assessment_id}/resume"
        refused(await other.caller.post(address, {"pending": [desk.item(1)]}), 404, "assessment_not_found")
    assert await desk.log() == before


@pytest.mark.parametrize(
    "body",
    [
        '{"attachment": 2, "question_id": "q", "selected_option": "a", "selected_option": "b"}',
        '{"attachment": 2, "question_id": "q", "selected_option": "\\u0000"}',
        '{"attachment": 2, "question_id": "q", "selected_option": "\\ud800"}',
        '{"attachment": 2, "question_id": "q", "value": 9223372036854775808}',
        '{"attachment": 2, "question_id": "q", "value": 1e999}',
        '{"attachment": 2, "question_id": "q", "value": NaN}',
        '{"attachment": 2, "question_id": "q", "value": true}',
        '{"attachment": 2, "question_id": "q", "value": 1, "client_time": "2026-03-02T12:00:00Z"}',
        '{"attachment": "2", "question_id": "q", "value": 1}',
        '{"question_id": "q", "value": 1}',
        '{"attachment": 2, "question_id": "q"}',
        '{"attachment": 2, "question_id": "q", "value": 1, "selected_option": "o"}',
        "[" * 5000,
    ],
)
async def test_what_the_socket_takes_for_no_answer_is_none_here(rest: Rest, body: str) -> None:
    desk = await at_desk(rest)
    text = body.replace('"q"', f'"{desk.question_id(1)}"')
    headers = {**desk.caller.headers, "Content-Type": "application/json"}
    address = f"/api/v1/assessments/{desk.assessment_id}/answers"
    response = await rest.client.post(address, content=text.encode(), headers=headers)
    assert refused(response, 422, response.json()["code"])["code"] in ("invalid_message", "invalid_answer")
    assert await desk.log() == ["started", "attached"]


async def test_body_may_be_as_large_as_a_frame_and_no_larger(rest: Rest) -> None:
    desk = await at_desk(rest)
    large: dict[str, Any] = {"value": "x" * 4096}
    pending = [{"question_id": f"q_{number}", **large} for number in range(13)]
    address = f"/assessments/{desk.assessment_id}/resume"
    refused(await desk.caller.post(address, {"pending": pending}), 422, "invalid_message")
    refused(await desk.caller.post(address, {"pending": 2 * pending}), 413, "invalid_message")
    refused(await desk.caller.post(address, {"pending": 51 * [desk.item(1)]}), 422, "invalid_message")
    assert await desk.log() == ["started", "attached"]


async def test_answers_sent_all_at_once_are_stored_or_may_be_sent_again(rest: Rest) -> None:
    desk = await at_desk(rest, 6)
    waiting = set(range(1, 7))
    for _ in range(6):
        replies = await asyncio.gather(*(desk.answer(each, pair=("phone", each)) for each in sorted(waiting)))
        for reply in replies:
            if reply.status_code == 200:
                waiting.remove(reply.json()["answer_saved"]["client_seq"])
            else:
                refused(reply, 503, "unavailable")
        if not waiting:
            break
    assert not waiting
    assert (await desk.log()).count("answered") == 6
