"""The FastAPI application; app adds the pages to it."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.params import Depends
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

import sitting
from sitting.api import (
    applications,
    assessments,
    auth,
    bank,
    health,
    interchange,
    invigilation,
    keys,
    me,
    media,
    proposals,
    questions,
    resumes,
    runs,
    skill_graphs,
    taking,
    tests,
    tickets,
    users,
)
from sitting.api.middleware import BodyLimit, UnforeseenErrors
from sitting.api.problems import describe, install_handlers, problem_schemas
from sitting.domain.errors import InvalidMessage
from sitting.usecases.services import Services

PREFIX = "/api/v1"
# Routes with a word of their own stand before those that take anything for an id: interchange before questions.
_RESOURCES = (
    auth,
    me,
    users,
    interchange,
    questions,
    bank,
    media,
    skill_graphs,
    runs,
    proposals,
    tests,
    applications,
    resumes,
    assessments,
    taking,
    invigilation,
    tickets,
    keys,
)


def create_api(services: Services) -> FastAPI:
    """REST over these parts. There is no page for the documentation: its scripts would come from elsewhere."""
    app = _Api(
        title="Sitting",
        version=sitting.__version__,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        generate_unique_id_function=_operation_id,
    )
    app.state.services = services
    app.router.routes.extend(_routes())
    install_handlers(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(UnforeseenErrors)
    return app


@cache
def _routes() -> list[BaseRoute]:
    """All routes, the same ones for every application of this process: reading their signatures takes half a second."""
    resources = APIRouter(prefix=PREFIX, dependencies=[Depends(_never_cached)])
    for resource in _RESOURCES:
        resources.include_router(resource.router)
    everything = APIRouter(generate_unique_id_function=_operation_id)
    everything.include_router(resources)
    everything.include_router(health.router)
    return everything.routes


async def _never_cached(response: Response) -> None:
    """Answers hold tokens, links and people's results."""
    response.headers["Cache-Control"] = "no-store"


def _operation_id(route: APIRoute) -> str:
    return route.name


class _Api(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The description of all routes, with the problems that they refer to."""
        document = super().openapi()
        document["components"]["schemas"].update(problem_schemas())
        for path in document["paths"].values():
            for operation in path.values():
                if "requestBody" in operation:
                    operation["responses"]["413"] = describe(InvalidMessage)
        return document
