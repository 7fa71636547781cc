"""Commands of `sitting` that come to an end, as people type them."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.support.server import COMMAND, environment


def sitting(
    *arguments: str, cwd: Path, env: Mapping[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, with no SITTING_ variable but those in `env`."""
    return subprocess.run(
        [COMMAND, *arguments],
        cwd=cwd,
        env=environment(env or {}),
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def succeeded(done: subprocess.CompletedProcess[str]) -> str:
    """The standard output of a command that must have worked."""
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a command must have said when it refused."""
    assert done.returncode == 1, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    (line,) = done.stderr.splitlines()
    assert line.startswith("sitting: ")
    return line.removeprefix("sitting: ")
