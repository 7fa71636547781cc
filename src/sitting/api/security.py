"""Who is asking, and whether they may: every route says so by one dependency, `require` or `PUBLIC`."""

# Without postponed annotations: FastAPI cannot resolve those of an object that is called.

from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from ipaddress import ip_address
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

FORWARDED = frozenset({"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_token = HTTPBearer(auto_error=False, scheme_name="token", bearerFormat="JWT")
_metrics_token = HTTPBearer(auto_error=False, scheme_name="metrics token")
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
        NotAuthenticated: nobody that we know. RateLimited: nor was who else asked from that address of late.
        NotAllowed: another site's page uses the browser's cookie.
    """
    try:
        return await _identify(request, services, now, token)
    except NotAuthenticated:
        if token is not None or COOKIE in request.cookies:
            services.limits.wrong_secret(address_of(request), now)
        raise


def address_of(request: Request) -> str | None:
    """Where the request comes from: behind a proxy that uvicorn trusts, what that one says."""
    return None if request.client is None else request.client.host


async def _identify(
    request: Request, services: Services, now: datetime, token: HTTPAuthorizationCredentials | None
) -> Identity:
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

    async def __call__(self, identity: Annotated[Identity, Depends(identify)], services: Parts, now: Now) -> Identity:
        access.require(identity, self.action)
        if self.action is Action.TAKE_TESTS:
            services.limits.request(identity.user_id, now)
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


async def operators(
    request: Request, services: Parts, shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_metrics_token)]
) -> None:
    """Marks a route for those who run the server: they show the metrics' token or, where none is set, ask from here.

    What a proxy on this machine passes on comes from elsewhere, whatever it says about that.

    Raises:
        NotAuthenticated: the token is missing or another one. NotAllowed: there is none, and the caller is elsewhere.
    """
    if services.metrics_token is None:
        if not _is_on_this_machine(request):
            raise NotAllowed("Only callers on the server's own machine may do this.")
        return
    if shown is None or not compare_digest(shown.credentials.encode(), services.metrics_token.encode()):
        raise NotAuthenticated()


def _is_on_this_machine(request: Request) -> bool:
    if request.client is None or FORWARDED & set(request.headers):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


OPERATORS = Depends(operators)
