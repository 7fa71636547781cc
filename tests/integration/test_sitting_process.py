"""The command as a process: what the other tests rely on when they start and kill it."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import COMMAND, SittingProcess, environment


def links(announcement: dict[str, Any]) -> list[str]:
    found = [candidate["link"] for candidate in announcement["candidates"]]
    assert found
    return found


def test_demo_says_where_it_is_and_comes_back_there_after_kill(tmp_path: Path) -> None:
    with SittingProcess.demo(tmp_path) as sitting:
        before = sitting.announcement
        assert before["base_url"] == sitting.base_url
        sitting.kill()
        sitting.start()
        assert links(sitting.announcement) == links(before)


@pytest.mark.parametrize("nodes", [1, 2])
def test_nodes_serve_one_postgresql_database_and_end_in_order(
    postgresql_database_url: str, tmp_path: Path, nodes: int
) -> None:
    with ExitStack() as stack:
        running = [stack.enter_context(SittingProcess.serve(postgresql_database_url, tmp_path)) for _ in range(nodes)]
        assert [node.terminate() for node in running] == [0] * nodes


def test_server_that_cannot_start_is_reported_at_once_with_its_own_words(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match=r"(?s)sitting ended with 1.*mysql: write sqlite"),
        SittingProcess.serve("mysql://nowhere", tmp_path),
    ):
        pass


def test_command_is_there() -> None:
    done = subprocess.run([COMMAND, "--version"], env=environment({}), capture_output=True, text=True, check=True)
    assert done.stdout.startswith("sitting ")
