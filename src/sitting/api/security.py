"""Who is asking, and whether they may: every route says so by one dependency, `require` or `PUBLIC`."""

# Without postponed annotations: FastAPI cannot resolve those of an object that is called.

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from sitting.domain.errors import NotAllowed, NotAuthenticated
from sitting.identity import access
from sitting.identity.access import Action
from sitting.identity.identify import Identity, identify_by_session, identify_by_token
from sitting.identity.origins import is_allowed
from sitting.identity.sessions import COOKIE
from sitting.usecases.services import Services

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_token = HTTPBearer(auto_error=False, scheme_name="token", bearerFormat="JWT")
_session = APIKeyCookie(name=COOKIE, auto_error=False, scheme_name="session")


async def services_of(request: Request) -> Services:
    """The parts that app handed over, or those that this request has to itself."""
    services: Services = getattr(request.state, "services", request.app.state.services)
    return services


Parts = Annotated[Services, Depends(services_of)]


async def time_of_request(services: Parts) -> datetime:
    """The one instant that this request goes by."""
    return services.clock.now()


Now = Annotated[datetime, Depends(time_of_request)]


def session_of(request: Request) -> str | None:
    """The session by which the request is authenticated: the cookie, where no Authorization header stands before it."""
    return None if "authorization" in request.headers else request.cookies.get(COOKIE)


async def identify(
    request: Request,
    services: Parts,
    now: Now,
    token: Annotated[HTTPAuthorizationCredentials | None, Depends(_token)],
    _cookie: Annotated[str | None, Depends(_session)],  # read by session_of; here it tells OpenAPI
) -> Identity:
    """Who is asking, by token or by session.

    Raises:
        NotAuthenticated: nobody that we know. NotAllowed: another site's page uses the browser's cookie.
    """
    session = session_of(request)
    if session is None:
        if token is None:
            raise NotAuthenticated()
        return await identify_by_token(services.storage, services.keys, token.credentials, now=now)
    origin, host = request.headers.get("origin"), request.headers.get("host")
    if request.method not in SAFE_METHODS and not is_allowed(origin, host, services.allowed_origins):
        raise NotAllowed("This page may not use the browser's session.")
    return await identify_by_session(services.storage, session, now=now)


@dataclass(frozen=True)
class Access:
    """What a route asks of its caller."""

    action: Action

    async def __call__(self, identity: Annotated[Identity, Depends(identify)]) -> Identity:
        access.require(identity, self.action)
        return identity


def require(action: Action) -> Any:
    """A dependency: the caller's identity, if one of their roles allows `action`.

    Raises (in the request):
        NotAuthenticated, NotAllowed.
    """
    return Depends(Access(action))


async def anybody() -> None:
    """Marks a route that asks for nothing."""


PUBLIC = Depends(anybody)
