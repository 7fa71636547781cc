"""Tests over REST: from a draft to versions that nothing changes any more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sitting.domain.user import Role
from tests.support.builders import make_content, make_questions
from tests.support.rest import Caller, Rest, refused, said

DRAFT: dict[str, Any] = {
    "name": "Arithmetic",
    "description": "Sums.",
    "sections": [],
    "not_together": [],
    "shuffle_options": True,
    "navigation": "linear",
    "time_limit_minutes": 30,
    "grace_seconds": 5,
    "opens_at": "2026-03-01T08:00:00Z",
    "closes_at": "2026-03-31T18:00:00Z",
    "time_zone": None,
    "opens_local": None,
    "closes_local": None,
    "max_attempts": 2,
    "attempt_delay_minutes": 60,
    "counted_attempt": "last",
    "pass_mark": 66.667,
    "skills": [],
    "priority_weights": {"H": 3, "M": 2.5, "L": 0.5},
    "negative_marking": 0.25,
    "floor_items": False,
    "floor_total": True,
    "feedback": "after_end",
    "results": "score",
    "abandon_after_days": 30,
    "max_pause_minutes": 20,
    "pilot_responses": 0,
}
DRAW: dict[str, Any] = {
    "count": 1,
    "question_ids": [],
    "skill": None,
    "difficulty": None,
    "tags": [],
    "points": 1,
}


@pytest.fixture
async def author(rest: Rest) -> Caller:
    return await rest.person(Role.AUTHOR)


async def draft_of(rest: Rest, questions: int = 2, **changes: Any) -> dict[str, Any]:
    """A draft over new questions of the bank, worth 1.5 points each."""
    bank = await make_questions(rest.storage, questions)
    fixed = [{"question_id": q.question_id, "points": 1.5} for q in bank]
    return {**DRAFT, "sections": [section(questions=fixed)], **changes}


def section(**changes: Any) -> dict[str, Any]:
    return {"name": "main", "questions": [], "draws": [], "generated": None, "shuffle": False, "weight": 1, **changes}


def fixed_in(draft: dict[str, Any]) -> list[dict[str, Any]]:
    """The fixed questions of the first section."""
    fixed: list[dict[str, Any]] = draft["sections"][0]["questions"]
    return fixed


async def add(author: Caller, draft: dict[str, Any]) -> int:
    test_id: int = said(await author.post("/tests", draft), 201)["test_id"]
    return test_id


async def test_draft_comes_back_as_it_was_sent(rest: Rest, author: Caller) -> None:
    draft = await draft_of(rest)
    made = said(await author.post("/tests", draft), 201)
    assert made["draft"] == draft
    assert made["current_version"] is None
    assert said(await author.get(f"/tests/{made['test_id']}")) == made
    assert said(await author.get("/tests"))["items"] == [made]


async def test_name_alone_makes_a_draft(author: Caller) -> None:
    draft = said(await author.post("/tests", {"name": "Later"}), 201)["draft"]
    assert draft == {
        **DRAFT,
        "name": "Later",
        "description": "",
        "shuffle_options": False,
        "navigation": "free",
        "time_limit_minutes": None,
        "opens_at": None,
        "closes_at": None,
        "max_attempts": 1,
        "attempt_delay_minutes": 0,
        "counted_attempt": "best",
        "pass_mark": 50,
        "priority_weights": {"H": 3, "M": 2, "L": 1},
        "negative_marking": 0,
        "floor_items": True,
        "feedback": "none",
        "results": "full",
        "max_pause_minutes": 60,
    }


async def test_points_and_pass_mark_are_exact_to_three_decimals(rest: Rest, author: Caller) -> None:
    draft = await draft_of(rest, 4, pass_mark=33.333)
    for question, points in zip(fixed_in(draft), [0.001, 1.005, 0.29, 999.999], strict=True):
        question["points"] = points
    version = said(await author.post(f"/tests/{await add(author, draft)}/publish"), 201)
    async with rest.storage.reading() as unit:
        stored = await unit.blueprints.version(version["version_id"])
    assert [question.points for question in stored.blueprint.sections[0].questions] == [1, 1005, 290, 999_999]
    assert stored.blueprint.pass_mark == 33_333
    assert version["blueprint"] == draft


async def test_window_is_kept_in_utc(author: Caller) -> None:
    draft = said(await author.post("/tests", {**DRAFT, "opens_at": "2026-03-01T10:00:00+02:00"}), 201)["draft"]
    assert draft["opens_at"] == "2026-03-01T08:00:00Z"


async def test_drafts_of_another_form_are_refused(rest: Rest, author: Caller) -> None:
    question = fixed_in(await draft_of(rest, 1))[0]
    wrong: list[dict[str, Any]] = [
        {"name": ""},
        {"name": "a\0b"},
        {"opens_at": "2026-03-01T08:00:00"},
        {"opens_at": "tomorrow"},
        {"opens_at": "9999-12-31T23:59:59-10:00"},
        {"pass_mark": 66.6667},
        {"pass_mark": -1},
        {"pass_mark": "NaN"},
        {"time_limit_minutes": 1.5},
        {"time_limit_minutes": True},
        {"time_limit_minutes": 10**30},
        {"sections": [section(questions=[{**question, "points": 0.0005}])]},
        {"sections": [section(questions=[{"points": 1}])]},
        {"sections": [section(questions=[{**question, "weight": 2}])]},
        {"sections": [section(draws=[{**DRAW, "count": 0}])]},
        {"sections": [section(draws=[{**DRAW, "difficulty": "fair"}])]},
        {"sections": [section(shuffle="yes")]},
        {"navigation": "backwards"},
        {"negative_marking": 1.001},
        {"skills": [{"skill": "Sums", "priority": "X"}]},
        {"time_zone": "Mars/Olympus"},
        {"opens_local": "2026-03-01T08:00:00"},
        {"time_zone": "Europe/Berlin", "opens_local": "2026-03-01T08:00:00"},
        {"secret": "x"},
    ]
    for change in wrong:
        refused(await author.post("/tests", {**DRAFT, **change}), 422, "invalid_message")
    assert said(await author.get("/tests"))["items"] == []


async def test_rules_that_no_bank_could_make_right_are_refused_with_the_reason(rest: Rest, author: Caller) -> None:
    question = fixed_in(await draft_of(rest, 1))[0]
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"pass_mark": 100.001}, "pass_mark"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"time_limit_minutes": 0}, "time_limit_minutes"),
        ({"closes_at": DRAFT["opens_at"]}, "closes before it opens"),
        ({"sections": [section(questions=[question, question])]}, "twice"),
        ({"sections": [section(questions=[{**question, "points": 0}])]}, "points"),
        ({"sections": [section(), section()]}, "same name"),
        ({"not_together": [["q_1", "q_2"], ["q_2", "q_3"]]}, "twice"),
        ({"not_together": [["q_1"]]}, "fewer than two"),
    ]
    test_id = await add(author, DRAFT)
    for change, reason in wrong:
        for response in (
            await author.post("/tests", {**DRAFT, **change}),
            await author.put(f"/tests/{test_id}", {**DRAFT, **change}),
        ):
            (problem,) = refused(response, 422, "invalid_message")["details"]["problems"]
            assert reason in problem
    assert said(await author.get(f"/tests/{test_id}"))["draft"] == DRAFT


async def test_publication_of_an_empty_draft_is_refused(author: Caller) -> None:
    test_id = await add(author, DRAFT)
    problem = refused(await author.post(f"/tests/{test_id}/publish"), 409, "publication_refused")
    assert problem["details"]["problems"] == ["it has no questions"]
    assert said(await author.get(f"/tests/{test_id}/versions"))["items"] == []


async def test_publication_names_the_questions_that_the_bank_lacks(rest: Rest, author: Caller) -> None:
    draft = await draft_of(rest, 2)
    kept, archived = (question["question_id"] for question in fixed_in(draft))
    fixed_in(draft).append({"question_id": "q_nothing", "points": 1})
    test_id = await add(author, draft)
    assert (await author.delete(f"/questions/{archived}")).status_code == 204
    problem = refused(await author.post(f"/tests/{test_id}/publish"), 409, "publication_refused")
    assert problem["details"]["missing"] == [archived, "q_nothing"]
    assert kept not in str(problem)
    assert said(await author.get(f"/tests/{test_id}"))["current_version"] is None


async def test_versions_stay_as_they_were_published_whatever_is_edited(rest: Rest, author: Caller) -> None:
    draft = await draft_of(rest)
    test_id = await add(author, draft)
    first = said(await author.post(f"/tests/{test_id}/publish"), 201)
    edited, archived = (question["question_id"] for question in fixed_in(draft))
    async with rest.storage.unit_of_work() as unit:
        await unit.questions.revise(edited, make_content(7), by=None, now=rest.clock.now())
    shorter = {**draft, "name": "Sums", "sections": [section(questions=fixed_in(draft)[:1])]}
    said(await author.put(f"/tests/{test_id}", shorter))
    assert (await author.delete(f"/questions/{archived}")).status_code == 204
    rest.clock.advance(minutes=1)
    second = said(await author.post(f"/tests/{test_id}/publish"), 201)
    assert said(await author.get(f"/tests/{test_id}/versions")) == {"items": [first, second], "next": None}
    assert (first["number"], second["number"]) == (1, 2)
    assert first["blueprint"] == draft
    digests = [{q["question_id"]: q["content_digest"] for q in version["questions"]} for version in (first, second)]
    assert digests == [
        {edited: make_content(1).digest(), archived: make_content(2).digest()},
        {edited: make_content(7).digest()},
    ]
    assert said(await author.get(f"/tests/{test_id}"))["current_version"] == 2


async def test_simultaneous_publications_get_numbers_of_their_own(rest: Rest, author: Caller) -> None:
    test_id = await add(author, await draft_of(rest))
    responses = await asyncio.gather(*(author.post(f"/tests/{test_id}/publish") for _ in range(5)))
    assert sorted(said(response, 201)["number"] for response in responses) == [1, 2, 3, 4, 5]


async def test_unknown_test_is_not_found(author: Caller) -> None:
    for response in (
        await author.get("/tests/999"),
        await author.put("/tests/999", DRAFT),
        await author.post("/tests/999/publish"),
        await author.get("/tests/999/versions"),
        await author.get("/tests/999/diff", **{"from": 1}),
        await author.post("/tests/999/check"),
        await author.post("/tests/999/sample-paper"),
        await author.post("/tests/999/clone"),
        await author.delete("/tests/999"),
        await author.get("/tests/999/assessments"),
    ):
        assert refused(response, 404, "test_not_found")["details"]["test_id"] == 999


async def test_invigilator_reads_tests_and_changes_nothing(rest: Rest, author: Caller) -> None:
    test_id = await add(author, await draft_of(rest))
    invigilator = await rest.person(Role.INVIGILATOR)
    said(await invigilator.get(f"/tests/{test_id}"))
    refused(await invigilator.put(f"/tests/{test_id}", DRAFT), 403, "not_allowed")
    refused(await invigilator.post(f"/tests/{test_id}/publish"), 403, "not_allowed")
