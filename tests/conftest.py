"""What every test can use; the fixtures themselves are beside the tools they hand out."""

from __future__ import annotations

import pytest

pytest_plugins = (
    "tests.support.browser",
    "tests.support.closing_line",
    "tests.support.databases",
    "tests.support.storage",
    "tests.support.rest",
    "tests.support.delivery",
)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio alone, as the server does."""
    return "asyncio"
