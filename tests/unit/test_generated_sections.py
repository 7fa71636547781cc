"""Sections whose questions are written for the candidate: their reserve in the bank, and what publishing asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from sitting.api.draft import Draft, shown_draft
from sitting.domain.blueprint import Blueprint, Budget, Draw, Generated, Navigation, Section, SkillRule
from sitting.domain.blueprint_check import check_blueprint
from sitting.domain.errors import InvalidMessage, PublicationRefused
from sitting.domain.events import Presented, SlotQuestion
from sitting.domain.priority import Priority
from sitting.domain.question import Difficulty, QuestionVersion
from sitting.domain.skill_graph import Skill, SkillGraph
from sitting.questions.drawing import draw_slots, make_paper, make_plan, paper_digests
from sitting.questions.publication import examine, publish
from tests.support.items import item
from tests.support.samples import START, running_log

H, M, L = Priority
EASY, MEDIUM, HARD = Difficulty
GRAPH = SkillGraph((Skill("SQL", H, 2, 3), Skill("Git", L, 1, 2)))
WRITTEN = Section("written", generated=Generated(GRAPH, points=2000))
TEST = Blueprint("Data engineer", sections=(WRITTEN,), navigation=Navigation.LINEAR)


def bank(*stock: tuple[str, Difficulty, int]) -> Mapping[str, QuestionVersion]:
    kinds = [(skill, difficulty, number) for skill, difficulty, count in stock for number in range(count)]
    contents = [item(f"{skill} {number}?", "yes", "no", skill=skill, difficulty=d) for skill, d, number in kinds]
    made = [QuestionVersion(f"q_{at}", None, 1, content, content.digest()) for at, content in enumerate(contents)]
    return {version.question_id: version for version in made}


FULL = bank(("SQL", EASY, 3), ("SQL", MEDIUM, 2), ("Git", EASY, 4))


def test_bank_has_a_question_in_reserve_for_each_slot_in_the_order_of_the_graph() -> None:
    wanted = [("SQL", EASY, 2), ("SQL", MEDIUM, 1), ("Git", EASY, 2)]
    assert WRITTEN.all_draws == tuple(Draw(n, skill=skill, difficulty=d, points=2000) for skill, d, n in wanted)
    assert TEST.total_questions == 5
    plan = make_plan(TEST, publish(TEST, FULL).snapshot)
    slots = draw_slots(plan, "seed")
    contents = {version.digest: version.content for version in FULL.values()}
    paper = make_paper(plan, slots, contents, "seed")
    assert paper_digests(plan, slots) == [question.content_digest for question in paper.questions]
    assert [(q.content.skill, q.content.difficulty) for q in paper.questions] == [
        *[("SQL", EASY)] * 2,
        ("SQL", MEDIUM),
        *[("Git", EASY)] * 2,
    ]


def test_priorities_of_the_graph_weigh_unless_the_test_says_other() -> None:
    assert TEST.rule_of("SQL") == SkillRule("SQL", H)
    assert TEST.rule_of("Cooking") is None
    other = replace(TEST, skills=(SkillRule("SQL", L),))
    assert other.rule_of("SQL") == SkillRule("SQL", L)
    plan = make_plan(TEST, publish(TEST, FULL).snapshot)
    contents = {version.digest: version.content for version in FULL.values()}
    points = [question.points for question in make_paper(plan, draw_slots(plan, "s"), contents, "s").questions]
    assert points == [6000, 6000, 6000, 2000, 2000]


def test_publishing_names_what_the_bank_lacks() -> None:
    found = examine(TEST, bank(("SQL", EASY, 1), ("Git", EASY, 2)))
    needs = {(each.skill, each.difficulty): (each.needed, each.available) for each in found.coverage}
    assert needs == {("SQL", EASY): (2, 1), ("SQL", MEDIUM): (1, 0), ("Git", EASY): (2, 2)}
    assert any(
        p == "section written, draw 1 (skill SQL, easy): 2 questions are needed, and 1 can be had"
        for p in found.problems
    )
    with pytest.raises(PublicationRefused):
        publish(TEST, bank(("SQL", EASY, 1)))


def test_generated_questions_come_one_after_the_other() -> None:
    assert examine(replace(TEST, navigation=Navigation.FREE), FULL).problems == [
        "section written is generated, so the questions have to come one after the other"
    ]


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        (replace(WRITTEN, draws=(Draw(1),)), "neither questions nor draws"),
        (replace(WRITTEN, shuffle=True), "cannot be shuffled"),
        (Section(generated=Generated(SkillGraph())), "at least one skill"),
        (Section(generated=Generated(GRAPH, points=0)), "points are not"),
        (Section(generated=Generated(GRAPH, budget=Budget(tokens=0))), "a budget is not 1 or more"),
        (Section(generated=Generated(SkillGraph((Skill("a\0"),)))), "NUL"),
    ],
)
def test_draft_that_no_bank_could_make_right_is_refused(section: Section, problem: str) -> None:
    with pytest.raises(InvalidMessage) as refused:
        check_blueprint(replace(TEST, sections=(section,)))
    assert any(problem in each for each in refused.value.details["problems"])


def test_rest_spells_it_and_reads_what_it_spells() -> None:
    node: dict[str, Any] = {"name": "SQL", "priority": "H", "depth": 3, "skills": [{"name": "Joins", "questions": 1}]}
    generated = {"graph": {"skills": [node], "per_priority": {"H": 2}}, "points": 1.5, "budget": {"cost": 0.25}}
    draft = Draft.model_validate({"name": "x", "sections": [{"generated": generated}], "navigation": "linear"})
    blueprint = draft.to_blueprint()
    made = blueprint.sections[0].generated
    assert made is not None
    assert made.graph.skills == (Skill("SQL", H, 3, None, (Skill("Joins", questions=1),)),)
    assert (made.points, made.budget, made.graph.per_priority.high) == (1500, Budget(200_000, 250_000, 3600), 2)
    again = Draft.model_validate_json(shown_draft(blueprint).model_dump_json())
    assert again.to_blueprint() == blueprint


def test_question_that_was_written_takes_the_place_of_the_reserve_and_the_paper_of_the_start_can_be_told() -> None:
    contents = {version.digest: version.content for version in FULL.values()}
    plan = make_plan(TEST, publish(TEST, FULL).snapshot)
    paper = make_paper(plan, draw_slots(plan, "seed"), contents, "seed")
    written = item("New?", "yes", "no", skill="SQL", difficulty=EASY)
    slot = SlotQuestion("q_new", written.digest(), ("o_1", "o_key"))
    changed = paper.with_slots({2: slot}, {**contents, written.digest(): written})
    ids = [question.question_id for question in paper.questions]
    assert [question.question_id for question in changed.questions] == [ids[0], "q_new", *ids[2:]]
    assert (changed.max_score, changed.at_position(2).content) == (paper.max_score, written)
    log = running_log()
    reserve = paper.at_position(2)
    instead_of = SlotQuestion(reserve.question_id, reserve.content_digest, reserve.option_order)
    log.write(Presented(2, slot, instead_of), START)
    assert (log.state.position, log.state.reserves) == (2, {2: instead_of})
    assert changed.with_slots(log.state.reserves, contents).digest() == paper.digest() != changed.digest()
