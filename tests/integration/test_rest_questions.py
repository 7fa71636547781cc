"""The question bank over REST."""

from __future__ import annotations

from typing import Any

import pytest

from sitting.domain.user import Role
from sitting.storage.tables import question_versions
from tests.support.rest import Caller, Rest, refused, said
from tests.support.storage import rows

OPTIONS = [{"text": "4", "correct": True}, {"text": "5", "correct": False}, {"text": "22", "correct": False}]
NEW: dict[str, Any] = {
    "slug": "two-and-two",
    "skill": "Arithmetic",
    "difficulty": "easy",
    "text": "What is 2 + 2?",
    "options": OPTIONS,
    "explanation": "Count on your fingers.",
}


@pytest.fixture
async def author(rest: Rest) -> Caller:
    return await rest.person(Role.AUTHOR)


async def add(author: Caller, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = said(await author.post("/questions", {**NEW, "slug": None, **changes}), 201)
    return made


def body_of(question: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What a PUT takes, from what a GET gave."""
    options = [{"text": option["text"], "correct": option["correct"]} for option in question["options"]]
    kept = {name: question[name] for name in ("skill", "difficulty", "text", "explanation")}
    return {**kept, "options": options, **changes}


async def test_new_question_gets_ids_and_is_version_one(author: Caller) -> None:
    made = said(await author.post("/questions", NEW), 201)
    ids = [option.pop("id") for option in made["options"]]
    question_id = made.pop("question_id")
    assert made == {**NEW, "version": 1, "type": "single_choice"}
    assert len(question_id) == len("q_") + 12
    assert question_id.startswith("q_")
    assert all(id_.startswith("o_") and len(id_) == len("o_") + 10 for id_ in ids)
    assert len(set(ids)) == 3


async def test_edit_makes_a_version_and_keeps_the_older_one_and_the_ids_of_options_that_stay(
    rest: Rest, author: Caller
) -> None:
    made = await add(author)
    changed = body_of(made, options=[{"text": "5", "correct": False}, {"text": "four", "correct": True}])
    edited = said(await author.put(f"/questions/{made['question_id']}", changed))
    assert edited["version"] == 2
    ids = {option["text"]: option["id"] for option in made["options"]}
    first, second = edited["options"]
    assert first == {"id": ids["5"], "text": "5", "correct": False}
    assert second["id"] not in ids.values()
    assert said(await author.get(f"/questions/{made['question_id']}")) == edited
    kept = await rows(rest.storage, question_versions, question_id=made["question_id"])
    assert [row.version for row in kept] == [1, 2]


async def test_edit_that_changes_nothing_makes_no_version(author: Caller) -> None:
    made = await add(author)
    assert said(await author.put(f"/questions/{made['question_id']}", body_of(made))) == made


async def test_archived_question_is_gone_from_the_bank_but_not_from_the_database(rest: Rest, author: Caller) -> None:
    made, other = await add(author), await add(author)
    path = f"/questions/{made['question_id']}"
    assert (await author.delete(path)).status_code == 204
    refused(await author.get(path), 404, "question_not_found")
    refused(await author.put(path, body_of(made)), 404, "question_not_found")
    refused(await author.delete(path), 404, "question_not_found")
    assert [item["question_id"] for item in said(await author.get("/questions"))["items"]] == [other["question_id"]]
    assert len(await rows(rest.storage, question_versions, question_id=made["question_id"])) == 1


async def test_taken_slug_is_a_conflict(author: Caller) -> None:
    said(await author.post("/questions", NEW), 201)
    refused(await author.post("/questions", {**NEW, "text": "Another?"}), 409, "conflict")
    assert len(said(await author.get("/questions"))["items"]) == 1


async def test_questions_that_cannot_be_used_are_refused_with_the_reasons(author: Caller) -> None:
    wrong: dict[str, dict[str, Any]] = {
        "the text is empty": {"text": "  "},
        "exactly one option must be correct": {"options": [{**option, "correct": True} for option in OPTIONS]},
        "two options have the same text": {"options": [*OPTIONS, {"text": "5", "correct": False}]},
        "an option is empty": {"options": [*OPTIONS, {"text": "", "correct": False}]},
        "an option's text begins with o_ and would look like an id": {
            "options": [*OPTIONS, {"text": "o_5", "correct": False}]
        },
    }
    for reason, change in wrong.items():
        problem = refused(await author.post("/questions", {**NEW, **change}), 422, "invalid_message")
        assert problem["details"]["problems"] == [reason]
    none_right = [{**option, "correct": False} for option in OPTIONS]
    refused(await author.post("/questions", {**NEW, "options": none_right}), 422, "invalid_message")


async def test_bodies_of_another_form_are_refused(author: Caller) -> None:
    wrong: list[dict[str, Any]] = [
        {"options": OPTIONS[:1]},
        {"options": [{"text": f"{n}", "correct": n == 0} for n in range(21)]},
        {"options": [*OPTIONS, {"text": "x", "correct": "no"}]},
        {"options": [*OPTIONS, {"text": "x", "correct": False, "id": "o_mine"}]},
        {"difficulty": "impossible"},
        {"skill": ""},
        {"text": "x" * 20_001},
        {"text": "a\0b"},
        {"slug": "Not A Slug"},
        {"version": 7},
    ]
    for change in wrong:
        refused(await author.post("/questions", {**NEW, **change}), 422, "invalid_message")
    assert said(await author.get("/questions")) == {"items": [], "next": None}


async def test_list_narrows_by_skill_and_difficulty_over_pages(author: Caller) -> None:
    for number in range(5):
        await add(author, text=f"{number}?", skill="Git" if number % 2 else "SQL", difficulty="hard")
    await add(author, skill="SQL")
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = said(await author.get("/questions", skill="SQL", difficulty="hard", limit=2, after=cursor))
        seen += [item["text"] for item in page["items"]]
        cursor = page["next"]
    assert sorted(seen) == ["0?", "2?", "4?"]
    refused(await author.get("/questions", difficulty="impossible"), 422, "invalid_message")
    refused(await author.get("/questions", after="\0"), 422, "invalid_message")


async def test_odd_question_ids_are_not_found_or_invalid(author: Caller) -> None:
    refused(await author.get("/questions/q_nothing"), 404, "question_not_found")
    for id_ in ("q_%00", "q" * 65):
        refused(await author.get(f"/questions/{id_}"), 422, "invalid_message")


async def test_bank_is_closed_to_candidates(rest: Rest, author: Caller) -> None:
    made = await add(author)
    candidate = await rest.person(Role.CANDIDATE)
    for response in (
        await candidate.get("/questions"),
        await candidate.get(f"/questions/{made['question_id']}"),
        await candidate.put(f"/questions/{made['question_id']}", body_of(made)),
        await candidate.delete(f"/questions/{made['question_id']}"),
        await candidate.post("/questions", NEW),
    ):
        assert made["explanation"] not in str(refused(response, 403, "not_allowed"))


async def test_reviewer_reads_the_bank_and_changes_nothing(rest: Rest, author: Caller) -> None:
    made = await add(author)
    reviewer = await rest.person(Role.REVIEWER)
    assert said(await reviewer.get(f"/questions/{made['question_id']}")) == made
    refused(await reviewer.delete(f"/questions/{made['question_id']}"), 403, "not_allowed")
