"""Tickets: what opens a socket without a token in its address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, status

from sitting.api.problems import refusals
from sitting.api.security import Now, Parts, require
from sitting.identity.access import Action
from sitting.identity.identify import Identity
from sitting.identity.sessions import TICKET_LIFETIME
from sitting.usecases.issue_ticket import issue_ticket

router = APIRouter(prefix="/ws-tickets", tags=["tickets"])


@dataclass(frozen=True, slots=True)
class Ticket:
    """Opens one socket, as `?ticket=…`, within that time."""

    ticket: str
    expires_in_seconds: int


@router.post("", status_code=status.HTTP_201_CREATED, responses=refusals())
async def add_ticket(services: Parts, now: Now, who: Annotated[Identity, require(Action.TAKE_TESTS)]) -> Ticket:
    """Get a ticket for the caller's next socket."""
    services.limits.ticket(who.user_id, now)
    ticket = await issue_ticket(services.storage, who, now=now)
    return Ticket(ticket, int(TICKET_LIFETIME.total_seconds()))
