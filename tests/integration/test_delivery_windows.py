"""Which window has an assessment: one that comes back by itself takes nothing from another, on the socket and below."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sitting.domain.chain import seal
from sitting.domain.errors import AttachmentStale
from sitting.domain.events import Attached, optional_body
from sitting.domain.takeover import Claim
from sitting.kit.canonical import canonical_json
from sitting.storage.unit_of_work import Storage
from sitting.usecases.resume_assessment import resume_assessment
from tests.support.builders import Seat
from tests.support.builders import seated as storage_seated
from tests.support.clock import NOON
from tests.support.delivery import Candidate, Hall, Line, line
from tests.support.eventually import eventually
from tests.support.storage import Nodes

LAPTOP, PHONE = {"window_id": "w_laptop"}, {"window_id": "w_phone"}
NAMELESS: dict[str, Any] = {}
RACES = 12


def start(own: Line, candidate: Candidate, **claim: Any) -> dict[str, Any]:
    """Start in that window; the question behind it is passed over."""
    started = own.ask("start_assessment", "assessment_started", test_id=candidate.test_id, **claim)
    own.expect("question")
    return started


def left(hall: Hall, candidate: Candidate, **window: Any) -> dict[str, Any]:
    """What a window was told that started, and went offline; by now the server knows that it has."""
    with line(candidate.address) as own:
        started = start(own, candidate, **window)

    def look() -> None:
        assert hall.log_of(started["assessment_id"])[-1].type == "detached"

    eventually(look)
    return started


def back(started: dict[str, Any], *pending: dict[str, Any], **window: Any) -> dict[str, Any]:
    """What a window says that comes back by itself."""
    known = {name: started[name] for name in ("assessment_id", "attachment")}
    return known | window | {"pending": list(pending)}


def unsent(candidate: Candidate, position: int) -> dict[str, Any]:
    """A right answer that the laptop still holds."""
    asked = candidate.questions[position - 1]
    numbers = {"client_id": "laptop", "client_seq": position, "base_seq": 0}
    return {"question_id": asked.question_id, "selected_option": asked.right} | numbers


def answers_in(hall: Hall, assessment_id: int) -> list[tuple[str, str]]:
    """Which client's answer to which question the log has, in order."""
    answered = [entry for entry in hall.log_of(assessment_id) if entry.type == "answered"]
    return [(answer["client_id"], answer["question_id"]) for entry in answered for answer in entry.body["answers"]]


@pytest.mark.parametrize("window", [LAPTOP, NAMELESS], ids=["named", "nameless"])
@pytest.mark.parametrize("other", [PHONE, NAMELESS], ids=["by named", "by nameless"])
@pytest.mark.parametrize("how", ["resume_assessment", "start_assessment"])
def test_p20_window_that_was_offline_during_a_takeover_is_told_and_writes_nothing(
    hall: Hall, window: dict[str, Any], other: dict[str, Any], how: str
) -> None:
    candidate = hall.invite()
    started = left(hall, candidate, **window)
    with line(candidate.address) as phone, line(candidate.address) as laptop:
        start(phone, candidate, **other)
        phone.answer(candidate.questions[0], candidate.questions[0].right)
        log = hall.log_of(started["assessment_id"])
        claim = back(started, unsent(candidate, 2), **window)
        if how == "start_assessment":
            claim = {"test_id": candidate.test_id, "attachment": 0} | window
        laptop.send(how, "m", **claim)
        assert laptop.refused("attachment_stale")["reply_to"] == "m"
        assert laptop.closed(4009) == []
        phone.check_alive()
        assert hall.log_of(started["assessment_id"]) == log


def test_p20_window_stays_out_though_the_one_that_took_over_is_gone_too(hall: Hall) -> None:
    candidate = hall.invite()
    started = left(hall, candidate, **LAPTOP)
    left(hall, candidate, **PHONE)
    log = hall.log_of(started["assessment_id"])
    for _ in range(2):
        with line(candidate.address) as laptop:
            laptop.send("resume_assessment", **back(started, **LAPTOP))
            laptop.refused("attachment_stale")
            laptop.closed(4009)
    assert hall.log_of(started["assessment_id"]) == log


def test_p20_unsent_answers_of_a_replaced_window_arrive_once_the_candidate_continues_there(hall: Hall) -> None:
    candidate = hall.invite()
    started = left(hall, candidate, **LAPTOP)
    pending = [unsent(candidate, 1), unsent(candidate, 2)]
    assessment_id = started["assessment_id"]
    with line(candidate.address) as phone:
        start(phone, candidate, **PHONE)
        phone.answer(candidate.questions[0], candidate.questions[0].wrong, client_id="phone", client_seq=1)
        with line(candidate.address) as laptop:
            laptop.send("resume_assessment", **back(started, *pending, **LAPTOP))
            laptop.closed(4009)
        with line(candidate.address) as laptop:
            wish: dict[str, Any] = {"assessment_id": assessment_id, "pending": pending} | LAPTOP
            recovered = laptop.ask("resume_assessment", "assessment_recovered", **wish)
            assert [ack["outcome"] for ack in recovered["acknowledged"]] == ["superseded", "saved"]
            assert [message["type"] for message in phone.closed(4009)] == ["system_message"]
    first, second, *_ = [asked.question_id for asked in candidate.questions]
    assert answers_in(hall, assessment_id) == [("phone", first), ("laptop", first), ("laptop", second)]


@pytest.mark.parametrize("window", [LAPTOP, NAMELESS], ids=["named", "nameless"])
def test_p20_window_that_nobody_replaced_comes_back_with_its_answers(hall: Hall, window: dict[str, Any]) -> None:
    candidate = hall.invite()
    known = left(hall, candidate, **window)
    for position in (1, 2, 3):
        with line(candidate.address) as own:
            claim = back(known, unsent(candidate, position), **window)
            known = own.ask("resume_assessment", "assessment_recovered", **claim)
            assert [ack["outcome"] for ack in known["acknowledged"]] == ["saved"]


def test_p20_window_whose_own_reply_was_lost_is_let_in(hall: Hall) -> None:
    candidate = hall.invite()
    known = left(hall, candidate, **LAPTOP)
    for claim in (back(known, **LAPTOP), back(known, **LAPTOP)):
        with line(candidate.address) as own:
            own.ask("resume_assessment", "assessment_recovered", **claim)  # nobody reads it
    with line(candidate.address) as own:
        again = own.ask("start_assessment", "assessment_started", test_id=candidate.test_id, attachment=0, **LAPTOP)
    assert again["recovered"] is True


def test_p20_socket_that_has_the_assessment_may_name_an_older_attachment(hall: Hall) -> None:
    candidate = hall.invite()
    with line(candidate.address) as own:
        started = start(own, candidate)
        for _ in range(2):
            own.ask("resume_assessment", "assessment_recovered", **back(started))
        own.check_alive()


def test_assessment_that_ended_elsewhere_is_told_to_a_window_that_comes_back(hall: Hall) -> None:
    candidate = hall.invite()
    started = left(hall, candidate, **LAPTOP)
    with line(candidate.address) as phone:
        start(phone, candidate, **PHONE)
        phone.ask("complete_assessment", "assessment_completed")
    with line(candidate.address) as laptop:
        claim = back(started, unsent(candidate, 1), **LAPTOP)
        recovered = laptop.ask("resume_assessment", "assessment_recovered", **claim)
        assert (recovered["status"], recovered["results"]["status"]) == ("completed", "completed")
        assert [ack["outcome"] for ack in recovered["acknowledged"]] == ["late"]
        assert laptop.closed(4010) == []


def test_log_says_which_window_attached_if_the_client_did(hall: Hall) -> None:
    candidate = hall.invite()
    known = left(hall, candidate, **LAPTOP)
    left(hall, candidate, **PHONE)
    left(hall, candidate)
    attached = [entry.body for entry in hall.log_of(known["assessment_id"]) if entry.type == "attached"]
    assert [(body["how"], body["window_id"]) for body in attached] == [
        ("start", "w_laptop"),
        ("resume", "w_phone"),
        ("resume", None),
    ]


async def return_of(seat: Seat, storage: Storage, window_id: str | None = "w_laptop") -> int:
    """The same candidate's other connection comes back by itself to what `seat` knows; returns the attachment."""
    live = await resume_assessment(
        storage,
        user_id=seat.live.assessment.user_id,
        assessment_id=seat.assessment_id,
        connection_id="c_back",
        window_id=window_id,
        attachment=seat.attachment,
        now=NOON,
    )
    return live.state.attachment


async def test_p20_takeover_between_the_look_and_the_write_keeps_the_older_window_out(storage: Storage) -> None:
    seat = await storage_seated(storage)
    async with storage.reading() as unit:
        looked = await unit.load(seat.assessment_id)
    newer = await seat.take_over()
    claim = Claim("c_back", "w_laptop", seat.attachment)
    with pytest.raises(AttachmentStale):
        async with storage.unit_of_work() as unit:
            await unit.attach(looked, claim, NOON)
    async with storage.reading() as unit:
        assert (await unit.load(seat.assessment_id)).state.attachment == newer.attachment


async def test_p20_of_a_takeover_and_a_coming_back_at_once_the_takeover_is_last(two_nodes: Nodes) -> None:
    for _ in range(RACES):
        seat = await storage_seated(two_nodes[0])
        came, newer = await asyncio.gather(
            return_of(seat, two_nodes[0]), seat.take_over(two_nodes[1]), return_exceptions=True
        )
        assert isinstance(newer, Seat), newer
        assert isinstance(came, AttachmentStale) or (isinstance(came, int) and came < newer.attachment)
        async with two_nodes[0].reading() as unit:
            assert (await unit.load(seat.assessment_id)).state.attachment == newer.attachment


async def test_entries_from_before_windows_were_named_are_read_and_count_as_another_window(storage: Storage) -> None:
    seat = await storage_seated(storage)
    old = {"connection_id": "c_old", "how": "takeover"}
    async with storage.unit_of_work() as unit:
        head = seat.live.state
        event = seal(head.head, seat.assessment_id, head.seq + 1, "attached", NOON, canonical_json(old))
        await unit.events.append(event)
        await unit.assessments.update_head(seat.assessment_id, event.seq, event.hash, now=NOON)
    with pytest.raises(AttachmentStale):
        await return_of(seat, storage)
    async with storage.reading() as unit:
        live = await unit.load(seat.assessment_id)
        assert optional_body((await unit.events.read(seat.assessment_id))[-1]) == Attached("c_old", "takeover")
    assert await return_of(Seat(storage, live, live.state.attachment), storage) > event.seq
