"""The sample bank of `sitting demo` is good enough to show: well formed, fair, and right where a machine can tell."""

import contextlib
import io
import json
import re
import textwrap
from collections import Counter
from importlib import resources
from typing import Any

import pytest

SAMPLE = resources.files("sitting") / "cli" / "sample"
QUESTIONS: list[dict[str, Any]] = json.loads((SAMPLE / "questions.json").read_text("utf-8"))
TESTS: list[dict[str, Any]] = json.loads((SAMPLE / "tests.json").read_text("utf-8"))
PEOPLE: dict[str, list[dict[str, str]]] = json.loads((SAMPLE / "people.json").read_text("utf-8"))

BY_SLUG = {question["slug"]: question for question in QUESTIONS}
FEWEST = {"Python": 10, "SQL": 9, "Git": 8, "Linux": 8, "HTTP": 8, "Data structures": 5}
DIFFICULTIES = {"easy", "medium", "hard"}
PRINTING = [question for question in QUESTIONS if question["text"].startswith("What does this program print?")]


def texts(question: dict[str, Any], *, correct: bool) -> list[str]:
    return [option["text"] for option in question["options"] if option["correct"] is correct]


def slugs(test: dict[str, Any]) -> list[str]:
    return [entry["slug"] for entry in test["questions"]]


def repeated(values: list[str]) -> list[str]:
    return [value for value, times in Counter(value.strip() for value in values).items() if times > 1]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["slug"])
def test_question_has_the_shape_of_a_request_body(question: dict[str, Any]) -> None:
    assert list(question) == ["slug", "skill", "difficulty", "text", "options", "explanation"]
    assert all(question[name].strip() == question[name] != "" for name in question if name != "options")
    assert question["difficulty"] in DIFFICULTIES
    assert 3 <= len(question["options"]) <= 5
    assert all(list(option) == ["text", "correct"] for option in question["options"])
    assert all(option["text"].strip() == option["text"] != "" for option in question["options"])


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["slug"])
def test_question_has_one_key_and_no_option_twice(question: dict[str, Any]) -> None:
    assert len(texts(question, correct=True)) == 1
    assert len(texts(question, correct=False)) == len(question["options"]) - 1
    assert repeated([option["text"] for option in question["options"]]) == []


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["slug"])
def test_no_option_looks_like_an_id_or_speaks_of_the_others(question: dict[str, Any]) -> None:
    unfit = re.compile(r"o_|.*\b(all|none|both|neither) of (the|these) (above|below|options|answers)", re.IGNORECASE)
    assert [option["text"] for option in question["options"] if unfit.match(option["text"])] == []


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["slug"])
def test_question_reads_well_as_plain_text(question: dict[str, Any]) -> None:
    shown = [question["text"], question["explanation"], *(option["text"] for option in question["options"])]
    assert not any(mark in text for text in shown for mark in ("`", "\t", "**"))
    assert re.findall(r"(?m)^ {1,3}\S.*|.* +$", question["text"]) == []


def test_slugs_are_unique_and_begin_with_the_skill() -> None:
    assert len(BY_SLUG) == len(QUESTIONS)
    for question in QUESTIONS:
        skill = question["skill"].lower().replace(" ", "-")
        assert re.fullmatch(rf"{skill}(-[a-z0-9]+)+", question["slug"])


def test_no_stem_is_asked_twice() -> None:
    assert repeated([question["text"] for question in QUESTIONS]) == []


def test_every_skill_is_covered_in_every_difficulty() -> None:
    counts = Counter(question["skill"] for question in QUESTIONS)
    assert counts.keys() == FEWEST.keys()
    assert {skill: counts[skill] for skill in FEWEST if counts[skill] < FEWEST[skill]} == {}
    pairs = {(question["skill"], question["difficulty"]) for question in QUESTIONS}
    assert pairs == {(skill, difficulty) for skill in FEWEST for difficulty in DIFFICULTIES}


def test_position_does_not_give_the_key_away() -> None:
    places = Counter([option["correct"] for option in question["options"]].index(True) for question in QUESTIONS)
    assert all(0.2 <= places[place] / len(QUESTIONS) <= 0.3 for place in range(4)), places


@pytest.mark.parametrize("sign", [1, -1], ids=["longest", "shortest"])
def test_length_does_not_give_the_key_away(sign: int) -> None:
    telling = [
        question["slug"]
        for question in QUESTIONS
        if all(
            sign * len(texts(question, correct=True)[0]) > sign * len(wrong) for wrong in texts(question, correct=False)
        )
    ]
    assert len(telling) <= 0.3 * len(QUESTIONS), telling


@pytest.mark.parametrize("question", PRINTING, ids=lambda question: question["slug"])
def test_python_itself_prints_the_key(question: dict[str, Any]) -> None:
    program = textwrap.dedent("\n".join(question["text"].split("\n")[2:]))
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(program, question["slug"], "exec"), {})
    except Exception as error:
        printed.write(f"Nothing: it raises {type(error).__name__}")
    assert [printed.getvalue().strip()] == texts(question, correct=True)


def test_some_questions_are_checked_by_running_them() -> None:
    assert len(PRINTING) >= 8


@pytest.mark.parametrize("test", TESTS, ids=lambda test: test["name"])
def test_test_uses_each_of_its_questions_once_and_all_exist(test: dict[str, Any]) -> None:
    assert set(slugs(test)) - BY_SLUG.keys() == set()
    assert repeated(slugs(test)) == []


@pytest.mark.parametrize("test", TESTS, ids=lambda test: test["name"])
def test_test_tells_candidates_what_awaits_them(test: dict[str, Any]) -> None:
    assert 2 <= len(re.findall(r"[.!?](?: |$)", test["description"])) <= 4


def test_the_two_tests_differ_in_limits() -> None:
    limits = ("time_limit_minutes", "grace_seconds", "max_attempts", "pass_mark")
    screening, warm_up = ([test[name] for name in limits] for test in TESTS)
    assert screening == [30, 5, 2, 60.0]
    assert warm_up == [None, 5, 3, 50.0]
    assert {frozenset(test) for test in TESTS} == {frozenset({"name", "description", "questions", *limits})}


def test_screening_spans_all_skills_and_pays_double_for_hard_questions() -> None:
    screening = TESTS[0]
    assert len(screening["questions"]) == 20
    assert {BY_SLUG[slug]["skill"] for slug in slugs(screening)} == FEWEST.keys()
    wrong_points = [
        entry
        for entry in screening["questions"]
        if entry["points"] != (2.0 if BY_SLUG[entry["slug"]]["difficulty"] == "hard" else 1.0)
    ]
    assert wrong_points == []


def test_warm_up_asks_about_python_and_git_alone_at_one_point_each() -> None:
    warm_up = TESTS[1]
    assert Counter(BY_SLUG[slug]["skill"] for slug in slugs(warm_up)) == {"Python": 5, "Git": 5}
    assert {entry["points"] for entry in warm_up["questions"]} == {1.0}
    assert set(slugs(warm_up)).isdisjoint(slugs(TESTS[0]))


def test_twelve_candidates_and_one_of_each_kind_of_staff() -> None:
    assert [set(person) for person in PEOPLE["candidates"]] == [{"name", "email"}] * 12
    assert [set(person) for person in PEOPLE["staff"]] == [{"role", "name", "email"}] * 3
    assert sorted(person["role"] for person in PEOPLE["staff"]) == ["admin", "author", "invigilator"]


def test_nobody_real_can_be_written_to() -> None:
    everybody = PEOPLE["candidates"] + PEOPLE["staff"]
    addresses = [person["email"] for person in everybody]
    assert [each for each in addresses if not re.fullmatch(r"[a-z.]+@example\.(org|com)", each)] == []
    assert repeated(addresses) == repeated([person["name"] for person in everybody]) == []


def test_names_go_beyond_one_alphabet() -> None:
    assert sum(not person["name"].isascii() for person in PEOPLE["candidates"]) >= 4
