"""The way through a skill graph."""

from __future__ import annotations

import pytest

from sitting.domain.priority import Priority
from sitting.domain.question import Difficulty
from sitting.domain.skill_graph import (
    DEEPEST_TREE,
    MOST_SKILLS,
    QuestionsPerPriority,
    Skill,
    SkillGraph,
    skill_graph_problems,
    visits,
)

H, M, L = Priority
EASY, MEDIUM, HARD = Difficulty


def way(*skills: Skill, **counts: int) -> list[tuple[str, int]]:
    graph = SkillGraph(skills, QuestionsPerPriority(**counts))
    assert list(skill_graph_problems(graph)) == []
    return [(visit.skill, sum(count for _, count in visit.wanted)) for visit in visits(graph)]


def test_what_matters_most_comes_first_then_what_needs_less_depth_then_the_authors_order() -> None:
    skills = (Skill("a", L, 1), Skill("b", H, 3), Skill("c", M, 2), Skill("d", H, 1), Skill("e", H, 1))
    assert way(*skills) == [("d", 5), ("e", 5), ("b", 5), ("c", 5), ("a", 3)]


def test_skill_says_how_many_questions_it_gets_or_its_priority_does() -> None:
    assert way(Skill("a", H), Skill("b", H, questions=2), Skill("c", L), high=4, low=1) == [
        ("a", 4),
        ("b", 2),
        ("c", 1),
    ]


def test_parts_of_a_skill_are_visited_too_and_know_where_they_are() -> None:
    tree = Skill("data", M, questions=0, skills=(Skill("sql", H, skills=(Skill("joins", H),)), Skill("files", L)))
    assert way(tree) == [("sql", 5), ("joins", 5), ("files", 3)]
    parents = {visit.skill: visit.parents for visit in visits(SkillGraph((tree,)))}
    assert parents == {"sql": ("data",), "joins": ("data", "sql"), "files": ("data",)}


@pytest.mark.parametrize(
    ("depth", "wanted"), [(1, [(EASY, 3)]), (2, [(EASY, 2), (MEDIUM, 1)]), (3, [(MEDIUM, 2), (HARD, 1)])]
)
def test_deeper_means_harder(depth: int, wanted: list[tuple[Difficulty, int]]) -> None:
    (visit,) = visits(SkillGraph((Skill("a", H, depth, 3),)))
    assert list(visit.wanted) == wanted


def nested(levels: int) -> Skill:
    skill = Skill(f"level {levels}")
    for level in range(levels - 1, 0, -1):
        skill = Skill(f"level {level}", skills=(skill,))
    return skill


@pytest.mark.parametrize(
    ("skills", "reason"),
    [
        ([], "at least one skill"),
        ([Skill("a"), Skill("A")], "one name"),
        ([Skill("a", skills=(Skill("a"),))], "one name"),
        ([Skill("  ")], "has no name"),
        ([Skill("a", depth=4)], "depth is one of 1, 2, 3"),
        ([Skill("a", questions=51)], "0 to 50 questions"),
        ([Skill("a", questions=-1)], "0 to 50 questions"),
        ([Skill("a", questions=0)], "asks no question"),
        ([nested(DEEPEST_TREE + 1)], "levels deep"),
        ([Skill(str(number)) for number in range(MOST_SKILLS + 1)], "at most 200 skills"),
    ],
)
def test_what_is_no_skill_graph_is_refused(skills: list[Skill], reason: str) -> None:
    problems = list(skill_graph_problems(SkillGraph(tuple(skills))))
    assert any(reason in problem for problem in problems), problems


def test_largest_that_is_allowed_is() -> None:
    many = SkillGraph(tuple(Skill(str(number), questions=50) for number in range(MOST_SKILLS)))
    assert [*skill_graph_problems(SkillGraph((nested(DEEPEST_TREE),))), *skill_graph_problems(many)] == []
