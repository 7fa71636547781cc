from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def last_line_of_a_run(directory: Path, source: str, *options: str) -> str:
    (directory / "test_it.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.support.closing_line", *options, str(directory)]
    quick = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [*command, "-c", os.devnull], cwd=ROOT, env=quick, capture_output=True, text=True, check=False, timeout=60
    )
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def test_a(): pass\ndef test_b(): pass", "2 passed, 0 failed"),
        ("def test_a(): pass\ndef test_b(): assert 0", "1 passed, 1 failed"),
        ("import nothing_of_this_name", "0 passed, 1 failed"),
    ],
)
def test_run_ends_with_one_line_that_counts_all_tests(source: str, expected: str, tmp_path: Path) -> None:
    assert last_line_of_a_run(tmp_path, source) == expected


def test_error_after_a_passed_test_makes_it_one_failure(tmp_path: Path) -> None:
    source = """
import pytest
@pytest.fixture
def breaks_later():
    yield
    raise OSError
def test_a(breaks_later): pass
"""
    assert last_line_of_a_run(tmp_path, source) == "0 passed, 1 failed"


def test_listing_the_tests_counts_nothing(tmp_path: Path) -> None:
    assert "passed" not in last_line_of_a_run(tmp_path, "def test_a(): pass", "--collect-only")
