"""One demo server for all tests that look at pages, and a network before it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.network import Network
from tests.support.server import SittingProcess
from tests.support.staff import Staff


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SittingProcess]:
    with SittingProcess.demo(tmp_path_factory.mktemp("demo")) as demo:
        yield demo


@pytest.fixture
def network(server: SittingProcess) -> Iterator[Network]:
    with Network(server.port) as network:
        yield network


@pytest.fixture
def staff(server: SittingProcess) -> Staff:
    """The demo's administrator, over REST."""
    return Staff.admin_of(server.announcement)
