"""Hand out what opens a socket, once."""

from __future__ import annotations

from datetime import datetime

from sitting.identity.identify import Identity
from sitting.identity.sessions import TICKET_LIFETIME
from sitting.kit.ids import random_secret
from sitting.storage.repositories.credentials import TicketHolder
from sitting.storage.unit_of_work import Storage


async def issue_ticket(storage: Storage, identity: Identity, *, now: datetime) -> str:
    """A new ticket that stands for the caller for TICKET_LIFETIME, as long as what they showed now counts."""
    secret = random_secret()
    holder = TicketHolder(identity.user_id, identity.roles, identity.proof)
    async with storage.unit_of_work() as unit:
        await unit.credentials.create_ticket(secret, holder, now=now, expires_at=now + TICKET_LIFETIME)
    return secret
