"""Links that are not right, counted by the address that they come from."""

from __future__ import annotations

import math

from fastapi import Request
from fastapi.responses import HTMLResponse

from sitting.domain.errors import RateLimited
from sitting.usecases.services import Services
from sitting.web.rendering import problem_page

TOO_MANY = ("Too many attempts", "Please wait a minute, and open your link again.")


def refused_link(services: Services, request: Request, title: str, message: str) -> HTMLResponse:
    """The page that says so, or the one that says to wait."""
    try:
        services.limits.wrong_secret(None if request.client is None else request.client.host, services.clock.now())
    except RateLimited as error:
        response = problem_page(429, *TOO_MANY)
        response.headers["Retry-After"] = str(math.ceil(error.details["retry_after_seconds"]))
        return response
    return problem_page(404, title, message)
