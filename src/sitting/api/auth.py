"""Signing in and out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request, Response, status

from sitting.api.fields import Body, Email, Secret
from sitting.api.problems import refusals
from sitting.api.security import PUBLIC, Now, Parts, address_of, require, session_of
from sitting.domain.errors import Conflict, NotAuthenticated, RateLimited
from sitting.domain.user import Role
from sitting.identity.access import Action
from sitting.identity.identify import Identity
from sitting.identity.sessions import COOKIE
from sitting.usecases.sign_in import sign_in
from sitting.usecases.sign_out import sign_out

router = APIRouter(prefix="/auth", tags=["auth"])


class Credentials(Body):
    """What a person knows."""

    email: Email
    password: Secret


@dataclass(frozen=True, slots=True)
class Token:
    """What to send as `Authorization: Bearer …` from now on."""

    access_token: str
    token_type: str
    expires_in_seconds: int
    user_id: int
    roles: list[Role]


@router.post("/token", dependencies=[PUBLIC], responses=refusals(NotAuthenticated, RateLimited, public=True))
async def create_token(request: Request, services: Parts, now: Now, credentials: Credentials) -> Token:
    """Exchange email and password for a token."""
    address = address_of(request)
    services.limits.sign_in(credentials.email, address, now)
    signed_in = await sign_in(
        services.storage, services.keys, email=credentials.email, password=credentials.password, now=now
    )
    services.limits.signed_in(credentials.email, address)
    user = signed_in.user
    lifetime = int(signed_in.lifetime.total_seconds())
    return Token(signed_in.token, "bearer", lifetime, user.user_id, sorted(user.roles))


@router.post("/logout", status_code=status.HTTP_204_NO_CONTENT, responses=refusals(Conflict))
async def logout(
    request: Request,
    response: Response,
    services: Parts,
    now: Now,
    who: Annotated[Identity, require(Action.USE_ACCOUNT)],
) -> None:
    """Revoke the token that this request shows, or end its session."""
    await sign_out(services.storage, who, session_secret=session_of(request), now=now)
    response.delete_cookie(COOKIE)
