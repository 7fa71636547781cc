"""Takeovers where REST is on one side or on both: the newest attach writes, and the older one learns it."""

from __future__ import annotations

from typing import Any

import pytest

from sitting.domain.blueprint import Navigation
from tests.support.delivery import Candidate, Hall, line, seated
from tests.support.rest import Rest, refused, said
from tests.support.taking import WRITES, at_desk


@pytest.mark.parametrize("navigation", Navigation)
async def test_p20_rest_client_that_was_replaced_can_write_nothing(rest: Rest, navigation: Navigation) -> None:
    older = await at_desk(rest, navigation=navigation)
    newer = await older.resume()
    before = await older.log()
    for what in WRITES:
        refused(await older.write(what), 409, "attachment_stale")
    assert await older.log() == before
    assert (await older.look("clock"))["attachment"] == newer.attachment, "who asks sees that it was replaced"
    for what in ("question", "answers", "flags", "integrity-events", "complete"):
        assert (await newer.write(what)).status_code < 300


async def test_p20_rest_attachment_has_to_be_the_newest_and_no_other_number_will_do(rest: Rest) -> None:
    desk = await at_desk(rest)
    said(await desk.answer(1))
    before = await desk.log()
    for number in (1, 3, 4, 2**53 - 1):
        refused(await desk.act("answers", **desk.item(2), attachment=number), 409, "attachment_stale")
    for nonsense in (0, -1, 2**53, "2", None, True, 2.5):
        refused(await desk.act("answers", **desk.item(2), attachment=nonsense), 422, "invalid_message")
    assert await desk.log() == before
    said(await desk.act("answers", **desk.item(2)))


async def test_p20_rest_client_that_comes_back_by_itself_takes_nothing_over(rest: Rest) -> None:
    first = await at_desk(rest)
    named = await first.resume(window_id="first")
    other = await named.resume(window_id="second")
    address = f"/assessments/{first.assessment_id}/resume"
    returning: dict[str, Any] = {"window_id": "first", "attachment": named.attachment}
    refused(await first.caller.post(address, returning), 409, "attachment_stale")
    start = {"test_id": first.snapshot["test_id"], **returning}
    refused(await first.caller.post("/assessments", start), 409, "attachment_stale")
    said(await other.answer(1))
    own = await other.resume(window_id="second", attachment=other.attachment)
    assert own.attachment > other.attachment


async def test_attach_over_rest_ends_no_attachment_by_itself(rest: Rest) -> None:
    desk = await at_desk(rest)
    await desk.resume()
    assert await desk.log() == ["started", "attached", "attached"]


def resume(hall: Hall, candidate: Candidate, assessment_id: int, **body: Any) -> Any:
    """What a resume over REST answers."""
    return said(hall.act(assessment_id, "resume", body, token=candidate.token))


def answer(hall: Hall, candidate: Candidate, held: dict[str, Any], number: int) -> Any:
    """The answer to a right answer over REST."""
    asked = candidate.questions[number]
    body = {"attachment": held["attachment"], "question_id": asked.question_id, "selected_option": asked.right}
    return hall.act(held["assessment_id"], "answers", body, token=candidate.token)


def test_p20_rest_takes_over_from_a_socket_which_is_told(hall: Hall) -> None:
    candidate = hall.invite()
    with seated(candidate) as (socket, started):
        socket.answer(candidate.questions[0], candidate.questions[0].right)
        held = resume(hall, candidate, started["assessment_id"])
        assert held["attachment"] > started["attachment"]
        [notice] = socket.closed(4009)
        assert (notice["type"], notice["data"]["from"]) == ("system_message", "server")
        said(answer(hall, candidate, held, 1))
    log = [(entry.type, entry.body.get("how")) for entry in hall.log_of(started["assessment_id"])]
    assert log == [
        ("started", None),
        ("attached", "start"),
        ("answered", None),
        ("attached", "takeover"),
        ("answered", None),
    ]


def test_p20_socket_takes_over_from_rest(hall: Hall) -> None:
    candidate = hall.invite()
    held = hall.post("/assessments", {"test_id": candidate.test_id}, token=candidate.token)
    said(answer(hall, candidate, held, 0))
    with seated(candidate) as (socket, started):
        assert (started["recovered"], started["assessment_id"]) == (True, held["assessment_id"])
        assert len(started["responses"]) == 1
        refused(answer(hall, candidate, held, 1), 409, "attachment_stale")
        heard = said(hall.read(f"/assessments/{held['assessment_id']}/clock", token=candidate.token))
        assert heard["attachment"] == started["attachment"]
        socket.answer(candidate.questions[1], candidate.questions[1].right)
        socket.check_alive()


def test_socket_and_rest_may_share_an_attachment(hall: Hall) -> None:
    """A client whose socket stalls may send the same answer by REST, and the socket goes on afterwards."""
    candidate = hall.invite()
    asked = candidate.questions[1]
    with seated(candidate) as (socket, started):
        socket.answer(candidate.questions[0], candidate.questions[0].right)
        saved = said(answer(hall, candidate, started, 1))["answer_saved"]
        snapshot = socket.answer(asked, asked.wrong, client_id="phone", client_seq=1, base_seq=saved["seq"])
        assert snapshot["seq"] == saved["seq"] + 1
        socket.check_alive()


def test_socket_is_told_of_the_end_that_came_over_rest(hall: Hall) -> None:
    candidate = hall.invite()
    with seated(candidate) as (socket, started):
        body = {"attachment": started["attachment"]}
        end = said(hall.act(started["assessment_id"], "complete", body, token=candidate.token))
        [completed] = socket.closed(4010)
        assert completed["data"] == end, "byte for byte the same message"


def test_rest_sees_the_same_snapshot_as_the_socket(hall: Hall) -> None:
    candidate = hall.invite()
    held = hall.post("/assessments", {"test_id": candidate.test_id}, token=candidate.token)
    said(answer(hall, candidate, held, 0))
    over_rest = resume(hall, candidate, held["assessment_id"])
    with line(candidate.address) as socket:
        on_socket = socket.ask("resume_assessment", "assessment_recovered", assessment_id=held["assessment_id"])
    assert over_rest.pop("answer_feedback") == []
    changing = {"attachment", "remaining_seconds"}
    assert {name: over_rest[name] for name in over_rest.keys() - changing} == {
        name: on_socket[name] for name in on_socket.keys() - changing
    }
