"""Let whoever holds an invitation link act as the candidate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sitting.domain.application import CandidateApplication
from sitting.domain.errors import ApplicationNotFound
from sitting.identity.sessions import LIFETIME
from sitting.kit.ids import random_secret
from sitting.storage.unit_of_work import Storage


@dataclass(frozen=True, slots=True)
class OpenedInvitation:
    """The application, and the secret of a new browser session for its candidate."""

    application: CandidateApplication
    session_secret: str


async def open_invitation(storage: Storage, secret: str, *, now: datetime) -> OpenedInvitation:
    """Begin a browser session, and note when the first one began. It starts no assessment.

    Raises:
        ApplicationNotFound: there is no such link, its candidate is deactivated, or the application was withdrawn
            before anything was begun in it; what was begun stays the candidate's to end and to see.
    """
    async with storage.unit_of_work() as unit:
        found = await unit.applications.select_optional_by_secret(secret)
        candidate = None if found is None else await unit.users.select(found.user_id)
        if found is None or candidate is None or candidate.deactivated_at is not None:
            raise ApplicationNotFound("This invitation link is not valid.")
        if found.withdrawn_at is not None and not await unit.assessments.attempts(found.application_id):
            raise ApplicationNotFound("This invitation was withdrawn.")
        await unit.applications.lock(found.application_id)
        application = await unit.applications.select(found.application_id)
        if application.opened_at is None:
            application = replace(application, opened_at=now)
            await unit.applications.store(application)
        session_secret = random_secret()
        await unit.credentials.create_session(session_secret, application.user_id, now=now, expires_at=now + LIFETIME)
    return OpenedInvitation(application, session_secret)
