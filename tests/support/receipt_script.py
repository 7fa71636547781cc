"""The script docs/verify_receipt.py, as whoever doubts a result runs it, and its functions by themselves."""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

SCRIPT = Path(__file__).parents[2] / "docs" / "verify_receipt.py"


def load_script() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("verify_receipt", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_script(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run it apart from everything that is installed."""
    command = [sys.executable, "-I", "-S", str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=cwd)


class Evidence:
    """The files that somebody has in hand. Each change of `log`, `receipt`, `keys` or `compliance` counts at once."""

    def __init__(self, directory: Path, *, receipt: Any, keys: Any, log: Sequence[Any], compliance: Any = None) -> None:
        self.directory, self.receipt, self.keys, self.log = directory, receipt, keys, list(log)
        self.compliance = compliance

    def check(self, *, apart: bool = False) -> tuple[int, str]:
        """The script's exit code and what it said; `apart`: as a program of its own."""
        half = len(self.log) // 2
        pages = [self._page("log-2", self.log[half:]), self._page("log-1", self.log[:half])]
        arguments = [self._save("receipt", self.receipt), self._save("keys", self.keys), "--log", *pages]
        if self.compliance is not None:
            arguments += ["--compliance", self._save("compliance", self.compliance)]
        if apart:
            done = run_script(*arguments)
            return done.returncode, done.stdout + done.stderr
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            code: int = load_script().main(arguments)
        return code, said.getvalue()

    def _page(self, name: str, items: Sequence[Any]) -> str:
        return self._save(name, {"items": items, "next": None})

    def _save(self, name: str, value: Any) -> str:
        path = self.directory / f"{name}.json"
        path.write_text(json.dumps(value))
        return str(path)
