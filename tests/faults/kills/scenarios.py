"""A run of each graph from its beginning to its end, through whatever happens to the server."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Row
from websockets.exceptions import WebSocketException

from sitting.domain.blueprint import Blueprint, Generated, Navigation, Section
from sitting.domain.priority import Priority
from sitting.domain.question import Difficulty
from sitting.domain.run import RunKind, RunStatus
from sitting.domain.skill_graph import Skill, SkillGraph
from sitting.domain.spending import Limits
from sitting.questions.publication import publish
from sitting.questions.wishes import AuthoringWish
from sitting.rehearsal.scripted_answers import Asked
from sitting.rehearsal.scripted_faults import Fault
from sitting.storage.graph_tables import model_calls, prepared_questions, proposals
from sitting.storage.repositories.runs import NewRun
from sitting.storage.tables import paper_questions, question_contents
from sitting.storage.unit_of_work import Storage
from tests.faults.kills.places import Death, Place, opened_place
from tests.faults.kills.points import Kill
from tests.support.builders import invite, make_content
from tests.support.candidates import token_for
from tests.support.clock import NOON
from tests.support.delivery import line
from tests.support.scripted_model import ScriptedServer
from tests.support.watched_model import WatchedModel

MOST_SECONDS = 90.0
AUTHORING, LIVE = "authoring", "live"
WANTED = SkillGraph(
    (
        Skill("Containers", Priority.HIGH, depth=2, questions=4, skills=(Skill("Storage", questions=0),)),
        Skill("Python", Priority.LOW, depth=1, questions=1),
    )
)
ASKED_LIVE = SkillGraph(
    (
        Skill("Containers", Priority.HIGH, depth=1, questions=3),
        Skill("API design", Priority.MEDIUM, depth=1, questions=2),
    )
)
_FAULTY = {("write_items", "Containers"), ("write_for_candidate", "API design")}


def first_tries_fail(asked: Asked) -> Fault | None:
    """What is written about some skills has to be repaired, so that every run comes by every node."""
    skill = asked.material.get("skill", "").partition("\n")[0]
    return Fault.TWO_KEYS if (asked.task, skill) in _FAULTY else None


@dataclass(frozen=True)
class Outcome:
    """What a run has come to.

    Attributes:
        items: what it made: for a live run by position. handed_in: how many questions stand in the tables for it.
        shown: what the candidate saw, as far as it was written; empty for an authoring run.
        calls: how often the model was asked. recorded: of these, how many answers the tables know.
        tokens: spent, and still held. paid: of the recorded calls.
    """

    status: str
    failure: str | None
    items: tuple[Any, ...]
    handed_in: int
    shown: tuple[Any, ...]
    calls: int
    recorded: int
    tokens: int
    held: int
    paid: int
    seconds: float
    points: Counter[str]
    deaths: list[Death] = field(default_factory=list)


def run_through(graph: str, url: str, directory: Path, server: ScriptedServer, kill: Kill | None = None) -> Outcome:
    """Such a run over an empty database that is migrated, to its end."""
    assert isinstance(server.model, WatchedModel)
    server.model.faults = first_tries_fail
    prepare = _queue_authoring if graph == AUTHORING else _seat_candidate
    with opened_place(url, directory, server, kill, prepare) as (place, prepared):
        place.begin()
        if graph == LIVE:
            taker = Taker(place, prepared)
            _until(place, taker.go_on)
        _until(place, lambda: _is_over(place))
        return _outcome(place, time.monotonic() - place.began)


def _until(place: Place, is_done: Callable[[], bool]) -> None:
    """Go on until it is so, with the server started again whenever it has died."""
    ends_at = time.monotonic() + MOST_SECONDS
    while place.revive() or not is_done():
        assert time.monotonic() < ends_at, f"{place.kill}: no end\n{place.run()}\n{place.server.tail()}"
        time.sleep(0.03)


def _is_over(place: Place) -> bool:
    run = place.run()
    return run is not None and RunStatus(run.status).is_over


async def _queue_authoring(storage: Storage) -> None:
    async with storage.unit_of_work() as unit:
        wish = msgspec.json.encode(AuthoringWish(WANTED)).decode()
        new = NewRun(run_id="r_authoring", kind=RunKind.AUTHORING, wish=wish, limits=Limits(tokens=500_000))
        await unit.runs.insert(new, now=datetime.now(UTC))


async def _seat_candidate(storage: Storage) -> str:
    """A published Test with nothing but a generated section; returns where its one candidate sits, below the server."""
    skills = ["Containers"] * 3 + ["API design"] * 2
    async with storage.unit_of_work() as unit:
        questions = [
            await unit.questions.create(
                f"q_reserve{number}", make_content(number, skill=skill), slug=None, by=None, now=NOON
            )
            for number, skill in enumerate(skills, 11)
        ]
        sections = (Section("written", generated=Generated(ASKED_LIVE)),)
        blueprint = Blueprint("Written", sections=sections, navigation=Navigation.LINEAR, time_limit_minutes=30)
        made = publish(blueprint, {question.question_id: question for question in questions})
        test = await unit.blueprints.create(blueprint, by=None, now=NOON)
        version = await unit.blueprints.add_version(
            test.test_id, 1, blueprint, made.snapshot, overlap=made.overlap, by=None, now=NOON
        )
    application = await invite(storage, version)
    return f"?token={token_for(application.user_id)}&test_id={test.test_id}"


class Taker:
    """A candidate who waits at every question until the next one is written, and comes back after each disturbance."""

    def __init__(self, place: Place, query: str) -> None:
        self._place = place
        self._address = place.server.ws_url + query
        self._test_id = int(query.rpartition("=")[2])
        self._position = 0
        self._questions = 1

    def go_on(self) -> bool:
        """Take the next step if it can be taken; whether the Test has been handed in."""
        if 0 < self._position < self._questions and not self._is_ready(self._position + 1):
            return False
        try:
            return self._step()
        except (OSError, WebSocketException):
            assert self._place.kill is not None, "nobody has killed anybody"
            return False

    def _step(self) -> bool:
        with line(self._address) as own:
            started = own.ask("start_assessment", "assessment_started", test_id=self._test_id)
            outline = started["outline"]
            shown, position = own.expect("question"), sum(each["question_id"] is not None for each in outline)
            self._questions = len(outline)
            if position == self._position < self._questions:
                shown, position = own.ask("get_question", "question", position=position + 1), position + 1
            option = shown["question"]["options"][0]["id"]
            own.ask("submit_answer", "answer_saved", question_id=shown["question_id"], selected_option=option)
            self._position = position
            if position == self._questions:
                own.ask("complete_assessment", "assessment_completed")
                return True
        return False

    def _is_ready(self, position: int) -> bool:
        ready = {row.position for row in self._place.rows(prepared_questions)}
        return position in ready or _is_over(self._place)


def _outcome(place: Place, seconds: float) -> Outcome:
    run = place.run()
    assert run is not None
    contents = {row.digest: json.loads(row.body) for row in place.rows(question_contents)}
    made = {row.question_id: contents[row.content_digest] for row in place.rows(proposals)}
    ready = {row.position: made[row.question_id] for row in place.rows(prepared_questions)}
    paper = place.rows(paper_questions)
    items = [(at, *_told(content)) for at, content in ready.items()] if run.kind == LIVE else map(_told, made.values())
    recorded = [row for row in place.rows(model_calls) if row.outcome == "ok"]
    return Outcome(
        status=run.status,
        failure=run.failure,
        items=tuple(sorted(items)),
        handed_in=len(made),
        shown=tuple(sorted((row.position, *_told(made[row.question_id])) for row in paper if row.question_id in made)),
        calls=len(place.calls),
        recorded=len(recorded),
        tokens=run.spent_tokens,
        held=run.held_tokens,
        paid=sum(_tokens(row) for row in recorded),
        seconds=seconds,
        points=place.points(),
        deaths=place.deaths,
    )


def _tokens(call: Row[Any]) -> int:
    tokens: int = call.prompt_tokens + call.answer_tokens
    return tokens


def _told(content: Mapping[str, Any]) -> tuple[Any, ...]:
    """An item without the ids of its options, which are drawn anew for each."""
    key = next(option["text"] for option in content["options"] if option["id"] == content["key"])
    options = tuple(sorted(option["text"] for option in content["options"]))
    return content["skill"], str(Difficulty(content["difficulty"])), content["text"], options, key
