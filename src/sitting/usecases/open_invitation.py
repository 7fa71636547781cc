"""Let whoever holds an invitation link act as the candidate."""

from __future__ import annotations

from dataclasses import dataclass
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
    """Begin a browser session. It starts no assessment.

    Raises:
        ApplicationNotFound: there is no such link.
    """
    async with storage.unit_of_work() as unit:
        application = await unit.applications.select_optional_by_secret(secret)
        if application is None:
            raise ApplicationNotFound("This invitation link is not valid.")
        session_secret = random_secret()
        await unit.credentials.create_session(session_secret, application.user_id, now=now, expires_at=now + LIFETIME)
    return OpenedInvitation(application, session_secret)
