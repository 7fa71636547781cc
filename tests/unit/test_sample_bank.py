"""The sample bank of `sitting demo` is good enough to show: well formed, fair, and right where a machine can tell."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections import Counter
from importlib import resources
from typing import Any

import pytest

from sitting.cli.sample import read_sample
from sitting.domain.blueprint import Navigation
from sitting.domain.blueprint_check import check_blueprint
from sitting.domain.question import Difficulty, QuestionType, QuestionVersion
from sitting.kit.markup import problems
from sitting.questions.drawing import draw_slots
from sitting.questions.publication import examine
from sitting.usecases.question_draft import QuestionDraft, content_of

SAMPLE = resources.files("sitting") / "cli" / "sample"
PEOPLE: dict[str, list[dict[str, str]]] = json.loads((SAMPLE / "people.json").read_text("utf-8"))
READ = read_sample({})
BANK = READ.questions
SINGLE = {slug: draft for slug, draft in BANK.items() if draft.type is QuestionType.SINGLE_CHOICE}
CHOICES = {slug: draft for slug, draft in BANK.items() if draft.options}
PRINTING = {slug: draft for slug, draft in SINGLE.items() if draft.text.startswith("What does this program print?")}
SCREENING, SPRINT, LINEAR = (test.blueprint for test in READ.tests)
VERSIONS = {
    slug: QuestionVersion(slug, slug, 1, content, content.digest())
    for slug, content in ((slug, content_of(draft)) for slug, draft in BANK.items())
}
MOST_OPTIONS = 6


def texts(draft: QuestionDraft, *, correct: bool) -> list[str]:
    return [option.text for option in draft.options if option.correct is correct]


def repeated(values: list[str]) -> list[str]:
    return [value for value, times in Counter(value.strip() for value in values).items() if times > 1]


each_question = pytest.mark.parametrize("slug", BANK)


@each_question
def test_question_can_be_used_and_every_part_of_it_says_something(slug: str) -> None:
    draft = BANK[slug]
    content_of(draft)
    shown = [draft.text, draft.explanation, *(option.text for option in draft.options)]
    assert all(text.strip() == text != "" for text in shown)
    assert 2 <= len(draft.tags) <= 4
    assert re.findall(r"(?m)[ \t]+$|\t", draft.text) == []


@each_question
def test_markup_is_shown_as_it_was_meant(slug: str) -> None:
    draft = BANK[slug]
    told = [problems(draft.text), problems(draft.explanation)]
    told += [problems(option.text, inline=True) for option in draft.options]
    assert not any(told), told
    assert re.search(r"(?m)^ {4}", re.sub(r"(?ms)^```.*?^```$", "", draft.text)) is None, "code stands between fences"


@pytest.mark.parametrize("slug", CHOICES)
def test_options_are_few_differ_and_do_not_speak_of_each_other(slug: str) -> None:
    options = [option.text for option in CHOICES[slug].options]
    assert 3 <= len(options) <= MOST_OPTIONS
    assert repeated(options) == []
    unfit = re.compile(r"o_|.*\b(all|none|both|neither) of (the|these) (above|below|options|answers)", re.IGNORECASE)
    assert [option for option in options if unfit.match(option)] == []


def test_of_several_right_options_some_but_not_all_are_right() -> None:
    several = [draft for draft in CHOICES.values() if draft.type is QuestionType.MULTIPLE_RESPONSE]
    assert len(several) >= 10
    assert all(2 <= len(texts(draft, correct=True)) < len(draft.options) for draft in several)


def test_bank_is_large_and_spread_over_skills_difficulties_and_kinds() -> None:
    assert len(BANK) >= 160
    skills = Counter(draft.skill for draft in BANK.values())
    assert len(skills) >= 8
    assert min(skills.values()) >= 8
    pairs = {(draft.skill, draft.difficulty) for draft in BANK.values()}
    assert pairs == {(skill, difficulty) for skill in skills for difficulty in Difficulty}
    shares = {level: count / len(BANK) for level, count in Counter(d.difficulty for d in BANK.values()).items()}
    assert all(0.2 <= share <= 0.45 for share in shares.values()), shares
    assert {draft.type for draft in BANK.values()} == set(QuestionType)


def test_slugs_begin_with_the_skill_and_each_skill_has_its_file() -> None:
    for slug, draft in BANK.items():
        skill = draft.skill.lower().replace(" ", "-")
        assert re.fullmatch(rf"{skill}(-[a-z0-9]+)+", slug)
    files = {file.name.removesuffix(".json"): file for file in (SAMPLE / "bank").iterdir()}
    assert files.keys() == {draft.skill.lower().replace(" ", "-") for draft in BANK.values()}
    slugs = [question["slug"] for file in files.values() for question in json.loads(file.read_text("utf-8"))]
    assert sorted(slugs) == sorted(BANK), "a slug is taken twice"


def test_no_stem_is_asked_twice() -> None:
    assert repeated([draft.text for draft in BANK.values()]) == []


def test_position_does_not_give_the_key_away() -> None:
    of_four = [draft for draft in SINGLE.values() if len(draft.options) == 4]
    places = Counter([option.correct for option in draft.options].index(True) for draft in of_four)
    assert all(0.2 <= places[place] / len(of_four) <= 0.3 for place in range(4)), places


@pytest.mark.parametrize("sign", [1, -1], ids=["longest", "shortest"])
def test_length_does_not_give_the_key_away(sign: int) -> None:
    telling = [
        slug
        for slug, draft in SINGLE.items()
        if all(sign * len(texts(draft, correct=True)[0]) > sign * len(wrong) for wrong in texts(draft, correct=False))
    ]
    assert len(telling) <= 0.35 * len(SINGLE), telling


def test_statements_are_true_as_often_as_not() -> None:
    truths = [draft.correct for draft in BANK.values() if draft.type is QuestionType.TRUE_FALSE]
    assert len(truths) >= 6
    assert 0.3 <= truths.count(True) / len(truths) <= 0.7


@pytest.mark.parametrize("slug", PRINTING)
def test_python_itself_prints_the_key(slug: str) -> None:
    [program] = re.findall(r"(?ms)^```python\n(.*?)^```$", PRINTING[slug].text)
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(program, slug, "exec"), {})
    except Exception as error:
        printed.write(f"Nothing: it raises {type(error).__name__}")
    assert [printed.getvalue().strip()] == [key.replace("`", "") for key in texts(PRINTING[slug], correct=True)]


def test_some_questions_are_checked_by_running_them() -> None:
    assert len(PRINTING) >= 12


# --- the Tests ---


@pytest.mark.parametrize("test", READ.tests, ids=lambda test: test.blueprint.name)
def test_each_test_can_be_published_without_a_warning(test: Any) -> None:
    check_blueprint(test.blueprint)
    found = examine(test.blueprint, VERSIONS)
    assert (found.problems, found.warnings) == ([], [])
    assert found.overlap is not None
    assert found.overlap.share < 50_000
    assert all(row.available >= 3 * row.needed or row.available >= row.needed + 2 for row in found.coverage)


@pytest.mark.parametrize("test", READ.tests, ids=lambda test: test.blueprint.name)
def test_test_tells_candidates_what_awaits_them(test: Any) -> None:
    assert 2 <= len(re.findall(r"[.!?](?: |$)", test.blueprint.description)) <= 4


def test_screening_has_twenty_questions_with_priorities_and_one_right_answer_each() -> None:
    assert (SCREENING.total_questions, SCREENING.time_limit_minutes) == (20, 30)
    assert {rule.priority for rule in SCREENING.skills} == {"H", "M", "L"}
    draws = [draw for section in SCREENING.sections for draw in section.draws]
    assert {draw.skill for draw in draws} == {rule.skill for rule in SCREENING.skills}
    assert all((draw.points == 2000) == (draw.difficulty is Difficulty.HARD) for draw in draws)
    plan = examine(SCREENING, VERSIONS).plan
    drawn = {plan.snapshot.questions[slot.question].question_id for n in range(50) for slot in draw_slots(plan, f"{n}")}
    assert drawn <= SINGLE.keys()
    assert len(drawn) > 60


def test_sprint_takes_ten_minutes_and_the_last_test_is_linear() -> None:
    assert (SPRINT.total_questions, SPRINT.time_limit_minutes) == (10, 10)
    assert (LINEAR.navigation, LINEAR.time_limit_minutes) == (Navigation.LINEAR, None)
    assert all(rules.shuffle_options for rules in (SCREENING, SPRINT, LINEAR))


# --- the people ---


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
