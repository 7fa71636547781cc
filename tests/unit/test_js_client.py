"""The browser client's own tests, run by Node, one file after the other."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

CLIENT = Path(__file__).parents[2] / "clients" / "js"
FILES = sorted((CLIENT / "test").glob("*.test.js"))


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_client_s_own_tests_pass_in_node(file: Path) -> None:
    done = subprocess.run(
        ["node", "--test", "--test-reporter=spec", file],
        cwd=CLIENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode != 0:
        pytest.fail(f"{file.name}\n{done.stdout}", pytrace=False)
