"""Idempotency-Key: what is sent again is answered as before and done once, whoever crashes, races or forgets."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.routing import iter_route_contexts
from sqlalchemy import text

from sitting.api import create_api
from sitting.api.idempotency import IdempotentRoute
from sitting.domain.user import Role
from sitting.storage.hub import Change
from sitting.storage.journal import Entry
from sitting.storage.once import AnsweredBefore, OnceStorage
from sitting.storage.repositories.idempotency import (
    LIFETIME,
    PRUNED_AT_ONCE,
    IdempotencyRepository,
    KeptAnswer,
    KeyedRequest,
)
from sitting.storage.tables import candidate_applications, idempotency_keys, questions, test_versions, tests, users
from sitting.storage.unit_of_work import Storage
from tests.support.builders import make_user, publish_test, seated
from tests.support.candidates import token_for
from tests.support.clock import NOON
from tests.support.eventually import eventually_async
from tests.support.rest import Caller, Rest, refused, said, serving, unopened_services
from tests.support.server import SittingProcess
from tests.support.storage import Nodes, execute, log_of, rows, running_storage

DRAFT = {"name": "Arithmetic"}
NADIA = {"name": "Nadia Karimi", "email": "nadia@example.org"}
QUESTION: dict[str, Any] = {
    "skill": "Arithmetic",
    "difficulty": "easy",
    "text": "What is 2 + 2?",
    "options": [{"text": "4", "correct": True}, {"text": "5", "correct": False}],
}
ANSWER = KeptAnswer(201, "application/json", b"{}")
TICK = timedelta(microseconds=1)
_CUT = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND state = 'idle in transaction'
"""

_WAITING = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@pytest.fixture
async def author(rest: Rest) -> Caller:
    return await rest.person(Role.AUTHOR)


def keyed(caller: Caller, key: str = "k-1") -> Caller:
    return caller.holding(**{"Idempotency-Key": key})


def request_of(user_id: int, key: str = "k-1", *, at: datetime = NOON) -> KeyedRequest:
    return KeyedRequest(user_id, key, "POST", "/", "d", at)


def renewed(rest: Rest, caller: Caller) -> Caller:
    """The same person with a token that is good by now."""
    assert caller.user is not None
    return rest.caller(caller.user)


async def count(rest: Rest, table: Any) -> int:
    return len(await rows(rest.storage, table))


def was_replayed(response: httpx2.Response) -> bool:
    return response.headers.get("idempotency-replayed") == "true"


# --- again ---


@pytest.mark.parametrize("kind", ["question", "test", "publication", "one invitation", "many invitations"])
async def test_same_request_gets_the_same_answer_to_the_byte_and_is_done_once(
    rest: Rest, author: Caller, kind: str
) -> None:
    test = await publish_test(rest.storage)
    people = [{"name": f"Candidate {n}", "email": f"c{n}@example.org"} for n in range(40)]
    path, body, table = {
        "question": ("/questions", QUESTION, questions),
        "test": ("/tests", DRAFT, tests),
        "publication": (f"/tests/{test.test_id}/publish", None, test_versions),
        "one invitation": (f"/tests/{test.test_id}/applications", NADIA, candidate_applications),
        "many invitations": (f"/tests/{test.test_id}/applications", {"candidates": people}, candidate_applications),
    }[kind]
    before = await count(rest, table)
    first = await keyed(author).post(path, body)
    done = await count(rest, table)
    assert done > before
    again = [await keyed(author).post(path, body) for _ in range(2)]
    assert [(each.status_code, each.content, each.headers["content-type"]) for each in again] == [
        (201, first.content, "application/json")
    ] * 2
    assert [was_replayed(each) for each in (first, *again)] == [False, True, True]
    assert {each.headers["cache-control"] for each in (first, *again)} == {"no-store"}
    assert await count(rest, table) == done


async def test_extension_that_is_sent_again_gives_its_minutes_once(rest: Rest) -> None:
    seat = await seated(rest.storage)
    invigilator = await rest.person(Role.INVIGILATOR)
    path, body = f"/assessments/{seat.assessment_id}/extend", {"minutes": 5, "reason": "Fire drill."}
    first = said(await keyed(invigilator).post(path, body))
    heard: list[Change] = []
    rest.storage.hub.subscribe(seat.assessment_id, heard.append)
    assert said(await keyed(invigilator).post(path, body)) == first
    assert heard == []
    second = said(await keyed(invigilator, "k-2").post(path, body))
    assert [change.seq for change in heard] == [second["seq"]] == [first["seq"] + 1]
    assert (await log_of(rest.storage, seat.assessment_id))[-2:] == ["extended", "extended"]


async def test_without_a_key_and_under_another_key_it_is_done_again(rest: Rest, author: Caller) -> None:
    for caller in (author, author, keyed(author, "a"), keyed(author, "b")):
        assert not was_replayed(await caller.post("/tests", DRAFT))
    assert await count(rest, tests) == 4
    assert [row.key for row in await rows(rest.storage, idempotency_keys)] == ["a", "b"]


async def test_answer_of_before_wins_over_what_is_so_by_now(rest: Rest, author: Caller) -> None:
    test = await publish_test(rest.storage)
    path = f"/tests/{test.test_id}/publish"
    first = said(await keyed(author).post(path), 201)
    longer = """replace(draft, 'time_limit_minutes"\\:30', 'time_limit_minutes"\\:31')"""
    await execute(rest.storage, f"UPDATE tests SET draft = {longer}")
    assert said(await author.post(path), 201)["number"] == first["number"] + 1
    assert said(await keyed(author).post(path), 201) == first
    slugged = {**QUESTION, "slug": "two-and-two"}
    made = said(await keyed(author, "q").post("/questions", slugged), 201)
    refused(await author.post("/questions", slugged), 409, "conflict")
    assert said(await keyed(author, "q").post("/questions", slugged), 201) == made


async def test_key_is_free_again_a_day_later_and_what_has_expired_goes(rest: Rest, author: Caller) -> None:
    await keyed(author, "other").post("/tests", DRAFT)
    await keyed(author).post("/tests", DRAFT)
    rest.clock.set(NOON + LIFETIME - TICK)
    author = renewed(rest, author)
    assert was_replayed(await keyed(author).post("/tests", DRAFT))
    rest.clock.set(NOON + LIFETIME)
    author = renewed(rest, author)
    assert not was_replayed(await keyed(author).post("/tests", DRAFT))
    assert was_replayed(await keyed(author).post("/tests", DRAFT))
    assert [row.key for row in await rows(rest.storage, idempotency_keys)] == ["k-1"]
    assert await count(rest, tests) == 3


async def test_pruning_leaves_what_still_counts_and_does_not_take_for_ever(storage: Storage) -> None:
    user = await make_user(storage)
    async with storage.database.writing() as connection:
        ledger = IdempotencyRepository(connection)
        for n in range(PRUNED_AT_ONCE + 5):
            await ledger.keep(request_of(user.user_id, f"old-{n}", at=NOON - LIFETIME), ANSWER)
        await ledger.keep(request_of(user.user_id, "young", at=NOON - LIFETIME + TICK), ANSWER)
        await ledger.keep(request_of(user.user_id, "new"), ANSWER)
    left = [row.key for row in await rows(storage, idempotency_keys)]
    assert len(left) == 5 + 2
    assert {"young", "new"} <= set(left)


# --- not the same ---


async def test_same_key_with_another_body_or_route_is_a_conflict_and_does_nothing(rest: Rest, author: Caller) -> None:
    test = await publish_test(rest.storage)
    invitations = f"/tests/{test.test_id}/applications"
    said(await keyed(author).post(invitations, NADIA), 201)
    others = [
        (invitations, {**NADIA, "name": "Nadia"}),
        (invitations, {"candidates": [NADIA]}),
        (f"{invitations}?x=1", NADIA),
        (f"/tests/{test.test_id}/publish", None),
        ("/tests", DRAFT),
        ("/questions", QUESTION),
    ]
    for path, body in others:
        problem = refused(await keyed(author).post(path, body), 409, "conflict")
        assert (problem["retryable"], problem["details"]) == (False, {"reason": "key_reused"})
    assert [await count(rest, table) for table in (tests, questions, candidate_applications)] == [1, 3, 1]


async def test_same_body_at_another_address_is_another_request(rest: Rest, author: Caller) -> None:
    one, other = await publish_test(rest.storage), await publish_test(rest.storage)
    said(await keyed(author).post(f"/tests/{one.test_id}/publish"), 201)
    refused(await keyed(author).post(f"/tests/{other.test_id}/publish"), 409, "conflict")
    assert len(await rows(rest.storage, test_versions, test_id=other.test_id)) == 1


async def test_keys_of_other_people_have_nothing_to_do_with_each_other(rest: Rest, author: Caller) -> None:
    other = await rest.person(Role.AUTHOR)
    first, second = [said(await keyed(caller).post("/tests", DRAFT), 201) for caller in (author, other)]
    assert first["test_id"] != second["test_id"]


async def test_answer_is_given_only_to_who_may_still_ask(rest: Rest, author: Caller) -> None:
    said(await keyed(author).post("/tests", DRAFT), 201)
    refused(await keyed(rest.anonymous).post("/tests", DRAFT), 401, "not_authenticated")
    await execute(rest.storage, "UPDATE users SET roles = 'reviewer'")
    refused(await keyed(author).post("/tests", DRAFT), 403, "not_allowed")


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\xe9", "tab\there", "\x7f"])
async def test_impossible_key_is_refused(rest: Rest, author: Caller, key: str) -> None:
    headers = {name.encode(): value.encode() for name, value in author.headers.items()}
    headers[b"Idempotency-Key"] = key.encode("latin-1")
    refused(await author.client.post("/api/v1/tests", json=DRAFT, headers=headers), 422, "invalid_message")
    assert await count(rest, tests) == 0


async def test_two_keys_are_refused_and_the_longest_one_is_taken(rest: Rest, author: Caller) -> None:
    headers = [*author.headers.items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    refused(await author.client.post("/api/v1/tests", json=DRAFT, headers=headers), 422, "invalid_message")
    assert await count(rest, tests) == 0
    for replayed in (False, True):
        assert was_replayed(await keyed(author, "~ !" * 85).post("/tests", DRAFT)) is replayed


async def test_other_routes_pass_the_header_over(rest: Rest) -> None:
    admin = keyed(await rest.person(Role.ADMIN))
    person = {"name": "Ada", "email": "ada@example.org", "roles": ["author"]}
    said(await admin.post("/users", person), 201)
    refused(await admin.post("/users", person), 409, "conflict")
    assert not was_replayed(await admin.get("/tests"))
    assert await count(rest, idempotency_keys) == 0


def test_header_is_declared_where_it_is_taken_with_what_it_leads_to() -> None:
    app = create_api(unopened_services())
    taking = {
        (context.path or "").removeprefix("/api/v1")
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, IdempotentRoute) and context.methods == {"POST"}
    }
    operations = {
        (path.removeprefix("/api/v1"), method): operation
        for path, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
        if any(each["name"] == "Idempotency-Key" for each in operation.get("parameters", []))
    }
    assert operations.keys() == {(path, "post") for path in taking}
    assert {"/questions", "/tests", "/tests/{test_id}/publish", "/tests/{test_id}/applications"} <= taking
    assert not any(path.startswith(("/auth", "/users", "/ws-tickets")) for path in taking)
    for operation in operations.values():
        success = min(operation["responses"])
        assert "Idempotency-Replayed" in operation["responses"][success]["headers"]
        assert "`conflict`" in operation["responses"]["409"]["description"]


# --- what stored nothing ---


async def test_refusal_is_not_kept_so_that_the_next_try_is_a_real_one(rest: Rest, author: Caller) -> None:
    good = await publish_test(rest.storage)
    test_id = said(await author.post("/tests", DRAFT), 201)["test_id"]
    publish, invitations = f"/tests/{test_id}/publish", f"/tests/{test_id}/applications"
    refused(await keyed(author).post(publish), 409, "publication_refused")
    refused(await keyed(author, "k-2").post(invitations, NADIA), 409, "conflict")
    refused(await keyed(author, "k-3").post("/tests", {"name": ""}), 422, "invalid_message")
    assert await count(rest, idempotency_keys) == 0
    copy = "UPDATE tests SET draft = (SELECT draft FROM tests WHERE id = :good) WHERE id = :id"
    assert await execute(rest.storage, copy, good=good.test_id, id=test_id) == 1
    said(await keyed(author).post(publish), 201)
    said(await keyed(author, "k-2").post(invitations, NADIA), 201)
    said(await keyed(author, "k-3").post("/tests", DRAFT), 201)


async def test_refusal_in_the_middle_leaves_nothing(rest: Rest, author: Caller) -> None:
    test = await publish_test(rest.storage)
    before = await count(rest, users)
    body = {"candidates": [NADIA, {"user_id": 999}]}
    refused(await keyed(author).post(f"/tests/{test.test_id}/applications", body), 404, "not_found")
    assert [await count(rest, table) for table in (users, candidate_applications, idempotency_keys)] == [before, 0, 0]


async def test_crash_before_the_commit_undoes_the_effect_and_one_behind_it_keeps_the_answer(
    rest: Rest, author: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(IdempotencyRepository, "keep", crash)
        refused(await keyed(author).post("/tests", DRAFT), 500, "internal_error")
    assert [await count(rest, table) for table in (tests, idempotency_keys)] == [0, 0]
    with monkeypatch.context() as patched:
        patched.setattr(OnceStorage, "transaction", _lost_after_commit(OnceStorage.transaction))
        refused(await keyed(author).post("/tests", DRAFT), 500, "internal_error")
    (made,) = await rows(rest.storage, tests)
    again = await keyed(author).post("/tests", DRAFT)
    assert was_replayed(again)
    assert said(again, 201)["test_id"] == made.id


def _lost_after_commit(transaction: Any) -> Any:
    @asynccontextmanager
    async def losing(self: OnceStorage) -> Any:
        async with transaction(self):
            yield
        raise ConnectionResetError

    return losing


# --- at once ---


async def test_twenty_at_once_on_two_nodes_do_it_once(two_nodes: Nodes) -> None:
    async with serving(two_nodes[0]) as first, serving(two_nodes[1]) as second:
        author = await first.person(Role.AUTHOR)
        assert author.user is not None
        test = await publish_test(first.storage)
        callers = [keyed(author), keyed(second.caller(author.user))]
        posts = [callers[n % 2].post(f"/tests/{test.test_id}/applications", NADIA) for n in range(20)]
        answers = await asyncio.gather(*posts)
        statuses = Counter(answer.status_code for answer in answers)
        assert statuses.keys() <= {201, 409}
        assert sum(answer.status_code == 201 and not was_replayed(answer) for answer in answers) == 1
        for busy in (answer for answer in answers if answer.status_code == 409):
            problem = refused(busy, 409, "conflict")
            assert (problem["retryable"], problem["details"]) == (True, {"reason": "in_progress"})
        assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
        assert await count(first, candidate_applications) == 1
        assert all(
            [was_replayed(await caller.post(f"/tests/{test.test_id}/applications", NADIA)) for caller in callers]
        )


async def test_different_keys_at_once_do_not_get_in_each_others_way(rest: Rest, author: Caller) -> None:
    answers = await asyncio.gather(*(keyed(author, f"k-{n}").post("/tests", DRAFT) for n in range(20)))
    assert [answer.status_code for answer in answers] == [201] * 20
    assert await count(rest, tests) == 20


async def test_request_whose_first_is_at_work_on_another_node_is_told_to_come_back(postgres_nodes: Nodes) -> None:
    async with serving(postgres_nodes[0]) as rest:
        author = await rest.person(Role.AUTHOR)
        assert author.user is not None
        async with postgres_nodes[1].database.writing() as connection:
            await IdempotencyRepository(connection).claim(request_of(author.user.user_id))
            problem = refused(await keyed(author).post("/tests", DRAFT), 409, "conflict")
            assert (problem["retryable"], problem["details"]) == (True, {"reason": "in_progress"})
            assert not was_replayed(await keyed(author, "another").post("/tests", DRAFT))
        said(await keyed(author).post("/tests", DRAFT), 201)
        assert await count(rest, tests) == 2


async def test_request_whose_first_ends_while_it_waits_for_its_turn_gets_that_answer(storage: Storage) -> None:
    user = await make_user(storage)
    request = request_of(user.user_id)
    late = OnceStorage(storage)
    late.begin(request)
    async with late.reading() as unit:  # it has looked: there is no answer yet
        assert await unit.users.any_exist()
    await _do(OnceStorage(storage), request)
    with pytest.raises(AnsweredBefore) as stopped:
        await _do(late, request)
    assert stopped.value.answer == ANSWER


async def test_request_that_was_answered_is_stopped_at_its_first_look_at_the_database(storage: Storage) -> None:
    request = request_of((await make_user(storage)).user_id)
    await _do(OnceStorage(storage), request)
    late = OnceStorage(storage)
    async with late.reading() as unit:  # who is asking is looked up before
        assert await unit.users.any_exist()
    late.begin(request)
    with pytest.raises(AnsweredBefore):
        await late.reading().__aenter__()


async def _do(once: OnceStorage, request: KeyedRequest, *changes: Change, fails: bool = False) -> None:
    once.begin(request)
    async with once.transaction():
        async with once.unit_of_work() as unit:
            unit.changes.extend(changes)
        await once.keep(ANSWER)
        if fails:
            raise ZeroDivisionError


# --- the storage behind it ---


async def test_units_of_work_are_one_transaction_and_the_hub_hears_of_it_when_it_is_committed(storage: Storage) -> None:
    user = await make_user(storage)
    heard: list[int] = []
    storage.hub.subscribe(1, lambda change: heard.append(change.seq))
    once = OnceStorage(storage)
    once.begin(request_of(user.user_id))
    async with once.transaction():
        async with once.unit_of_work() as unit:
            unit.changes.append(Change(1, 1))
            first = await unit.users.create(name="A", email="a@example.org", roles=frozenset(), now=NOON)
        with pytest.raises(ZeroDivisionError):
            await _fail_in(once)
        async with once.reading() as unit:
            assert (await unit.users.select(first.user_id)).name == "A"
        if not storage.database.url.is_sqlite:
            assert await rows(storage, users, email="a@example.org") == []
        assert heard == []
        await once.keep(ANSWER)
    assert heard == [1]
    assert len(await rows(storage, users)) == 2


async def _fail_in(once: OnceStorage) -> None:
    async with once.unit_of_work() as unit:
        unit.changes.append(Change(1, 2))
        await unit.users.create(name="B", email="b@example.org", roles=frozenset(), now=NOON)
        raise ZeroDivisionError


async def test_hub_hears_nothing_of_what_was_undone(storage: Storage) -> None:
    user = await make_user(storage)
    heard: list[Change] = []
    storage.hub.subscribe(1, heard.append)
    with pytest.raises(ZeroDivisionError):
        await _do(OnceStorage(storage), request_of(user.user_id), Change(1, 1), fails=True)
    assert heard == []
    assert await rows(storage, idempotency_keys) == []
    await _do(OnceStorage(storage), request_of(user.user_id), Change(1, 1))
    assert heard == [Change(1, 1)]


async def test_journal_is_closed_to_such_a_request_since_it_would_wait_for_itself(storage: Storage) -> None:
    entry: Any = None
    async with asyncio.timeout(5):
        with pytest.raises(RuntimeError, match="journal"):
            await OnceStorage(storage).journal.append(Entry(entry))


async def test_lost_database_is_unavailable_and_nothing_is_kept(
    postgres_nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(postgres_nodes[0]) as rest:
        author = await rest.person(Role.AUTHOR)
        with monkeypatch.context() as patched:
            patched.setattr(IdempotencyRepository, "keep", _behind_a_cut(IdempotencyRepository.keep, postgres_nodes[1]))
            refused(await keyed(author).post("/tests", DRAFT), 503, "unavailable")
        assert await count(rest, tests) == 0
        said(await keyed(author).post("/tests", DRAFT), 201)


def _behind_a_cut(keep: Any, other: Storage) -> Any:
    """`keep`, with the link cut before it."""

    async def cut_and_keep(ledger: IdempotencyRepository, request: KeyedRequest, answer: KeptAnswer) -> None:
        assert await execute(other, _CUT) == 1
        await keep(ledger, request, answer)

    return cut_and_keep


def test_node_killed_between_effect_and_answer_has_done_nothing_and_the_next_try_does_it_once(
    postgresql_database_url: str, tmp_path: Path
) -> None:
    async def prepare() -> int:
        async with running_storage(postgresql_database_url) as storage:
            return (await make_user(storage, roles=[Role.AUTHOR])).user_id

    headers = {"Authorization": f"Bearer {token_for(asyncio.run(prepare()))}", "Idempotency-Key": "k-1"}
    with SittingProcess.serve(postgresql_database_url, tmp_path) as sitting:

        def post() -> httpx2.Response:
            return httpx2.post(f"{sitting.base_url}/api/v1/tests", json=DRAFT, headers=headers, timeout=20)

        asyncio.run(_kill_before_the_answer_is_kept(postgresql_database_url, sitting, post))
        sitting.start()
        first, second = post(), post()
    assert [was_replayed(first), was_replayed(second)] == [False, True]
    assert first.json() == second.json()
    assert asyncio.run(_tests_in(postgresql_database_url)) == 1


async def _kill_before_the_answer_is_kept(url: str, sitting: SittingProcess, post: Any) -> None:
    """While the answer cannot be written, since its table is locked; by then the effect is."""
    async with running_storage(url) as other, other.database.writing() as connection:
        await connection.execute(text("LOCK TABLE idempotency_keys IN EXCLUSIVE MODE"))
        sent = asyncio.create_task(asyncio.to_thread(post))

        async def check_waiting() -> None:
            assert (await connection.scalar(text(_WAITING))) == 1

        await eventually_async(check_waiting)
        sitting.kill()
        with pytest.raises(httpx2.TransportError):
            await sent


async def _tests_in(url: str) -> int:
    async with running_storage(url) as storage:
        return len(await rows(storage, tests))
