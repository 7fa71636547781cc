"""Whether the process lives, whether it can do its work, and what it measures."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from sitting.api.problems import refusals
from sitting.api.security import OPERATORS, PUBLIC, Parts
from sitting.domain.errors import NotAllowed, NotAuthenticated, Unavailable
from sitting.metrics import CONTENT_TYPE
from sitting.usecases.check_readiness import check_readiness

router = APIRouter(tags=["health"])

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Health:
    status: str


@router.get("/healthz", dependencies=[PUBLIC], responses=refusals(public=True))
async def read_health() -> Health:
    """The process lives; the database is not asked."""
    return Health("ok")


@router.get("/readyz", dependencies=[PUBLIC], responses=refusals(public=True))
async def read_readiness(services: Parts) -> Health:
    """The node can do its work; a refusal says in `details.reasons` what keeps it from that."""
    reasons = await check_readiness(services.storage, services.node)
    if reasons:
        log.warning("not_ready", reasons=reasons)
        raise Unavailable("This node is not ready.", reasons=reasons)
    return Health("ready")


@router.get(
    "/metrics",
    dependencies=[OPERATORS],
    response_class=PlainTextResponse,
    responses=refusals(NotAuthenticated, NotAllowed, public=True),
)
async def read_metrics(services: Parts) -> Response:
    """What the node counts and measures, in Prometheus' text format."""
    return Response(services.metrics.text(), headers={"Content-Type": CONTENT_TYPE})
