"""Erasing a person: nothing of theirs is left in any table, and all that proves the rest still does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from sitting.domain.assessment import Status
from sitting.domain.errors import AssessmentOver, Conflict, NotFound
from sitting.domain.run import RunKind, RunStatus
from sitting.domain.user import Role, User
from sitting.storage.repositories.checkpoints import StoredCheckpoint, StoredWrite
from sitting.storage.tables import assessment_events, assessment_responses, assessments, metadata, users
from sitting.storage.unit_of_work import Storage
from sitting.usecases.create_user import create_user
from sitting.usecases.erase_user import erase_user
from sitting.usecases.note_integrity_event import note_integrity_event
from sitting.usecases.verify_log import VerifiedLog, verify_log
from sitting.usecases.void_assessment import void_assessment
from tests.support.builders import SIGNER, Seat, begin, invite, make_user, publish_test
from tests.support.clock import NOON
from tests.support.rest import Rest, refused, said
from tests.support.runs import run_at_work
from tests.support.storage import assessment_row, execute, log_of, rows

LATER = NOON + timedelta(days=400)
SECRETS = ("Zelda Quux", "zelda.quux@example.org", "ext-zelda", "wheelchair", "cheat-sheet-seen", "zelda-laptop")


async def zelda(storage: Storage) -> User:
    return await make_user(storage, SECRETS[0], email=SECRETS[1], external_id=SECRETS[2], password_hash="argon")


async def sat(storage: Storage, user: User, *, finished: bool = True, **rules: Any) -> Seat:
    """That person at work: answers, an observation, a late answer behind the end, personal words wherever they fit."""
    application = await invite(storage, await publish_test(storage, 3, max_attempts=2, **rules), user)
    await execute(
        storage,
        "UPDATE candidate_applications SET label = :label, extra_minutes = 20 WHERE id = :id",
        label=SECRETS[3],
        id=application.application_id,
    )
    seat = await begin(storage, application)
    for position in (1, 2):
        await seat.answer(position, right=position == 1, pair=(SECRETS[5], position), at=NOON + timedelta(minutes=1))
    await note_integrity_event(
        storage, seat.live, attachment=seat.attachment, kind="paste", detail=SECRETS[4], now=NOON + timedelta(minutes=2)
    )
    if finished:
        await seat.finish(at=NOON + timedelta(minutes=9))
        await seat.answer(3, pair=(SECRETS[5], 3), at=NOON + timedelta(minutes=10))
    return seat


async def erase(storage: Storage, user_id: int, *, by: int | None = None) -> User:
    return await erase_user(storage, user_id, reason="asked for it", by=by, now=LATER)


async def verified(storage: Storage, assessment_id: int) -> VerifiedLog:
    (found,) = [one async for one in verify_log(storage.database, SIGNER.verifies, assessment_id=assessment_id)]
    return found


async def everything(storage: Storage) -> str:
    """All that the tables hold, as text."""
    found = []
    async with storage.database.reading() as connection:
        for table in metadata.sorted_tables:
            found += [repr(tuple(row)) for row in await connection.execute(select(table))]
    return "\n".join(found)


@pytest.fixture
async def seat(storage: Storage) -> Seat:
    return await sat(storage, await zelda(storage))


async def test_erased_person_leaves_no_word_in_the_run_that_made_their_questions(storage: Storage, seat: Seat) -> None:
    assessment_id = seat.assessment_id
    lease = await run_at_work(storage, kind=RunKind.LIVE, assessment_id=assessment_id, wish=f'"{SECRETS[0]}"')
    async with storage.unit_of_work() as unit:
        await unit.runs.note_progress(lease, f'"{SECRETS[0]}"', now=NOON)
        body = SECRETS[0].encode()
        await unit.checkpoints.put(StoredCheckpoint(lease.run_id, "", "1", None, "msgpack", body, NOON))
        write = StoredWrite("task", 0, "", "answers", "msgpack", body)
        await unit.checkpoints.put_writes(lease.run_id, "", "1", [write])
    await erase(storage, seat.live.assessment.user_id)
    assert SECRETS[0] not in await everything(storage)
    async with storage.reading() as unit:
        assert (await unit.runs.select(lease.run_id)).status is RunStatus.CANCELLED


async def test_p27_erased_person_leaves_no_word_and_a_whole_log(storage: Storage, seat: Seat) -> None:
    before, log = await everything(storage), await rows(storage, assessment_events)
    kept = await assessment_row(storage, seat.assessment_id)
    answers = [r.selected_option for r in await rows(storage, assessment_responses)]
    assert all(secret in before for secret in SECRETS)
    user_id = seat.live.assessment.user_id
    await erase(storage, user_id)
    left = await everything(storage)
    assert [secret for secret in SECRETS if secret in left] == []
    assert all(r.selected_option is None for r in await rows(storage, assessment_responses))
    assert None not in answers
    found = await verified(storage, seat.assessment_id)
    assert (found.broken, found.is_erased, found.entries) == (None, True, len(log) + 1)
    after = await rows(storage, assessment_events)
    assert [(e.type, e.hash, e.inner_digest, e.occurred_at) for e in after[:-1]] == [
        (e.type, e.hash, e.inner_digest, e.occurred_at) for e in log
    ]
    assert [(e.salt, e.payload) for e in after[:-1]] == [(None, None)] * len(log)
    row = await assessment_row(storage, seat.assessment_id)
    same = (
        "status",
        "total_score",
        "max_score",
        "percentage_score",
        "passed",
        "started_at",
        "end_time",
        "receipt_head",
    )
    assert [getattr(row, name) for name in same] == [getattr(kept, name) for name in same]
    assert (row.head_seq, row.head_hash) == (after[-1].seq, after[-1].hash)


async def test_p27_erasure_is_told_with_who_when_and_why(storage: Storage, seat: Seat) -> None:
    admin = await make_user(storage, roles=[Role.ADMIN])
    await erase(storage, seat.live.assessment.user_id, by=admin.user_id)
    async with storage.reading() as unit:
        live = await unit.load(seat.assessment_id)
    told = live.state.erased
    assert told is not None
    assert (told.by, told.reason, live.state.last_at) == (admin.user_id, "asked for it", LATER)
    assert (told.status, live.state.status, live.state.is_over) == (Status.COMPLETED, Status.COMPLETED, True)


async def test_second_erasure_changes_nothing(storage: Storage, seat: Seat) -> None:
    first = await erase(storage, seat.live.assessment.user_id)
    before = await everything(storage)
    assert await erase(storage, seat.live.assessment.user_id) == first
    assert await everything(storage) == before


async def test_p27_assessment_voided_after_the_erasure_is_whole_and_can_be_erased_again(
    storage: Storage, seat: Seat
) -> None:
    await erase(storage, seat.live.assessment.user_id)
    await void_assessment(storage, seat.assessment_id, reason="Zelda Quux cheated", by=1, now=LATER)
    assert (await verified(storage, seat.assessment_id)).broken is None
    await erase(storage, seat.live.assessment.user_id)
    assert "Zelda" not in await everything(storage)
    assert (await verified(storage, seat.assessment_id)).broken is None
    assert (await log_of(storage, seat.assessment_id))[-3:] == ["erased", "voided", "erased"]


async def test_open_assessment_has_to_end_first(storage: Storage) -> None:
    user = await zelda(storage)
    over, still_open = await sat(storage, user), await sat(storage, user, finished=False)
    before = await everything(storage)
    with pytest.raises(Conflict):
        await erase(storage, user.user_id)
    assert await everything(storage) == before
    await void_assessment(storage, still_open.assessment_id, reason="asked for it", by=1, now=LATER)
    await erase(storage, user.user_id)
    for each in (over, still_open):
        assert (await verified(storage, each.assessment_id)).broken is None


async def test_answer_from_a_socket_that_outlived_the_erasure_is_told_and_not_kept(
    storage: Storage, seat: Seat
) -> None:
    await erase(storage, seat.live.assessment.user_id)
    before = await everything(storage)
    with pytest.raises(AssessmentOver):
        await seat.answer(3, pair=("after", 1), at=LATER)
    assert await everything(storage) == before


async def test_others_are_left_alone(storage: Storage, seat: Seat) -> None:
    other = await sat(storage, await make_user(storage, "Nadia Karimi"))
    row = (await rows(storage, users, id=other.live.assessment.user_id))[0]
    await erase(storage, seat.live.assessment.user_id)
    assert (await rows(storage, users, id=row.id))[0] == row
    found = await verified(storage, other.assessment_id)
    assert (found.broken, found.is_erased) == (None, False)


async def test_last_administrator_and_nobody_cannot_be_erased(storage: Storage) -> None:
    admin = await make_user(storage, roles=[Role.ADMIN])
    with pytest.raises(Conflict):
        await erase(storage, admin.user_id)
    await make_user(storage, roles=[Role.ADMIN])
    assert (await erase(storage, admin.user_id)).roles == frozenset()
    with pytest.raises(NotFound):
        await erase(storage, 9999)


async def test_same_address_can_be_invited_again_as_somebody_new(storage: Storage, seat: Seat) -> None:
    await erase(storage, seat.live.assessment.user_id)
    again = await create_user(storage, name="Zelda", email=SECRETS[1], roles=frozenset({Role.CANDIDATE}), now=LATER)
    assert again.user_id != seat.live.assessment.user_id


# --- tampering with what is left ---

TAMPERED = {
    "payload back": ("UPDATE assessment_events SET salt = hash, payload = hash WHERE seq = 3", "entry 3"),
    "told nothing": ("DELETE FROM assessment_events WHERE type = 'erased'", "entry 1"),
    "type": ("UPDATE assessment_events SET type = 'flagged' WHERE seq = 4", "entry 4"),
    "score": ("UPDATE assessments SET total_score = 3000", "row"),
    "answer back": ("UPDATE assessment_responses SET selected_option = 'o_1a'", "response"),
    "person back": ("UPDATE users SET erased_at = NULL", "entry 8"),
}


@pytest.mark.parametrize(("sql", "where"), TAMPERED.values(), ids=TAMPERED)
async def test_p27_change_of_an_erased_assessment_is_found(storage: Storage, seat: Seat, sql: str, where: str) -> None:
    await erase(storage, seat.live.assessment.user_id)
    assert await execute(storage, sql)
    broken = (await verified(storage, seat.assessment_id)).broken
    assert broken is not None
    assert broken.place.startswith(where), str(broken)


# --- over REST ---


async def test_p27_rest_still_answers_about_an_erased_assessment(rest: Rest) -> None:
    seat = await sat(rest.storage, await zelda(rest.storage))
    admin = await rest.person(Role.ADMIN)
    user_id, address = seat.live.assessment.user_id, f"/assessments/{seat.assessment_id}"
    results = said(await admin.get(f"{address}/results"))
    body = {"user_id": user_id, "reason": "asked for it"}
    person = said(await admin.post(f"/users/{user_id}/erase", body))
    assert (person["name"], person["roles"], person["external_id"]) == ("(erased)", [], None)
    assert said(await admin.post(f"/users/{user_id}/erase", body)) == person
    left = said(await admin.get(f"{address}/results"))
    assert left == {**results, "skills": [], "scheduler_compliance": None}
    assert said(await admin.get(address))["status"] == "completed"
    assert said(await admin.get(f"{address}/receipt"))["seq"] == 6
    assert [e["payload"] for e in said(await admin.get(f"{address}/events"))["items"]][:7] == [None] * 7
    assert {r["selected_option"] for r in said(await admin.get(f"{address}/responses"))["items"]} == {None}
    refused(await admin.get(f"{address}/compliance"), 409, "conflict")
    for path in ("/assessments", f"/tests/{seat.live.assessment.test_id}/assessments"):
        assert [row["assessment_id"] for row in said(await admin.get(path))["items"]] == [seat.assessment_id]
    listed = said(await admin.get(f"/tests/{seat.live.assessment.test_id}/applications"))["items"]
    assert [one["status"] for one in listed] == ["withdrawn"]
    refused(await admin.post(f"{address}/extend", {"reason": "r", "minutes": 1}), 409, "assessment_over")


async def test_erased_person_is_found_no_more_and_cannot_come_back(rest: Rest) -> None:
    user = await zelda(rest.storage)
    seat = await sat(rest.storage, user)
    admin, own = await rest.person(Role.ADMIN), rest.caller(user)
    said(await own.get("/me"))
    said(await admin.post(f"/users/{user.user_id}/erase", {"user_id": user.user_id, "reason": "asked"}))
    for query in ({"query": "zelda"}, {"query": "erased"}, {"query": "Zelda Quux"}, {}):
        found = said(await admin.get("/users", **query))["items"]
        assert user.user_id not in [each["user_id"] for each in found]
    test = f"/tests/{seat.live.assessment.test_id}/applications"
    assert said(await admin.get(test, query="erased"))["items"] == []
    refused(await own.get("/me"), 401, "not_authenticated")
    address = f"/users/{user.user_id}"
    assert said(await admin.get(address))["erased_at"] is not None
    refused(await admin.post(f"{address}/reactivate"), 409, "conflict")
    refused(await admin.patch(address, {"name": "Zelda"}), 409, "conflict")
    refused(await admin.put(f"{address}/password", {"password": "long enough for all"}), 409, "conflict")
    assert len(await rows(rest.storage, assessments)) == 1


async def test_slip_of_the_finger_erases_nobody(rest: Rest) -> None:
    user = await zelda(rest.storage)
    admin = await rest.person(Role.ADMIN)
    address = f"/users/{user.user_id}/erase"
    for body in (None, {}, {"reason": "r"}, {"user_id": user.user_id}, {"user_id": user.user_id, "reason": " "}):
        refused(await admin.post(address, body), 422, "invalid_message")
    refused(await admin.post(address, {"user_id": user.user_id + 1, "reason": "r"}), 422, "invalid_message")
    assert said(await admin.get(f"/users/{user.user_id}"))["name"] == SECRETS[0]


async def test_answers_kept_for_repeated_requests_are_dropped(rest: Rest) -> None:
    test = await publish_test(rest.storage)
    admin = await rest.person(Role.ADMIN)
    address = f"/tests/{test.test_id}/applications"
    invited = [
        said(
            await admin.holding(**{"Idempotency-Key": name}).post(address, {"name": name, "email": f"{name}@a.org"}),
            201,
        )
        for name in ("zelda", "nadia")
    ]
    user_id = invited[0]["items"][0]["user_id"]
    said(await admin.post(f"/users/{user_id}/erase", {"user_id": user_id, "reason": "asked"}))
    assert "zelda" not in await everything(rest.storage)
    kept = await rows(rest.storage, metadata.tables["idempotency_keys"])
    assert [row.key for row in kept] == ["nadia"]


# --- in the file ---


@pytest.mark.parametrize("database_kind", ["sqlite"])  # PostgreSQL keeps old versions of rows until VACUUM
async def test_erased_words_are_gone_from_the_sqlite_file_and_its_log(storage: Storage, seat: Seat) -> None:
    file = Path(storage.database.url.file)
    files = [file, file.with_name(f"{file.name}-wal")]
    await storage.database.empty_log()
    assert SECRETS[4].encode() in _bytes_of(files)
    await erase(storage, seat.live.assessment.user_id)
    left = _bytes_of(files)
    assert [secret for secret in SECRETS if secret.encode() in left] == []


def _bytes_of(files: Sequence[Path]) -> bytes:
    return b"".join(each.read_bytes() for each in files if each.exists())
