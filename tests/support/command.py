"""Commands of `sitting` that come to an end, as people type them."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.support.server import COMMAND, environment
from tests.support.warm_sitting import WarmSitting

_warm = WarmSitting()


def sitting(
    *arguments: str, cwd: Path, env: Mapping[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end in a process of its own, with no SITTING_ variable but those in `env`."""
    command = [str(COMMAND), *arguments]
    with tempfile.TemporaryDirectory() as directory:
        files = [Path(directory) / name for name in ("stdin", "stdout", "stderr")]
        for file, text in zip(files, (stdin, "", ""), strict=True):
            file.write_text(text)
        said = dict(zip(("stdin", "stdout", "stderr"), files, strict=True))
        try:
            code = _warm.run(command, cwd=cwd, env=environment(env or {}), timeout=60, **said)
        except subprocess.TimeoutExpired as late:
            raise AssertionError(f"{late}\n{files[1].read_text()}\n{files[2].read_text()}") from None
        return subprocess.CompletedProcess(command, code, files[1].read_text(), files[2].read_text())


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
