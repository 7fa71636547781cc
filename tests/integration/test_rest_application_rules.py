"""What staff do with applications over REST, and what candidates are told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from sitting.domain.application import CandidateApplication
from sitting.domain.blueprint import CountedAttempt, PublishedVersion, ResultsPolicy
from sitting.domain.errors import ApplicationNotFound, NotAllowed, NotOpen
from sitting.domain.user import Role
from sitting.usecases.open_invitation import open_invitation
from sitting.usecases.start_assessment import start_assessment
from tests.support.builders import begin, finalize, invite, make_user, publish_test
from tests.support.clock import NOON
from tests.support.eventually import eventually_async
from tests.support.rest import Caller, Rest, refused, said
from tests.support.storage import execute

NADIA = {"name": "Nadia Karimi", "email": "nadia@example.org"}
GRANTED = {"extra_time_factor": 1.255, "extra_minutes": 10, "break_minutes": 15}


@pytest.fixture
async def author(rest: Rest) -> Caller:
    return await rest.person(Role.AUTHOR)


async def one(author: Caller, test: PublishedVersion, **more: Any) -> dict[str, Any]:
    """Invite Nadia."""
    body = said(await author.post(f"/tests/{test.test_id}/applications", {**NADIA, **more}), 201)
    item: dict[str, Any] = body["items"][0]
    return item


def path_of(item: dict[str, Any] | CandidateApplication) -> str:
    id_ = item["application_id"] if isinstance(item, dict) else item.application_id
    return f"/applications/{id_}"


async def own(rest: Rest, application: CandidateApplication) -> dict[str, Any]:
    """What the candidate is told of their only application."""
    user = await make_or_find(rest, application.user_id)
    (item,) = said(await user.get("/me/applications"))["items"]
    found: dict[str, Any] = item
    return found


async def make_or_find(rest: Rest, user_id: int) -> Caller:
    async with rest.storage.reading() as unit:
        return rest.caller(await unit.users.select(user_id))


# --- inviting ---


async def test_person_invited_twice_keeps_the_application_and_its_link(rest: Rest, author: Caller) -> None:
    test = await publish_test(rest.storage)
    first = await one(author, test, **GRANTED)
    again = await one(author, test, extra_minutes=99)
    assert (first["outcome"], again["outcome"]) == ("created", "existing")
    assert {**again, "outcome": "created"} == first


async def test_another_label_or_again_makes_a_further_application(rest: Rest, author: Caller) -> None:
    test = await publish_test(rest.storage)
    made = [await one(author, test, label=label) for label in ("", " Autumn ", "Spring")]
    made.append(await one(author, test, label="Autumn", again=True))
    assert [item["outcome"] for item in made] == ["created"] * 4
    assert [item["label"] for item in made] == ["", "Autumn", "Spring", "Autumn"]
    assert len({item["link"] for item in made}) == 4
    assert len({item["user_id"] for item in made}) == 1
    assert (await one(author, test, label="Autumn"))["application_id"] == made[1]["application_id"]


async def test_withdrawn_application_is_not_replaced_by_inviting_again_unless_asked_for(
    rest: Rest, author: Caller
) -> None:
    test = await publish_test(rest.storage)
    item = await one(author, test)
    said(await author.post(f"{path_of(item)}/withdraw"))
    existing = await one(author, test)
    assert (existing["outcome"], existing["status"]) == ("existing", "withdrawn")
    further = await one(author, test, again=True)
    assert (further["outcome"], further["status"]) == ("created", "invited")
    assert (await one(author, test))["application_id"] == further["application_id"]


async def test_list_with_labels_makes_several_applications_of_one_person(rest: Rest, author: Caller) -> None:
    test = await publish_test(rest.storage)
    path = f"/tests/{test.test_id}/applications"
    people = [{**NADIA, "label": "one"}, {**NADIA, "label": "two", **GRANTED}]
    items = said(await author.post(path, {"candidates": people}), 201)["items"]
    assert [item["label"] for item in items] == ["one", "two"]
    assert [item["extra_time_factor"] for item in items] == [1.0, 1.255]
    refused(await author.post(path, {"candidates": [NADIA, NADIA]}), 422, "invalid_message")
    repeated = [{**NADIA, "again": True}] * 2
    assert len(said(await author.post(path, {"candidates": repeated}), 201)["items"]) == 2


async def test_deactivated_person_cannot_be_invited(rest: Rest, author: Caller) -> None:
    test, user = await publish_test(rest.storage), await make_user(rest.storage)
    await execute(rest.storage, "UPDATE users SET deactivated_at = created_at WHERE id = :id", id=user.user_id)
    response = await author.post(f"/tests/{test.test_id}/applications", {"user_id": user.user_id})
    refused(response, 409, "conflict")


# --- accommodation and other changes ---


async def test_accommodation_is_granted_changed_and_told(rest: Rest, author: Caller) -> None:
    item = await one(author, await publish_test(rest.storage), **GRANTED, expires_at="2026-03-05T14:00:00+02:00")
    assert {name: item[name] for name in GRANTED} == GRANTED
    assert item["expires_at"] == "2026-03-05T12:00:00Z"
    changed = said(await author.patch(path_of(item), {"extra_time_factor": 2, "label": "Later"}))
    assert (changed["extra_time_factor"], changed["extra_minutes"], changed["label"]) == (2.0, 10, "Later")
    assert changed["expires_at"] == item["expires_at"]
    assert said(await author.patch(path_of(item), {"expires_at": None}))["expires_at"] is None
    assert said(await author.get(path_of(item))) == {**changed, "expires_at": None}


@pytest.mark.parametrize(
    "change",
    [
        {"extra_time_factor": 0.999},
        {"extra_time_factor": 10.001},
        {"extra_time_factor": 1.2345},
        {"extra_minutes": 10_081},
        {"extra_minutes": 1.5},
        {"extra_minutes": -1},
        {"break_minutes": 1441},
        {"label": "x" * 201},
        {"label": None},
        {"expires_at": "2026-03-05T14:00:00"},
        {"secret": "x"},
    ],
    ids=repr,
)
async def test_impossible_grants_are_refused_at_the_invitation_and_later(
    rest: Rest, author: Caller, change: dict[str, Any]
) -> None:
    test = await publish_test(rest.storage)
    item = await one(author, test)
    refused(await author.patch(path_of(item), change), 422, "invalid_message")
    refused(await author.post(f"/tests/{test.test_id}/applications", {**NADIA, **change}), 422, "invalid_message")
    assert {"outcome": "created", **said(await author.get(path_of(item)))} == item


async def test_candidate_is_told_their_own_time(rest: Rest, author: Caller) -> None:
    test = await publish_test(rest.storage, time_limit_minutes=30)
    application = await invite(rest.storage, test)
    assert (await own(rest, application))["personal_time_limit_minutes"] == 30
    said(await author.patch(path_of(application), GRANTED))
    told = await own(rest, application)
    assert (told["time_limit_minutes"], told["personal_time_limit_minutes"], told["break_minutes"]) == (30, 47.65, 15)
    untimed = await invite(rest.storage, await publish_test(rest.storage, time_limit_minutes=None))
    said(await author.patch(path_of(untimed), GRANTED))
    assert (await own(rest, untimed))["personal_time_limit_minutes"] is None


async def test_change_of_accommodation_does_not_touch_the_attempt_that_runs(rest: Rest, author: Caller) -> None:
    application = await invite(rest.storage, await publish_test(rest.storage, time_limit_minutes=30, max_attempts=2))
    first = await begin(rest.storage, application)
    said(await author.patch(path_of(application), GRANTED))
    async with rest.storage.reading() as unit:
        assert (await unit.load(first.assessment_id)).assessment.deadline_at == NOON + timedelta(minutes=30)
    await finalize(rest.storage, first.assessment_id, at=NOON)
    second = await begin(rest.storage, application)
    assert second.live.assessment.deadline_at == NOON + timedelta(minutes=47.65)


# --- withdrawn, expired, another link ---


async def test_withdrawn_application_cannot_start_until_it_is_restored(rest: Rest, author: Caller) -> None:
    application = await invite(rest.storage, await publish_test(rest.storage))
    told = said(await author.post(f"{path_of(application)}/withdraw"))
    assert (told["status"], told["withdrawn_at"]) == ("withdrawn", "2026-03-02T12:00:00Z")
    rest.clock.advance(minutes=1)
    assert said(await author.post(f"{path_of(application)}/withdraw")) == told
    with pytest.raises(NotAllowed):
        await begin(rest.storage, application)
    with pytest.raises(ApplicationNotFound):
        await open_invitation(rest.storage, application.secret, now=NOON)
    assert [(await own(rest, application))[name] for name in ("can_start", "reason")] == [False, "not_allowed"]
    assert said(await author.post(f"{path_of(application)}/restore"))["status"] == "invited"
    assert (await own(rest, application))["can_start"]
    await begin(rest.storage, application)


async def test_open_assessment_goes_on_after_a_withdrawal(rest: Rest, author: Caller) -> None:
    application = await invite(rest.storage, await publish_test(rest.storage))
    seat = await begin(rest.storage, application)
    said(await author.post(f"{path_of(application)}/withdraw"))
    again = await begin(rest.storage, application)
    assert again.assessment_id == seat.assessment_id
    assert (await own(rest, application))["can_start"]
    await open_invitation(rest.storage, application.secret, now=NOON)


async def test_start_that_waited_for_a_withdrawal_is_refused(rest: Rest) -> None:
    application = await invite(rest.storage, await publish_test(rest.storage))
    async with rest.storage.unit_of_work() as unit:
        await unit.applications.lock(application.application_id)
        await unit.applications.store(replace(application, withdrawn_at=NOON))
        starting = asyncio.create_task(begin(rest.storage, application))
        await eventually_async(lambda: check_somebody_waits(rest))
    with pytest.raises(NotAllowed):
        await starting


async def check_somebody_waits(rest: Rest) -> None:
    """On PostgreSQL for a row; the one writer of an SQLite file has nobody beside it who could have read before."""
    if not rest.storage.database.url.is_sqlite:
        async with rest.storage.database.reading() as connection:
            waiting = await connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))
        assert waiting


async def test_expired_application_cannot_start_from_its_first_instant_on(rest: Rest, author: Caller) -> None:
    application = await invite(rest.storage, await publish_test(rest.storage))
    said(await author.patch(path_of(application), {"expires_at": "2026-03-02T13:00:00Z"}))
    end = NOON + timedelta(hours=1)
    with pytest.raises(NotOpen):
        await begin(rest.storage, application, at=end)
    rest.clock.set(end)
    assert said(await author.get(path_of(application)))["status"] == "expired"
    assert [(await own(rest, application))[name] for name in ("can_start", "reason")] == [False, "test_not_open"]
    rest.clock.set(end - timedelta(milliseconds=1))
    assert said(await author.get(path_of(application)))["status"] == "invited"
    assert (await own(rest, application))["can_start"]
    await begin(rest.storage, application, at=end - timedelta(milliseconds=1))


async def test_new_link_ends_the_old_one_and_the_sessions_that_came_of_it(rest: Rest, author: Caller) -> None:
    application = await invite(rest.storage, await publish_test(rest.storage))
    browser = await rest.browser(application)
    link = said(await author.post(f"{path_of(application)}/new-link"))["link"]
    with pytest.raises(ApplicationNotFound):
        await open_invitation(rest.storage, application.secret, now=NOON)
    refused(await browser.get("/me"), 401, "not_authenticated")
    opened = await open_invitation(rest.storage, link.rpartition("/")[2], now=NOON)
    assert opened.application.application_id == application.application_id


async def test_first_opening_by_the_button_is_noted_once(rest: Rest, author: Caller) -> None:
    application = await invite(rest.storage, await publish_test(rest.storage))
    assert said(await author.get(path_of(application)))["opened_at"] is None
    await rest.browser(application)
    rest.clock.advance(minutes=5)
    await rest.browser(application)
    seen = said(await author.get(path_of(application)))
    assert (seen["status"], seen["opened_at"]) == ("opened", "2026-03-02T12:00:00Z")


async def test_withdrawn_sister_does_not_stand_in_the_way_of_a_start_without_an_id(rest: Rest, author: Caller) -> None:
    test, user = await publish_test(rest.storage), await make_user(rest.storage)
    withdrawn, usable = [await invite(rest.storage, test, user) for _ in range(2)]
    said(await author.post(f"{path_of(withdrawn)}/withdraw"))
    assert await begin_unnamed(rest, usable) == usable.application_id


async def begin_unnamed(rest: Rest, application: CandidateApplication) -> int:
    """Start as a client does that knows of the Test only; returns the application that was taken."""
    started = await start_assessment(
        rest.storage,
        user_id=application.user_id,
        test_id=application.test_id,
        application_id=None,
        connection_id="c",
        now=rest.clock.now(),
    )
    return started.live.assessment.application_id


# --- looking ---


async def test_list_is_narrowed_by_status_name_and_label(rest: Rest, author: Caller) -> None:
    test = await publish_test(rest.storage, closes_at=NOON + timedelta(hours=9))
    made = {label: await one(author, test, label=label) for label in ("a", "b", "c", "d", "e", "f")}
    other = await invite(rest.storage, test, await make_user(rest.storage, "Somebody 100%"))
    apps = {label: await load(rest, item) for label, item in made.items()}
    await rest.browser(apps["b"])
    await begin(rest.storage, apps["c"])
    await finalize(rest.storage, (await begin(rest.storage, apps["d"])).assessment_id, at=NOON)
    said(await author.post(f"{path_of(made['e'])}/withdraw"))
    said(await author.patch(path_of(made["f"]), {"expires_at": "2026-03-02T12:00:00Z"}))
    expected = {
        "invited": [apps["a"].application_id, other.application_id],
        "opened": [apps["b"].application_id],
        "started": [apps["c"].application_id],
        "finished": [apps["d"].application_id],
        "withdrawn": [apps["e"].application_id],
        "expired": [apps["f"].application_id],
    }
    assert {status: await found(author, test, status=status) for status in expected} == expected
    everybody = said(await author.get(f"/tests/{test.test_id}/applications"))["items"]
    assert all(item["application_id"] in expected[item["status"]] for item in everybody)
    assert await found(author, test, query="0%") == [other.application_id]
    assert await found(author, test, query="NADIA@", label="c") == expected["started"]
    assert await found(author, test, label="C") == []
    rest.clock.set(NOON + timedelta(hours=9))
    assert author.user is not None
    author = rest.caller(author.user)
    gone = [*expected["invited"], *expected["opened"], *expected["expired"]]
    assert await found(author, test, status="expired") == sorted(gone)
    assert await found(author, test, status="invited") == []
    refused(await author.get(f"/tests/{test.test_id}/applications", status="lost"), 422, "invalid_message")


async def found(author: Caller, test: PublishedVersion, **query: Any) -> list[int]:
    return [
        item["application_id"]
        for item in said(await author.get(f"/tests/{test.test_id}/applications", **query))["items"]
    ]


async def load(rest: Rest, item: dict[str, Any]) -> CandidateApplication:
    async with rest.storage.reading() as unit:
        return await unit.applications.select(item["application_id"])


async def test_attempts_and_what_counts_are_shown_to_staff_and_as_far_as_allowed_to_the_candidate(
    rest: Rest, author: Caller
) -> None:
    rules: dict[str, Any] = {"max_attempts": 3, "counted_attempt": CountedAttempt.BEST}
    for policy, is_told in ((ResultsPolicy.SCORE, True), (ResultsPolicy.FULL, True), (ResultsPolicy.STATUS, False)):
        application = await invite(rest.storage, await publish_test(rest.storage, 2, results=policy, **rules))
        good = await begin(rest.storage, application)
        await good.answer(1)
        await good.answer(2)
        await good.finish()
        poor = await begin(rest.storage, application)
        await poor.finish()
        counted = {"assessment_id": good.assessment_id, "percentage_score": 100.0, "passed": True, "attempts": 2}
        seen = said(await author.get(path_of(application)))
        assert [(each["attempt"], each["status"], each["total_score"]) for each in seen["attempts"]] == [
            (1, "completed", 2.0),
            (2, "completed", 0.0),
        ]
        assert seen["counted_result"] == counted
        assert (await own(rest, application))["counted_result"] == (counted if is_told else None)


async def test_application_is_found_under_its_own_test_only(rest: Rest, author: Caller) -> None:
    test, other = await publish_test(rest.storage), await publish_test(rest.storage)
    item = await one(author, test)
    assert said(await author.get(f"/tests/{test.test_id}{path_of(item)}")) == said(await author.get(path_of(item)))
    refused(await author.get(f"/tests/{other.test_id}{path_of(item)}"), 404, "application_not_found")
    refused(await author.get("/applications/999"), 404, "application_not_found")


@pytest.mark.parametrize("verb", ["withdraw", "restore", "new-link", "patch"])
async def test_unknown_application_is_not_found(author: Caller, verb: str) -> None:
    answers: dict[str, Callable[[], Awaitable[httpx2.Response]]] = {
        "patch": lambda: author.patch("/applications/999", {"label": "x"})
    }
    ask = answers.get(verb, lambda: author.post(f"/applications/999/{verb}"))
    refused(await ask(), 404, "application_not_found")


# --- trial runs ---


async def test_trial_run_is_the_callers_own_and_made_once(rest: Rest) -> None:
    test = await publish_test(rest.storage)
    reviewer, author = await rest.person(Role.REVIEWER), await rest.person(Role.AUTHOR)
    answers = await asyncio.gather(*(reviewer.post(f"/tests/{test.test_id}/trial") for _ in range(4)))
    first, *others = [said(answer) for answer in answers]
    assert others == [first] * 3
    assert reviewer.user is not None
    assert (first["user_id"], first["is_trial"]) == (reviewer.user.user_id, True)
    theirs = said(await author.post(f"/tests/{test.test_id}/trial"))
    assert theirs["application_id"] != first["application_id"]
    assert theirs["link"] is not None
    assert said(await author.get(path_of(first)))["link"] is None
    assert await found(author, test) == []
    assert await found(author, test, trials="true") == sorted([first["application_id"], theirs["application_id"]])
    for role in (Role.CANDIDATE, Role.INVIGILATOR):
        refused(await (await rest.person(role)).post(f"/tests/{test.test_id}/trial"), 403, "not_allowed")


async def test_trial_run_meets_no_limit_and_is_in_no_list_and_no_result(rest: Rest, author: Caller) -> None:
    closed = NOON - timedelta(days=1)
    test = await publish_test(rest.storage, closes_at=closed, max_attempts=1, attempt_delay_minutes=60)
    trial = await load(rest, said(await author.post(f"/tests/{test.test_id}/trial")))
    candidate = await invite(rest.storage, test)
    with pytest.raises(NotOpen):
        await begin(rest.storage, candidate)
    made = []
    for _ in range(2):
        seat = await begin(rest.storage, trial)
        assert seat.live.assessment.deadline_at == NOON + timedelta(minutes=30)
        await seat.finish()
        made.append(seat.assessment_id)
    seen = said(await author.get(path_of(trial)))
    assert ([each["assessment_id"] for each in seen["attempts"]], seen["counted_result"]) == (made, None)
    for path in (f"/tests/{test.test_id}/assessments", "/assessments"):
        assert said(await author.get(path))["items"] == []
        items = said(await author.get(path, trials="true"))["items"]
        assert [(item["assessment_id"], item["is_trial"]) for item in items] == [(id_, True) for id_ in made]


async def test_trial_run_is_not_meant_by_a_start_without_an_id(rest: Rest, author: Caller) -> None:
    test = await publish_test(rest.storage)
    assert author.user is not None
    said(await author.post(f"/tests/{test.test_id}/trial"))
    real = await invite(rest.storage, test, author.user)
    assert await begin_unnamed(rest, real) == real.application_id


async def test_draft_cannot_be_tried(rest: Rest, author: Caller) -> None:
    draft_id = said(await author.post("/tests", {"name": "Draft"}), 201)["test_id"]
    refused(await author.post(f"/tests/{draft_id}/trial"), 409, "conflict")
    refused(await author.post("/tests/999/trial"), 404, "test_not_found")


# --- assessments ---


async def test_assessments_are_narrowed_by_test_application_user_and_status(rest: Rest, author: Caller) -> None:
    test, other = await publish_test(rest.storage), await publish_test(rest.storage)
    apps = [await invite(rest.storage, test), await invite(rest.storage, test), await invite(rest.storage, other)]
    ids = [(await begin(rest.storage, each)).assessment_id for each in apps]
    await finalize(rest.storage, ids[0], at=NOON)

    async def listed(path: str, **query: Any) -> list[int]:
        return [item["assessment_id"] for item in said(await author.get(path, **query))["items"]]

    assert await listed("/assessments", test_id=test.test_id) == ids[:2]
    assert await listed("/assessments", application_id=apps[1].application_id) == [ids[1]]
    assert await listed("/assessments", user_id=apps[2].user_id) == [ids[2]]
    assert await listed("/assessments", status="started") == ids[1:]
    assert await listed(f"/tests/{test.test_id}/assessments", status="completed") == ids[:1]
    assert await listed(f"/tests/{test.test_id}/assessments", user_id=apps[2].user_id) == []
    assert await listed("/assessments", limit=1, status="started") == ids[1:2]
    refused(await author.get("/assessments", status="gone"), 422, "invalid_message")


# --- whose it is ---


async def test_foreign_and_unknown_ids_are_answered_alike_to_candidates(rest: Rest) -> None:
    test = await publish_test(rest.storage)
    victim = await invite(rest.storage, test)
    seat = await begin(rest.storage, victim)
    attacker = await rest.browser(await invite(rest.storage, test))
    for path in ("/assessments/{}", "/assessments/{}/results", "/assessments/{}/receipt", "/assessments/{}/responses"):
        answers = [await attacker.get(path.format(id_)) for id_ in (seat.assessment_id, 999)]
        problems = [refused(answer, 404, "assessment_not_found") for answer in answers]
        assert problems[0] == {**problems[1], "details": {"assessment_id": seat.assessment_id}}
    for path in (path_of(victim), f"/tests/{test.test_id}{path_of(victim)}", f"/users/{victim.user_id}"):
        refused(await attacker.get(path), 403, "not_allowed")
        refused(await attacker.get(path.rpartition("/")[0] + "/999"), 403, "not_allowed")
    assert [item["application_id"] for item in said(await attacker.get("/me/applications"))["items"]] != [
        victim.application_id
    ]


async def test_trial_run_of_one_is_nobody_elses_to_start(rest: Rest, author: Caller) -> None:
    test = await publish_test(rest.storage)
    trial = await load(rest, said(await author.post(f"/tests/{test.test_id}/trial")))
    stranger = await make_user(rest.storage, roles=[Role.ADMIN])
    with pytest.raises(ApplicationNotFound):
        await begin(rest.storage, replace(trial, user_id=stranger.user_id))
