"""Staff may look at everything as often as they like: every GET route leaves every row of every table as it was."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from sitting.api import create_api
from sitting.domain.user import STAFF_ROLES, Role
from sitting.kit.canonical import sha256_hex
from sitting.storage.tables import assessment_events, assessments, metadata
from sitting.storage.unit_of_work import Storage
from sitting.usecases.keep_resume import keep_resume
from sitting.usecases.pause_assessment import pause_assessment
from sitting.usecases.spend import model_call
from tests.integration.test_rest_access import Declared, declared
from tests.support.builders import Seat, begin, invite, publish_test
from tests.support.clock import NOON
from tests.support.rest import Caller, Rest, said, unopened_services
from tests.support.runs import make_call, make_proposal, run_at_work
from tests.support.staff import grey_bar
from tests.support.storage import rows

QUERIES: dict[str, dict[str, Any]] = {"/tests/{test_id}/diff": {"from": 1}, "/questions/export": {"format": "json"}}
OF_AN_ASSESSMENT = "{assessment_id}"
ROUTES = sorted((r for r in declared(create_api(unopened_services())) if r.method == "GET"), key=lambda r: r.path)
# These show a candidate what is their own, and staff nothing.
FOR_OWNERS = {"/assessments/{assessment_id}/progress", "/assessments/{assessment_id}/clock"}
FOR_OPERATORS = {"/metrics"}
LINEAGE = '{"model": "m", "prompt": "write_items.v1", "prompt_digest": "", "repairs": 0}'
WISH = '{"graph": {"skills": [{"name": "Counting", "priority": "L"}]}}'
KINDS = ("at work", "overdue", "pause that ran out", "handed in", "voided")


@dataclass(frozen=True)
class House:
    """A database in which there is one of everything, and assessments in every state, some of which nobody has closed.

    Attributes:
        ids: what to put into the paths. seats: by their state.
    """

    rest: Rest
    ids: dict[str, Any]
    seats: dict[str, Seat]

    async def look(self, caller: Caller, route: Declared, seat: Seat) -> int:
        """The status with which that route answers when it is about that assessment."""
        ids = self.ids | {"assessment_id": seat.assessment_id}
        address = re.sub(r"{(\w+)}", lambda found: str(ids[found[1]]), route.path)
        prefix = "" if route.path in ("/healthz", "/readyz", "/metrics") else "/api/v1"
        query = QUERIES.get(route.path, {})
        response = await caller.client.get(f"{prefix}{address}", params=query, headers=caller.headers)
        return response.status_code


@pytest.fixture
async def house(rest: Rest) -> House:
    storage, author = rest.storage, await rest.person(Role.ADMIN)
    assert author.user is not None
    png = grey_bar()
    said(await upload(author, png), 201)
    test = await publish_test(storage, 3)
    applications = [await invite(storage, test) for _ in KINDS]
    seats = {
        kind: await begin(storage, application, at=NOON + timedelta(minutes=110 if kind == "at work" else 0))
        for kind, application in zip(KINDS, applications, strict=True)
    }
    for seat in seats.values():
        await seat.answer(1, at=seat.live.assessment.started_at)
    await pause_assessment(
        storage, seats["pause that ran out"].assessment_id, reason="alarm", by=author.user.user_id, now=NOON
    )
    for kind in ("handed in", "voided"):
        await seats[kind].finish()
    said(await author.post(f"/assessments/{seats['voided'].assessment_id}/void", {"reason": "a trial of the room"}))
    rest.clock.set(NOON + timedelta(minutes=120))
    question = seats["at work"].live.paper.at_position(1).question_id
    await keep_resume(storage, applications[0].application_id, "I count.", now=NOON)
    ids = {
        "user_id": applications[0].user_id,
        "question_id": question,
        "number": 1,
        "sha256": sha256_hex(png),
        "test_id": test.test_id,
        "application_id": applications[0].application_id,
        "run_id": await ended_run(storage, question),
    }
    return House(rest, ids, seats)


async def ended_run(storage: Storage, question_id: str) -> str:
    """A run that is over and has handed in that question."""
    lease = await run_at_work(storage, wish=WISH)
    async with storage.unit_of_work() as unit:
        proposal = replace(make_proposal(lease.run_id), question_id=question_id, lineage=LINEAGE, evidence="[]")
        await unit.proposals.insert_many([proposal], now=NOON)
        await unit.model_calls.insert_many([model_call(lease.run_id, make_call())])
        await unit.runs.finish(lease, now=NOON)
    return lease.run_id


async def upload(author: Caller, png: bytes) -> Any:
    headers = {**author.headers, "Content-Type": "image/png"}
    return await author.client.post("/api/v1/media", content=png, headers=headers)


async def everything(storage: Storage) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    return {table.name: [tuple(row) for row in await rows(storage, table)] for table in metadata.sorted_tables}


@pytest.mark.parametrize("role", sorted(STAFF_ROLES))
async def test_p19_no_look_of_staff_changes_anything(house: House, role: Role) -> None:
    storage = house.rest.storage
    staff = await house.rest.person(role)
    before = await everything(storage)
    for route in ROUTES:
        about = house.seats.values() if OF_AN_ASSESSMENT in route.path else [house.seats["overdue"]]
        for seat in about:
            assert await house.look(staff, route, seat) < 500, route
    after = await everything(storage)
    for table, stored in before.items():
        assert after[table] == stored, f"a look by {role} changed {table}"


async def test_p19_looks_of_an_administrator_reach_what_they_look_at(house: House) -> None:
    admin = await house.rest.person(Role.ADMIN)
    for route in ROUTES:
        if route.path not in FOR_OWNERS | FOR_OPERATORS:
            assert await house.look(admin, route, house.seats["handed in"]) == 200, route


async def test_p19_what_is_looked_at_has_work_left_for_the_sweep(house: House) -> None:
    status = {row.id: row.status for row in await rows(house.rest.storage, assessments)}
    by_kind = {kind: status[seat.assessment_id] for kind, seat in house.seats.items()}
    assert by_kind == {
        "at work": "in_progress",
        "overdue": "in_progress",
        "pause that ran out": "paused",
        "handed in": "completed",
        "voided": "voided",
    }
    async with house.rest.storage.reading() as unit:
        due = {each.assessment_id for each in await unit.assessments.due_for_sweep(house.rest.clock.now(), 10)}
    assert due == {house.seats[kind].assessment_id for kind in ("overdue", "pause that ran out")}
    assert len(await rows(house.rest.storage, assessment_events)) == 5 * 3 + 1 + 2 + 1
