"""Whose access is lost, asked of the database for everybody at once, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from sitting.delivery import access_watch
from sitting.delivery.access_watch import AccessWatch
from sitting.delivery.manager import ConnectionManager
from sitting.domain.errors import SittingError, Unavailable
from sitting.domain.proof import Proof
from sitting.domain.user import Role, User
from sitting.identity.access import Action
from sitting.identity.identify import Identity, identify_by_session
from sitting.identity.standing import CHUNK, lost_access
from sitting.protocol.connection import ConnectionState
from sitting.storage.tables import users
from sitting.storage.unit_of_work import Storage
from sitting.usecases.deactivate_user import deactivate_user
from sitting.usecases.services import Services
from tests.support.builders import make_user
from tests.support.clock import NOON, ManualClock
from tests.support.eventually import eventually_async
from tests.support.rest import make_services
from tests.support.storage import execute

HOUR = timedelta(hours=1)
CANDIDATE = frozenset({Role.CANDIDATE})


def by_token(user: User, **more: Any) -> Identity:
    return Identity(user.user_id, user.roles, Proof(NOON, f"jti-{user.user_id}"), **more)


async def codes(storage: Storage, *identities: Identity) -> list[str | None]:
    """Of each, with which code access is lost; None where it is not."""
    lost = await lost_access(storage, identities, Action.TAKE_TESTS)
    return [str(lost[each].code) if each in lost else None for each in identities]


async def test_p23_only_whose_proof_is_void_lose_their_access(storage: Storage) -> None:
    kept, revoked, other_roles, no_roles, deactivated, voided = [await make_user(storage) for _ in range(6)]
    known = [by_token(user) for user in (kept, revoked, other_roles, no_roles, deactivated, voided)]
    assert await codes(storage, *known) == [None] * 6
    async with storage.unit_of_work() as unit:
        await unit.credentials.revoke_token(f"jti-{revoked.user_id}", revoked.user_id, now=NOON, expires_at=NOON)
        for changed in (
            replace(other_roles, roles=CANDIDATE | {Role.ADMIN}),
            replace(no_roles, roles=frozenset()),
            replace(deactivated, deactivated_at=NOON),
            replace(voided, not_before=NOON + timedelta(seconds=1)),
        ):
            await unit.users.store(changed, now=NOON)
    unauthenticated = "not_authenticated"
    expected = [None, unauthenticated, unauthenticated, "not_allowed", unauthenticated, unauthenticated]
    assert await codes(storage, *known) == expected
    sister = replace(known[1], proof=Proof(NOON, "another"))
    nobody = replace(known[0], user_id=987_654_321)
    assert await codes(storage, sister, nobody) == [None, unauthenticated]


async def test_p23_session_counts_on_a_socket_until_it_is_ended_and_not_until_its_time(storage: Storage) -> None:
    user = await make_user(storage, roles=[Role.AUTHOR])
    async with storage.unit_of_work() as unit:
        for secret in ("expired", "ended"):
            await unit.credentials.create_session(secret, user.user_id, now=NOON, expires_at=NOON + HOUR)
    known = [await identify_by_session(storage, secret, now=NOON) for secret in ("expired", "ended")]
    async with storage.unit_of_work() as unit:
        await unit.users.store(replace(user, roles=frozenset({Role.REVIEWER})), now=NOON)  # a candidate all the same
        await unit.credentials.delete_session("ended")
        await unit.credentials.create_session("new", user.user_id, now=NOON + 2 * HOUR, expires_at=NOON + 3 * HOUR)
    assert await codes(storage, *known) == [None, "not_authenticated"]


async def test_p23_everybody_is_looked_at_however_many_they_are(storage: Storage) -> None:
    rows: list[dict[str, Any]] = [
        {"id": n, "name": "", "email": f"{n}@example.org", "roles": "candidate", "created_at": NOON, "updated_at": NOON}
        for n in range(1, 2 * CHUNK + 2)
    ]
    async with storage.database.writing() as connection:
        await connection.execute(insert(users), rows)
    known = [Identity(row["id"], CANDIDATE, Proof(NOON, f"jti-{row['id']}")) for row in rows]
    assert await lost_access(storage, known, Action.TAKE_TESTS) == {}
    assert await execute(storage, "UPDATE users SET roles = ''") == len(rows)
    assert set(await lost_access(storage, known, Action.TAKE_TESTS)) == set(known)


# --- the watch ---


@dataclass(eq=False)
class Listed:
    """What the watch sees of a connection."""

    identity: Identity
    refusals: list[SittingError] = field(default_factory=list)
    state: ConnectionState = field(default_factory=lambda: ConnectionState("c", speaks_v1=True, url_test_id=None))

    def shut_out(self, refusal: SittingError) -> None:
        self.refusals.append(refusal)


@asynccontextmanager
async def watching(services: Services, *listed: Listed) -> AsyncIterator[None]:
    manager = ConnectionManager(services)
    for each in listed:
        manager.connect(each)  # type: ignore[arg-type]
    task = asyncio.create_task(AccessWatch(services, manager).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Breakable:
    """A database whose readers can be told that it is gone; counts how often it was asked."""

    def __init__(self, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_gone, self.asked = False, 0
        self._reading: Callable[[], AbstractAsyncContextManager[Any]] = storage.database.reading
        monkeypatch.setattr(storage.database, "reading", self._read)

    @asynccontextmanager
    async def _read(self) -> AsyncIterator[Any]:
        self.asked += 1
        if self.is_gone:
            raise Unavailable()
        async with self._reading() as connection:
            yield connection

    async def asked_again(self, times: int) -> None:
        """Until it was asked so many times more."""
        before = self.asked

        async def enough() -> None:
            assert self.asked >= before + times

        await eventually_async(enough)


async def test_p23_nobody_is_closed_while_the_database_does_not_answer(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_watch, "INTERVAL_SECONDS", 0.05)
    user, services, database = (
        await make_user(storage),
        make_services(storage, ManualClock()),
        Breakable(storage, monkeypatch),
    )
    own = Listed(by_token(user))
    async with watching(services, own):
        await database.asked_again(2)
        database.is_gone = True
        await execute_past_the_watch(storage, user)
        await database.asked_again(5)
        assert own.refusals == []
        database.is_gone = False
        await eventually_async(lambda: refused(own, "not_authenticated"))


async def execute_past_the_watch(storage: Storage, user: User) -> None:
    await execute(storage, "UPDATE users SET deactivated_at = created_at WHERE id = :id", id=user.user_id)


async def refused(listed: Listed, code: str) -> None:
    assert {str(each.code) for each in listed.refusals} == {code}


async def test_p23_notice_of_one_person_asks_for_that_person_and_at_once(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_watch, "INTERVAL_SECONDS", 3600.0)
    first, second = await make_user(storage), await make_user(storage)
    services, database = make_services(storage, ManualClock()), Breakable(storage, monkeypatch)
    told, untold = Listed(by_token(first)), Listed(by_token(second))
    async with watching(services, told, untold):
        await database.asked_again(1)
        await execute_past_the_watch(storage, second)
        await deactivate_user(storage, first.user_id, deactivated=True, now=NOON)
        await eventually_async(lambda: refused(told, "not_authenticated"))
    assert untold.refusals == []


async def test_p23_everybodys_turn_comes_while_notices_never_stop(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_watch, "INTERVAL_SECONDS", 0.1)
    busy, silent = await make_user(storage), await make_user(storage)
    own = Listed(by_token(silent))
    async with watching(make_services(storage, ManualClock()), own, Listed(by_token(busy))):
        await execute_past_the_watch(storage, silent)

        async def ring_and_look() -> None:
            async with storage.unit_of_work() as unit:
                unit.access_changed(busy.user_id)
            await refused(own, "not_authenticated")

        await eventually_async(ring_and_look, every=0)
