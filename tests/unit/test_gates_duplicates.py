"""Near-duplicates: what is the same question, and what is another one."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from sitting.domain.question import QuestionContent, QuestionType
from sitting.questions.gates import Others, Outcome, QuestionIndex, judge_item
from sitting.questions.gates.fingerprint import fingerprint, similarity
from tests.support.items import item

OPTIONS = ("alpha", "beta", "gamma", "delta")


def similar(one: QuestionContent, other: QuestionContent) -> float:
    share = similarity(fingerprint(one), fingerprint(other))
    assert share == similarity(fingerprint(other), fingerprint(one))
    return share


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "Which data structure serves jobs in the order in which they arrived?",
            "Which structure serves the jobs in the order of their arrival?",
        ),
        ("What is the capital of Norway?", "What is the capital city of Norway?"),
        ("How many bits are in ten bytes?", "How many bits are there in **10** bytes?"),
        ("At which temperature does water boil at sea level?", "Water boils at which temperature, when at sea level?"),
        ("Which program reads the header `Content-Type` first?", "Which program reads the Content-Type header first?"),
        ("What does this print?\n\n```\nprint(a + b)\n```", "What is printed by this?\n\n```\nprint(a + b)\n```"),
    ],
)
def test_reworded_question_is_found_again_with_other_distractors_too(one: str, other: str) -> None:
    index = QuestionIndex()
    index.add("q_1", item(one, *OPTIONS))
    (match,) = index.search(item(other, "alpha", "kappa", "lambda"))
    assert match.question_id == "q_1"
    assert index.search(item(one, "alpha", *reversed(OPTIONS[1:]), at=2)) != []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is 2+3?", "What is 2+4?"),
        ("What is 2+3?", "What is 2-3?"),
        ("What is $2+3$?", "What is $2 \\cdot 3$?"),
        ("Which of these is a prime number?", "Which of these is not a prime number?"),
        ("Which of these is a prime number?", "Which of these isn't a prime number?"),
        ("What is the largest planet of the sun?", "What is the smallest planet of the sun?"),
        ("What does `max([a, b])` return?", "What does `min([a, b])` return?"),
        ("What prints `x < y`, if x is small?", "What prints `x > y`, if x is small?"),
        ("A list of five names is sorted. How long?", "A list of six names is sorted. How long?"),
        ("In which year did World War I begin?", "In which year did World War II begin?"),
        ("Who was the first to climb the mountain?", "Who was the second to climb the mountain?"),
        ("What happens before the commit of the data?", "What happens after the commit of the data?"),
    ],
)
def test_other_numbers_negations_operators_and_opposites_make_another_question(one: str, other: str) -> None:
    assert similar(item(one, *OPTIONS), item(other, *OPTIONS)) == 0
    assert similar(item(one, *OPTIONS), item(one, *OPTIONS)) == 1


def test_question_whose_key_is_the_others_distractor_differs_unless_it_asks_the_same() -> None:
    cities = ("Oslo", "Stockholm", "Copenhagen")
    norway = item("Which is the capital and largest port of the kingdom of Norway?", *cities)
    sweden = item("Which is the capital and largest port of the kingdom of Sweden?", "Stockholm", "Oslo", "Copenhagen")
    assert similar(norway, sweden) == 0
    assert similar(item("When was it founded?", "1914", "x"), item("When was it opened?", "1939", "x")) == 0
    assert similar(norway, replace(norway, key="o_1")) > 0.5  # the same question with another key: one of them is wrong


def test_gate_ignores_the_question_itself_and_names_what_it_compared_with() -> None:
    content, index = item("What is the capital of Norway?", "Oslo", "Bergen", "Narvik"), QuestionIndex()
    index.add("q_1", content)
    only = ["near_duplicate"]
    itself = judge_item(content, others=[Others("the bank", index, {"q_1"})], only=only)
    assert [verdict.outcome for verdict in itself] == [Outcome.PASSED]
    bank, had = judge_item(
        content, others=[Others("the bank", index), Others("had before", QuestionIndex())], only=only
    )
    assert (bank.outcome, bank.evidence["matches"]) == (Outcome.FAILED, [{"question_id": "q_1", "similarity": 1.0}])
    assert "the bank" in bank.sentence
    assert had.outcome is Outcome.PASSED
    assert judge_item(content, only=only) == []


def test_questions_without_options_are_compared_too() -> None:
    base = item("How many legs does a healthy spider have?", "x")
    text = replace(base, type=QuestionType.SHORT_TEXT, options=(), key="")
    assert similar(text, replace(text, text="A healthy spider: how many legs does it have?")) > 0.8
    assert similar(text, replace(text, text="How many legs does a healthy beetle have?")) < 0.7


def synthetic(rng: random.Random, vocabulary: list[str]) -> QuestionContent:
    words = " ".join(rng.choices(vocabulary, k=rng.choice((4, 10, 25))))
    return item(f"Which of these is {words}?", *(" ".join(rng.choices(vocabulary, k=3)) for _ in range(4)))


def test_index_finds_exactly_what_comparing_all_pairs_finds_whatever_comes_and_goes() -> None:
    rng = random.Random(7)
    vocabulary = ["".join(rng.choices("bcdfgklmnprst", k=5)) for _ in range(25)]
    questions = {f"q_{n}": synthetic(rng, vocabulary) for n in range(200)}
    index = QuestionIndex()
    for question_id, content in questions.items():
        index.add(question_id, content)
    kept = dict(questions)
    for question_id in rng.sample(sorted(questions), 150):  # more than half: the index tidies up on the way
        index.remove(question_id)
        del kept[question_id]
    for question_id in rng.sample(sorted(questions), 40):
        kept[question_id] = synthetic(rng, vocabulary)
        index.add(question_id, kept[question_id])
    assert len(index) == len(kept)
    prints = {question_id: fingerprint(content) for question_id, content in kept.items()}
    found_any = 0
    for content in (synthetic(rng, vocabulary) for _ in range(60)):
        naive = {q for q, each in prints.items() if similarity(fingerprint(content), each) >= 0.3}
        assert {match.question_id for match in index.search(content, least=0.3)} == naive
        found_any += len(naive)
    assert found_any > 20


def test_removing_and_adding_again_change_what_is_found() -> None:
    index, content = QuestionIndex(), item("What is the capital of Norway?", "Oslo", "Bergen", "Narvik")
    index.add("q_1", content)
    index.remove("q_1")
    index.remove("q_unknown")
    assert index.search(content) == []
    index.add("q_1", item("What is the boiling point of water?", *OPTIONS))
    assert index.search(content) == []
    index.add("q_1", content)
    assert [match.similarity for match in index.search(content)] == [1.0]
    index.add("q_1", content)  # once more, without removing it before
    assert [match.similarity for match in index.search(content)] == [1.0]
    assert len(index) == 1
