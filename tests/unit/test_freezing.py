"""Questions that were written for a candidate, as rules and audit see their way into the paper."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from sitting.domain.audit import AuditRecord, first_break
from sitting.domain.blueprint import Blueprint, Generated, Navigation, Section
from sitting.domain.events import Attached, Presented, SlotQuestion, Started, changes_paper
from sitting.domain.paper import Paper
from sitting.domain.question import QuestionType
from sitting.domain.skill_graph import Skill, SkillGraph
from sitting.kit.canonical import canonical_json
from sitting.questions.drawing import written_order
from tests.support.audit_records import CONTENTS, PAPER, START, Log, content, stored

SCORED = Generated(SkillGraph((Skill("Git"),)))
WRITTEN = content(9)
ORDER = tuple(option.id for option in WRITTEN.options)
SECOND = PAPER.at_position(2)
QUESTION = SlotQuestion("q_9", WRITTEN.digest(), ORDER)
RESERVE = SECOND.as_slot()


def blueprint(generated: Generated | None = SCORED) -> Blueprint:
    section = Section("main", generated=generated)
    return Blueprint("Sample", time_limit_minutes=60, sections=(section,), navigation=Navigation.LINEAR)


@dataclass
class Told:
    """A log of one step, and the paper that goes with it."""

    question: SlotQuestion | None = QUESTION
    instead_of: SlotQuestion | None = RESERVE
    position: int = 2
    generated: Generated | None = SCORED
    start: Paper = PAPER

    def record(self, **changes: Any) -> AuditRecord:
        log = Log()
        log.add(Started(3, 4, 5, 6, 1, START + timedelta(hours=1), 5, self.start.digest()))
        log.add(Attached("c_1", "start"))
        log.add(Presented(self.position, self.question, self.instead_of))
        paper = self.start.with_slots(log.state.written, {**CONTENTS, WRITTEN.digest(): WRITTEN})
        made = stored(log, noted=2)
        made = replace(made, blueprint=blueprint(self.generated), paper=paper, reserves=CONTENTS)
        row = replace(made.assessment, max_score=paper.max_score)
        bodies = {**made.contents, WRITTEN.digest(): WRITTEN.encoded()}
        return replace(made, assessment=row, contents=bodies, **changes)


def said(record: AuditRecord) -> str | None:
    found = first_break(record, None)
    return None if found is None else str(found)


def test_step_that_brings_a_question_is_in_order() -> None:
    assert said(Told().record()) is None
    unscored = replace(SCORED, is_scored=False)
    nothing = Told(replace_points(QUESTION, 0), replace_points(RESERVE, SECOND.points), generated=unscored)
    record = nothing.record()
    assert said(record) is None
    assert [question.points for question in record.paper.questions] == [1000, 0, 3000]


def replace_points(slot: SlotQuestion, points: int | None) -> SlotQuestion:
    return SlotQuestion(slot.question_id, slot.content_digest, slot.option_order, points)


FORGED = {
    "not generated": (Told(generated=None), "entry 3: it exchanges a question of section main, which is not generated"),
    "half of it": (Told(instead_of=None), "paper: what stands at position 2"),
    "the other half": (Told(question=None), "entry 3: it tells half of an exchange"),
    "held already": (
        Told(PAPER.at_position(3).as_slot()),
        "entry 3: it presents q_3, which the paper holds already",
    ),
    "another reserve": (Told(instead_of=PAPER.at_position(1).as_slot()), "paper: it is not the one that entry 1"),
    "worth more": (
        Told(replace_points(QUESTION, 9000), replace_points(RESERVE, 2000)),
        "entry 3: it tells of another reserve",
    ),
    "worth nothing": (Told(replace_points(QUESTION, 0)), "paper: it is not the one that entry 1"),
    "out of turn": (Told(instead_of=PAPER.at_position(3).as_slot(), position=3), "entry 3: it presents position 3"),
    "beyond the paper": (Told(position=4), "entry 3: it presents position 4"),
}


@pytest.mark.parametrize(("told", "reason"), FORGED.values(), ids=FORGED)
def test_p27_step_that_the_rules_do_not_give_is_named(told: Told, reason: str) -> None:
    found = said(told.record())
    assert found is not None
    assert found.startswith(reason), found


def test_p27_order_of_options_that_the_seed_does_not_give_is_named() -> None:
    assert said(Told().record(redrawn_orders={2: ORDER})) is None
    found = said(Told().record(redrawn_orders={2: ORDER[::-1]}))
    assert found == "entry 3: the order of its options is not the one that the seed gives"


def test_step_without_a_question_is_spelled_as_ever() -> None:
    assert canonical_json(Presented(2)) == b'{"position":2}'
    log = Log()
    log.add(Presented(2))
    log.add(Presented(3, QUESTION, RESERVE))
    log.add(Attached("c_1", "resume"))
    assert [changes_paper(event) for event in log.events] == [False, True, False]


def test_order_of_options_follows_from_seed_and_position_and_is_a_permutation() -> None:
    many = replace(WRITTEN, options=tuple(replace(WRITTEN.options[0], id=f"o_{n}") for n in range(8)))
    orders = {written_order(many, seed, position) for seed in ("a", "b") for position in (2, 3)}
    assert len(orders) == 4
    assert {tuple(sorted(order)) for order in orders} == {tuple(sorted(option.id for option in many.options))}
    assert written_order(many, "a", 2) == written_order(many, "a", 2)
    judgement = replace(many, type=QuestionType.TRUE_FALSE)
    assert written_order(judgement, "a", 2) == tuple(option.id for option in many.options)
