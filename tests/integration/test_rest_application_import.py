"""Applications from CSV over REST."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from sitting.domain.blueprint import PublishedVersion
from sitting.domain.user import Role
from sitting.storage.tables import candidate_applications, users
from sitting.usecases.open_invitation import open_invitation
from tests.support.builders import invite, make_user, publish_test
from tests.support.clock import NOON
from tests.support.rest import BASE_URL, Caller, Rest, refused, said
from tests.support.storage import execute, rows

SHEET = """name,email,label,extra_time_factor,extra_minutes,break_minutes,expires_at
Nadia Karimi,nadia@example.org,,1.25,10,15,2026-05-01T18:00:00+02:00

"Müller, Zoë",ZOE@example.org,,,,,
Somebody,nobody,,,,,
Nadia again,nadia@example.org,,,,,
"""


@pytest.fixture
async def author(rest: Rest) -> Caller:
    return await rest.person(Role.AUTHOR)


@pytest.fixture
async def published(rest: Rest) -> PublishedVersion:
    return await publish_test(rest.storage)


async def send(
    author: Caller, test_id: int, sheet: str | bytes, *, kind: str = "text/csv", **query: Any
) -> httpx2.Response:
    return await author.client.post(
        f"/api/v1/tests/{test_id}/applications/import",
        content=sheet if isinstance(sheet, bytes) else sheet.encode(),
        params=query,
        headers={**author.headers, "Content-Type": kind},
    )


def outcomes(report: dict[str, Any]) -> list[tuple[int, str]]:
    return [(row["row"], row["outcome"]) for row in report["rows"]]


async def stored(rest: Rest) -> tuple[int, int]:
    """How many users and applications there are."""
    return len(await rows(rest.storage, users)), len(await rows(rest.storage, candidate_applications))


async def test_right_rows_are_taken_and_each_wrong_one_is_named(
    rest: Rest, author: Caller, published: PublishedVersion
) -> None:
    report = said(await send(author, published.test_id, SHEET))
    assert outcomes(report) == [(2, "created"), (4, "created"), (5, "refused"), (6, "refused")]
    assert (report["created"], report["existing"], report["refused"], report["dry_run"]) == (2, 0, 2, False)
    nadia, zoe, nobody, again = report["rows"]
    assert (nobody["column"], nobody["reason"]) == ("email", "it is no e-mail address")
    assert again["reason"] == "it stands in row 2 already, with the same label"
    assert nobody["link"] is again["application_id"] is None
    opened = await open_invitation(rest.storage, nadia["link"].removeprefix(f"{BASE_URL}/i/"), now=NOON)
    assert opened.application.application_id == nadia["application_id"]
    told = said(await author.get(f"/applications/{nadia['application_id']}"))
    assert (told["extra_time_factor"], told["extra_minutes"], told["break_minutes"]) == (1.25, 10, 15)
    assert told["expires_at"] == "2026-05-01T16:00:00Z"
    told = said(await author.get(f"/applications/{zoe['application_id']}"))
    assert (told["name"], told["email"], told["extra_time_factor"]) == ("Müller, Zoë", "zoe@example.org", 1.0)


async def test_sheet_sent_again_makes_nothing_anew(rest: Rest, author: Caller, published: PublishedVersion) -> None:
    first = said(await send(author, published.test_id, SHEET))
    before = await stored(rest)
    again = said(await send(author, published.test_id, SHEET))
    assert outcomes(again)[:2] == [(2, "existing"), (4, "existing")]
    assert [row["link"] for row in again["rows"]] == [row["link"] for row in first["rows"]]
    assert await stored(rest) == before


async def test_dry_run_foretells_what_becomes_of_each_row_and_writes_nothing(
    rest: Rest, author: Caller, published: PublishedVersion
) -> None:
    zoe = await make_user(rest.storage, email="zoe@example.org")
    application = await invite(rest.storage, published, zoe)
    before = await stored(rest)
    foretold = said(await send(author, published.test_id, SHEET, dry_run="true"))
    assert foretold["dry_run"]
    assert outcomes(foretold) == [(2, "created"), (4, "existing"), (5, "refused"), (6, "refused")]
    assert foretold["rows"][1]["application_id"] == application.application_id
    assert foretold["rows"][0]["link"] is None
    assert await stored(rest) == before
    done = said(await send(author, published.test_id, SHEET))
    assert outcomes(done) == outcomes(foretold)
    assert said(await send(author, published.test_id, SHEET, dry_run="true", all_or_none="true"))["refused"] == 2


async def test_all_or_none_takes_nothing_of_a_sheet_with_a_wrong_row(
    rest: Rest, author: Caller, published: PublishedVersion
) -> None:
    before = await stored(rest)
    problem = refused(await send(author, published.test_id, SHEET, all_or_none="true"), 422, "invalid_message")
    assert problem["details"] == {
        "refused": 2,
        "rows": [
            {"row": 5, "column": "email", "reason": "it is no e-mail address"},
            {"row": 6, "column": "email", "reason": "it stands in row 2 already, with the same label"},
        ],
    }
    assert await stored(rest) == before
    right = "\n".join(SHEET.splitlines()[:4])
    assert said(await send(author, published.test_id, right, all_or_none="true"))["created"] == 2


async def test_deactivated_person_is_refused_by_row(rest: Rest, author: Caller, published: PublishedVersion) -> None:
    zoe = await make_user(rest.storage, email="zoe@example.org")
    await execute(rest.storage, "UPDATE users SET deactivated_at = created_at WHERE id = :id", id=zoe.user_id)
    for query in ({"dry_run": "true"}, {}):
        report = said(await send(author, published.test_id, SHEET, **query))
        assert outcomes(report) == [(2, "created"), (4, "refused"), (5, "refused"), (6, "refused")]
        assert report["rows"][1]["reason"] == "this person is deactivated"


async def test_what_is_no_sheet_or_too_large_is_refused_whole(
    rest: Rest, author: Caller, published: PublishedVersion
) -> None:
    before = await stored(rest)
    for kind in ("application/json", "text/plain", "text/csv; charset=latin-1"):
        refused(await send(author, published.test_id, SHEET, kind=kind), 422, "invalid_message")
    for sheet in (b"", b"name\nA\n", "name,email\nZoë,z@example.org".encode("latin-1")):
        refused(await send(author, published.test_id, sheet), 422, "invalid_message")
    refused(await send(author, published.test_id, b"name,email\n" + b"x" * 2**21), 413, "invalid_message")
    refused(await send(author, published.test_id, SHEET, dry_run="perhaps"), 422, "invalid_message")
    refused(await send(author, 999, SHEET), 404, "test_not_found")
    draft_id = said(await author.post("/tests", {"name": "Draft"}), 201)["test_id"]
    refused(await send(author, draft_id, SHEET), 409, "conflict")
    assert await stored(rest) == before


async def test_ten_thousand_people_are_invited_at_once(rest: Rest, author: Caller, published: PublishedVersion) -> None:
    sheet = "email;name\n" + "\n".join(f"c{number}@example.org;Candidate {number}" for number in range(10_000))
    report = said(await send(author, published.test_id, sheet, kind="text/csv; charset=UTF-8"))
    assert (report["created"], report["refused"]) == (10_000, 0)
    assert report["rows"][-1]["row"] == 10_001
    assert len(await rows(rest.storage, candidate_applications)) == 10_000
    again = said(await send(author, published.test_id, sheet, dry_run="true"))
    assert again["existing"] == 10_000
