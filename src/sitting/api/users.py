"""People."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, cast

from anyio import to_thread
from fastapi import APIRouter, Query, status
from pydantic import Field

from sitting.api.fields import Body, Email, EntityId, EntityPath, Name, Secret, Text, Why
from sitting.api.pagination import Page, Paged
from sitting.api.problems import refusals
from sitting.api.security import Now, Parts, require
from sitting.domain.errors import Conflict, InvalidMessage, NotFound
from sitting.domain.user import Role, User, UserChanges
from sitting.identity.access import Action
from sitting.identity.identify import Identity
from sitting.identity.passwords import hash_password
from sitting.usecases.change_user import change_user
from sitting.usecases.create_user import create_user
from sitting.usecases.deactivate_user import deactivate_user
from sitting.usecases.erase_user import erase_user
from sitting.usecases.revoke_tokens import revoke_tokens
from sitting.usecases.set_password import set_password

router = APIRouter(prefix="/users", tags=["users"])

Reader = Annotated[Identity, require(Action.READ_USERS)]
Administrator = Annotated[Identity, require(Action.EDIT_USERS)]
Roles = Annotated[list[Role], Field(min_length=1, max_length=len(Role))]


class NewUser(Body):
    """A person to add. `external_id`: what another system calls them, the `sub` of its tokens."""

    name: Name
    email: Email
    roles: Roles
    password: Secret | None = None
    external_id: Name | None = None


class ChangedUser(Body):
    """What to change; what is absent stays, and a null `external_id` takes it away."""

    # By factories, so that the document names no default that a generated client would send.
    name: Name = Field(default_factory=str)
    email: Email = Field(default_factory=str)
    roles: Roles = Field(default_factory=list)
    external_id: Name | None = None

    def to_changes(self) -> UserChanges:
        """Those that were said."""
        said = self.model_dump(exclude_unset=True)
        if "roles" in said:
            said["roles"] = frozenset(self.roles)
        return cast(UserChanges, said)


class Erasure(Body):
    """Why, and once more whom, so that nobody is erased by a slip. The reason is kept: it must not name the person."""

    user_id: EntityId
    reason: Why


class NewPassword(Body):
    """A password of at least 10 characters."""

    password: Secret


@dataclass(frozen=True, slots=True)
class Person:
    """A user, as staff see them.

    Attributes:
        not_before: what was issued before is void. deactivated_at: since when nothing of theirs works.
        erased_at: since when nothing is known of them; name and email are placeholders then.
    """

    user_id: int
    name: str
    email: str
    external_id: str | None
    roles: list[Role]
    created_at: datetime
    not_before: datetime | None
    deactivated_at: datetime | None
    erased_at: datetime | None


@router.get("", responses=refusals())
async def list_users(
    services: Parts,
    window: Paged,
    _who: Reader,
    query: Annotated[Text | None, Query(max_length=200)] = None,
    role: Role | None = None,
    active: Annotated[bool | None, Query()] = None,
) -> Page[Person]:
    """Users by id; `query` narrows to names and addresses that contain it, `active` to those not deactivated."""
    async with services.storage.reading() as unit:
        rows = await unit.users.list_page(
            after=window.after_number, limit=window.rows, query=query, role=role, is_active=active
        )
    return window.page(rows, lambda user: user.user_id, _person)


@router.post("", status_code=status.HTTP_201_CREATED, responses=refusals(Conflict))
async def add_user(services: Parts, now: Now, _who: Administrator, body: NewUser) -> Person:
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


@router.patch("/{user_id}", responses=refusals(NotFound, Conflict))
async def edit_user(services: Parts, now: Now, user_id: EntityPath, _who: Administrator, body: ChangedUser) -> Person:
    """Change name, email, roles or external id."""
    return _person(await change_user(services.storage, user_id, body.to_changes(), now=now))


@router.put("/{user_id}/password", responses=refusals(NotFound, Conflict))
async def replace_password(
    services: Parts, now: Now, user_id: EntityPath, _who: Administrator, body: NewPassword
) -> Person:
    """Set a password; tokens and sessions from before are void."""
    password_hash = await to_thread.run_sync(hash_password, body.password)
    return _person(await set_password(services.storage, user_id, password_hash=password_hash, now=now))


@router.post("/{user_id}/deactivate", responses=refusals(NotFound, Conflict))
async def deactivate(services: Parts, now: Now, user_id: EntityPath, _who: Administrator) -> Person:
    """Let tokens, sessions, tickets and invitation links of this person work no more."""
    return _person(await deactivate_user(services.storage, user_id, deactivated=True, now=now))


@router.post("/{user_id}/reactivate", responses=refusals(NotFound, Conflict))
async def reactivate(services: Parts, now: Now, user_id: EntityPath, _who: Administrator) -> Person:
    """Let the person in again."""
    return _person(await deactivate_user(services.storage, user_id, deactivated=False, now=now))


@router.post("/{user_id}/revoke", responses=refusals(NotFound))
async def revoke(services: Parts, now: Now, user_id: EntityPath, _who: Administrator) -> Person:
    """Void all tokens and sessions of this person; new ones count from `not_before` on."""
    return _person(await revoke_tokens(services.storage, user_id, now=now))


@router.post("/{user_id}/erase", responses=refusals(NotFound, Conflict))
async def erase(services: Parts, now: Now, user_id: EntityPath, who: Administrator, body: Erasure) -> Person:
    """Erase all that is known of this person, for good; what their assessments came to stays, without a name.

    Refused while one of their assessments is open.
    """
    if body.user_id != user_id:
        raise InvalidMessage("The body names another user than the address.", field="user_id")
    return _person(await erase_user(services.storage, user_id, reason=body.reason, by=who.user_id, now=now))


def _person(user: User) -> Person:
    return Person(
        user.user_id,
        user.name,
        user.email,
        user.external_id,
        sorted(user.roles),
        user.created_at,
        user.not_before,
        user.deactivated_at,
        user.erased_at,
    )
