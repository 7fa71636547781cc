"""Taking a person's data out of the tables; numbers, chains and outcomes stay."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, LargeBinary, Select, bindparam, delete, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.domain.erasing import without_words
from sitting.domain.proposal import ProposalState
from sitting.domain.question import QuestionContent
from sitting.domain.user import User
from sitting.kit.ids import random_id, random_secret
from sitting.storage.among import among
from sitting.storage.graph_tables import application_resumes, prepared_questions, proposals, runs
from sitting.storage.repositories.runs import EMPTY, RunRepository
from sitting.storage.repositories.users import roles_to_text
from sitting.storage.repositories.vectors import VectorRepository
from sitting.storage.tables import (
    assessment_events,
    assessment_responses,
    assessments,
    candidate_applications,
    idempotency_keys,
    question_contents,
    question_versions,
    users,
)

ERASED_NAME = "(erased)"
NO_EVIDENCE = "[]"
_AT_ONCE = 100
_CONTENT = msgspec.json.Decoder(QuestionContent)
_TAKEN = (ProposalState.ACCEPTED, ProposalState.EDITED)


class ErasureRepository:
    """All of it belongs into one unit of work."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def overwrite_what_is_freed(self) -> None:
        """On SQLite: fill with zeros what this transaction frees, which else would stay readable in the file."""
        if self._connection.dialect.name == "sqlite":
            await self._connection.exec_driver_sql("PRAGMA secure_delete = ON")

    async def assessment_ids(self, user_id: int) -> Sequence[int]:
        """All assessments of that person, in order."""
        return list(await self._connection.scalars(_assessments(user_id).order_by(assessments.c.id)))

    async def erase_assessment(self, assessment_id: int, last: int, *, now: datetime) -> None:
        """Drop the payloads of entries 1 to `last`, what was answered, and the compliance record with its reasons.

        What each answer brought stays, and so do the entries that tell of erasures: no word in them is the person's.
        """
        events, responses = assessment_events.c, assessment_responses.c
        await self._connection.execute(
            update(assessment_events)
            .where(events.assessment_id == assessment_id, events.seq <= last, events.type != "erased")
            .values(salt=None, payload=None)
        )
        await self._connection.execute(
            update(assessment_responses)
            .where(responses.assessment_id == assessment_id)
            .values(selected_option=None, selected_options=None, value=None)
        )
        await self._connection.execute(
            update(assessments)
            .where(assessments.c.id == assessment_id)
            .values(compliance=None, compliance_signature=None, updated_at=now)
        )

    async def erase_runs(self, user_id: int, *, now: datetime) -> None:
        """Close the live runs of that person's assessments, and drop what they knew and how far they were.

        What they cost stays.
        """
        its_runs = RunRepository(self._connection)
        for run_id in list(await self._connection.scalars(_live_runs(user_id))):
            await its_runs.cancel(run_id, now=now)
            blank = {"wish": EMPTY, "progress": EMPTY, "failure": None}
            await self._connection.execute(update(runs).where(runs.c.id == run_id).values(blank))

    async def erase_written(self, user_id: int) -> None:
        """Drop the questions that live runs wrote for that person, unless a reviewer took them into the bank.

        What a paper holds keeps its place there, without a word; what the bank has in other words keeps its lineage.
        The runs are over, so that nothing is added meanwhile.
        """
        theirs = prepared_questions.c.assessment_id.in_(_assessments(user_id))
        await self._connection.execute(delete(prepared_questions).where(theirs))
        # Locked, so that nobody takes one into the bank meanwhile.
        columns = proposals.c.question_id, proposals.c.content_digest, proposals.c.state
        statement = (
            select(*columns).where(proposals.c.run_id.in_(_live_runs(user_id))).order_by(proposals.c.question_id)
        )
        found = (await self._connection.execute(statement.with_for_update())).all()
        if not found:
            return
        dropped = [row.question_id for row in found if row.state not in _TAKEN]
        await self._connection.execute(
            delete(proposals).where(among(self._connection, proposals.c.question_id, dropped))
        )
        digests = {row.content_digest for row in found}
        digests -= await self._used_elsewhere(digests, user_id)
        await self._take_words(digests)
        await self._drop_kept([row.question_id for row in found])

    async def _drop_kept(self, question_ids: Sequence[str]) -> None:
        """Drop the answers kept for reviewers' requests that tell of these questions."""
        for first in range(0, len(question_ids), _AT_ONCE):
            holds = [self._holds(f'"{id_}"'.encode()) for id_ in question_ids[first : first + _AT_ONCE]]
            await self._connection.execute(delete(idempotency_keys).where(or_(*holds)))

    async def _used_elsewhere(self, digests: Collection[str], user_id: int) -> set[str]:
        """Those of these contents that the bank has, or another person's run wrote too."""
        used: set[str] = set()
        for table in (question_versions, proposals):
            statement = select(table.c.content_digest).where(among(self._connection, table.c.content_digest, digests))
            if table is proposals:
                statement = statement.where(proposals.c.run_id.not_in(_live_runs(user_id)))
            used.update(await self._connection.scalars(statement))
        return used

    async def _take_words(self, digests: Collection[str]) -> None:
        """Leave of these contents what has no words, and neither evidence that quotes them nor what they mean."""
        table = question_contents
        bodies = await self._connection.execute(select(table).where(among(self._connection, table.c.digest, digests)))
        blank = [{"d": row.digest, "b": without_words(_CONTENT.decode(row.body)).encoded()} for row in bodies]
        if blank:
            statement = update(table).where(table.c.digest == bindparam("d")).values(body=bindparam("b"))
            await self._connection.execute(statement, blank)
            theirs = among(self._connection, proposals.c.content_digest, digests)
            await self._connection.execute(update(proposals).where(theirs).values(evidence=NO_EVIDENCE))
            await VectorRepository(self._connection).drop(digests)

    async def erase_applications(self, user_id: int, *, now: datetime) -> None:
        """Void the links, drop labels, accommodations and résumés, and withdraw: nothing can be started any more."""
        table, resumes = candidate_applications, application_resumes
        theirs = list(await self._connection.scalars(select(table.c.id).where(table.c.user_id == user_id)))
        await self._connection.execute(delete(resumes).where(among(self._connection, resumes.c.application_id, theirs)))
        for application_id in theirs:
            await self._connection.execute(
                update(table)
                .where(table.c.id == application_id)
                .values(
                    secret=random_secret(),
                    label="",
                    extra_time_factor=1000,
                    extra_minutes=0,
                    break_minutes=0,
                    withdrawn_at=func.coalesce(table.c.withdrawn_at, literal(now, table.c.withdrawn_at.type)),
                )
            )

    async def drop_kept_answers(self, user: User) -> None:
        """Drop the answers kept for this person's requests, and those for others' that tell of this person."""
        kept = idempotency_keys.c
        told = [user.email, f'"user_id":{user.user_id},', f'"user_id":{user.user_id}}}']
        holds = [self._holds(text.encode()) for text in told]
        await self._connection.execute(delete(idempotency_keys).where(or_(kept.user_id == user.user_id, *holds)))

    async def erase_user(self, user: User, *, now: datetime) -> None:
        """Leave the number alone: a placeholder for the name, an address that cannot be one, no role, no password."""
        await self._connection.execute(
            update(users)
            .where(users.c.id == user.user_id)
            .values(
                name=ERASED_NAME,
                email=f"{random_id('erased', 16)}@erased.invalid",
                password_hash=None,
                external_id=None,
                roles=roles_to_text(frozenset()),
                not_before=user.not_before,
                deactivated_at=user.deactivated_at,
                erased_at=user.erased_at,
                updated_at=now,
            )
        )

    def _holds(self, text: bytes) -> ColumnElement[bool]:
        """The condition that a kept answer's body contains these bytes."""
        body, needle = idempotency_keys.c.body, literal(text, LargeBinary)
        if self._connection.dialect.name == "postgresql":
            return func.position(needle.op("IN")(body)) > 0
        return func.instr(body, needle) > 0


def _assessments(user_id: int) -> Select[int]:
    return select(assessments.c.id).where(assessments.c.user_id == user_id)


def _live_runs(user_id: int) -> Select[str]:
    """The ids of the runs that wrote for that person."""
    return select(runs.c.id).where(runs.c.assessment_id.in_(_assessments(user_id)))
