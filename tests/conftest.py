"""What every test can use; the fixtures themselves are beside the tools they hand out."""

from __future__ import annotations

import os

import pytest
import structlog

# The PostgreSQL of the tests has no TLS. What asyncpg leaves behind when it is cancelled while it offers that would
# count as a failure of whichever test goes on just then.
os.environ.setdefault("PGSSLMODE", "disable")

pytest_plugins = (
    "tests.support.browser",
    "tests.support.closing_line",
    "tests.support.databases",
    "tests.support.storage",
    "tests.support.rest",
    "tests.support.delivery",
    "tests.support.traffic_notes",
)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio alone, as the server does."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def _plain_tracebacks() -> None:
    """As the server logs them: structlog's own choice, every local variable of every frame, takes minutes."""
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, renderer])
