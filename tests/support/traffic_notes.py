"""Where the taps of a test run leave their notes, and that the test which reads them comes last."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.support.traffic import DIRECTORY

LAST = "test_p21_no_byte_that_any_candidate_received_tells_a_key_too_early"
WHOLE_RUN = "TESTS_WHOLE_RUN"
"""Set where all tests have run before the last one, in other processes (tests/support/whole_run.py)."""

_OWN = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """A directory for this run, known to the processes that it starts, unless it is one of those itself."""
    if DIRECTORY not in os.environ:
        config.stash[_OWN] = os.environ[DIRECTORY] = tempfile.mkdtemp(prefix="traffic-")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.name == LAST)


def pytest_unconfigure(config: pytest.Config) -> None:
    if _OWN in config.stash:
        shutil.rmtree(config.stash[_OWN], ignore_errors=True)
        del os.environ[DIRECTORY]


@pytest.fixture
def traffic_notes() -> Path:
    """The files that the taps of this run have written so far."""
    return Path(os.environ[DIRECTORY])
