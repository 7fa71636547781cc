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


NOTHING: dict[str, Any] = {
    "numbers": [],
    "unit": "",
    "unit_required": False,
    "other_units": [],
    "accepted": [],
    "case_sensitive": False,
    "tags": [],
}
KINDS: dict[str, dict[str, Any]] = {
    "multiple_response": {"options": [{**option, "correct": option["text"] != "5"} for option in OPTIONS]},
    "true_false": {"correct": True, "options": []},
    "numeric": {
        "options": [],
        "numbers": [{"value": "9.81", "tolerance": "0.01", "credit": 1}, {"value": "10", "credit": 0.5}],
        "unit": "m/s²",
        "unit_required": True,
        "other_units": [{"name": "cm/s²", "factor": "0.01"}],
    },
    "short_text": {
        "options": [],
        "accepted": [{"text": "four"}, {"text": "f*", "match": "wildcard", "credit": 0.25}],
        "case_sensitive": True,
    },
}


def body_of(question: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What a PUT takes, from what a GET gave."""
    options = [{name: option[name] for name in ("text", "correct", "feedback")} for option in question["options"]]
    kept = {
        name: value for name, value in question.items() if name not in ("question_id", "slug", "version", "responses")
    }
    return {**kept, "options": options, **changes}


async def test_new_question_gets_ids_and_is_version_one(author: Caller) -> None:
    made = said(await author.post("/questions", NEW), 201)
    ids = [option.pop("id") for option in made["options"]]
    question_id = made.pop("question_id")
    options = [{**option, "feedback": ""} for option in OPTIONS]
    assert made == {**NEW, **NOTHING, "options": options, "version": 1, "type": "single_choice", "responses": 0}
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
    assert first == {"id": ids["5"], "text": "5", "correct": False, "feedback": ""}
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
    few = refused(await author.post("/questions", {**NEW, "options": OPTIONS[:1]}), 422, "invalid_message")
    assert few["details"]["problems"] == ["it needs 2 to 20 options"]
    none_right = [{**option, "correct": False} for option in OPTIONS]
    refused(await author.post("/questions", {**NEW, "options": none_right}), 422, "invalid_message")


async def test_bodies_of_another_form_are_refused(author: Caller) -> None:
    wrong: list[dict[str, Any]] = [
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


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_is_kept_as_it_was_sent_and_may_be_sent_back(author: Caller, kind: str) -> None:
    made = await add(author, type=kind, tags=["a", "b c"], **KINDS[kind])
    assert made["type"] == kind
    assert made["tags"] == ["a", "b c"]
    for name, value in KINDS[kind].items():
        if name in ("numbers", "accepted"):
            assert [
                {field: part[field] for field in sent} for part, sent in zip(made[name], value, strict=True)
            ] == value
        elif name in made and name != "options":
            assert made[name] == value
    again = said(await author.put(f"/questions/{made['question_id']}", body_of(made)))
    assert again == made


async def test_search_finds_words_in_any_case_and_takes_no_character_for_a_wildcard(author: Caller) -> None:
    one = await add(author, text="Was heißt GROSS? 100% sicher", tags=["de"])
    two = await add(author, text="Was heißt klein? 100 sicher", tags=["de", "easy"])
    three = await add(author, text="C:\\temp_1", type="short_text", options=[], accepted=[{"text": "x"}])

    async def found(**query: Any) -> set[str]:
        return {item["question_id"] for item in said(await author.get("/questions", **query))["items"]}

    ids = [made["question_id"] for made in (one, two, three)]
    assert await found(q="gross") == {ids[0]}
    assert await found(q="WAS sicher") == {ids[0], ids[1]}
    assert await found(q="100%") == {ids[0]}
    assert await found(q="temp_1") == {ids[2]}
    assert await found(q="temp%1") == set()
    assert await found(q="c:\\temp") == {ids[2]}
    assert await found(tag=["de", "easy"]) == {ids[1]}
    assert await found(type="short_text") == {ids[2]}
    assert await found(q="was", tag="easy", type="single_choice", skill="Arithmetic", difficulty="easy") == {ids[1]}
    said(await author.put(f"/questions/{ids[1]}", body_of(two, text="Anders", tags=[])))
    assert await found(tag="easy") == set()
    assert await found(q="klein") == set()


async def test_every_version_can_be_read_and_the_history_names_who_made_it(author: Caller) -> None:
    made = await add(author)
    path = f"/questions/{made['question_id']}"
    edited = said(await author.put(path, body_of(made, text="What is two and two?")))
    history = said(await author.get(f"{path}/versions"))
    assert author.user is not None
    assert [(v["version"], v["created_by"]) for v in history] == [(1, author.user.user_id), (2, author.user.user_id)]
    assert len({v["content_digest"] for v in history}) == 2
    assert (await author.delete(path)).status_code == 204
    assert said(await author.get(f"{path}/versions")) == history
    assert said(await author.get(f"{path}/versions/1")) == made
    assert said(await author.get(f"{path}/versions/2")) == edited
    refused(await author.get(f"{path}/versions/3"), 404, "question_not_found")
    refused(await author.get(f"{path}/versions/0"), 422, "invalid_message")
    refused(await author.get("/questions/q_nothing/versions"), 404, "question_not_found")


async def test_archived_questions_are_listed_apart_and_come_back_as_they_were(author: Caller) -> None:
    made, other = await add(author), await add(author)
    path = f"/questions/{made['question_id']}"
    refused(await author.post(f"{path}/restore"), 404, "question_not_found")
    assert (await author.delete(path)).status_code == 204
    assert said(await author.get("/questions", archived=True))["items"] == [made]
    assert said(await author.get("/questions"))["items"] == [other]
    assert said(await author.post(f"{path}/restore")) == made
    assert said(await author.get(path)) == made
    assert said(await author.get("/questions", archived=True))["items"] == []


async def test_skills_and_tags_are_counted_without_the_archived(author: Caller) -> None:
    await add(author, skill="SQL", difficulty="hard", tags=["joins"])
    await add(author, skill="SQL", difficulty="easy", tags=["joins", "null"])
    gone = await add(author, skill="Git", tags=["branches"])
    await add(author, skill="Git", difficulty="medium")
    assert (await author.delete(f"/questions/{gone['question_id']}")).status_code == 204
    assert said(await author.get("/skills")) == [
        {"skill": "Git", "questions": 1, "easy": 0, "medium": 1, "hard": 0},
        {"skill": "SQL", "questions": 2, "easy": 1, "medium": 0, "hard": 1},
    ]
    assert said(await author.get("/tags")) == [{"tag": "joins", "questions": 2}, {"tag": "null", "questions": 1}]


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
        await candidate.get(f"/questions/{made['question_id']}/versions"),
        await candidate.get(f"/questions/{made['question_id']}/versions/1"),
        await candidate.post(f"/questions/{made['question_id']}/restore"),
        await candidate.get("/questions/export", format="json"),
        await candidate.post("/questions/import?format=json"),
        await candidate.get("/skills"),
        await candidate.get("/tags"),
    ):
        assert made["explanation"] not in str(refused(response, 403, "not_allowed"))


async def test_reviewer_reads_the_bank_and_changes_nothing(rest: Rest, author: Caller) -> None:
    made = await add(author)
    reviewer = await rest.person(Role.REVIEWER)
    assert said(await reviewer.get(f"/questions/{made['question_id']}")) == made
    refused(await reviewer.delete(f"/questions/{made['question_id']}"), 403, "not_allowed")
