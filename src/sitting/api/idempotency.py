"""Idempotency-Key: a POST that is sent again under the same key gets the same answer, and does nothing again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from fastapi.routing import APIRoute

from sitting.api.problems import describe
from sitting.api.security import Now, identify
from sitting.domain.errors import Conflict, InvalidMessage
from sitting.identity.identify import Identity
from sitting.storage.once import AnsweredBefore, OnceStorage
from sitting.storage.repositories.idempotency import KeptAnswer, KeyedRequest
from sitting.usecases.services import Services

KEY = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
MAX_LENGTH = 255
_EXPLANATION = (
    "A value of your choosing, new for each thing that you want done, for example a UUID. Within 24 hours the same "
    "request under the same key is answered as the first time and does nothing again."
)
_REPLAYED_HEADER = {"description": "`true` if this is the answer of before", "schema": {"type": "string"}}

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class IdempotentRoute(APIRoute):
    """The `route_class` of a router whose POSTs take an Idempotency-Key; its other routes are as ever.

    What such a route stores it must store by units of work of its services' storage, not by the journal: they become
    one transaction, in which the answer is stored as well.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        methods: set[str] | list[str] | None = None,
        dependencies: Any = None,
        responses: dict[int | str, dict[str, Any]] | None = None,
        **more: Any,
    ) -> None:
        if _is_post(methods):
            dependencies = [*(dependencies or ()), Depends(_begin)]
            responses = _described(responses or {}, int(more.get("status_code") or HTTPStatus.OK))
        super().__init__(path, endpoint, methods=methods, dependencies=dependencies, responses=responses, **more)

    def get_route_handler(self) -> Handler:
        """What answers a request."""
        handle = super().get_route_handler()
        return _once(handle) if _is_post(self.methods) else handle


def _is_post(methods: set[str] | list[str] | None) -> bool:
    return methods is not None and "POST" in methods


def _described(responses: Mapping[int | str, dict[str, Any]], status: int) -> dict[int | str, dict[str, Any]]:
    """The responses of the route, with what a key may lead to."""
    conflict = describe(Conflict)
    own = responses.get(HTTPStatus.CONFLICT, conflict)
    if conflict["description"] not in own["description"]:
        conflict["description"] = f"{own['description']} {conflict['description']}"
    else:
        conflict = own
    success = {"headers": {REPLAYED: _REPLAYED_HEADER}, **responses.get(status, {})}
    return {**responses, int(HTTPStatus.CONFLICT): conflict, status: success}


def _once(handle: Handler) -> Handler:
    async def handle_once(request: Request) -> Response:
        if KEY not in request.headers:
            return await handle(request)
        services: Services = request.app.state.services
        storage = OnceStorage(services.storage)
        request.state.services = replace(services, storage=storage)
        try:
            async with storage.transaction():
                response = await handle(request)
                await storage.keep(_answer(response))
        except AnsweredBefore as before:
            return _again(before.answer)
        return response

    return handle_once


async def _begin(
    request: Request,
    now: Now,
    identity: Annotated[Identity, Depends(identify)],
    key: Annotated[
        str | None,
        Header(alias=KEY, min_length=1, max_length=MAX_LENGTH, pattern="^[ -~]+$", description=_EXPLANATION),
    ] = None,
) -> None:
    """Tell the request's own storage for whom it works and under which key, if there is one."""
    if key is None:
        return
    if len(request.headers.getlist(KEY)) > 1:
        raise InvalidMessage("A request has one Idempotency-Key at most.", header=KEY)
    storage = request.state.services.storage
    assert isinstance(storage, OnceStorage)
    body = await request.body()
    digest = hashlib.sha256(request.scope["query_string"] + b"\0" + body).hexdigest()
    storage.begin(KeyedRequest(identity.user_id, key, request.method, request.scope["path"], digest, now))


def _answer(response: Response) -> KeptAnswer:
    assert response.status_code < HTTPStatus.BAD_REQUEST, "refusals are raised, so that nothing of theirs is kept"
    return KeptAnswer(response.status_code, response.headers.get("content-type"), bytes(response.body))


def _again(answer: KeptAnswer) -> Response:
    headers = {REPLAYED: "true", "Cache-Control": "no-store"}
    if answer.content_type is not None:
        headers["Content-Type"] = answer.content_type
    return Response(answer.body, answer.status, headers)
