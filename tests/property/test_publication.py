"""Publishing says yes exactly where there is a full and fair paper, and where it says no its reasons are true."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from typing import Any

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from sitting.domain.blueprint import Blueprint
from sitting.domain.errors import PublicationRefused
from sitting.questions.coverage import names_of_draws
from sitting.questions.drawing import draw_slots, make_plan
from sitting.questions.publication import examine, publish
from tests.support.drafts import (
    Bank,
    banks,
    drafts,
    draws_of,
    fixed_of,
    group_of,
    hall_holds,
    meets,
    mended,
    most_that_can_be_drawn,
    reach,
)


def lacks_named(draft: Blueprint, bank: Bank) -> set[str]:
    return {id_ for draw in draws_of(draft) for id_ in draw.question_ids} - bank.keys()


def has_empty_part(draft: Blueprint) -> bool:
    return any(not section.questions and not section.draws for section in draft.sections)


def fixes_a_group_twice(draft: Blueprint) -> bool:
    return any(group_of(draft, one) == group_of(draft, other) for one, other in combinations(fixed_of(draft), 2))


def possible_ids(draft: Blueprint, bank: Bank) -> set[str]:
    return {id_ for id_ in bank if any(meets(draw, bank[id_]) for draw in draws_of(draft))} | set(fixed_of(draft))


def names_an_impossible_skill(draft: Blueprint, bank: Bank) -> bool:
    possible = {bank[id_].content.skill for id_ in possible_ids(draft, bank)}
    return any(rule.skill not in possible for rule in draft.skills)


def worth(draft: Blueprint, bank: Bank, points: int, weight: int, id_: str) -> int:
    """In thousandths, by fractions instead of integers."""
    weights = {"H": 3000, "M": 2000, "L": draft.priority_weights.low}
    priority = {rule.skill: rule.priority.value for rule in draft.skills}.get(bank[id_].content.skill)
    by_skill = Fraction(1 if priority is None else weights[priority], 1 if priority is None else 1000)
    return int(points * Fraction(weight, 1000) * by_skill + Fraction(1, 2))


def has_a_worthless_slot(draft: Blueprint, bank: Bank) -> bool:
    blocked = {group_of(draft, id_) for id_ in fixed_of(draft)}
    for section in draft.sections:
        if any(not worth(draft, bank, q.points, section.weight, q.question_id) for q in section.questions):
            return True
        for draw in section.draws:
            takes = [id_ for id_ in bank if meets(draw, bank[id_]) and group_of(draft, id_) not in blocked]
            if any(not worth(draft, bank, draw.points, section.weight, id_) for id_ in takes):
                return True
    return False


@given(st.data())
def test_refused_exactly_if_a_reason_of_our_own_finding_holds(data: Any) -> None:
    bank = data.draw(banks())
    draft = data.draw(drafts(bank))
    reasons = [
        bool(lacks_named(draft, bank)),
        has_empty_part(draft),
        fixes_a_group_twice(draft),
        not hall_holds(draft, bank),
        names_an_impossible_skill(draft, bank),
        has_a_worthless_slot(draft, bank),
    ]
    event(f"reasons {[number for number, holds in enumerate(reasons) if holds]}")
    if not any(reasons):
        publish(draft, bank)
        return
    with pytest.raises(PublicationRefused) as refusal:
        publish(draft, bank)
    details = refusal.value.details
    assert set(details["missing"]) == lacks_named(draft, bank)
    assert bool(details["clashes"]) == reasons[3]
    assert len(details["problems"]) >= sum(reasons)


@given(st.data())
def test_each_clash_names_draws_that_reach_fewer_groups_than_they_need(data: Any) -> None:
    bank = data.draw(banks(25))
    draft = data.draw(drafts(bank))
    clashes = examine(draft, bank).clashes
    names = list(names_of_draws(draft))
    for clash in clashes:
        those = [draws_of(draft)[names.index(name)] for name in clash.draws]
        groups = set().union(*(reach(draft, bank, draw) for draw in those))
        assert clash.needed == sum(draw.count for draw in those)
        assert clash.available == len(groups) < clash.needed
        assert clash.details()["missing"] == clash.needed - clash.available
    needed = sum(draw.count for draw in draws_of(draft))
    event("clash" if clashes else "full")
    assert bool(clashes) == (most_that_can_be_drawn(draft, bank) < needed)


@given(st.data())
def test_coverage_counts_what_is_needed_and_what_can_be_had(data: Any) -> None:
    bank = data.draw(banks())
    draft = data.draw(drafts(bank))
    for row in examine(draft, bank).coverage:
        alike = [
            draw
            for draw in draws_of(draft)
            if (draw.skill, draw.difficulty, set(draw.tags)) == (row.skill, row.difficulty, set(row.tags))
        ]
        assert row.needed == sum(draw.count for draw in alike)
        assert row.available == len(set().union(*(reach(draft, bank, draw) for draw in alike)))


@given(st.data())
def test_overlap_is_what_two_strangers_papers_have_in_common(data: Any) -> None:
    bank = data.draw(banks(20))
    draft = mended(data.draw(drafts(bank)), bank)
    assume(draft.sections)
    found = examine(draft, bank)
    assert found.overlap is not None
    plan = make_plan(draft, found.plan.snapshot)
    papers = [{slot.question for slot in draw_slots(plan, f"stranger {n}")} for n in range(60)]
    common = [len(one & other) / draft.total_questions for one, other in combinations(papers, 2)]
    mean = 100_000 * sum(common) / len(common)
    # Sixty papers of few questions are off by some percent; a formula that is wrong is off by more.
    assert abs(mean - found.overlap.share) <= 6 * found.overlap.error + 14_000
    assert 0 <= found.overlap.share <= 100_000
