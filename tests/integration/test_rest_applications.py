"""Invitations over REST, and what an invited candidate is told."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from sitting.domain.user import Role
from sitting.storage.tables import candidate_applications, users
from sitting.storage.unit_of_work import Storage
from sitting.usecases.open_invitation import open_invitation
from tests.support.builders import begin, finalize, invite, make_questions, make_user, publish_test
from tests.support.clock import NOON
from tests.support.rest import BASE_URL, Caller, Rest, refused, said, serving
from tests.support.storage import execute, rows

NADIA = {"name": "Nadia Karimi", "email": "nadia@example.org"}


@pytest.fixture
async def author(rest: Rest) -> Caller:
    return await rest.person(Role.AUTHOR)


async def applications_of(author: Caller, test_id: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = said(await author.get(f"/tests/{test_id}/applications", limit=200))["items"]
    return items


async def test_unknown_address_becomes_a_candidate_with_a_link_that_works(rest: Rest, author: Caller) -> None:
    test = await publish_test(rest.storage)
    body = said(await author.post(f"/tests/{test.test_id}/applications", NADIA), 201)
    (item,) = body["items"]
    secret = item["link"].removeprefix(f"{BASE_URL}/i/")
    opened = await open_invitation(rest.storage, secret, now=NOON)
    assert item == {
        "outcome": "created",
        "application_id": opened.application.application_id,
        "user_id": opened.application.user_id,
        "test_id": test.test_id,
        "name": "Nadia Karimi",
        "email": "nadia@example.org",
        "label": "",
        "status": "invited",
        "is_trial": False,
        "link": f"{BASE_URL}/i/{secret}",
        "extra_time_factor": 1.0,
        "extra_minutes": 0,
        "break_minutes": 0,
        "expires_at": None,
        "created_at": "2026-03-02T12:00:00Z",
        "opened_at": None,
        "withdrawn_at": None,
        "attempts": [],
        "counted_result": None,
    }
    (row,) = await rows(rest.storage, users, id=item["user_id"])
    assert (row.roles, row.password_hash) == ("candidate", None)


async def test_links_can_be_shown_again_page_by_page(rest: Rest, author: Caller) -> None:
    test = await publish_test(rest.storage)
    people = [{"name": f"Candidate {n}", "email": f"c{n}@example.org"} for n in range(5)]
    made = said(await author.post(f"/tests/{test.test_id}/applications", {"candidates": people}), 201)["items"]
    assert [item["email"] for item in made] == [person["email"] for person in people]
    first = said(await author.get(f"/tests/{test.test_id}/applications", limit=3))
    rest_of_it = said(await author.get(f"/tests/{test.test_id}/applications", limit=3, after=first["next"]))
    assert [{"outcome": "created", **item} for item in first["items"] + rest_of_it["items"]] == made
    assert rest_of_it["next"] is None


async def test_known_people_are_invited_by_id_or_address_and_stay_who_they_are(rest: Rest, author: Caller) -> None:
    test = await publish_test(rest.storage)
    by_id = await make_user(rest.storage, "By Id")
    by_address = await make_user(rest.storage, "By Address", email="known@example.org", roles=[Role.REVIEWER])
    people = [{"user_id": by_id.user_id}, {"name": "Somebody Else", "email": " KNOWN@example.org"}]
    items = said(await author.post(f"/tests/{test.test_id}/applications", {"candidates": people}), 201)["items"]
    assert [item["user_id"] for item in items] == [by_id.user_id, by_address.user_id]
    assert [item["name"] for item in items] == ["By Id", "By Address"]
    (row,) = await rows(rest.storage, users, id=by_address.user_id)
    assert row.roles == "reviewer"


async def test_simultaneous_invitations_of_an_unknown_address_make_one_application(rest: Rest, author: Caller) -> None:
    test = await publish_test(rest.storage)
    path = f"/tests/{test.test_id}/applications"
    responses = await asyncio.gather(*(author.post(path, NADIA) for _ in range(6)))
    items = [said(response, 201)["items"][0] for response in responses]
    assert sorted(item["outcome"] for item in items) == ["created"] + ["existing"] * 5
    assert len({item["link"] for item in items}) == len(await applications_of(author, test.test_id)) == 1


async def test_simultaneous_invitations_of_a_known_person_make_one_application(rest: Rest, author: Caller) -> None:
    test = await publish_test(rest.storage)
    for _ in range(3):
        user = await make_user(rest.storage)
        path = f"/tests/{test.test_id}/applications"
        responses = await asyncio.gather(*(author.post(path, {"user_id": user.user_id}) for _ in range(6)))
        items = [said(response, 201)["items"][0] for response in responses]
        assert sorted(item["outcome"] for item in items) == ["created"] + ["existing"] * 5


async def test_public_url_makes_the_links(storage: Storage) -> None:
    async with serving(storage, public_url="https://tests.example.com") as rest:
        author = await rest.person(Role.AUTHOR)
        test = await publish_test(storage)
        (item,) = said(await author.post(f"/tests/{test.test_id}/applications", NADIA), 201)["items"]
        assert item["link"].startswith("https://tests.example.com/i/")


async def test_one_wrong_candidate_lets_nobody_in(rest: Rest, author: Caller) -> None:
    test = await publish_test(rest.storage)
    known = await make_user(rest.storage, email="twice@example.org")
    path = f"/tests/{test.test_id}/applications"
    wrong: list[tuple[dict[str, Any], int, str]] = [
        ({"user_id": 999}, 404, "not_found"),
        ({"name": "No Address", "email": "none"}, 422, "invalid_message"),
        (NADIA, 422, "invalid_message"),
    ]
    for candidate, status, code in wrong:
        refused(await author.post(path, {"candidates": [NADIA, candidate]}), status, code)
    twice = [{"user_id": known.user_id}, {"name": "Twice", "email": "twice@example.org"}]
    refused(await author.post(path, {"candidates": twice}), 422, "invalid_message")
    assert await rows(rest.storage, candidate_applications) == []
    assert await rows(rest.storage, users, email="nadia@example.org") == []


async def test_bodies_of_another_form_are_refused(rest: Rest, author: Caller) -> None:
    test = await publish_test(rest.storage)
    wrong: list[Any] = [
        {},
        [],
        {"candidates": []},
        {"candidates": [NADIA], "user_id": 1},
        {"candidates": {"user_id": 1}},
        {"candidates": [{"user_id": number} for number in range(1, 502)]},
        {"user_id": 1, **NADIA},
        {"user_id": True},
        {"user_id": 0},
        {"user_id": 2**53},
        {"email": "a@example.org"},
        {"name": "a\0b", "email": "a@example.org"},
    ]
    for body in wrong:
        refused(await author.post(f"/tests/{test.test_id}/applications", body), 422, "invalid_message")
    assert await rows(rest.storage, candidate_applications) == []


async def test_decimal_text_is_taken_for_a_user_id(rest: Rest, author: Caller) -> None:
    test = await publish_test(rest.storage)
    user = await make_user(rest.storage)
    body = {"user_id": str(user.user_id)}
    (item,) = said(await author.post(f"/tests/{test.test_id}/applications", body), 201)["items"]
    assert item["user_id"] == user.user_id


async def test_nobody_is_invited_to_a_draft_or_to_nothing(rest: Rest, author: Caller) -> None:
    draft_id = said(await author.post("/tests", {"name": "Draft"}), 201)["test_id"]
    problem = refused(await author.post(f"/tests/{draft_id}/applications", NADIA), 409, "conflict")
    assert "Publish this test first" in problem["detail"]
    refused(await author.post("/tests/999/applications", NADIA), 404, "test_not_found")
    refused(await author.get("/tests/999/applications"), 404, "test_not_found")
    assert await applications_of(author, draft_id) == []
    assert await rows(rest.storage, candidate_applications) == []


async def test_links_are_kept_from_staff_who_may_not_invite(rest: Rest, author: Caller) -> None:
    test = await publish_test(rest.storage)
    application = await invite(rest.storage, test)
    secret, path = application.secret, f"/applications/{application.application_id}"
    for role in (Role.REVIEWER, Role.INVIGILATOR):
        caller = await rest.person(role)
        for address in (f"/tests/{test.test_id}/applications", path, f"/tests/{test.test_id}{path}"):
            response = await caller.get(address)
            assert '"link":null' in response.text
            assert secret not in response.text
    assert secret in (await author.get(path)).text
    refused(await (await rest.person(Role.CANDIDATE)).get(path), 403, "not_allowed")


# --- me/applications ---


async def own(caller: Caller) -> list[dict[str, Any]]:
    page = said(await caller.get("/me/applications"))
    assert page["next"] is None
    items: list[dict[str, Any]] = page["items"]
    return items


async def test_candidate_is_told_the_rules_before_the_start(rest: Rest) -> None:
    closes_at = NOON + timedelta(days=2)
    test = await publish_test(
        rest.storage, 3, description="Sums.", max_attempts=2, pass_mark=66_667, closes_at=closes_at
    )
    application = await invite(rest.storage, test)
    await invite(rest.storage, test)  # somebody else's
    assert await own(await rest.browser(application)) == [
        {
            "application_id": application.application_id,
            "test_id": test.test_id,
            "label": "",
            "is_trial": False,
            "test_name": "Arithmetic",
            "description": "Sums.",
            "total_questions": 3,
            "time_limit_minutes": 30,
            "personal_time_limit_minutes": 30,
            "break_minutes": 0,
            "grace_seconds": 5,
            "navigation": "free",
            "feedback": "none",
            "results": "full",
            "max_attempts": 2,
            "attempts_used": 0,
            "attempt_delay_minutes": 0,
            "opens_again_at": None,
            "opens_at": None,
            "closes_at": "2026-03-04T12:00:00Z",
            "expires_at": None,
            "pass_mark": 66.667,
            "can_start": True,
            "reason": None,
            "open_assessment_id": None,
            "last_assessment": None,
            "counted_result": None,
        }
    ]


async def test_candidate_with_an_open_assessment_can_go_on_though_the_attempts_are_used(rest: Rest) -> None:
    application = await invite(rest.storage, await publish_test(rest.storage))
    browser = await rest.browser(application)
    seat = await begin(rest.storage, application)
    (item,) = await own(browser)
    assert (item["can_start"], item["reason"], item["attempts_used"]) == (True, None, 1)
    assert item["open_assessment_id"] == seat.assessment_id
    assert item["last_assessment"] == {"assessment_id": seat.assessment_id, "attempt": 1, "status": "started"}


async def test_used_attempts_and_a_closed_window_are_told_as_the_reason(rest: Rest) -> None:
    used_up = await invite(rest.storage, await publish_test(rest.storage))
    seat = await begin(rest.storage, used_up)
    await finalize(rest.storage, seat.assessment_id, at=NOON)
    (item,) = await own(await rest.browser(used_up))
    assert (item["can_start"], item["reason"]) == (False, "attempts_exhausted")
    assert item["last_assessment"]["status"] == "completed"
    assert item["open_assessment_id"] is None
    later = await publish_test(rest.storage, opens_at=NOON + timedelta(seconds=1))
    browser = await rest.browser(await invite(rest.storage, later))
    (item,) = await own(browser)
    assert (item["can_start"], item["reason"]) == (False, "test_not_open")
    rest.clock.advance(seconds=1)
    (item,) = await own(browser)
    assert (item["can_start"], item["reason"]) == (True, None)


async def test_open_assessment_shows_the_rules_that_it_began_with(rest: Rest, author: Caller) -> None:
    test = await publish_test(rest.storage, 2)
    running, waiting = await invite(rest.storage, test), await invite(rest.storage, test)
    await begin(rest.storage, running)
    (question,) = await make_questions(rest.storage, 1)
    draft = {"name": "Arithmetic, revised", "sections": [{"questions": [{"question_id": question.question_id}]}]}
    said(await author.put(f"/tests/{test.test_id}", draft))
    said(await author.post(f"/tests/{test.test_id}/publish"), 201)
    (of_running,), (of_waiting,) = await own(await rest.browser(running)), await own(await rest.browser(waiting))
    assert (of_running["test_name"], of_running["total_questions"]) == ("Arithmetic", 2)
    assert (of_waiting["test_name"], of_waiting["total_questions"]) == ("Arithmetic, revised", 1)


async def test_voided_attempt_is_not_counted(rest: Rest) -> None:
    application = await invite(rest.storage, await publish_test(rest.storage))
    await begin(rest.storage, application)
    await execute(rest.storage, "UPDATE assessments SET status = 'voided'")
    (item,) = await own(await rest.browser(application))
    assert (item["attempts_used"], item["can_start"], item["last_assessment"]["status"]) == (0, True, "voided")
