"""A second socket of the same candidate takes the assessment over; of many at once exactly one keeps it."""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from sitting.delivery.manager import MAX_SOCKETS_OF_ONE_USER
from sitting.storage.tables import assessments
from tests.support.delivery import V1, Candidate, Hall, Line, line, seated
from tests.support.eventually import eventually_async

STARTS = MAX_SOCKETS_OF_ONE_USER
ROUNDS = 50


def check_told(first: Line, *before: str) -> None:
    """The older socket hears a sentence for the candidate, is closed with 4009, and hears nothing else."""
    *earlier, notice = first.closed(4009)
    assert tuple(message["type"] for message in earlier) == before
    assert notice["type"] == "system_message"
    assert (notice["data"]["from"], bool(notice["data"]["message"])) == ("server", True)


@pytest.mark.parametrize("how", ["start_assessment", "resume_assessment"])
@pytest.mark.parametrize("v1", [True, False])
def test_p20_second_tab_takes_over_and_first_is_told_though_it_says_nothing(hall: Hall, how: str, v1: bool) -> None:
    candidate = hall.invite()
    with seated(candidate, v1=v1) as (first, started), line(candidate.address, v1=v1) as second:
        if how == "start_assessment":
            taken = second.ask(how, "assessment_started", test_id=candidate.test_id)
        else:
            taken = second.ask(how, "assessment_recovered", assessment_id=started["assessment_id"])
        assert taken["attachment"] > started["attachment"]
        check_told(first)
        second.ask("flag_question", "progress_update", question_id=candidate.questions[0].question_id, flagged=True)
        log = hall.log_of(started["assessment_id"])
        assert [(entry.type, entry.body.get("how")) for entry in log[:3]] == [
            ("started", None),
            ("attached", "start"),
            ("attached", "takeover"),
        ]
        assert "detached" not in [entry.type for entry in log], "the older socket no longer speaks for the assessment"


def test_p20_first_tab_can_write_nothing_any_more(hall: Hall) -> None:
    candidate = hall.invite()
    asked = candidate.questions[0]
    with seated(candidate) as (first, started), line(candidate.address) as second:
        taken = second.start(candidate)
        with suppress(ConnectionClosed):  # it may have been told before it could say anything
            first.send("submit_answer", question_id=asked.question_id, selected_option=asked.wrong)
        said = [message["type"] for message in first.closed(4009)]
        assert said in (["system_message"], ["error"]), said
        second.answer(asked, asked.right)
        attached = [entry.seq for entry in hall.log_of(started["assessment_id"]) if entry.type == "attached"]
        assert attached[-1] == taken["attachment"]


def test_socket_that_was_replaced_can_take_the_assessment_back(hall: Hall) -> None:
    candidate = hall.invite()
    with seated(candidate) as (first, _), line(candidate.address) as second:
        second.start(candidate)
        check_told(first)
        with line(candidate.address) as third:
            third.start(candidate)
            check_told(second)
            third.answer(candidate.questions[0], candidate.questions[0].right)


def test_starting_twice_on_one_socket_replaces_nobody(hall: Hall) -> None:
    candidate = hall.invite()
    with seated(candidate) as (own, started):
        again = own.start(candidate)
        assert again["attachment"] > started["attachment"]
        own.answer(candidate.questions[0], candidate.questions[0].right)
        own.check_alive()


def second_test(hall: Hall, candidate: Candidate) -> int:
    """The test_id of another Test that the candidate has an application to."""
    other_test = hall.publish()
    hall.post(f"/tests/{other_test}/applications", {"user_id": candidate.user_id})
    return other_test


def test_starting_another_test_on_the_same_socket_lets_go_of_the_first(hall: Hall) -> None:
    candidate = hall.invite()
    other_test = second_test(hall, candidate)
    address = f"{hall.server.ws_url}?token={candidate.token}"
    with line(address) as own, line(address) as newer:
        first = own.start(candidate)
        own.ask("start_assessment", "assessment_started", test_id=other_test)
        own.expect("question")
        log = [(entry.type, entry.body.get("attachment")) for entry in hall.log_of(first["assessment_id"])]
        assert log[2:] == [("detached", first["attachment"])]
        newer.start(candidate)
        own.check_alive()
        newer.ask("start_assessment", "assessment_started", test_id=other_test)
        check_told(own)


def test_candidate_may_take_two_tests_at_once(hall: Hall) -> None:
    candidate = hall.invite()
    other_test = second_test(hall, candidate)
    with seated(candidate) as (own, _), line(f"{hall.server.ws_url}?token={candidate.token}") as beside:
        beside.ask("start_assessment", "assessment_started", test_id=other_test)
        own.answer(candidate.questions[0], candidate.questions[0].right)
        own.check_alive()


def test_closing_the_socket_is_logged_and_the_next_one_resumes(hall: Hall) -> None:
    candidate = hall.invite()
    with seated(candidate) as (_, started):
        pass
    with seated(candidate) as (_, again):
        log = hall.log_of(started["assessment_id"])
    assert [(entry.type, entry.body.get("how")) for entry in log[2:]] == [("detached", None), ("attached", "resume")]
    assert log[2].body == {"attachment": started["attachment"]}
    assert log[3].seq == again["attachment"]


@dataclass
class Tab:
    """A socket whose messages are collected until it closes."""

    socket: ClientConnection
    messages: list[dict[str, Any]] = field(default_factory=list)
    code: int | None = None

    async def send(self, type_: str, **data: Any) -> None:
        await self.socket.send(json.dumps({"type": type_, "data": data}))

    async def listen(self) -> None:
        try:
            async for text in self.socket:
                self.messages.append(json.loads(text))
        except ConnectionClosed:
            pass
        self.code = self.socket.close_code

    def of_type(self, type_: str) -> list[dict[str, Any]]:
        return [message["data"] for message in self.messages if message["type"] == type_]


class Tabs(AsyncExitStack):
    """Sockets of one candidate."""

    def __init__(self, candidate: Candidate) -> None:
        super().__init__()
        self.candidate = candidate

    async def open(self) -> Tab:
        connecting = connect(self.candidate.address, subprotocols=[V1], open_timeout=60)  # type: ignore[list-item]
        tab = Tab(await self.enter_async_context(connecting))
        listening = asyncio.create_task(tab.listen())
        self.callback(listening.cancel)
        return tab


async def started(tab: Tab) -> dict[str, Any]:
    async def look() -> dict[str, Any]:
        assert tab.of_type("assessment_started"), tab.messages
        return tab.of_type("assessment_started")[-1]

    return await eventually_async(look)


async def closed(tab: Tab) -> None:
    async def look() -> None:
        assert tab.code is not None, tab.messages

    await eventually_async(look, within=30)


def test_p08_starts_on_all_sockets_at_once_make_one_assessment_and_leave_one_socket(hall: Hall) -> None:
    candidate = hall.invite()

    async def storm() -> list[Tab]:
        async with Tabs(candidate) as stack:
            tabs = [await stack.open() for _ in range(STARTS)]
            await asyncio.gather(*(tab.send("start_assessment", test_id=candidate.test_id) for tab in tabs))
            await eventually_async(lambda: only_one_is_left(tabs), within=30)
            [left] = [tab for tab in tabs if tab.code is None]
            await left.send("heartbeat")
            await eventually_async(lambda: has_said(left, "pong"))
            return tabs

    tabs = asyncio.run(storm())
    [row] = hall.rows(assessments, user_id=candidate.user_id)
    assert row.attempt == 1
    assert [message for tab in tabs for message in tab.messages if message["type"] == "error"] == []
    told = {data["assessment_id"] for tab in tabs for data in tab.of_type("assessment_started")}
    assert told == {row.id}
    [left] = [tab for tab in tabs if tab.code != 4009]
    attached = [entry.seq for entry in hall.log_of(row.id) if entry.type == "attached"]
    assert (left.of_type("assessment_started")[0]["attachment"], len(attached)) == (attached[-1], STARTS)


async def only_one_is_left(tabs: list[Tab]) -> None:
    codes = [tab.code for tab in tabs]
    assert (codes.count(4009), codes.count(None)) == (STARTS - 1, 1), codes


async def has_room(tab: Tab, sent: int) -> None:
    assert tab.code is not None or sent - len(tab.of_type("answer_saved")) < 16


async def has_said(tab: Tab, type_: str) -> None:
    assert tab.of_type(type_), tab.messages


def test_p20_answers_in_flight_during_a_takeover_are_there_whole_or_refused(hall: Hall) -> None:
    candidate = hall.invite()

    async def race() -> list[dict[str, Any]]:
        acknowledged: list[dict[str, Any]] = []
        async with Tabs(candidate) as stack:
            older = await stack.open()
            await older.send("start_assessment", test_id=candidate.test_id)
            await started(older)
            for number in range(ROUNDS):
                newer = await stack.open()
                acknowledged += await one_round(candidate, older, newer, number)
                older = newer
        return acknowledged

    acknowledged = asyncio.run(race())
    [row] = hall.rows(assessments, user_id=candidate.user_id)
    log = hall.log_of(row.id)
    assert [entry.type for entry in log].count("attached") == ROUNDS + 1
    stored = {
        (entry.seq, answer["client_seq"])
        for entry in log
        if entry.type == "answered"
        for answer in entry.body["answers"]
    }
    assert {(ack["seq"], ack["client_seq"]) for ack in acknowledged} <= stored


async def one_round(candidate: Candidate, older: Tab, newer: Tab, number: int) -> list[dict[str, Any]]:
    """Three answers of the older tab against the start of the newer one, which comes first, second, third or last."""
    answers = [
        {
            "question_id": asked.question_id,
            "selected_option": (asked.right, asked.wrong)[number % 2],
            "client_id": "phone",
            "client_seq": number * 10 + place,
        }
        for place, asked in enumerate(candidate.questions[:3])
    ]
    for place in range(4):
        if place == number % 4:
            await newer.send("start_assessment", test_id=candidate.test_id)
        elif answers:
            await older.send("submit_answer", **answers.pop(0))
    snapshot = await started(newer)
    await closed(older)
    assert older.code == 4009
    acks = older.of_type("answer_saved")
    assert [ack["client_seq"] for ack in acks] == [number * 10 + place for place in range(len(acks))]
    responses = {response["question_id"]: response["seq"] for response in snapshot["responses"]}
    assert {ack["question_id"]: ack["seq"] for ack in acks}.items() <= responses.items()
    assert all(ack["seq"] < snapshot["attachment"] for ack in acks)
    return acks


def test_p20_takeover_succeeds_though_the_first_tab_keeps_answering(hall: Hall) -> None:
    candidate = hall.invite()

    async def stream(tab: Tab) -> None:
        """Sixteen answers under way at any time, for as long as the socket lives."""
        for number in itertools.count():
            asked = candidate.questions[number % 4]
            await eventually_async(lambda sent=number: has_room(tab, sent), every=0.001)  # type: ignore[misc]
            if tab.code is not None:
                return
            await tab.send("submit_answer", question_id=asked.question_id, selected_option=asked.right)

    async def take_over() -> Tab:
        async with Tabs(candidate) as stack:
            first, second = await stack.open(), await stack.open()
            await first.send("start_assessment", test_id=candidate.test_id)
            await started(first)
            streaming = asyncio.create_task(stream(first))
            await eventually_async(lambda: has_said(first, "answer_saved"))
            await second.send("start_assessment", test_id=candidate.test_id)
            await eventually_async(lambda: has_said(second, "question"))
            await closed(first)
            streaming.cancel()
            await asyncio.gather(streaming, return_exceptions=True)
            return first

    assert asyncio.run(take_over()).code == 4009
