"""All pages together."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from sitting.usecases.services import Services
from sitting.web.invitation import invitation_routes
from sitting.web.rendering import page
from sitting.web.setup import setup_routes
from sitting.web.static_files import add_static_files


def add_pages(app: FastAPI, services: Services, *, setup_secret: str | None) -> None:
    """Add the pages and their files to the application."""

    @app.get("/", include_in_schema=False)
    async def home() -> HTMLResponse:
        return page("home.html")

    app.include_router(invitation_routes(services))
    if setup_secret is not None:
        app.include_router(setup_routes(services, setup_secret))
    add_static_files(app)
