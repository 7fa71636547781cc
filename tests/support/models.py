"""A model for servers in process: the scripted one, asked by a real provider."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sitting.domain.spending import Limits
from sitting.kit.clock import SystemClock
from sitting.questions.provider import Provider
from sitting.questions.provider_config import ProviderConfig, Timeouts
from sitting.questions.provider_retry import Retries
from sitting.usecases.services import ModelAccess
from tests.support.scripted_model import ScriptedServer

IMPATIENT = Timeouts(2, 2, 2, 4)


@asynccontextmanager
async def access_to(
    server: ScriptedServer, *, run_limits: Limits | None = None, **more: Any
) -> AsyncIterator[ModelAccess]:
    """The way to that server, which is tried once; `more` are fields of ModelAccess."""
    config = ProviderConfig(server.base_url, server.name, timeouts=IMPATIENT, retries=Retries(1))
    async with Provider(config, SystemClock()) as provider:
        yield ModelAccess(provider, run_limits or Limits(), **more)
