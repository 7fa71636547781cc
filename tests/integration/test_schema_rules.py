"""What the database itself refuses, whoever writes: foreign keys, checks, one open attempt, legal changes of status."""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import ForeignKeyConstraint, delete, insert, update
from sqlalchemy.exc import IntegrityError

from sitting.domain.blueprint import Blueprint, FixedQuestion, Section
from sitting.domain.proposal import ProposalState
from sitting.domain.resume import Resume
from sitting.domain.run import RunKind
from sitting.domain.spending import NOTHING, Limits
from sitting.domain.user import Role
from sitting.questions.publication import publish
from sitting.storage.graph_tables import proposals, runs
from sitting.storage.migrate import differences, revision
from sitting.storage.repositories.checkpoints import StoredCheckpoint, StoredWrite
from sitting.storage.repositories.credentials import TicketHolder
from sitting.storage.repositories.idempotency import IdempotencyRepository, KeptAnswer, KeyedRequest
from sitting.storage.tables import assessment_responses, assessments, content_media, media, metadata
from sitting.storage.unit_of_work import Storage
from sitting.usecases.spend import purse_of
from tests.support.builders import Seat, begin, invite, make_content, make_user, seated
from tests.support.clock import NOON
from tests.support.databases import migrate
from tests.support.runs import make_call, make_proposal, run_at_work
from tests.support.storage import execute, rows, running_storage

STATUSES = ("started", "in_progress", "paused", "completed", "timeout", "voided")
MAY_BECOME = {
    "started": {"in_progress", "paused", "completed", "timeout", "voided"},
    "in_progress": {"paused", "completed", "timeout", "voided"},
    "paused": {"started", "in_progress", "completed", "timeout", "voided"},
    "completed": {"voided"},
    "timeout": {"voided"},
    "voided": set(),
}
IMPOSSIBLE = (
    "UPDATE assessments SET status = 'done'",
    "UPDATE assessments SET status = 'completed'",
    "UPDATE assessments SET status = 'completed', end_time = started_at, total_score = 0, percentage_score = 0",
    "UPDATE assessments SET attempt = 0",
    "UPDATE assessments SET application_id = NULL",
    "UPDATE paper_questions SET points = 0",
    "UPDATE paper_questions SET question_id = (SELECT min(question_id) FROM paper_questions)",
    "UPDATE assessment_events SET seq = 0 WHERE seq = 1",
    "UPDATE assessment_events SET seq = 2 WHERE seq = 1",
    "UPDATE assessment_events SET inner_digest = NULL",
    "UPDATE candidate_applications SET secret = NULL",
)
IMPOSSIBLE_RUNS = (
    "UPDATE runs SET kind = 'guess'",
    "UPDATE runs SET kind = 'authoring'",
    "UPDATE runs SET kind = 'skill_graph'",
    "UPDATE runs SET assessment_id = NULL",
    "UPDATE runs SET status = 'asleep'",
    "UPDATE runs SET status = 'parked'",
    "UPDATE runs SET leased_by = NULL",
    "UPDATE runs SET leased_until = NULL",
    "UPDATE runs SET ended_at = created_at",
    "UPDATE runs SET status = 'done', leased_by = NULL, ended_at = created_at",
    "UPDATE runs SET status = 'done', leased_by = NULL, leased_until = NULL",
    "UPDATE proposals SET state = 'waiting'",
    "UPDATE proposals SET decided_at = NULL",
    "UPDATE proposals SET state = 'forgotten'",
)
OUTCOME = "end_time = started_at, total_score = 0, percentage_score = 0, passed = false"


async def one_of_everything(storage: Storage) -> Seat:
    """A row in every table, with every reference set."""
    staff = await make_user(storage, roles=[Role.AUTHOR])
    by = staff.user_id
    async with storage.unit_of_work() as unit:
        question = await unit.questions.create("q_1", make_content(tags=("sums",)), slug=None, by=by, now=NOON)
        blueprint = Blueprint("Test", sections=(Section(questions=(FixedQuestion("q_1"),)),))
        test = await unit.blueprints.create(blueprint, by=by, now=NOON)
        made = publish(blueprint, {"q_1": question})
        version = await unit.blueprints.add_version(
            test.test_id, 1, blueprint, made.snapshot, overlap=made.overlap, by=by, now=NOON
        )
        application = await unit.applications.create(by, version.test_id, "secret", by=by, now=NOON)
        later = NOON + timedelta(days=1)
        await unit.credentials.create_session("s", by, now=NOON, expires_at=later)
        await unit.credentials.create_ticket("t", TicketHolder(by, staff.roles), now=NOON, expires_at=later)
        await unit.credentials.revoke_token("j", by, now=NOON, expires_at=later)
    async with storage.database.writing() as connection:
        request = KeyedRequest(by, "k", "POST", "/", "d", NOON)
        await IdempotencyRepository(connection).keep(request, KeptAnswer(201, None, b""))
        image = {"sha256": "a" * 64, "content_type": "image/png", "size": 1, "body": b"i"}
        await connection.execute(insert(media).values(created_by=by, created_at=NOON, **image))
        await connection.execute(insert(content_media).values(content_digest=question.digest, sha256="a" * 64))
    seat = await begin(storage, application)
    await seat.answer(1)
    await one_run(storage, seat, by)
    return seat


async def one_run(storage: Storage, seat: Seat, by: int) -> None:
    """A live run with a row in every table of runs."""
    its = seat.live.assessment
    lease = await run_at_work(
        storage, kind=RunKind.LIVE, created_by=by, assessment_id=its.assessment_id, test_id=its.test_id
    )
    purse = purse_of(storage, lease, Limits(), calls=deque([make_call()]))
    await purse.settle(await purse.reserve(NOTHING), NOTHING)
    async with storage.unit_of_work() as unit:
        await unit.checkpoints.put(StoredCheckpoint(lease.run_id, "", "1", None, "msgpack", b"", NOON))
        await unit.checkpoints.put_writes(
            lease.run_id, "", "1", [StoredWrite("task", 0, "", "answers", "msgpack", b"")]
        )
        proposal = make_proposal(lease.run_id)
        await unit.proposals.insert_many([proposal], now=NOON)
        await unit.resumes.put(Resume(its.application_id, "Once a gardener.", NOON))
        await unit.vectors.put("m", {proposal.content.digest(): b"\0" * 8})
        await unit.prepared.put(seat.assessment_id, 1, "q_new1", now=NOON)
        await unit.proposals.decide("q_new1", ProposalState.ACCEPTED, by=by, now=NOON)


def foreign_keys() -> Iterator[ForeignKeyConstraint]:
    for table in metadata.sorted_tables:
        yield from sorted(table.foreign_key_constraints, key=lambda key: str(key.name))


# --- references ---


async def test_reference_to_nothing_is_refused(storage: Storage) -> None:
    await one_of_everything(storage)
    accepted = []
    for key in foreign_keys():
        column = list(key.columns)[-1]  # of the two of a response's key, the question
        nowhere = "nowhere" if column.type.python_type is str else 99
        try:
            async with storage.database.writing() as connection:
                changed = await connection.execute(update(key.table).values({column: nowhere}))
                assert changed.rowcount > 0, f"{key.table.name} is empty: {key.name} was not tried"
                accepted.append(key.name)
        except IntegrityError:
            continue
    assert accepted == []


async def test_row_that_is_referred_to_cannot_be_deleted(storage: Storage) -> None:
    await one_of_everything(storage)
    deleted = []
    for table in {key.referred_table for key in foreign_keys()}:
        try:
            async with storage.database.writing() as connection:
                await connection.execute(delete(table))
                deleted.append(table.name)
        except IntegrityError:
            continue
    assert deleted == []


async def test_p10_question_that_a_paper_shows_cannot_be_deleted(storage: Storage) -> None:
    seat = await seated(storage, 1)
    question_id = seat.live.paper.questions[0].question_id
    with pytest.raises(IntegrityError):
        await execute(storage, "DELETE FROM questions WHERE id = :id", id=question_id)
    await execute(storage, "DELETE FROM question_versions WHERE question_id = :id", id=question_id)
    await execute(storage, "DELETE FROM questions WHERE id = :id", id=question_id)
    with pytest.raises(IntegrityError):
        await execute(storage, "DELETE FROM question_contents")
    assert (await seat.take_over()).live.paper == seat.live.paper


async def test_answered_question_cannot_leave_the_paper(storage: Storage) -> None:
    seat = await seated(storage, 2)
    await seat.answer(1)
    await execute(storage, "DELETE FROM paper_questions WHERE position = 2")
    with pytest.raises(IntegrityError):
        await execute(storage, "DELETE FROM paper_questions WHERE position = 1")


# --- checks and unique rules ---


async def test_impossible_value_is_refused(storage: Storage) -> None:
    seat = await seated(storage)
    before = await rows(storage, assessments), seat.live.paper
    for change in IMPOSSIBLE:
        with pytest.raises(IntegrityError):
            assert not await execute(storage, change), change
    assert (await rows(storage, assessments), (await seat.twin()).live.paper) == before


async def test_impossible_run_is_refused(storage: Storage) -> None:
    await one_of_everything(storage)
    before = await rows(storage, runs), await rows(storage, proposals)
    for change in IMPOSSIBLE_RUNS:
        with pytest.raises(IntegrityError):
            assert not await execute(storage, change), change
    assert (await rows(storage, runs), await rows(storage, proposals)) == before


async def test_outcome_that_is_whole_is_accepted(storage: Storage) -> None:
    await seated(storage)
    assert await execute(storage, f"UPDATE assessments SET status = 'completed', {OUTCOME}") == 1


async def test_two_links_cannot_carry_the_same_secret(storage: Storage) -> None:
    seat = await seated(storage)
    async with storage.reading() as unit:
        version = await unit.blueprints.current_version(seat.live.assessment.test_id)
    await invite(storage, version)
    with pytest.raises(IntegrityError):
        await execute(storage, "UPDATE candidate_applications SET secret = 'same'")


async def add_attempt(storage: Storage, attempt: int, status: str) -> None:
    """Another assessment of the same application, by a statement of its own."""
    copied = "application_id, user_id, test_id, test_version_id, started_at, max_score, total_questions, created_at"
    await execute(
        storage,
        f"INSERT INTO assessments ({copied}, updated_at, head_seq, head_hash, attempt, status, "
        "end_time, total_score, percentage_score, passed) "
        f"SELECT {copied}, updated_at, 0, head_hash, :attempt, :status, started_at, 0, 0, false "
        "FROM assessments ORDER BY id LIMIT 1",
        attempt=attempt,
        status=status,
    )


async def test_p08_application_has_one_open_assessment_at_most(storage: Storage) -> None:
    await seated(storage)
    for attempt, status in enumerate(("in_progress", "paused", "started"), start=2):
        with pytest.raises(IntegrityError):
            await add_attempt(storage, attempt, status)
        await execute(storage, "UPDATE assessments SET status = 'voided'")
        await add_attempt(storage, attempt, status)
    assert [row.status for row in await rows(storage, assessments)] == ["voided"] * 3 + ["started"]


async def test_number_of_an_attempt_is_used_once_even_if_voided(storage: Storage) -> None:
    await seated(storage)
    await execute(storage, "UPDATE assessments SET status = 'voided'")
    with pytest.raises(IntegrityError):
        await add_attempt(storage, 1, "completed")
    await add_attempt(storage, 2, "completed")


# --- the trigger ---


class TakenBack(Exception):
    """Rolls a transaction back that went well."""


async def may_become(storage: Storage, assessment_id: int, status: str) -> bool:
    """Whether the database lets the row have that status; the row stays as it is."""
    statement = update(assessments).where(assessments.c.id == assessment_id).values(status=status)
    try:
        async with storage.database.writing() as connection:
            await connection.execute(statement)
            raise TakenBack
    except TakenBack:
        return True
    except IntegrityError:
        return False


async def test_p11_only_legal_changes_of_status(storage: Storage) -> None:
    allowed: dict[str, set[str]] = {}
    for old in STATUSES:
        seat = await seated(storage, 1)
        await execute(storage, f"UPDATE assessments SET {OUTCOME} WHERE id = :id", id=seat.assessment_id)
        if old != "started":
            await execute(storage, "UPDATE assessments SET status = :s WHERE id = :id", s=old, id=seat.assessment_id)
        allowed[old] = {new for new in STATUSES if await may_become(storage, seat.assessment_id, new)}
    assert allowed == {old: legal | {old} for old, legal in MAY_BECOME.items()}


# --- migrations ---


def test_migrated_schema_is_what_the_code_expects(database_url: str) -> None:
    assert differences(database_url) == []
    current, newest = revision(database_url)
    assert current == newest is not None


async def test_second_upgrade_changes_nothing_and_keeps_the_data(database_url: str) -> None:
    async with running_storage(database_url) as storage:
        seat = await seated(storage)
        await seat.answer(1)
        before = await rows(storage, assessments), await rows(storage, assessment_responses)
        migrate(database_url)
        assert (await rows(storage, assessments), await rows(storage, assessment_responses)) == before
        assert (await seat.answer(2)).error is None


def test_two_nodes_may_upgrade_at_once(empty_database_url: str) -> None:
    program = "import sys; from sitting.storage.migrate import upgrade; upgrade(sys.argv[1])"
    command = [sys.executable, "-c", program, empty_database_url]
    racers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    complaints = [racer.communicate(timeout=60)[1] for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0, 0], "\n".join(complaints)
    assert differences(empty_database_url) == []
