"""Vectors of questions: what they are made of, and how those are found that point the same way."""

from __future__ import annotations

import random

import pytest

from sitting.domain.question import QuestionType
from sitting.questions.embedding import normalised
from sitting.questions.gates.meaning import (
    LONGEST_TEXT,
    MeaningIndex,
    Meanings,
    OtherLength,
    meaning_text,
    same_meaning,
)
from sitting.questions.gates.verdict import Outcome
from tests.support.builders import make_content


def dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_stem_and_right_answers_are_what_counts_as_they_are_shown() -> None:
    content = make_content(1, text="What **is** `1 + 1`?", explanation="Nothing of this.")
    assert meaning_text(content) == "What is 1 + 1?\n2"
    both = make_content(1, type=QuestionType.MULTIPLE_RESPONSE, text="Which?", key="", keys=("o_1b", "o_1a"))
    assert meaning_text(both) == "Which?\n2\n3"
    assert len(meaning_text(make_content(1, text="word " * 3000))) == LONGEST_TEXT


def test_nearest_is_the_nearest_after_any_changes() -> None:
    rng = random.Random(7)
    index, held = MeaningIndex(), dict[str, list[float]]()
    for step in range(400):
        name = f"q{rng.randrange(150)}"
        if rng.random() < 0.3:
            index.remove(name)
            held.pop(name, None)
        else:
            held[name] = [rng.gauss(0, 1) for _ in range(8)]
            index.add(name, normalised(held[name]))
        assert len(index) == len(held)
        if step % 7:
            continue
        wanted = [rng.gauss(0, 1) for _ in range(8)]
        ignored = rng.sample(sorted(held), min(2, len(held)))
        left = {name: each for name, each in held.items() if name not in ignored}
        found = index.nearest(normalised(wanted), ignored)
        if not left:
            assert found is None
            continue
        cosines = {
            name: dot(each, wanted) / (dot(each, each) * dot(wanted, wanted)) ** 0.5 for name, each in left.items()
        }
        assert found is not None
        assert found.question_id == max(cosines, key=cosines.__getitem__)
        assert found.similarity == pytest.approx(cosines[found.question_id], abs=1e-4)


def test_vectors_of_different_models_are_not_compared() -> None:
    index = MeaningIndex()
    index.add("q", normalised([1, 0, 0]))
    with pytest.raises(OtherLength, match="2 numbers"):
        index.add("other", normalised([1, 0]))
    with pytest.raises(OtherLength):
        index.nearest(normalised([1, 0]))
    assert "other" not in index


def test_verdict_names_the_nearest_how_near_it_is_and_by_which_model() -> None:
    bank, own = MeaningIndex(), MeaningIndex()
    bank.add("q_far", normalised([0, 1]))
    own.add("q_near", normalised([1, 0.1]))
    among = [Meanings("the bank", bank, missing=3), Meanings("this run", own)]
    found = same_meaning(normalised([1, 0]), among, model="m", least=0.9)
    assert found.outcome is Outcome.FAILED
    assert found.evidence == {
        "model": "m",
        "least": 0.9,
        "compared": {"the bank": 1, "this run": 1},
        "without_vector": 3,
        "nearest": {"question_id": "q_near", "similarity": 0.995, "among": "this run"},
    }
    assert "q_near (this run)" in found.sentence
    assert same_meaning(normalised([1, 0]), among, model="m", least=0.996).outcome is Outcome.PASSED
    nothing = same_meaning(normalised([1, 0]), [Meanings("the bank", MeaningIndex())], model="m", least=0.1)
    assert (nothing.outcome, "nearest" in nothing.evidence) == (Outcome.PASSED, False)


@pytest.mark.parametrize("numbers", [[], [0.0, 0.0], [float("inf"), 1.0], [float("nan")]])
def test_vector_without_a_direction_is_none(numbers: list[float]) -> None:
    with pytest.raises(ValueError, match="no direction"):
        normalised(numbers)
