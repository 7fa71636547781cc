"""People."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query, status
from pydantic import Field

from sitting.api.fields import Body, Email, EntityPath, Name, Secret, Text
from sitting.api.pagination import Page, Paged
from sitting.api.problems import refusals
from sitting.api.security import Now, Parts, require
from sitting.domain.errors import Conflict, NotFound
from sitting.domain.user import Role, User
from sitting.identity.access import Action
from sitting.identity.identify import Identity
from sitting.identity.passwords import hash_password
from sitting.usecases.create_user import create_user

router = APIRouter(prefix="/users", tags=["users"])

Reader = Annotated[Identity, require(Action.READ_USERS)]


class NewUser(Body):
    """A person to add. `external_id`: what another system calls them, the `sub` of its tokens."""

    name: Name
    email: Email
    roles: Annotated[list[Role], Field(min_length=1, max_length=len(Role))]
    password: Secret | None = None
    external_id: Name | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A user, as staff see them."""

    user_id: int
    name: str
    email: str
    external_id: str | None
    roles: list[Role]
    created_at: datetime


@router.get("", responses=refusals())
async def list_users(
    services: Parts, window: Paged, _who: Reader, query: Annotated[Text | None, Query(max_length=200)] = None
) -> Page[Person]:
    """Users by id; `query` narrows to names and addresses that contain it."""
    async with services.storage.reading() as unit:
        rows = await unit.users.list_page(after=window.after_number, limit=window.rows, query=query)
    return window.page(rows, lambda user: user.user_id, _person)


@router.post("", status_code=status.HTTP_201_CREATED, responses=refusals(Conflict))
async def add_user(
    services: Parts, now: Now, _who: Annotated[Identity, require(Action.EDIT_USERS)], body: NewUser
) -> Person:
    """Add a user."""
    password_hash = None if body.password is None else await to_thread.run_sync(hash_password, body.password)
    user = await create_user(
        services.storage,
        name=body.name,
        email=body.email,
        roles=frozenset(body.roles),
        now=now,
        password_hash=password_hash,
        external_id=body.external_id,
    )
    return _person(user)


@router.get("/{user_id}", responses=refusals(NotFound))
async def read_user(services: Parts, user_id: EntityPath, _who: Reader) -> Person:
    """One user."""
    async with services.storage.reading() as unit:
        return _person(await unit.users.select(user_id))


def _person(user: User) -> Person:
    return Person(user.user_id, user.name, user.email, user.external_id, sorted(user.roles), user.created_at)
