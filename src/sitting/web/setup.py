"""The page that makes the first administrator, by a link that the operator sees at the start."""

from __future__ import annotations

import secrets
from urllib.parse import parse_qs

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from sitting.domain.errors import SittingError
from sitting.identity.passwords import hash_password
from sitting.usecases.create_first_administrator import create_first_administrator
from sitting.usecases.services import Services
from sitting.web.guesses import refused_link
from sitting.web.rendering import page, problem_page

GONE = ("This link was used", "There is an administrator already. Log in over the API, or use the command line.")
MAX_FORM_BYTES = 8192


def setup_routes(services: Services, setup_secret: str) -> APIRouter:
    """The form, and what takes it in. Both are gone as soon as there is any user."""
    router = APIRouter(include_in_schema=False)

    @router.get("/setup/{secret}")
    async def show(secret: str) -> HTMLResponse:
        if not await _is_open(services, secret, setup_secret):
            return problem_page(404, *GONE)
        return page("setup.html", name="", email="", error=None)

    @router.post("/setup/{secret}")
    async def create(request: Request, secret: str) -> HTMLResponse:
        if not await _is_open(services, secret, setup_secret):
            return refused_link(services, request, *GONE)
        form = await _form(request)
        try:
            password_hash = await to_thread.run_sync(hash_password, form["password"])
            user = await create_first_administrator(
                services.storage,
                name=form["name"],
                email=form["email"],
                password_hash=password_hash,
                now=services.clock.now(),
            )
        except SittingError as error:
            return page("setup.html", 422, name=form["name"], email=form["email"], error=error.message)
        return page("setup_done.html", email=user.email)

    return router


async def _is_open(services: Services, secret: str, setup_secret: str) -> bool:
    if not secrets.compare_digest(secret.encode(), setup_secret.encode()):
        return False
    async with services.storage.reading() as unit:
        return not await unit.users.any_exist()


async def _form(request: Request) -> dict[str, str]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            break
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: fields.get(name, [""])[0] for name in ("name", "email", "password")}
