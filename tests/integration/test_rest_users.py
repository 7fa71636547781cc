"""People over REST."""

from __future__ import annotations

from typing import Any

import pytest

from sitting.domain.user import Role
from tests.support.builders import make_user
from tests.support.rest import Caller, Rest, refused, said

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
