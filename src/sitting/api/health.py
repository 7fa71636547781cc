"""Whether the process lives, and whether it can do its work."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter

from sitting.api.problems import refusals
from sitting.api.security import PUBLIC, Parts

router = APIRouter(tags=["health"], dependencies=[PUBLIC], responses=refusals(public=True))


@dataclass(frozen=True, slots=True)
class Health:
    status: str


@router.get("/healthz")
async def read_health() -> Health:
    """The process lives."""
    return Health("ok")


@router.get("/readyz")
async def read_readiness(services: Parts) -> Health:
    """The database answers, and has our tables."""
    async with services.storage.reading() as unit:
        await unit.users.any_exist()
    return Health("ready")
