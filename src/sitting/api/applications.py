"""Applications of candidates to a Test, with their invitation links."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request, status
from pydantic import Discriminator, Field, Tag

from sitting.api.fields import Body, Email, EntityId, EntityPath, Name
from sitting.api.pagination import Page, Paged
from sitting.api.problems import refusals
from sitting.api.security import Now, Parts, require
from sitting.domain.application import CandidateApplication
from sitting.domain.errors import BlueprintNotFound, Conflict, NotFound
from sitting.domain.user import User
from sitting.identity.access import Action
from sitting.identity.identify import Identity
from sitting.usecases.invite_candidates import NewCandidate, invite_candidates
from sitting.usecases.services import Services

router = APIRouter(prefix="/tests/{test_id}/applications", tags=["applications"])

Inviter = Annotated[Identity, require(Action.INVITE)]
MAX_CANDIDATES = 500


class KnownPerson(Body):
    """A candidate who is a user."""

    user_id: EntityId

    def to_candidate(self) -> int:
        return self.user_id


class AddressedPerson(Body):
    """A candidate by address; an unknown one becomes a user of that name."""

    name: Name
    email: Email

    def to_candidate(self) -> NewCandidate:
        return NewCandidate(self.name, self.email)


def _kind_of_person(value: Any) -> str:
    return "known" if isinstance(value, dict) and "user_id" in value else "addressed"


def _kind_of_body(value: Any) -> str:
    return "list" if isinstance(value, dict) and "candidates" in value else _kind_of_person(value)


Invitee = Annotated[
    Annotated[KnownPerson, Tag("known")] | Annotated[AddressedPerson, Tag("addressed")],
    Discriminator(_kind_of_person),
]


class PersonList(Body):
    """Several candidates: all get an application, or none does."""

    candidates: Annotated[list[Invitee], Field(min_length=1, max_length=MAX_CANDIDATES)]


Invited = Annotated[
    Annotated[KnownPerson, Tag("known")]
    | Annotated[AddressedPerson, Tag("addressed")]
    | Annotated[PersonList, Tag("list")],
    Discriminator(_kind_of_body),
]


@dataclass(frozen=True, slots=True)
class Application:
    """An application. Whoever has its link may act as the candidate in it."""

    application_id: int
    user_id: int
    test_id: int
    name: str
    email: str
    link: str
    created_at: datetime


@router.post("", status_code=status.HTTP_201_CREATED, responses=refusals(BlueprintNotFound, NotFound, Conflict))
async def add_applications(
    request: Request, services: Parts, now: Now, test_id: EntityPath, who: Inviter, body: Invited
) -> Page[Application]:
    """Invite one candidate or many; returns their links."""
    people = body.candidates if isinstance(body, PersonList) else [body]
    candidates = [person.to_candidate() for person in people]
    invitations = await invite_candidates(services.storage, test_id, candidates, by=who.user_id, now=now)
    base_url = _base_url(request, services)
    return Page([_application(each.application, each.candidate, base_url) for each in invitations])


@router.get("", responses=refusals(BlueprintNotFound))
async def list_applications(
    request: Request, services: Parts, window: Paged, test_id: EntityPath, _who: Inviter
) -> Page[Application]:
    """Applications by id, with their links."""
    async with services.storage.reading() as unit:
        await unit.blueprints.select(test_id)
        rows = await unit.applications.of_test(test_id, after=window.after_number, limit=window.rows)
        users = await unit.users.select_many(row.user_id for row in rows)
    base_url = _base_url(request, services)
    return window.page(
        rows, lambda row: row.application_id, lambda row: _application(row, users[row.user_id], base_url)
    )


def _base_url(request: Request, services: Services) -> str:
    return services.public_url or str(request.base_url).rstrip("/")


def _application(application: CandidateApplication, candidate: User, base_url: str) -> Application:
    return Application(
        application.application_id,
        application.user_id,
        application.test_id,
        candidate.name,
        candidate.email,
        f"{base_url}/i/{application.secret}",
        application.created_at,
    )
