"""Every published version gives a full paper for every seed, and the same one whenever it is drawn."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
from hypothesis import assume, event, given
from hypothesis import strategies as st

from sitting.domain.blueprint import BankSnapshot, Blueprint
from sitting.domain.paper import Paper
from sitting.kit.canonical import canonical_json
from sitting.questions.chance import Chance, Shuffled
from sitting.questions.drawing import Plan, Slot, draw_slots, make_paper, make_plan
from sitting.questions.publication import publish
from sitting.questions.redrawing import redraw
from tests.property.test_publication import worth
from tests.support.drafts import Bank, banks, drafts, fixed_of, group_of, meets, mended

SEEDS = st.one_of(st.text(max_size=8), st.binary(min_size=16, max_size=16).map(bytes.hex))


@st.composite
def published(draw: Any) -> tuple[Bank, Blueprint, Plan]:
    bank = draw(banks(20))
    draft = mended(draw(drafts(bank)), bank)
    assume(draft.sections)
    return bank, draft, make_plan(draft, publish(draft, bank).snapshot)


def paper_of(bank: Bank, plan: Plan, slots: list[Slot], seed: str) -> Paper:
    return make_paper(plan, slots, {version.digest: version.content for version in bank.values()}, seed)


@given(published(), SEEDS)
def test_paper_is_full_and_keeps_every_rule(made: tuple[Bank, Blueprint, Plan], seed: str) -> None:
    bank, draft, plan = made
    questions = paper_of(bank, plan, draw_slots(plan, seed), seed).questions
    ids = [question.question_id for question in questions]
    event(f"{len(ids)} questions")
    assert [question.position for question in questions] == list(range(1, draft.total_questions + 1))
    assert len({group_of(draft, id_) for id_ in ids}) == len(ids)
    assert set(fixed_of(draft)) <= set(ids)
    for question in questions:
        assert question.content == bank[question.question_id].content
        ids_of_options = [option.id for option in question.content.options]
        assert sorted(question.option_order) == sorted(ids_of_options)
        if not draft.shuffle_options or question.content.type == "true_false":
            assert list(question.option_order) == ids_of_options


@given(published(), SEEDS)
def test_each_section_has_its_fixed_questions_and_what_its_draws_may_take(
    made: tuple[Bank, Blueprint, Plan], seed: str
) -> None:
    bank, draft, plan = made
    questions = list(paper_of(bank, plan, draw_slots(plan, seed), seed).questions)
    for section in draft.sections:
        size = len(section.questions) + sum(draw.count for draw in section.draws)
        part, questions = questions[:size], questions[size:]
        assert {question.section for question in part} <= {section.name}
        by_id = {question.question_id: question.points for question in part}
        for fixed in section.questions:
            assert by_id.pop(fixed.question_id) == worth(draft, bank, fixed.points, section.weight, fixed.question_id)
        if section.shuffle:
            allowed = Counter({id_: sum(meets(draw, bank[id_]) for draw in section.draws) for id_ in by_id})
            assert all(allowed[id_] for id_ in by_id)
        else:
            drawn = iter(by_id.items())
            for draw in section.draws:
                for id_, points in [next(drawn) for _ in range(draw.count)]:
                    assert meets(draw, bank[id_])
                    assert points == worth(draft, bank, draw.points, section.weight, id_)
    assert questions == []


@given(published(), SEEDS)
def test_paper_is_rebuilt_byte_equal_from_what_the_database_keeps(
    made: tuple[Bank, Blueprint, Plan], seed: str
) -> None:
    bank, draft, plan = made
    slots = draw_slots(plan, seed)
    paper = paper_of(bank, plan, slots, seed)
    stored = make_plan(
        msgspec.json.decode(canonical_json(draft), type=Blueprint),
        msgspec.json.decode(canonical_json(plan.snapshot), type=BankSnapshot),
    )
    assert draw_slots(stored, seed) == slots
    kept = {question.content_digest: question.content for question in paper.questions}
    again = redraw(stored, seed, kept)
    assert again is not None
    assert (again, again.digest()) == (paper, paper.digest())


@given(st.data(), SEEDS)
def test_snapshot_and_paper_do_not_depend_on_the_order_in_which_the_bank_was_read(data: Any, seed: str) -> None:
    bank, draft, plan = data.draw(published())
    order = data.draw(st.permutations(list(bank)))
    snapshot = publish(draft, {id_: bank[id_] for id_ in order}).snapshot
    assert snapshot == plan.snapshot
    assert draw_slots(make_plan(draft, snapshot), seed) == draw_slots(plan, seed)


@given(st.lists(st.integers(), max_size=40), SEEDS, st.lists(st.integers(0, 39), max_size=5))
def test_order_that_is_found_out_bit_by_bit_is_the_whole_one(items: list[int], seed: str, looks: list[int]) -> None:
    whole = Chance(seed, "order").shuffled(items)
    assert sorted(whole) == sorted(items)
    bit_by_bit = Shuffled(items, Chance(seed, "order"))
    assert all(bit_by_bit[place] == whole[place] for place in looks if place < len(items))
