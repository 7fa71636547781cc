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
    "questions": [],
    "time_limit_minutes": 30,
    "grace_seconds": 5,
    "opens_at": "2026-03-01T08:00:00Z",
    "closes_at": "2026-03-31T18:00:00Z",
    "max_attempts": 2,
    "pass_mark": 66.667,
    "abandon_after_days": 30,
}


@pytest.fixture
async def author(rest: Rest) -> Caller:
    return await rest.person(Role.AUTHOR)


async def draft_of(rest: Rest, questions: int = 2, **changes: Any) -> dict[str, Any]:
    """A draft over new questions of the bank, worth 1.5 points each."""
    bank = await make_questions(rest.storage, questions)
    return {**DRAFT, "questions": [{"question_id": q.question_id, "points": 1.5} for q in bank], **changes}


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
        "name": "Later",
        "description": "",
        "questions": [],
        "time_limit_minutes": None,
        "grace_seconds": 5,
        "opens_at": None,
        "closes_at": None,
        "max_attempts": 1,
        "pass_mark": 50,
        "abandon_after_days": 30,
    }


async def test_points_and_pass_mark_are_exact_to_three_decimals(rest: Rest, author: Caller) -> None:
    draft = await draft_of(rest, 4, pass_mark=33.333)
    for question, points in zip(draft["questions"], [0.001, 1.005, 0.29, 999.999], strict=True):
        question["points"] = points
    version = said(await author.post(f"/tests/{await add(author, draft)}/publish"), 201)
    async with rest.storage.reading() as unit:
        stored = await unit.blueprints.version(version["version_id"])
    assert [question.points for question in stored.questions] == [1, 1005, 290, 999_999]
    assert stored.blueprint.pass_mark == 33_333
    assert [question["points"] for question in version["questions"]] == [0.001, 1.005, 0.29, 999.999]
    assert version["blueprint"] == draft


async def test_window_is_kept_in_utc(author: Caller) -> None:
    draft = said(await author.post("/tests", {**DRAFT, "opens_at": "2026-03-01T10:00:00+02:00"}), 201)["draft"]
    assert draft["opens_at"] == "2026-03-01T08:00:00Z"


async def test_drafts_of_another_form_are_refused(rest: Rest, author: Caller) -> None:
    question = (await draft_of(rest, 1))["questions"][0]
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
        {"questions": [{**question, "points": 0.0005}]},
        {"questions": [{"points": 1}]},
        {"questions": [{**question, "weight": 2}]},
        {"secret": "x"},
    ]
    for change in wrong:
        refused(await author.post("/tests", {**DRAFT, **change}), 422, "invalid_message")
    assert said(await author.get("/tests"))["items"] == []


async def test_rules_that_no_bank_could_make_right_are_refused_with_the_reason(rest: Rest, author: Caller) -> None:
    question = (await draft_of(rest, 1))["questions"][0]
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"pass_mark": 100.001}, "pass_mark"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"time_limit_minutes": 0}, "time_limit_minutes"),
        ({"closes_at": DRAFT["opens_at"]}, "closes before it opens"),
        ({"questions": [question, question]}, "twice"),
        ({"questions": [{**question, "points": 0}]}, "points"),
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
    kept, archived = (question["question_id"] for question in draft["questions"])
    draft["questions"].append({"question_id": "q_nothing", "points": 1})
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
    edited, archived = (question["question_id"] for question in draft["questions"])
    async with rest.storage.unit_of_work() as unit:
        await unit.questions.revise(edited, make_content(7), by=None, now=rest.clock.now())
    said(await author.put(f"/tests/{test_id}", {**draft, "name": "Sums", "questions": draft["questions"][:1]}))
    assert (await author.delete(f"/questions/{archived}")).status_code == 204
    rest.clock.advance(minutes=1)
    second = said(await author.post(f"/tests/{test_id}/publish"), 201)
    assert said(await author.get(f"/tests/{test_id}/versions")) == {"items": [first, second], "next": None}
    assert (first["number"], second["number"]) == (1, 2)
    assert first["blueprint"] == draft
    assert second["questions"][0]["content_digest"] == make_content(7).digest()
    assert first["questions"][0]["content_digest"] == make_content(1).digest()
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
        await author.get("/tests/999/assessments"),
    ):
        assert refused(response, 404, "test_not_found")["details"] == {"test_id": 999}


async def test_invigilator_reads_tests_and_changes_nothing(rest: Rest, author: Caller) -> None:
    test_id = await add(author, await draft_of(rest))
    invigilator = await rest.person(Role.INVIGILATOR)
    said(await invigilator.get(f"/tests/{test_id}"))
    refused(await invigilator.put(f"/tests/{test_id}", DRAFT), 403, "not_allowed")
    refused(await invigilator.post(f"/tests/{test_id}/publish"), 403, "not_allowed")
