"""Random banks and drafts, and an opinion of one's own about which drafts have a full paper."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, combinations, pairwise
from typing import Any

from hypothesis import strategies as st

from sitting.domain.blueprint import Blueprint, Draw, FixedQuestion, Section, SkillRule
from sitting.domain.priority import Priority, PriorityWeights
from sitting.domain.question import Difficulty, QuestionContent, QuestionType, QuestionVersion
from tests.support.samples import content

SKILLS = ("Git", "Python", "SQL")
TAGS = ("joins", "loops")
Bank = dict[str, QuestionVersion]


def banked(question_id: str, what: QuestionContent) -> QuestionVersion:
    """The first version of a question with that content."""
    return QuestionVersion(question_id, None, 1, what, what.digest())


@st.composite
def banks(draw: Any, most: int = 14) -> Bank:
    """Questions of few skills, difficulties and tags, so that draws meet; ids are in no order."""
    size = draw(st.integers(1, most))
    names = draw(st.permutations([f"q_{n:02}" for n in range(size)]))
    return {name: banked(name, draw(_contents(number))) for number, name in enumerate(names)}


@st.composite
def _contents(draw: Any, number: int) -> QuestionContent:
    return content(
        number,
        skill=draw(st.sampled_from(SKILLS)),
        difficulty=draw(st.sampled_from(list(Difficulty))),
        tags=tuple(sorted(draw(st.sets(st.sampled_from(TAGS))))),
        type=draw(st.sampled_from([QuestionType.SINGLE_CHOICE, QuestionType.TRUE_FALSE])),
    )


@st.composite
def drafts(draw: Any, bank: Bank) -> Blueprint:
    """A draft about that bank; not one in two can be published."""
    ids = sorted(bank)
    deck = list(draw(st.permutations(ids)))
    sections = []
    for number in range(draw(st.integers(1, 3))):
        fixed = [deck.pop() for _ in range(min(len(deck), draw(st.integers(0, 2))))]
        sections.append(
            Section(
                name=f"part {number}",
                questions=tuple(FixedQuestion(id_, draw(st.integers(1, 3000))) for id_ in fixed),
                draws=tuple(draw(st.lists(_draws(ids), max_size=3))),
                shuffle=draw(st.booleans()),
                weight=draw(st.sampled_from([1, 500, 1000, 2500])),
            )
        )
    return Blueprint(
        name="Any",
        sections=tuple(sections),
        not_together=tuple(draw(_groups(ids))),
        shuffle_options=draw(st.booleans()),
        skills=tuple(
            SkillRule(skill, draw(st.sampled_from(list(Priority)))) for skill in draw(st.sets(st.sampled_from(SKILLS)))
        ),
        priority_weights=PriorityWeights(3000, 2000, draw(st.sampled_from([1, 1000]))),
    )


def _draws(ids: Sequence[str]) -> st.SearchStrategy[Draw]:
    alternatives = st.lists(st.sampled_from([*ids, "q_gone"]), unique=True, min_size=1, max_size=6)
    return st.builds(
        Draw,
        count=st.integers(1, 3),
        question_ids=st.one_of(st.just(()), st.just(()), alternatives.map(tuple)),
        skill=st.sampled_from([None, None, *SKILLS]),
        difficulty=st.sampled_from([None, None, *Difficulty]),
        tags=st.sampled_from([(), (), ("loops",), TAGS]),
        points=st.integers(1, 2000),
    )


@st.composite
def _groups(draw: Any, ids: Sequence[str]) -> Iterator[tuple[str, ...]]:
    deck = list(draw(st.permutations(ids)))
    groups = []
    for _ in range(draw(st.integers(0, 2))):
        size = draw(st.integers(2, 4))
        if len(deck) >= size:
            groups.append(tuple(deck.pop() for _ in range(size)))
    return iter(groups)


def mended(draft: Blueprint, bank: Bank) -> Blueprint:
    """As much of the draft as can be published: rules and draws that speak against it are left out."""
    fixed = fixed_of(draft)
    sections = [
        replace(
            section,
            weight=max(section.weight, 500),
            questions=tuple(replace(question, points=question.points + 999) for question in section.questions),
            draws=tuple(
                replace(draw, points=draw.points + 999, question_ids=tuple(i for i in draw.question_ids if i in bank))
                for draw in section.draws
            ),
        )
        for section in draft.sections
    ]
    groups = tuple(group for group in draft.not_together if sum(id_ in group for id_ in fixed) < 2)
    whole = replace(draft, not_together=groups, skills=(), sections=())
    for section in sections:
        for draws in (section.draws, section.draws[:1], ()):
            longer = replace(whole, sections=(*whole.sections, replace(section, draws=draws)))
            has_questions = bool(draws or section.questions)
            if has_questions and most_that_can_be_drawn(longer, bank) == sum(d.count for d in draws_of(longer)):
                whole = longer
                break
    return _with_skills(whole, draft, bank)


def _with_skills(whole: Blueprint, draft: Blueprint, bank: Bank) -> Blueprint:
    possible = {bank[id_].content.skill for id_ in fixed_of(whole)}
    possible |= {q.content.skill for q in bank.values() if any(meets(draw, q) for draw in draws_of(whole))}
    heavy = replace(draft.priority_weights, low=1000)
    return replace(whole, priority_weights=heavy, skills=tuple(r for r in draft.skills if r.skill in possible))


# --- the opinion ---


def draws_of(draft: Blueprint) -> list[Draw]:
    """All draws, in their order."""
    return [draw for section in draft.sections for draw in section.draws]


def fixed_of(draft: Blueprint) -> list[str]:
    """All fixed questions, in their order."""
    return [fixed.question_id for section in draft.sections for fixed in section.questions]


def meets(draw: Draw, question: QuestionVersion) -> bool:
    """Whether a draw may take that question."""
    what = question.content
    return not (
        (draw.question_ids and question.question_id not in draw.question_ids)
        or (draw.skill is not None and draw.skill != what.skill)
        or (draw.difficulty is not None and draw.difficulty != what.difficulty)
        or any(tag not in what.tags for tag in draw.tags)
    )


def group_of(draft: Blueprint, question_id: str) -> str:
    """A name that questions share exactly if they must not stand together."""
    return next((min(group) for group in draft.not_together if question_id in group), question_id)


def reach(draft: Blueprint, bank: Mapping[str, QuestionVersion], draw: Draw) -> set[str]:
    """The groups that a draw may take a question of, those of fixed questions left out."""
    blocked = {group_of(draft, id_) for id_ in fixed_of(draft)}
    return {group_of(draft, id_) for id_, question in bank.items() if meets(draw, question)} - blocked


def hall_holds(draft: Blueprint, bank: Mapping[str, QuestionVersion]) -> bool:
    """Whether every set of draws reaches enough groups, tried out one by one."""
    needs = [(draw.count, reach(draft, bank, draw)) for draw in draws_of(draft)]
    return all(
        sum(count for count, _ in some) <= len(set().union(*(groups for _, groups in some)))
        for some in chain.from_iterable(combinations(needs, size) for size in range(1, len(needs) + 1))
    )


def most_that_can_be_drawn(draft: Blueprint, bank: Mapping[str, QuestionVersion]) -> int:
    """The maximal flow from draws to groups, by shortest augmenting paths over a residual graph."""
    residual: dict[object, dict[object, int]] = {"source": {}, "sink": {}}
    for number, draw in enumerate(draws_of(draft)):
        residual["source"][number] = draw.count
        residual[number] = {}
        for group in reach(draft, bank, draw):
            residual[number][("g", group)] = 1
            residual.setdefault(("g", group), {})["sink"] = 1
    flow = 0
    while path := _path(residual):
        for here, there in pairwise(path):
            residual[here][there] -= 1
            residual[there][here] = residual[there].get(here, 0) + 1
        flow += 1
    return flow


def _path(residual: dict[object, dict[object, int]]) -> list[object]:
    came_from: dict[object, object] = {"source": None}
    queue: deque[object] = deque(["source"])
    while queue:
        here = queue.popleft()
        for there, left in residual[here].items():
            if left and there not in came_from:
                came_from[there] = here
                queue.append(there)
    if "sink" not in came_from:
        return []
    path: list[object] = ["sink"]
    while path[-1] != "source":
        path.append(came_from[path[-1]])
    return path[::-1]
