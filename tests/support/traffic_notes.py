"""Where the taps of a test run leave their notes, and that the test which reads them comes last."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.support.traffic import DIRECTORY

LAST = "test_p21_no_byte_that_any_candidate_received_tells_a_key_too_early"


def pytest_configure(config: pytest.Config) -> None:
    """A directory for this run, known to the processes that it starts."""
    os.environ[DIRECTORY] = tempfile.mkdtemp(prefix="traffic-")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.name == LAST)


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(os.environ.pop(DIRECTORY), ignore_errors=True)


@pytest.fixture
def traffic_notes() -> Path:
    """The files that the taps of this run have written so far."""
    return Path(os.environ[DIRECTORY])
