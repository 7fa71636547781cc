"""Candidates' applications."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, exists, insert, not_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.domain.application import (
    NO_ACCOMMODATION,
    Accommodation,
    ApplicationStatus,
    CandidateApplication,
)
from sitting.domain.assessment import OPEN_STATUSES
from sitting.domain.errors import ApplicationNotFound
from sitting.domain.standing import FINISHED
from sitting.storage.among import among
from sitting.storage.repositories.users import is_called
from sitting.storage.tables import assessments, candidate_applications, users


@dataclass(frozen=True, slots=True)
class NewApplication:
    """An application to be made. `secret` is what its link will carry."""

    user_id: int
    secret: str
    label: str = ""
    accommodation: Accommodation = NO_ACCOMMODATION
    expires_at: datetime | None = None
    is_trial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationFilter:
    """Which applications of a Test are wanted; None asks for nothing.

    Attributes:
        status: as of `now`, with `closes_at` the end of the window.
        query: part of a name or an address.
        trials: whether staff's own trial runs are among them.
    """

    now: datetime
    closes_at: datetime | None = None
    status: ApplicationStatus | None = None
    query: str | None = None
    label: str | None = None
    trials: bool = False


class ApplicationRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create(
        self, user_id: int, test_id: int, secret: str, *, by: int | None, now: datetime
    ) -> CandidateApplication:
        """Add a claim; user and Test must exist."""
        values = {"user_id": user_id, "test_id": test_id, "secret": secret, "created_by": by, "created_at": now}
        table = candidate_applications
        result = await self._connection.execute(insert(table).values(values).returning(*table.c))
        return _application(result.one())

    async def create_many(
        self, new: Sequence[NewApplication], test_id: int, *, by: int | None, now: datetime
    ) -> list[CandidateApplication]:
        """Add claims, in the order given. Users and Test must exist."""
        if not new:
            return []
        rows = [{**_values(one), "test_id": test_id, "created_by": by, "created_at": now} for one in new]
        await self._connection.execute(insert(candidate_applications), rows)
        made = await self._many(candidate_applications.c.secret.in_([one.secret for one in new]))
        by_secret = {application.secret: application for application in made}
        return [by_secret[one.secret] for one in new]

    async def select(self, application_id: int, *, test_id: int | None = None) -> CandidateApplication:
        """That application, if it is one to `test_id`, where that is given.

        Raises:
            ApplicationNotFound: there is none.
        """
        conditions = [candidate_applications.c.id == application_id]
        if test_id is not None:
            conditions.append(candidate_applications.c.test_id == test_id)
        found = await self._many(*conditions)
        if not found:
            raise ApplicationNotFound("There is no such application.", application_id=application_id)
        return found[0]

    async def select_own(self, application_id: int, user_id: int) -> CandidateApplication:
        """That application, if it is this candidate's.

        Raises:
            ApplicationNotFound: there is none, or it is somebody else's.
        """
        found = await self._many(
            candidate_applications.c.id == application_id, candidate_applications.c.user_id == user_id
        )
        if not found:
            raise ApplicationNotFound(application_id=application_id)
        return found[0]

    async def select_optional_by_secret(self, secret: str) -> CandidateApplication | None:
        """The application whose invitation link carries `secret`."""
        found = await self._many(candidate_applications.c.secret == secret)
        return found[0] if found else None

    async def of_candidate(self, user_id: int, test_id: int | None = None) -> list[CandidateApplication]:
        """This candidate's applications, oldest first, to one Test or to all."""
        conditions = [candidate_applications.c.user_id == user_id]
        if test_id is not None:
            conditions.append(candidate_applications.c.test_id == test_id)
        return await self._many(*conditions)

    async def of_test(
        self, test_id: int, *, after: int, limit: int, wanted: ApplicationFilter | None = None
    ) -> list[CandidateApplication]:
        """A Test's applications by id, behind `after`; without a filter all of them."""
        table = candidate_applications
        conditions = [table.c.test_id == test_id, table.c.id > after]
        if wanted is not None:
            conditions += _conditions(wanted)
        return await self._many(*conditions, limit=limit)

    async def of_users(self, test_id: int, user_ids: Collection[int]) -> list[CandidateApplication]:
        """The applications of these people to a Test, oldest first, trial runs left out."""
        table = candidate_applications
        return await self._many(table.c.test_id == test_id, table.c.user_id.in_(user_ids), not_(table.c.is_trial))

    async def trial_of(self, user_id: int, test_id: int) -> CandidateApplication | None:
        """The application by which this member of staff tries the Test out."""
        table = candidate_applications
        found = await self._many(table.c.user_id == user_id, table.c.test_id == test_id, table.c.is_trial)
        return found[0] if found else None

    async def store(self, application: CandidateApplication) -> None:
        """Write all that can change of an application: label, accommodation, secret, and its instants."""
        table = candidate_applications
        given = application.accommodation
        await self._connection.execute(
            update(table)
            .where(table.c.id == application.application_id)
            .values(
                secret=application.secret,
                label=application.label,
                extra_time_factor=given.extra_time_factor,
                extra_minutes=given.extra_minutes,
                break_minutes=given.break_minutes,
                opened_at=application.opened_at,
                withdrawn_at=application.withdrawn_at,
                expires_at=application.expires_at,
            )
        )

    async def lock(self, application_id: int) -> None:
        """Let nobody else start an assessment of this application until the transaction ends."""
        statement = select(candidate_applications.c.id).where(candidate_applications.c.id == application_id)
        # NO KEY UPDATE: PostgreSQL may look the application up again for whoever updates one of its assessments.
        await self._connection.execute(statement.with_for_update(key_share=True))

    async def hold(self, user_ids: Collection[int], test_ids: Collection[int]) -> list[CandidateApplication]:
        """The applications of these people to these Tests, locked as by `lock`; those that others hold are left out."""
        table = candidate_applications
        statement = select(table).where(
            among(self._connection, table.c.user_id, user_ids), among(self._connection, table.c.test_id, test_ids)
        )
        statement = statement.order_by(table.c.id).with_for_update(key_share=True, skip_locked=True)
        return [_application(row) for row in await self._connection.execute(statement)]

    async def _many(self, *conditions: Any, limit: int | None = None) -> list[CandidateApplication]:
        table = candidate_applications
        statement = select(table).where(*conditions).order_by(table.c.id).limit(limit)
        return [_application(row) for row in await self._connection.execute(statement)]


def _values(new: NewApplication) -> dict[str, Any]:
    return {
        "user_id": new.user_id,
        "secret": new.secret,
        "label": new.label,
        "extra_time_factor": new.accommodation.extra_time_factor,
        "extra_minutes": new.accommodation.extra_minutes,
        "break_minutes": new.accommodation.break_minutes,
        "expires_at": new.expires_at,
        "is_trial": new.is_trial,
    }


def _conditions(wanted: ApplicationFilter) -> list[ColumnElement[bool]]:
    table = candidate_applications
    conditions: list[ColumnElement[bool]] = []
    if not wanted.trials:
        conditions.append(not_(table.c.is_trial))
    if wanted.label is not None:
        conditions.append(table.c.label == wanted.label)
    if wanted.query:
        conditions.append(table.c.user_id.in_(select(users.c.id).where(is_called(wanted.query))))
    if wanted.status is not None:
        conditions.append(_stands_at(wanted.status, wanted.closes_at, wanted.now))
    return conditions


def _stands_at(status: ApplicationStatus, closes_at: datetime | None, now: datetime) -> ColumnElement[bool]:
    """`domain.standing.status_of` as a condition: each status is what those before it are not."""
    table = candidate_applications
    expired = and_(table.c.expires_at.is_not(None), table.c.expires_at <= now)
    ended = true() if closes_at is not None and now >= closes_at else expired
    ladder: dict[ApplicationStatus, ColumnElement[bool]] = {
        ApplicationStatus.WITHDRAWN: table.c.withdrawn_at.is_not(None),
        ApplicationStatus.STARTED: _has_assessment(OPEN_STATUSES),
        ApplicationStatus.FINISHED: _has_assessment(FINISHED),
        ApplicationStatus.EXPIRED: and_(not_(table.c.is_trial), ended),
        ApplicationStatus.INVITED: table.c.opened_at.is_(None),
        ApplicationStatus.OPENED: table.c.opened_at.is_not(None),
    }
    before = list(ladder)[: list(ladder).index(status)]
    return and_(*(not_(ladder[each]) for each in before), ladder[status])


def _has_assessment(statuses: Collection[str]) -> ColumnElement[bool]:
    own = assessments.c.application_id == candidate_applications.c.id
    return exists().where(own, assessments.c.status.in_(statuses)).correlate(candidate_applications)


def _application(row: Row[Any]) -> CandidateApplication:
    return CandidateApplication(
        application_id=row.id,
        user_id=row.user_id,
        test_id=row.test_id,
        secret=row.secret,
        created_at=row.created_at,
        label=row.label,
        accommodation=Accommodation(row.extra_time_factor, row.extra_minutes, row.break_minutes),
        is_trial=row.is_trial,
        opened_at=row.opened_at,
        withdrawn_at=row.withdrawn_at,
        expires_at=row.expires_at,
    )
