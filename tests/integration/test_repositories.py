"""What the repositories keep of people, credentials and applications: one set of expectations for both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sitting.domain.errors import (
    ApplicationNotFound,
    Conflict,
    NotFound,
)
from sitting.domain.proof import Proof
from sitting.domain.user import Role
from sitting.kit.ids import random_secret
from sitting.storage.repositories.credentials import KEPT_BEHIND_THE_END, TicketHolder
from sitting.storage.tables import revoked_tokens, sessions, ws_tickets
from sitting.storage.unit_of_work import Storage
from tests.support.builders import invite, make_user, publish_test
from tests.support.clock import NOON
from tests.support.storage import execute, rows

LARGEST_ID = 2**53 - 1
NON_ASCII = "Zoë Øst 李小龍 👩‍🔬 עברית"
ODD_INSTANT = NOON + timedelta(microseconds=123_457)


# --- users ---


async def test_user_is_found_by_id_email_and_external_id(storage: Storage) -> None:
    made = await make_user(storage, NON_ASCII, email="zoë@example.org", external_id="ou=人/7", roles=[Role.ADMIN])
    async with storage.reading() as unit:
        assert await unit.users.select(made.user_id) == made
        assert await unit.users.select_optional_by_email("zoë@example.org") == made
        assert await unit.users.select_optional_by_external_id("ou=人/7") == made
    assert (made.name, made.roles) == (NON_ASCII, frozenset({Role.ADMIN}))


async def test_unknown_user_is_refused_or_none(storage: Storage) -> None:
    async with storage.reading() as unit:
        assert await unit.users.any_exist() is False
        assert await unit.users.select_optional(1) is None
        assert await unit.users.select_optional_by_email("a@example.org") is None
        assert await unit.users.select_optional_by_external_id("x") is None
        assert await unit.users.password_hash(1) is None
        with pytest.raises(NotFound):
            await unit.users.select(1)


@pytest.mark.parametrize("taken", [{"email": "a@example.org"}, {"external_id": "x"}])
async def test_second_user_with_a_taken_name_is_refused_and_the_transaction_goes_on(
    storage: Storage, taken: dict[str, str]
) -> None:
    await make_user(storage, email="a@example.org", external_id="x")
    async with storage.unit_of_work() as unit:
        other = {"email": "b@example.org", "external_id": "y"} | taken
        with pytest.raises(Conflict):
            await unit.users.create(name="B", roles=frozenset({Role.CANDIDATE}), now=NOON, **other)
        third = await unit.users.create(name="C", email="c@example.org", roles=frozenset(), now=NOON)
    async with storage.reading() as unit:
        assert [user.name for user in await unit.users.list_page(after=0, limit=9)] == ["Zoë Müller", "C"]
        assert await unit.users.select(third.user_id) == third


async def test_users_without_external_id_do_not_clash(storage: Storage) -> None:
    first, second = await make_user(storage), await make_user(storage)
    assert (first.external_id, second.external_id) == (None, None)
    async with storage.reading() as unit:
        assert await unit.users.any_exist() is True


async def test_new_password_voids_the_tokens_before_it(storage: Storage) -> None:
    user = await make_user(storage, password_hash="old")
    async with storage.unit_of_work() as unit:
        assert await unit.users.password_hash(user.user_id) == "old"
        await unit.users.set_password(user.user_id, "new", now=ODD_INSTANT)
    async with storage.reading() as unit:
        assert await unit.users.password_hash(user.user_id) == "new"
        assert (await unit.users.select(user.user_id)).not_before == ODD_INSTANT


async def test_users_come_in_pages_without_gap_or_repetition(storage: Storage) -> None:
    made = [(await make_user(storage)).user_id for _ in range(5)]
    found: list[int] = []
    async with storage.reading() as unit:
        for size in (2, 2, 1, 0):
            page = await unit.users.list_page(after=found[-1] if found else 0, limit=2)
            assert len(page) == size
            found += [user.user_id for user in page]
    assert found == made


async def test_users_are_found_by_part_of_name_or_address(storage: Storage) -> None:
    for name, email in (("Anne % Meier", "anne@"), ("Ängström", "strom@"), ("李小龍", "bruce@")):
        await make_user(storage, name, email=f"{email}example.org")
    wanted = {
        "ANNE": ["Anne % Meier"],
        "meier": ["Anne % Meier"],
        "%": ["Anne % Meier"],
        "_": [],
        "Äng": ["Ängström"],
        "strom@": ["Ängström"],
        "李": ["李小龍"],
    }
    async with storage.reading() as unit:
        found = {query: await unit.users.list_page(after=0, limit=9, query=query) for query in wanted}
    assert {query: [user.name for user in users] for query, users in found.items()} == wanted


async def test_ids_up_to_two_to_the_53rd_are_kept_exactly(storage: Storage) -> None:
    await execute(
        storage,
        "INSERT INTO users (id, name, email, roles, created_at, updated_at) "
        "SELECT :id, 'Last', 'last@example.org', 'candidate', created_at, created_at FROM users WHERE id = :like",
        id=LARGEST_ID,
        like=(await make_user(storage)).user_id,
    )
    test = await publish_test(storage)
    async with storage.unit_of_work() as unit:
        last = await unit.users.select(LARGEST_ID)
        made = await unit.applications.create(last.user_id, test.test_id, random_secret(), by=None, now=NOON)
        assert await unit.applications.of_candidate(LARGEST_ID) == [made]
    assert (last.user_id, made.user_id) == (LARGEST_ID, LARGEST_ID)


# --- credentials ---


async def test_session_lasts_until_the_instant_it_expires(storage: Storage) -> None:
    user = await make_user(storage)
    async with storage.unit_of_work() as unit:
        await unit.credentials.create_session("s", user.user_id, now=NOON, expires_at=ODD_INSTANT)
    async with storage.reading() as unit:
        just_before = ODD_INSTANT - timedelta(microseconds=1)
        found = await unit.credentials.find_session("s", now=just_before)
        assert found is not None
        assert (found.user_id, found.proof.issued_at) == (user.user_id, NOON)
        assert await unit.credentials.find_session("s", now=ODD_INSTANT) is None
        assert await unit.credentials.find_session("other", now=NOON) is None


async def test_deleted_session_is_gone_and_no_other(storage: Storage) -> None:
    user = await make_user(storage)
    async with storage.unit_of_work() as unit:
        for secret in ("s", "t"):
            await unit.credentials.create_session(secret, user.user_id, now=NOON, expires_at=ODD_INSTANT)
        await unit.credentials.delete_session("s")
        assert await unit.credentials.find_session("s", now=NOON) is None
        assert await unit.credentials.find_session("t", now=NOON) is not None


async def test_expired_credentials_are_swept_when_new_ones_are_made(storage: Storage) -> None:
    user = await make_user(storage)
    holder = TicketHolder(user.user_id, user.roles)
    later = ODD_INSTANT + KEPT_BEHIND_THE_END + timedelta(microseconds=1)
    async with storage.unit_of_work() as unit:
        await unit.credentials.create_session("old", user.user_id, now=NOON, expires_at=ODD_INSTANT)
        await unit.credentials.create_ticket("old", holder, now=NOON, expires_at=ODD_INSTANT)
        await unit.credentials.revoke_token("old", user.user_id, now=NOON, expires_at=ODD_INSTANT)
    async with storage.unit_of_work() as unit:
        await unit.credentials.create_session("new", user.user_id, now=later, expires_at=later)
        await unit.credentials.create_ticket("new", holder, now=later, expires_at=later)
        await unit.credentials.revoke_token("new", user.user_id, now=later, expires_at=later)
    assert [row.jti for row in await rows(storage, revoked_tokens)] == ["new"]
    assert [row.created_at for row in await rows(storage, sessions)] == [later]
    assert [row.created_at for row in await rows(storage, ws_tickets)] == [later]


async def test_session_that_ended_by_its_time_is_told_from_one_that_was_ended(storage: Storage) -> None:
    user = await make_user(storage)
    later = ODD_INSTANT + KEPT_BEHIND_THE_END
    async with storage.unit_of_work() as unit:
        for secret in ("expired", "ended"):
            await unit.credentials.create_session(secret, user.user_id, now=NOON, expires_at=ODD_INSTANT)
        found = [await unit.credentials.find_session(secret, now=NOON) for secret in ("expired", "ended")]
        proofs = [session.proof for session in found if session is not None]
        await unit.credentials.delete_session("ended")
        await unit.credentials.create_session("new", user.user_id, now=later, expires_at=later)
        assert await unit.credentials.find_session("expired", now=later) is None
        assert await unit.credentials.ended(proofs) == {proofs[1]}


async def test_no_secret_stands_in_the_database(storage: Storage) -> None:
    user = await make_user(storage)
    async with storage.unit_of_work() as unit:
        await unit.credentials.create_session("hunter2", user.user_id, now=NOON, expires_at=ODD_INSTANT)
        await unit.credentials.create_ticket(
            "hunter2", TicketHolder(user.user_id, user.roles), now=NOON, expires_at=ODD_INSTANT
        )
    for table in (sessions, ws_tickets):
        (row,) = await rows(storage, table)
        assert "hunter2" not in repr(tuple(row))
        assert len(row.secret_hash) == 64


async def test_token_may_be_revoked_twice(storage: Storage) -> None:
    user = await make_user(storage)
    async with storage.unit_of_work() as unit:
        for _ in range(2):
            await unit.credentials.revoke_token("j", user.user_id, now=NOON, expires_at=ODD_INSTANT)
        assert await unit.credentials.ended([Proof(jti="j"), Proof(jti="k"), Proof()]) == {Proof(jti="j")}


# --- applications ---


async def test_application_is_found_by_its_candidate_and_by_its_secret(storage: Storage) -> None:
    test, other_test = await publish_test(storage), await publish_test(storage)
    user = await make_user(storage)
    made, elsewhere = await invite(storage, test, user), await invite(storage, other_test, user)
    await invite(storage, test)
    async with storage.reading() as unit:
        assert await unit.applications.select_own(made.application_id, user.user_id) == made
        assert await unit.applications.select_optional_by_secret(made.secret) == made
        assert await unit.applications.select_optional_by_secret("nobody's") is None
        assert await unit.applications.of_candidate(user.user_id) == [made, elsewhere]
        assert await unit.applications.of_candidate(user.user_id, test.test_id) == [made]


async def test_application_of_somebody_else_is_as_good_as_none(storage: Storage) -> None:
    made = await invite(storage, await publish_test(storage))
    stranger = await make_user(storage)
    async with storage.reading() as unit:
        for application_id, user_id in ((made.application_id, stranger.user_id), (99, made.user_id)):
            with pytest.raises(ApplicationNotFound):
                await unit.applications.select_own(application_id, user_id)


async def test_applications_of_a_test_come_in_pages(storage: Storage) -> None:
    test = await publish_test(storage)
    made = [await invite(storage, test) for _ in range(3)]
    await invite(storage, await publish_test(storage))
    async with storage.reading() as unit:
        first = await unit.applications.of_test(test.test_id, after=0, limit=2)
        rest = await unit.applications.of_test(test.test_id, after=first[-1].application_id, limit=2)
    assert first + rest == made
