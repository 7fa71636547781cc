"""Refusals as problems (RFC 9457), with the contract's codes: one table says which status each has."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.types import Scope

from sitting.domain.errors import (
    ErrorCode,
    InternalError,
    InvalidMessage,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    RateLimited,
    SittingError,
    Unavailable,
)
from sitting.metrics import REST
from sitting.usecases.services import Services

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
MAX_PROBLEMS = 20
_REFERENCE = "#/components/schemas/{model}"

STATUS: dict[ErrorCode, HTTPStatus] = {
    ErrorCode.INVALID_MESSAGE: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.UNKNOWN_TYPE: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.NOT_AUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    ErrorCode.NOT_ALLOWED: HTTPStatus.FORBIDDEN,
    ErrorCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.CONFLICT: HTTPStatus.CONFLICT,
    ErrorCode.TEST_NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.TEST_NOT_OPEN: HTTPStatus.CONFLICT,
    ErrorCode.PUBLICATION_REFUSED: HTTPStatus.CONFLICT,
    ErrorCode.APPLICATION_NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.APPLICATION_AMBIGUOUS: HTTPStatus.CONFLICT,
    ErrorCode.ATTEMPTS_EXHAUSTED: HTTPStatus.CONFLICT,
    ErrorCode.ASSESSMENT_NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.ASSESSMENT_OVER: HTTPStatus.CONFLICT,
    ErrorCode.ATTACHMENT_STALE: HTTPStatus.CONFLICT,
    ErrorCode.DEADLINE_PASSED: HTTPStatus.CONFLICT,
    ErrorCode.PAUSED: HTTPStatus.CONFLICT,
    ErrorCode.QUESTION_NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.NAVIGATION_NOT_ALLOWED: HTTPStatus.CONFLICT,
    ErrorCode.INVALID_ANSWER: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.CLIENT_SEQ_CONFLICT: HTTPStatus.CONFLICT,
    ErrorCode.ANSWER_SUPERSEDED: HTTPStatus.CONFLICT,
    ErrorCode.ANSWER_LOCKED: HTTPStatus.CONFLICT,
    ErrorCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    ErrorCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.INTERNAL_ERROR: HTTPStatus.INTERNAL_SERVER_ERROR,
}

_OF_ANY_ROUTE = (InvalidMessage, Unavailable, InternalError)
_OF_PROTECTED_ROUTES = (NotAuthenticated, NotAllowed, RateLimited)
_OF_THE_FRAMEWORK: dict[HTTPStatus, type[SittingError]] = {
    HTTPStatus.UNAUTHORIZED: NotAuthenticated,
    HTTPStatus.FORBIDDEN: NotAllowed,
    HTTPStatus.NOT_FOUND: NotFound,
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a request was refused.

    Attributes:
        title: the status in words. detail: a sentence safe to show.
        retryable: whether the same request may succeed later without a change.
        details: facts that help a program; of an invalid request `problems`, each with `at` and `problem`.
    """

    type: str
    title: str
    status: int
    detail: str
    code: ErrorCode
    retryable: bool
    details: dict[str, Any]


def refusals(*errors: type[SittingError], public: bool = False) -> dict[int | str, dict[str, Any]]:
    """What a route may answer beside success, as FastAPI's `responses` take it.

    Args:
        errors: the route's own; those that every route has are added.
        public: nobody has to say who they are.
    """
    by_status: defaultdict[HTTPStatus, list[type[SittingError]]] = defaultdict(list)
    for error in (*errors, *_OF_ANY_ROUTE, *(() if public else _OF_PROTECTED_ROUTES)):
        by_status[STATUS[error.code]].append(error)
    return {int(status): describe(*by_status[status]) for status in sorted(by_status)}


def describe(*errors: type[SittingError]) -> dict[str, Any]:
    """A problem response of the document, for errors that share a status."""
    return {
        "description": " ".join(f"`{error.code}`: {error.sentence}" for error in errors),
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model=Problem.__name__)}}},
    }


def problem_schemas() -> dict[str, Any]:
    """What the document must define for `refusals`: FastAPI can declare another media type by reference only."""
    problem = TypeAdapter(Problem).json_schema(ref_template=_REFERENCE)
    return {**problem.pop("$defs"), Problem.__name__: problem}


def problem_response(
    error: SittingError, status: HTTPStatus | None = None, headers: dict[str, str] | None = None
) -> Response:
    """The refusal as a response; its status is the code's, unless another one says more."""
    status = status or STATUS[error.code]
    problem = Problem(
        type="about:blank",
        title=status.phrase,
        status=status,
        detail=error.message,
        code=error.code,
        retryable=error.retryable,
        details=error.details,
    )
    return Response(msgspec.json.encode(problem), status, {**_headers(status, error), **(headers or {})}, MEDIA_TYPE)


def refuse(
    scope: Scope, error: SittingError, status: HTTPStatus | None = None, headers: dict[str, str] | None = None
) -> Response:
    """The refusal as a response, counted by its code."""
    services: Services = scope["app"].state.services
    services.metrics.refused(REST, error.code)
    return problem_response(error, status, headers)


def _headers(status: HTTPStatus, error: SittingError) -> dict[str, str]:
    headers = {"Cache-Control": "no-store"}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        headers["Retry-After"] = str(math.ceil(error.details.get("retry_after_seconds", RETRY_AFTER_SECONDS)))
    return headers


def install_handlers(app: FastAPI) -> None:
    """Answer every refusal, our own and the framework's, with a problem."""
    app.add_exception_handler(SittingError, _on_refusal)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)


async def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, SittingError)
    if isinstance(error, Unavailable) and error.__cause__ is not None:
        log.warning("unavailable", cause=type(error.__cause__).__name__)
    return refuse(request.scope, error)


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    """Say what is wrong and where, and repeat nothing of what was sent but the names of fields."""
    assert isinstance(error, RequestValidationError)
    found = [{"at": _place(fault["loc"]), "problem": fault["msg"]} for fault in error.errors()[:MAX_PROBLEMS]]
    return refuse(request.scope, InvalidMessage(problems=found))


def _place(location: tuple[Any, ...]) -> str:
    return ".".join(str(part)[:64] for part in location)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    """What the framework itself refuses: unknown addresses and methods, bodies that cannot be read."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.BAD_REQUEST:
        return refuse(request.scope, InvalidMessage())
    fallback = InternalError if status >= HTTPStatus.INTERNAL_SERVER_ERROR else InvalidMessage
    refusal = _OF_THE_FRAMEWORK.get(status, fallback)(str(error.detail))
    return refuse(request.scope, refusal, status, dict(error.headers or {}))
