"""Tests with a generated section, and questions for it, as a run of the question graph leaves them behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select

from sitting.domain.blueprint import Blueprint, FixedQuestion, Generated, Navigation, PublishedVersion, Section
from sitting.domain.paper import PaperQuestion
from sitting.domain.priority import Priority
from sitting.domain.proposal import NewProposal
from sitting.domain.question import Option, QuestionContent
from sitting.domain.skill_graph import Skill, SkillGraph
from sitting.kit.ids import random_id
from sitting.questions.publication import publish
from sitting.storage.graph_tables import runs
from sitting.storage.unit_of_work import Storage
from sitting.usecases.prepare_question import prepare_question
from sitting.usecases.show_question import show_question
from tests.support.builders import Seat, begin, invite, make_content, make_questions
from tests.support.clock import NOON

QUESTIONS = 4
RESERVES = 7
GRAPH = SkillGraph((Skill("Arithmetic", Priority.LOW, depth=1, questions=QUESTIONS),))
# The same as REST spells it.
GENERATED = {"graph": {"skills": [{"name": "Arithmetic", "priority": "L", "depth": 1, "questions": QUESTIONS}]}}
TOPICS = (
    "Which shape has the most corners?",
    "How many minutes make a working day of a clerk?",
    "What does a carpenter divide to find the slope of a roof?",
    "By which rule do bankers round money?",
    "Who gets what remains once the harvest is shared among eleven villages?",
)
_NONE = dict.fromkeys((f"{what}_{of}" for what in ("held", "spent") for of in ("tokens", "milliseconds", "micros")), 0)


def written_content(topic: int = 0, **changes: Any) -> QuestionContent:
    """A question that no bank holds, on one of TOPICS; the right option comes first, as models like it."""
    letters = "abcdefgh"
    options = tuple(Option(f"o_w{topic}{letter}", f"{letter * 3} of {topic}") for letter in letters)
    return replace(make_content(1, text=TOPICS[topic], options=options, key=options[0].id), **changes)


async def publish_generated(
    storage: Storage, *, opening: int = 0, rules: Any = None, **generated: Any
) -> PublishedVersion:
    """A linear Test with a generated section, over a bank with more reserves than it needs.

    Args:
        opening: how many fixed questions come before. rules: fields of the Blueprint. generated: fields of Generated.
    """
    questions = await make_questions(storage, RESERVES)
    fixed = tuple(FixedQuestion(question.question_id) for question in questions[:opening])
    sections: tuple[Section, ...] = (Section("written", generated=Generated(GRAPH, **generated)),)
    if fixed:
        sections = (Section("opening", questions=fixed), *sections)
    usual: dict[str, Any] = {"sections": sections, "navigation": Navigation.LINEAR, "time_limit_minutes": 30}
    blueprint = Blueprint("Generated", **usual | (rules or {}))
    made = publish(blueprint, {question.question_id: question for question in questions})
    async with storage.unit_of_work() as unit:
        test = await unit.blueprints.create(blueprint, by=None, now=NOON)
        return await unit.blueprints.add_version(
            test.test_id, 1, blueprint, made.snapshot, overlap=made.overlap, by=None, now=NOON
        )


async def at_generated(storage: Storage, **rules: Any) -> Seat:
    """Somebody new at work on such a Test of their own; `rules` are as for `publish_generated`."""
    return await begin(storage, await invite(storage, await publish_generated(storage, **rules)))


async def propose(storage: Storage, assessment_id: int, content: QuestionContent, now: datetime = NOON) -> str:
    """What the live run of that assessment hands in; returns the question_id."""
    run_id, question_id = f"r_{assessment_id}", random_id("q", 8)
    async with storage.database.writing() as connection:
        if await connection.scalar(select(runs.c.id).where(runs.c.id == run_id)) is None:
            told = {"id": run_id, "kind": "live", "status": "done", "assessment_id": assessment_id}
            texts = {"wish": "{}", "progress": "{}", "leases": 0, "is_woken": False}
            times = dict.fromkeys(("created_at", "updated_at", "ended_at"), now)
            await connection.execute(insert(runs).values(**told, **texts, **times, **_NONE))
    async with storage.unit_of_work() as unit:
        await unit.proposals.insert_many([NewProposal(question_id, run_id, content, "{}", "[]")], now=now)
    return question_id


async def make_ready(
    storage: Storage, assessment_id: int, position: int, content: QuestionContent | None = None, now: datetime = NOON
) -> str:
    """A question written and prepared for that position, on a topic of its own; returns its question_id."""
    question_id = await propose(storage, assessment_id, content or written_content(position - 1), now)
    await prepare_question(storage, assessment_id=assessment_id, position=position, question_id=question_id, now=now)
    return question_id


async def go_to(
    seat: Seat, position: int | None = None, *, at: datetime = NOON, question_id: str | None = None
) -> PaperQuestion:
    """What the candidate is shown who asks for that question."""
    return await show_question(
        seat.storage,
        seat.live,
        attachment=seat.attachment,
        arrived_at=at,
        now=at,
        position=position,
        question_id=question_id,
    )
