"""What stands around all routes: a bound on what comes in, and a net under what nobody foresaw."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sitting.api.problems import refuse
from sitting.domain.errors import InternalError, InvalidMessage
from sitting.interchange.formats import MAX_FILE_BYTES
from sitting.kit.ids import random_id
from sitting.usecases.store_media import MAX_MEDIA_BYTES

MAX_BODY_BYTES = 1024 * 1024
LARGER_BODIES = {  # files; bytes
    "/api/v1/questions/import": MAX_FILE_BYTES,
    "/api/v1/media": MAX_MEDIA_BYTES,
}
TOO_LARGE = "This request is larger than the server takes."
TOO_SLOW = "This request did not come to its end."
BODY_SECONDS = 30

log = structlog.get_logger(__name__)


class BodyLimit:
    """Refuses bodies that are too large: by their header if they declare it, else as soon as they pass the limit."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = LARGER_BODIES.get(scope["path"], MAX_BODY_BYTES)
        if _declared_length(scope) > most:
            refusal = InvalidMessage(TOO_LARGE, max_bytes=most)
            await refuse(scope, refusal, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)(scope, receive, send)
        else:
            await self._app(scope, _counted(receive, most), send)


def _declared_length(scope: Scope) -> int:
    declared = Headers(scope=scope).get("content-length", "")
    return int(declared) if declared.isascii() and declared.isdigit() else 0


def _counted(receive: Receive, most: int) -> Receive:
    """`receive`, until more than `most` bytes have come, or none for too long."""
    received, more = 0, True

    async def counting() -> Message:
        nonlocal received, more
        try:
            async with asyncio.timeout(BODY_SECONDS if more else None):  # behind the body comes only a hang-up
                message = await receive()
        except TimeoutError:
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, TOO_SLOW, {"Connection": "close"}) from None
        more = message.get("more_body", False)
        received += len(message.get("body", b""))
        if received > most:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE)
        return message

    return counting


class UnforeseenErrors:
    """Turns what nobody caught into a problem with an id; the log has what happened under that id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as fault:
            error_id = _log(scope, fault)
            if begun:  # too late to say anything else; the server cuts the connection
                raise
            await refuse(scope, InternalError(error_id=error_id))(scope, receive, send)


def _log(scope: Scope, fault: Exception) -> str:
    """Log the fault with the route as it was declared, since addresses carry secrets; returns the entry's new id."""
    error_id = random_id("e", 12)
    route = getattr(scope.get("route"), "path", None)
    log.error("unforeseen_error", error_id=error_id, method=scope["method"], route=route, exc_info=fault)
    return error_id
