"""Taking a person's data out of the tables; numbers, chains and outcomes stay."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, LargeBinary, delete, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.domain.user import User
from sitting.kit.ids import random_id, random_secret
from sitting.storage.repositories.users import roles_to_text
from sitting.storage.tables import (
    assessment_events,
    assessment_responses,
    assessments,
    candidate_applications,
    idempotency_keys,
    users,
)

ERASED_NAME = "(erased)"


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
        statement = select(assessments.c.id).where(assessments.c.user_id == user_id).order_by(assessments.c.id)
        return list(await self._connection.scalars(statement))

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

    async def erase_applications(self, user_id: int, *, now: datetime) -> None:
        """Void the links, drop labels and accommodations, and withdraw: nothing can be started any more."""
        table = candidate_applications
        for application_id in await self._connection.scalars(select(table.c.id).where(table.c.user_id == user_id)):
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
