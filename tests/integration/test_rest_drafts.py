"""Working on a Test over REST: checks, sample papers, copies, differences, and two authors at once."""

from __future__ import annotations

from typing import Any

import pytest

from sitting.domain.errors import NotOpen
from sitting.domain.user import Role
from tests.support.builders import begin, invite, make_content, make_questions
from tests.support.rest import Caller, Rest, refused, said

NAME = {"name": "Arithmetic"}


@pytest.fixture
async def author(rest: Rest) -> Caller:
    return await rest.person(Role.AUTHOR)


async def add(author: Caller, **rules: Any) -> int:
    test_id: int = said(await author.post("/tests", NAME | rules), 201)["test_id"]
    return test_id


async def ids_of(rest: Rest, number: int) -> list[str]:
    return [question.question_id for question in await make_questions(rest.storage, number)]


# --- the draft ---


@pytest.mark.parametrize(
    "window",
    [
        {"opens_at": "2026-03-29T02:30:00", "closes_at": "2026-10-25T02:30:00", "time_zone": "Europe/Berlin"},
        {"opens_at": "2026-03-29T02:30:00.250+05:30", "closes_at": "2026-10-25T02:30:00Z", "time_zone": None},
        {"opens_at": "2026-03-29T02:30:00Z", "closes_local": "2026-10-25T02:30:00", "time_zone": "America/New_York"},
    ],
    ids=["local", "instants", "mixed"],
)
async def test_what_was_answered_can_be_sent_again_and_changes_nothing(
    rest: Rest, author: Caller, window: dict[str, Any]
) -> None:
    question_ids = await ids_of(rest, 3)
    draws = [{"count": 1, "question_ids": question_ids[1:], "points": 0.5}]
    sections = [{"questions": [{"question_id": question_ids[0]}], "draws": draws, "shuffle": True, "weight": 1.25}]
    skills = [{"skill": "Arithmetic", "priority": "H", "pass_mark": 33.333}]
    rules = {"sections": sections, "skills": skills, "not_together": [question_ids[:2]], **window}
    made = said(await author.post("/tests", NAME | rules), 201)
    for _ in range(2):
        again = said(await author.put(f"/tests/{made['test_id']}", made["draft"]))
        assert again == {**made, "updated_at": again["updated_at"]}


async def test_wall_clock_times_are_answered_beside_the_instants_that_they_mean(author: Caller) -> None:
    window = {"opens_at": "2026-03-29T02:30:00", "closes_at": "2026-10-25T02:30:00", "time_zone": "Europe/Berlin"}
    draft = said(await author.post("/tests", NAME | window), 201)["draft"]
    assert (draft["opens_at"], draft["opens_local"]) == ("2026-03-29T01:30:00Z", "2026-03-29T02:30:00")
    assert (draft["closes_at"], draft["closes_local"]) == ("2026-10-25T01:30:00Z", "2026-10-25T02:30:00")


async def test_instant_and_wall_clock_time_that_contradict_each_other_are_refused(author: Caller) -> None:
    window = {"opens_at": "2026-03-01T08:00:00", "time_zone": "Europe/Berlin"}
    draft = said(await author.post("/tests", NAME | window), 201)["draft"]
    for moved in ({"opens_at": "2026-03-01T09:00:00Z"}, {"opens_local": "2026-03-02T08:00:00"}):
        refused(await author.post("/tests", draft | moved), 422, "invalid_message")
    said(await author.post("/tests", draft | {"opens_at": "2026-03-01T09:00:00Z", "opens_local": None}), 201)


async def test_of_two_authors_the_second_is_told_that_the_draft_has_changed(author: Caller) -> None:
    test_id = await add(author)
    tag = (await author.get(f"/tests/{test_id}")).headers["etag"]
    first = await author.holding(**{"If-Match": tag}).put(f"/tests/{test_id}", {"name": "First"})
    assert said(first)["draft"]["name"] == "First"
    second = await author.holding(**{"If-Match": f'"0", {tag}'}).put(f"/tests/{test_id}", {"name": "Second"})
    refused(second, 409, "conflict")
    again = author.holding(**{"If-Match": f'"0", {first.headers["etag"]}'})
    assert said(await again.put(f"/tests/{test_id}", {"name": "Second"}))["draft"]["name"] == "Second"
    assert said(await author.holding(**{"If-Match": "*"}).put(f"/tests/{test_id}", NAME))["draft"]["name"]


# --- check ---


async def test_check_says_what_is_missing_and_publishing_refuses_for_just_that(rest: Rest, author: Caller) -> None:
    question_ids = await ids_of(rest, 4)
    draws = [{"count": 3, "skill": "Arithmetic"}, {"count": 2, "question_ids": question_ids[:3]}]
    test_id = await add(author, sections=[{"draws": draws}], not_together=[question_ids[:2]])
    checked = said(await author.post(f"/tests/{test_id}/check"))
    assert not checked["can_be_published"]
    assert (checked["total_questions"], checked["expected_overlap"]) == (5, None)
    [clash] = checked["clashes"]
    assert (clash["needed"], clash["available"], clash["missing"], len(clash["draws"])) == (5, 3, 2, 2)
    assert [(row["skill"], row["needed"], row["available"]) for row in checked["coverage"]] == [
        ("Arithmetic", 3, 3),
        (None, 2, 2),
    ]
    refusal = refused(await author.post(f"/tests/{test_id}/publish"), 409, "publication_refused")["details"]
    assert refusal == {name: checked[name] for name in ("problems", "missing", "clashes")}
    assert said(await author.get(f"/tests/{test_id}"))["current_version"] is None


async def test_check_changes_nothing_and_foretells_the_overlap(rest: Rest, author: Caller) -> None:
    await ids_of(rest, 8)
    test_id = await add(author, sections=[{"draws": [{"count": 2}]}])
    before = said(await author.get(f"/tests/{test_id}"))
    checked = said(await author.post(f"/tests/{test_id}/check"))
    assert (checked["can_be_published"], checked["problems"], checked["warnings"]) == (True, [], [])
    assert (checked["expected_overlap"], checked["overlap_error"]) == (25, 0)
    assert said(await author.get(f"/tests/{test_id}")) == before
    version = said(await author.post(f"/tests/{test_id}/publish"), 201)
    assert (version["expected_overlap"], version["overlap_error"]) == (25, 0)
    assert said(await author.get(f"/tests/{test_id}/versions/1")) == version
    refused(await author.get(f"/tests/{test_id}/versions/2"), 404, "test_not_found")


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"skills": [{"skill": "Arithmetics", "priority": "H"}]}, "Arithmetics"),
        ({"sections": [{"draws": [{"count": 1}]}, {"name": "empty"}]}, "section empty has no questions"),
        ({"not_together": [["q_no", "q_where"]]}, "question q_no is not in the bank"),
        ({"sections": [{"draws": [{"count": 1, "points": 0.001}], "weight": 0.1}]}, "worth less than 0.001"),
        ({"sections": [{"draws": [{"count": 1, "question_ids": ["q_no"]}]}]}, "question q_no is not in the bank"),
    ],
)
async def test_mistakes_that_nobody_would_notice_later_are_refused(
    rest: Rest, author: Caller, rules: dict[str, Any], words: str
) -> None:
    await ids_of(rest, 2)
    test_id = await add(author, **({"sections": [{"draws": [{"count": 1}]}]} | rules))
    problems = refused(await author.post(f"/tests/{test_id}/publish"), 409, "publication_refused")["details"][
        "problems"
    ]
    assert any(words in problem for problem in problems), problems


async def test_check_warns_of_papers_that_are_unlike(rest: Rest, author: Caller) -> None:
    async with rest.storage.unit_of_work() as unit:
        for number, difficulty in enumerate(("easy", "hard")):
            content = make_content(number, difficulty=difficulty, skill=difficulty)
            await unit.questions.create(f"q_{number}", content, slug=None, by=None, now=rest.clock.now())
    skills = [{"skill": "hard", "priority": "H"}]
    draw = {"count": 1, "question_ids": ["q_0", "q_1"]}
    test_id = await add(author, sections=[{"draws": [draw, draw | {"difficulty": "easy"}]}], skills=skills)
    checked = said(await author.post(f"/tests/{test_id}/check"))
    assert checked["can_be_published"]
    left_out, worths, difficulties = checked["warnings"]
    assert "q_1" in left_out
    assert "1 to 3 points" in worths
    assert "easy, hard" in difficulties


# --- sample papers ---


async def test_seed_gives_the_same_paper_until_the_draft_changes(rest: Rest, author: Caller) -> None:
    await ids_of(rest, 30)
    test_id = await add(author, sections=[{"draws": [{"count": 10, "points": 2}]}], shuffle_options=True)
    paper = said(await author.post(f"/tests/{test_id}/sample-paper"))
    assert said(await author.post(f"/tests/{test_id}/sample-paper", {"seed": paper["seed"]})) == paper
    assert said(await author.post(f"/tests/{test_id}/sample-paper"))["questions"] != paper["questions"]
    assert [question["position"] for question in paper["questions"]] == list(range(1, 11))
    assert paper["max_score"] == 20
    for question in paper["questions"]:
        assert [option["correct"] for option in question["options"]].count(True) == 1
        assert question["explanation"]


async def test_no_sample_paper_where_there_is_no_full_one(author: Caller) -> None:
    test_id = await add(author, sections=[{"draws": [{"count": 1}]}])
    refused(await author.post(f"/tests/{test_id}/sample-paper", {"seed": "s"}), 409, "publication_refused")


# --- copies and differences ---


async def test_clone_is_a_test_of_its_own_with_the_same_draft(rest: Rest, author: Caller) -> None:
    question_ids = await ids_of(rest, 1)
    test_id = await add(author, sections=[{"questions": [{"question_id": question_ids[0]}]}], time_limit_minutes=7)
    said(await author.post(f"/tests/{test_id}/publish"), 201)
    source = said(await author.get(f"/tests/{test_id}"))
    clone = said(await author.post(f"/tests/{test_id}/clone", {"name": "Second sitting"}), 201)
    assert clone["draft"] == source["draft"] | {"name": "Second sitting"}
    assert (clone["current_version"], clone["test_id"] != test_id) == (None, True)
    assert said(await author.post(f"/tests/{test_id}/clone"), 201)["draft"]["name"] == "Copy of Arithmetic"
    assert said(await author.get(f"/tests/{test_id}")) == source


async def test_diff_names_each_rule_section_and_question_that_changed(rest: Rest, author: Caller) -> None:
    first, second, third = await ids_of(rest, 3)
    parts = [{"name": "one", "questions": [{"question_id": first}]}, {"name": "two", "draws": [{"count": 1}]}]
    test_id = await add(author, sections=parts, time_limit_minutes=30, pass_mark=50)
    said(await author.post(f"/tests/{test_id}/publish"), 201)
    assert said(await author.get(f"/tests/{test_id}/diff", **{"from": 1})) == {
        "settings": [],
        "sections": [],
        "questions": {"added": [], "removed": [], "changed": []},
    }
    async with rest.storage.unit_of_work() as unit:
        await unit.questions.revise(second, make_content(2, text="Twice two?"), by=None, now=rest.clock.now())
        await unit.questions.archive(third, now=rest.clock.now())
        await unit.questions.create("q_new", make_content(9), slug=None, by=None, now=rest.clock.now())
    changed = [parts[0] | {"weight": 2}, {"name": "three", "draws": [{"count": 1}]}]
    draft = NAME | {"sections": changed, "time_limit_minutes": 45, "pass_mark": 66.5}
    said(await author.put(f"/tests/{test_id}", draft))
    said(await author.post(f"/tests/{test_id}/publish"), 201)
    for to in ("2", "draft"):
        found = said(await author.get(f"/tests/{test_id}/diff", **{"from": 1, "to": to}))
        assert [(each["setting"], each["old"], each["new"]) for each in found["settings"]] == [
            ("time_limit_minutes", 30, 45),
            ("pass_mark", 50, 66.5),
        ]
        assert found["settings"][0]["sentence"] == "time_limit_minutes: 30 became 45"
        changes = {each["section"]: (each["change"], each["settings"]) for each in found["sections"]}
        assert {name: change for name, (change, _) in changes.items()} == {
            "one": "changed",
            "two": "removed",
            "three": "added",
        }
        assert [each["sentence"] for each in changes["one"][1]] == ["weight: 1.0 became 2.0"]
        questions = found["questions"]
        assert (questions["added"], questions["removed"]) == (["q_new"], [third])
        [revised] = questions["changed"]
        assert (revised["question_id"], revised["fields"]) == (second, ["text"])


async def test_diff_needs_versions_that_are_there(author: Caller) -> None:
    test_id = await add(author)
    refused(await author.get(f"/tests/{test_id}/diff", **{"from": 1}), 404, "test_not_found")
    for wrong in ({}, {"from": 0}, {"from": 1, "to": "last"}, {"from": 1, "to": "0"}):
        refused(await author.get(f"/tests/{test_id}/diff", **wrong), 422, "invalid_message")


# --- out of use ---


async def test_archived_test_cannot_be_started_but_whoever_has_begun_goes_on(rest: Rest, author: Caller) -> None:
    question_ids = await ids_of(rest, 1)
    test_id = await add(author, sections=[{"questions": [{"question_id": question_ids[0]}]}])
    said(await author.post(f"/tests/{test_id}/publish"), 201)
    async with rest.storage.reading() as unit:
        version = await unit.blueprints.current_version(test_id)
    early, late = [await invite(rest.storage, version) for _ in range(2)]
    seat = await begin(rest.storage, early)
    assert (await author.delete(f"/tests/{test_id}")).status_code == 204
    archived = said(await author.get(f"/tests/{test_id}"))
    assert (await author.delete(f"/tests/{test_id}")).status_code == 204
    assert said(await author.get(f"/tests/{test_id}")) == archived
    assert archived["archived_at"] is not None
    assert said(await author.get("/tests"))["items"] == []
    assert said(await author.get("/tests", archived="true"))["items"] == [archived]
    with pytest.raises(NotOpen):
        await begin(rest.storage, late)
    assert (await begin(rest.storage, early)).assessment_id == seat.assessment_id
    assert (await seat.twin()).live.paper == seat.live.paper
    problems = refused(await author.post(f"/tests/{test_id}/publish"), 409, "publication_refused")["details"]
    assert problems["problems"] == ["it is archived"]
