"""People over REST."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sitting.domain.errors import ApplicationNotFound, NotAuthenticated
from sitting.domain.user import Role, User
from sitting.identity.identify import identify_by_ticket
from sitting.storage.tables import users
from sitting.usecases.open_invitation import open_invitation
from tests.support.builders import invite, make_user, publish_test
from tests.support.clock import NOON
from tests.support.rest import Caller, Rest, refused, said
from tests.support.storage import execute, rows

NEW: dict[str, Any] = {"name": "Zoë Ødegård", "email": "Zoe@Example.org", "roles": ["author"]}


@pytest.fixture
async def admin(rest: Rest) -> Caller:
    return await rest.person(Role.ADMIN)


async def test_new_user_is_stored_and_can_log_in(rest: Rest, admin: Caller) -> None:
    made = said(await admin.post("/users", {**NEW, "password": "correct horse", "external_id": "hr-17"}), 201)
    assert made == {
        "user_id": made["user_id"],
        "name": "Zoë Ødegård",
        "email": "zoe@example.org",
        "external_id": "hr-17",
        "roles": ["author"],
        "created_at": "2026-03-02T12:00:00Z",
        "not_before": None,
        "deactivated_at": None,
        "erased_at": None,
    }
    assert said(await admin.get(f"/users/{made['user_id']}")) == made
    token = said(await rest.anonymous.post("/auth/token", {"email": NEW["email"], "password": "correct horse"}))
    assert token["user_id"] == made["user_id"]


async def test_user_without_a_password_cannot_log_in_by_one(rest: Rest, admin: Caller) -> None:
    said(await admin.post("/users", NEW), 201)
    response = await rest.anonymous.post("/auth/token", {"email": NEW["email"], "password": "nobody's password"})
    refused(response, 401, "not_authenticated")


async def test_taken_address_or_external_id_is_a_conflict(rest: Rest, admin: Caller) -> None:
    said(await admin.post("/users", {**NEW, "external_id": "hr-17"}), 201)
    other = {"name": "Another", "email": "other@example.org", "roles": ["candidate"]}
    for taken in ({"email": " zoe@example.ORG "}, {"external_id": "hr-17"}):
        refused(await admin.post("/users", {**other, **taken}), 409, "conflict")
    assert len(said(await admin.get("/users"))["items"]) == 2


async def test_impossible_users_are_refused(rest: Rest, admin: Caller) -> None:
    wrong: list[dict[str, Any]] = [
        {"email": "no address"},
        {"name": "   "},
        {"name": "a\0b"},
        {"name": "x" * 201},
        {"name": None},
        {"roles": []},
        {"roles": ["emperor"]},
        {"roles": "admin"},
        {"password": "short"},
        {"external_id": ""},
        {"salary": 1},
    ]
    for change in wrong:
        refused(await admin.post("/users", {**NEW, **change}), 422, "invalid_message")
    assert len(said(await admin.get("/users"))["items"]) == 1


async def test_unknown_user_is_not_found(admin: Caller) -> None:
    assert refused(await admin.get("/users/999"), 404, "not_found")["details"] == {"user_id": 999}


async def test_ids_out_of_range_are_invalid(admin: Caller) -> None:
    for id_ in ("0", "-1", str(2**53), str(2**64), "9" * 5000, "x", "1.5", "%00"):
        refused(await admin.get(f"/users/{id_}"), 422, "invalid_message")


async def test_pages_follow_each_other_without_gap_or_repetition(rest: Rest, admin: Caller) -> None:
    for _ in range(6):
        await make_user(rest.storage)
    seen: list[int] = []
    sizes: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        page = said(await admin.get("/users", after=cursor, limit=3))
        seen += [item["user_id"] for item in page["items"]]
        sizes.append(len(page["items"]))
        cursor = page["next"]
    assert sizes == [3, 3, 1]
    assert seen == sorted(set(seen))


async def test_last_page_that_is_full_has_no_next(rest: Rest, admin: Caller) -> None:
    await make_user(rest.storage)
    page = said(await admin.get("/users", limit=2))
    assert (len(page["items"]), page["next"]) == (2, None)


async def test_impossible_pages_are_refused(admin: Caller) -> None:
    wrong: list[dict[str, Any]] = [
        {"limit": 0},
        {"limit": 201},
        {"limit": "x"},
        {"after": "x"},
        {"after": "²"},
        {"after": str(2**53)},
        {"query": "\0"},
    ]
    for query in wrong:
        refused(await admin.get("/users", **query), 422, "invalid_message")


async def test_query_narrows_to_names_and_addresses(rest: Rest, admin: Caller) -> None:
    zoe = await make_user(rest.storage, "Zoe 100%", email="x@example.org")
    await make_user(rest.storage, "Somebody", email="somebody@example.org")
    for query in ("zoe", "0%", "X@ex"):
        found = said(await admin.get("/users", query=query))["items"]
        assert [item["user_id"] for item in found] == [zoe.user_id]


async def test_list_is_narrowed_to_a_role_and_to_those_who_are_active(rest: Rest, admin: Caller) -> None:
    both = await make_user(rest.storage, roles=[Role.AUTHOR, Role.ADMIN])
    author = await make_user(rest.storage, roles=[Role.AUTHOR])
    candidate = await make_user(rest.storage)
    said(await admin.post(f"/users/{author.user_id}/deactivate"))

    async def found(**query: Any) -> list[int]:
        return [item["user_id"] for item in said(await admin.get("/users", **query))["items"]]

    assert await found(role="author") == [both.user_id, author.user_id]
    assert await found(role="author", active="true") == [both.user_id]
    assert await found(active="false") == [author.user_id]
    assert await found(role="candidate", query=candidate.email) == [candidate.user_id]
    refused(await admin.get("/users", role="emperor"), 422, "invalid_message")


# --- changes ---


async def test_administrator_changes_what_is_known_of_a_person(rest: Rest, admin: Caller) -> None:
    user = await make_user(rest.storage, "Old", external_id="hr-1")
    path = f"/users/{user.user_id}"
    rest.clock.advance(seconds=1)
    changed = said(await admin.patch(path, {"name": " New ", "email": "New@Example.org", "roles": ["author", "admin"]}))
    assert (changed["name"], changed["email"], changed["external_id"]) == ("New", "new@example.org", "hr-1")
    assert changed["roles"] == ["admin", "author"]
    assert said(await admin.patch(path, {"external_id": None}))["external_id"] is None
    assert said(await admin.patch(path, {})) == said(await admin.get(path)) == {**changed, "external_id": None}


async def test_new_roles_count_at_the_next_request(rest: Rest, admin: Caller) -> None:
    author = await rest.person(Role.AUTHOR)
    assert author.user is not None
    said(await author.get("/questions"))
    said(await admin.patch(f"/users/{author.user.user_id}", {"roles": ["candidate"]}))
    refused(await author.get("/questions"), 403, "not_allowed")


async def test_change_to_what_is_taken_or_impossible_is_refused_and_changes_nothing(rest: Rest, admin: Caller) -> None:
    user = await make_user(rest.storage)
    await make_user(rest.storage, email="taken@example.org", external_id="taken")
    path = f"/users/{user.user_id}"
    before = said(await admin.get(path))
    for taken in ({"email": "Taken@example.org"}, {"external_id": "taken"}):
        refused(await admin.patch(path, {"name": "Other", **taken}), 409, "conflict")
    wrong: list[dict[str, Any]] = [
        {"email": "none"},
        {"email": None},
        {"name": ""},
        {"name": None},
        {"roles": []},
        {"roles": None},
        {"external_id": ""},
        {"password": "a long enough one"},
        {"user_id": 1},
    ]
    for change in wrong:
        refused(await admin.patch(path, {"name": "Other", **change}), 422, "invalid_message")
    assert said(await admin.get(path)) == before
    refused(await admin.patch("/users/999", {"name": "Nobody"}), 404, "not_found")


# --- shut out ---


async def test_nothing_of_a_deactivated_person_works_until_they_are_let_in_again(rest: Rest, admin: Caller) -> None:
    made = said(await admin.post("/users", {**NEW, "password": "correct horse"}), 201)
    user = await user_of(rest, made["user_id"])
    application = await invite(rest.storage, await publish_test(rest.storage), user)
    by_token, by_session = rest.caller(user), await rest.browser(application)
    ticket = said(await by_token.post("/ws-tickets"), 201)["ticket"]
    credentials = {"email": NEW["email"], "password": "correct horse"}
    said(await rest.anonymous.post("/auth/token", credentials))
    told = said(await admin.post(f"/users/{user.user_id}/deactivate"))
    assert told["deactivated_at"] == "2026-03-02T12:00:00Z"
    for caller in (by_token, by_session):
        refused(await caller.get("/me"), 401, "not_authenticated")
    refused(await rest.anonymous.post("/auth/token", credentials), 401, "not_authenticated")
    with pytest.raises(NotAuthenticated):
        await identify_by_ticket(rest.storage, ticket, now=NOON)
    with pytest.raises(ApplicationNotFound):
        await open_invitation(rest.storage, application.secret, now=NOON)
    assert said(await admin.post(f"/users/{user.user_id}/reactivate"))["deactivated_at"] is None
    said(await by_token.get("/me"))
    refused(await by_session.get("/me"), 401, "not_authenticated")
    said(await (await rest.browser(application)).get("/me"))


async def test_ticket_of_a_deactivated_person_is_void_though_nobody_deleted_it(rest: Rest) -> None:
    user = await make_user(rest.storage)
    ticket = said(await rest.caller(user).post("/ws-tickets"), 201)["ticket"]
    await execute(rest.storage, "UPDATE users SET deactivated_at = created_at WHERE id = :id", id=user.user_id)
    with pytest.raises(NotAuthenticated):
        await identify_by_ticket(rest.storage, ticket, now=NOON)


async def test_revocation_voids_all_from_before_and_the_link_stays(rest: Rest, admin: Caller) -> None:
    user = await make_user(rest.storage)
    application = await invite(rest.storage, await publish_test(rest.storage), user)
    rest.clock.advance(milliseconds=400)
    by_token, by_session = rest.caller(user), await rest.browser(application)
    told = said(await admin.post(f"/users/{user.user_id}/revoke"))
    assert told["not_before"] == "2026-03-02T12:00:01Z"
    for caller in (by_token, by_session):
        refused(await caller.get("/me"), 401, "not_authenticated")
    rest.clock.advance(milliseconds=600)
    said(await rest.caller(user).get("/me"))
    said(await (await rest.browser(application)).get("/me"))
    refused(await by_token.get("/me"), 401, "not_authenticated")


async def test_new_password_replaces_the_old_one_and_what_it_opened(rest: Rest, admin: Caller) -> None:
    made = said(await admin.post("/users", {**NEW, "password": "correct horse"}), 201)
    path, old = f"/users/{made['user_id']}/password", rest.caller(await user_of(rest, made["user_id"]))
    refused(await admin.put(path, {"password": "short"}), 422, "invalid_message")
    rest.clock.advance(seconds=1)
    said(await admin.put(path, {"password": "battery staple"}))
    refused(await old.get("/me"), 401, "not_authenticated")
    wrong, right = ({"email": NEW["email"], "password": each} for each in ("correct horse", "battery staple"))
    refused(await rest.anonymous.post("/auth/token", wrong), 401, "not_authenticated")
    said(await rest.anonymous.post("/auth/token", right))
    refused(await admin.put("/users/999/password", {"password": "battery staple"}), 404, "not_found")


async def test_last_administrator_stays_one(rest: Rest, admin: Caller) -> None:
    assert admin.user is not None
    own = f"/users/{admin.user.user_id}"
    other = await make_user(rest.storage, roles=[Role.ADMIN])
    said(await admin.post(f"/users/{other.user_id}/deactivate"))
    for _ in range(2):
        refused(await admin.patch(own, {"roles": ["author"]}), 409, "conflict")
        refused(await admin.post(f"{own}/deactivate"), 409, "conflict")
    assert said(await admin.patch(own, {"roles": ["author", "admin"]}))["roles"] == ["admin", "author"]
    said(await admin.post(f"/users/{other.user_id}/reactivate"))
    assert said(await admin.patch(own, {"roles": ["author"]}))["roles"] == ["author"]


async def test_two_administrators_who_demote_each_other_at_once_leave_one(rest: Rest, admin: Caller) -> None:
    assert admin.user is not None
    for _ in range(5):
        other = await rest.person(Role.ADMIN)
        assert other.user is not None
        answers = await asyncio.gather(
            admin.patch(f"/users/{other.user.user_id}", {"roles": ["author"]}),
            other.patch(f"/users/{admin.user.user_id}", {"roles": ["author"]}),
        )
        codes = sorted(answer.status_code for answer in answers)
        assert codes in ([200, 403], [200, 409]), codes
        (left,) = await rows(rest.storage, users, roles="admin")
        await execute(rest.storage, "UPDATE users SET roles = 'author' WHERE id NOT IN (:id)", id=left.id)
        admin = rest.caller(await user_of(rest, left.id))
        assert admin.user is not None


@pytest.mark.parametrize("role", [Role.AUTHOR, Role.REVIEWER, Role.INVIGILATOR, Role.CANDIDATE])
async def test_only_administrators_change_people(rest: Rest, role: Role) -> None:
    caller, victim = await rest.person(role), await make_user(rest.storage)
    path = f"/users/{victim.user_id}"
    refused(await caller.patch(path, {"roles": ["admin"]}), 403, "not_allowed")
    refused(await caller.put(f"{path}/password", {"password": "battery staple"}), 403, "not_allowed")
    for verb in ("deactivate", "reactivate", "revoke"):
        refused(await caller.post(f"{path}/{verb}"), 403, "not_allowed")


async def user_of(rest: Rest, user_id: int) -> User:
    async with rest.storage.reading() as unit:
        return await unit.users.select(user_id)
