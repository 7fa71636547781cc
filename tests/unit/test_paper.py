from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sitting.domain.blueprint import PublishedQuestion, PublishedVersion
from sitting.domain.errors import InvalidAnswer, QuestionNotFound
from sitting.domain.messages import ShownOption
from sitting.domain.paper import Paper, PaperQuestion
from sitting.domain.question import Option
from sitting.questions.fixed import fixed_paper
from tests.support.samples import START, blueprint, content, paper, slot


def test_option_is_chosen_by_id_by_exact_text_or_cleared() -> None:
    question = slot()
    assert question.resolve("o_1b") == "o_1b"
    assert question.resolve("choice b of 1") == "o_1b"
    assert question.resolve(None) is None


def test_an_id_wins_over_the_same_text() -> None:
    tricky = slot(options=(Option("red", "blue"), Option("blue", "red")), key="red")
    assert tricky.resolve("red") == "red"
    assert tricky.resolve("blue") == "blue"


@pytest.mark.parametrize("wrong", ["", "o_2a", "Choice b of 1", "choice b of 1 ", "O_1A", "choice"])
def test_what_is_neither_id_nor_exact_text_is_no_answer(wrong: str) -> None:
    with pytest.raises(InvalidAnswer) as refusal:
        slot().resolve(wrong)
    assert refusal.value.details == {"question_id": "q_1"}


def test_option_that_this_candidate_was_not_shown_cannot_be_chosen_by_id() -> None:
    shortened = replace(slot(), option_order=("o_1a", "o_1b"))
    with pytest.raises(InvalidAnswer):
        shortened.resolve("o_1c")


def test_options_are_shown_in_the_frozen_order() -> None:
    turned = replace(slot(), option_order=("o_1c", "o_1a", "o_1b"))
    shown = turned.shown().question.options
    assert shown[0] == ShownOption("o_1c", "choice c of 1")
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


def version(*questions: tuple[int, int]) -> PublishedVersion:
    """A published version of (number of the content, points)."""
    published = tuple(PublishedQuestion(f"q_{n}", points, content(n).digest()) for n, points in questions)
    return PublishedVersion(11, 7, 1, blueprint(), published, START)


def test_fixed_paper_holds_the_published_contents_in_their_order() -> None:
    contents = {content(n).digest(): content(n) for n in (1, 2, 3)}
    made = fixed_paper(version((3, 500), (1, 1000)), contents)
    assert made.questions == (
        PaperQuestion(1, "q_3", "main", 500, ("o_3a", "o_3b", "o_3c"), content(3).digest(), content(3)),
        PaperQuestion(2, "q_1", "main", 1000, ("o_1a", "o_1b", "o_1c"), content(1).digest(), content(1)),
    )


def test_fixed_paper_is_the_same_for_every_candidate() -> None:
    contents = {content(n).digest(): content(n) for n in (1, 2)}
    asked = version((1, 1000), (2, 1000))
    assert fixed_paper(asked, contents).digest() == fixed_paper(asked, dict(reversed(contents.items()))).digest()
