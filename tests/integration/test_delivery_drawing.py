"""A Test that is drawn, as two candidates meet it: set over REST, published, and seen on their sockets."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from sitting.storage.tables import assessments, paper_questions
from tests.support.delivery import Candidate, Hall, line

SKILL = "Drawing"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Drawn:
    """A published Test: its id, the fixed question, the alternatives, and those that must not meet."""

    test_id: int
    fixed: str
    alternatives: tuple[str, ...]
    apart: tuple[str, ...]


def add_question(hall: Hall, skill: str, tag: str) -> str:
    number = next(_numbers)
    options = [{"text": f"answer {letter} to {number}", "correct": letter == "a"} for letter in "abcdef"]
    question = {"text": f"Drawn question {number}?", "options": options, "explanation": "So it is."}
    more = {"skill": skill, "difficulty": "medium", "tags": [tag]}
    made: str = hall.post("/questions", question | more)["question_id"]
    return made


def publish_drawn(hall: Hall) -> Drawn:
    """Seven questions: one fixed, one of two alternatives, then five drawn by skill and tag, of twelve."""
    tag = f"run {next(_numbers)}"
    fixed = add_question(hall, "Other", tag)
    alternatives = tuple(add_question(hall, "Other", tag) for _ in range(2))
    pool = [add_question(hall, SKILL, tag) for _ in range(12)]
    first = {"name": "first", "questions": [{"question_id": fixed, "points": 2}]}
    first["draws"] = [{"count": 1, "question_ids": list(alternatives), "points": 0.5}]
    second = {"name": "second", "weight": 1.5, "shuffle": True}
    second["draws"] = [{"count": 5, "skill": SKILL, "difficulty": "medium", "tags": [tag]}]
    rules = {
        "name": "Drawn",
        "sections": [first, second],
        "not_together": [pool[:8]],
        "shuffle_options": True,
        "skills": [{"skill": SKILL, "priority": "H"}],
        "priority_weights": {"H": 2.5, "M": 1, "L": 1},
    }
    test_id: int = hall.post("/tests", rules)["test_id"]
    hall.post(f"/tests/{test_id}/publish")
    return Drawn(test_id, fixed, alternatives, tuple(pool[:8]))


def paper_shown(candidate: Candidate) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What the candidate's socket says at the start, and every question, by position."""
    with line(candidate.address) as own:
        started = own.start(candidate)
        return started, [own.ask("get_question", "question", position=position) for position in range(1, 8)]


def option_ids(question: dict[str, Any]) -> list[str]:
    return [option["id"] for option in question["question"]["options"]]


def test_each_candidate_gets_a_full_paper_of_their_own_by_the_rules(hall: Hall) -> None:
    drawn = publish_drawn(hall)
    papers = []
    for candidate in hall.invite_many(drawn.test_id, 2):
        started, questions = paper_shown(candidate)
        papers.append(questions)
        ids = [question["question_id"] for question in questions]
        assert started["total_questions"] == len(set(ids)) == 7
        assert [question["position"] for question in questions] == list(range(1, 8))
        assert (ids[0], ids[1] in drawn.alternatives) == (drawn.fixed, True)
        assert len({*ids} & {*drawn.apart}) <= 1
        assert {question["question"]["skill"] for question in questions[2:]} == {SKILL}
        # The second section's weight by that of a skill of high priority: 1.5 times 2.5.
        assert [question["question"]["points"] for question in questions] == [2, 0.5, *[3.75] * 5]
        [row] = hall.rows(assessments, id=started["assessment_id"])
        assert row.max_score == 2_000 + 500 + 5 * 3_750
        slots = hall.rows(paper_questions, assessment_id=started["assessment_id"])
        assert [(slot.question_id, slot.section) for slot in slots] == [
            (id_, "first" if place < 2 else "second") for place, id_ in enumerate(ids)
        ]
    one, other = papers
    assert sorted(option_ids(one[0])) == sorted(option_ids(other[0]))
    # Two papers alike in everything that is drawn would be a chance of one in many millions.
    assert [(q["question_id"], option_ids(q)) for q in one] != [(q["question_id"], option_ids(q)) for q in other]


def test_paper_and_order_of_options_are_the_same_on_the_next_connection(hall: Hall) -> None:
    [candidate] = hall.invite_many(publish_drawn(hall).test_id, 1)
    started, questions = paper_shown(candidate)
    again, same = paper_shown(candidate)
    assert again["recovered"]
    assert again["assessment_id"] == started["assessment_id"]
    assert same == questions


def test_order_of_options_differs_between_candidates_of_the_same_questions(hall: Hall) -> None:
    test_id = hall.publish(shuffle_options=True)
    orders = []
    for candidate in hall.invite_many(test_id, 4):
        with line(candidate.address) as own:
            own.start(candidate)
            orders.append([option_ids(own.ask("get_question", "question", position=n)) for n in range(1, 5)])
    assert len({str(order) for order in orders}) > 1
    assert len({str([sorted(ids) for ids in order]) for order in orders}) == 1


def test_sections_without_shuffling_keep_the_order_of_the_draft(hall: Hall) -> None:
    [candidate] = hall.invite_many(hall.publish(), 1)
    with line(candidate.address) as own:
        own.start(candidate)
        shown = [own.ask("get_question", "question", position=n)["question_id"] for n in range(1, 5)]
    assert shown == [asked.question_id for asked in hall.questions]
