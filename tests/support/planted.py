"""The planted bugs as they are written down in tests/faults/planted: their form, and what is wrong with one."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.tables_in_docs import ROOT

PLANTED = ROOT / "tests" / "faults" / "planted"
PROMISES = 28

_HEADER = re.compile(r"(Promise|Bug|Caught by|Select): (.+)")


class NotAPlantedBug(ValueError):
    """The file does not have the form of tests/faults/planted/README.md; the message says why."""


@dataclass(frozen=True)
class Planted:
    """One planted bug.

    Attributes:
        promise: the number of the promise that it breaks, 1 to 28; None for another defence.
        caught_by: pytest node ids, of which one failing is enough.
        select: further arguments for pytest, such as `-k sqlite`.
    """

    path: Path
    promise: int | None
    bug: str
    caught_by: tuple[str, ...]
    select: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def label(self) -> str:
        """How a table names the promise."""
        return "–" if self.promise is None else f"P{self.promise}"


def read_planted(path: Path) -> Planted:
    """The bug in that file.

    Raises:
        NotAPlantedBug: a header is missing, said twice or makes no sense, or no diff follows.
    """
    said: dict[str, list[str]] = {"Promise": [], "Bug": [], "Caught by": [], "Select": []}
    head, _, diff = path.read_text().partition("\n--- ")
    for line in head.splitlines():
        if match := _HEADER.fullmatch(line.strip()):
            said[match[1]].append(match[2].strip())
    if not diff:
        raise NotAPlantedBug(f"{path.name}: no diff")
    if len(said["Promise"]) != 1 or len(said["Bug"]) != 1 or not said["Caught by"] or len(said["Select"]) > 1:
        raise NotAPlantedBug(f"{path.name}: one Promise, one Bug, one Caught by or more, one Select at most")
    select = tuple(shlex.split(said["Select"][0])) if said["Select"] else ()
    return Planted(path, _promise(path, said["Promise"][0]), said["Bug"][0], tuple(said["Caught by"]), select)


def _promise(path: Path, said: str) -> int | None:
    """`P7`, or `none, ` and what is defended instead."""
    number = re.fullmatch(r"P([1-9]\d?)", said)
    if number is not None and int(number[1]) <= PROMISES:
        return int(number[1])
    if re.fullmatch(r"none, \w.+", said):
        return None
    raise NotAPlantedBug(f"{path.name}: {said} is no promise")


def all_planted(directory: Path = PLANTED) -> list[Planted]:
    """All planted bugs, by name.

    Raises:
        NotAPlantedBug: one of them is none.
    """
    return [read_planted(path) for path in sorted(directory.glob("*.patch"))]


def git_apply(patch: Path, tree: Path, *options: str) -> str:
    """Apply the patch to the tree, its context exactly as it says; returns why it does not apply, or nothing.

    A repository around the tree is kept out of it: inside one, git would pass over files that it does not know.
    """
    done = subprocess.run(
        ["git", "apply", "--verbose", *options, patch.resolve()],
        cwd=tree,
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.resolve().parent), "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 and "Skipped" not in done.stderr else done.stderr or f"exit {done.returncode}"


def unknown_test(node_id: str, root: Path = ROOT) -> str:
    """Why there is no test of that id, or nothing; an id without parameters is meant."""
    file, _, name = node_id.partition("::")
    path = root / file
    if not path.is_file():
        return f"no file {file}"
    parameter = name.partition("[")[0]
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    names = {node.name for node in ast.parse(path.read_text()).body if isinstance(node, functions)}
    return "" if parameter in names else f"no test {parameter} in {file}"
