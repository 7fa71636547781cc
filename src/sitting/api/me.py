"""The caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter

from sitting.api.pagination import Page
from sitting.api.problems import refusals
from sitting.api.security import Now, Parts, require
from sitting.domain.user import Role
from sitting.identity.access import Action
from sitting.identity.identify import Identity
from sitting.usecases.list_own_applications import OwnApplication, list_own_applications

router = APIRouter(prefix="/me", tags=["me"], responses=refusals())


@dataclass(frozen=True, slots=True)
class Me:
    """Who the caller is. `roles` are those of this token or session."""

    user_id: int
    name: str
    email: str
    external_id: str | None
    roles: list[Role]


@router.get("")
async def read_me(services: Parts, who: Annotated[Identity, require(Action.USE_ACCOUNT)]) -> Me:
    """Who am I?"""
    async with services.storage.reading() as unit:
        user = await unit.users.select(who.user_id)
    return Me(user.user_id, user.name, user.email, user.external_id, sorted(who.roles))


@router.get("/applications")
async def list_my_applications(
    services: Parts, now: Now, who: Annotated[Identity, require(Action.TAKE_TESTS)]
) -> Page[OwnApplication]:
    """What may I take, and can I start now?"""
    return Page(await list_own_applications(services.storage, who.user_id, now=now))
