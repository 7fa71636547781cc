from __future__ import annotations

from typing import Any

import pytest

from sitting.domain.answer import GivenAnswer
from sitting.domain.errors import InvalidAnswer, QuestionNotFound
from sitting.domain.messages import ShownOption
from sitting.domain.paper import Paper
from sitting.domain.question import Option
from tests.support.replacing import replace
from tests.support.samples import paper, slot


def test_an_id_wins_over_the_same_text() -> None:
    tricky = slot(options=(Option("red", "blue"), Option("blue", "red")), key="red")
    assert tricky.resolve(GivenAnswer("red")) == GivenAnswer("red")
    assert tricky.resolve(GivenAnswer("blue")) == GivenAnswer("blue")


@pytest.mark.parametrize("wrong", ["o_1c", "choice c of 1"])
def test_option_that_this_candidate_was_not_shown_cannot_be_chosen(wrong: str) -> None:
    shortened = replace(slot(), option_order=("o_1a", "o_1b"))
    with pytest.raises(InvalidAnswer):
        shortened.resolve(GivenAnswer(wrong))


def test_options_are_shown_in_the_frozen_order() -> None:
    turned = replace(slot(), option_order=("o_1c", "o_1a", "o_1b"))
    shown = turned.shown().question.options
    assert shown[0] == ShownOption("o_1c", "choice c of 1", "choice c of 1")
    assert [option.id for option in shown] == ["o_1c", "o_1a", "o_1b"]


def test_shown_question_says_what_the_contract_lists() -> None:
    message = slot(2, points=1500).shown()
    assert (message.question_id, message.position) == ("q_2", 2)
    shown = message.question
    assert (shown.text, shown.type, shown.difficulty, shown.skill) == ("Question 2?", "single_choice", "easy", "python")
    assert (shown.points, shown.media) == (1.5, ())


def test_slots_are_found_by_id_and_by_position_from_one() -> None:
    questions = paper(1000, 2000)
    assert questions.question("q_2").points == 2000
    assert questions.at_position(1).question_id == "q_1"
    assert questions.at_position(2).question_id == "q_2"
    assert questions.max_score == 3000


@pytest.mark.parametrize("position", [0, -1, 3, 2**53])
def test_position_outside_the_paper_is_refused(position: int) -> None:
    with pytest.raises(QuestionNotFound) as refusal:
        paper(1000, 2000).at_position(position)
    assert refusal.value.details == {"position": position}


def test_question_of_another_paper_is_refused() -> None:
    with pytest.raises(QuestionNotFound) as refusal:
        paper(1000).question("q_2")
    assert refusal.value.details == {"question_id": "q_2"}


def test_digest_of_a_paper_is_pinned() -> None:
    """The first entry of each log vouches for its paper by this digest, for good."""
    one = Paper((replace(slot(), content_digest="c" * 64),))
    assert one.digest() == "085a41dd1a3ba1b775f230ab665c875eadad9d575731a8e0a811e36de25fbbc5"


@pytest.mark.parametrize(
    "changes",
    [
        {"position": 2},
        {"question_id": "q_x"},
        {"section": "other"},
        {"points": 999},
        {"option_order": ("o_1b", "o_1a", "o_1c")},
        {"content_digest": "d" * 64},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_any_change_of_a_slot_changes_the_digest(changes: dict[str, Any]) -> None:
    assert Paper((replace(slot(), **changes),)).digest() != Paper((slot(),)).digest()


def test_order_of_the_slots_is_part_of_the_digest() -> None:
    first, second = slot(1), slot(2)
    assert Paper((first, second)).digest() != Paper((second, first)).digest()
