"""Which test shows which promise, and on which databases: `python -m tests.support.promises` writes the table.

Read from the sources, so that a promise whose last test was renamed is missed without running anything. A test runs on
both databases if one of its fixtures, or a fixture of theirs, has both for parameters.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.tables_in_docs import RELIABILITY, ROOT, table, write_between

STATEMENTS = {
    1: "What was acknowledged is readable after `kill -9`, whenever it strikes",
    2: "…and after the database's machine has lost its power",
    3: "No acknowledgement of a commit that failed or may have; the resend is stored, or late by its own arrival",
    4: "Whoever comes back gets the fold of all acknowledged answers, each whole",
    5: "No acknowledged answer gives way to an older one, in whatever order frames come",
    6: "The same answer sent again has one effect and one acknowledgement; its number with another answer is refused",
    7: "An acknowledgement names what was stored, and “saved” is shown for nothing else",
    8: "However many starts come at once: one open assessment, no more attempts than allowed, no bare failure",
    9: "A start that fails leaves nothing, and uses up no attempt",
    10: "Wording, order and points stay as first shown, whatever becomes of the bank",
    11: "No status changes but as the rules allow; what is over can only be voided",
    12: "Candidate, sweep and invigilator may race: one end, one result, and every acknowledged answer is in it",
    13: "The score is what grading the stored answers again gives",
    14: "Behind the end nothing changes a response, and whoever tries is told",
    15: "An answer counts if and only if it arrived by deadline and grace; no client's clock is asked",
    16: "The remaining time is right on every node and after every return, whatever the client's clock says",
    17: "Nothing but a logged event with its reason gives or takes time",
    18: "What has a deadline ends at the deadline, with nobody there and its node dead",
    19: "Staff who look at an assessment change nothing",
    20: "The newest tab or device holds the pen; the older one is told and can write nothing",
    21: "No key, explanation or score reaches a candidate before the Test allows",
    22: "Nobody's token shows or changes anybody else's data",
    23: "A withdrawn role, session or token ends live sockets within five seconds",
    24: "One stalled or hostile client costs bounded memory and slows nobody",
    25: "Overload turns away starts, with a time to come back, before it delays acknowledgements",
    26: "A model's failure touches no delivery; nothing unchecked reaches a paper; no run exceeds its budget",
    27: "The log replayed is the state; entries changed, dropped, moved or cut off are found; erasure harms no chain",
    28: "A hostile answer fails alone",
}

# What needs a part that is not there yet.
NOT_SHOWN_HERE: dict[int, str] = {}

# Promises about something that has no database: their tests need not run on both.
WITHOUT_A_DATABASE: dict[int, str] = {}

_NAME = re.compile(r"test_p(\d\d)_")
_BOTH = {"sqlite", "postgresql"}


@dataclass(frozen=True)
class Fixture:
    """A fixture: what it takes, and whether its own parameters are both databases."""

    takes: tuple[str, ...]
    is_both: bool


@dataclass(frozen=True)
class PromiseTest:
    """A test named for a promise."""

    promise: int
    file: str
    name: str
    on_both: bool


def promise_tests(root: Path = ROOT) -> list[PromiseTest]:
    """All tests with a promise's number in their name, in the order of files."""
    trees = {path: ast.parse(path.read_text()) for path in sorted((root / "tests").rglob("*.py"))}
    shared: dict[str, Fixture] = {}
    for path, tree in trees.items():
        if not path.name.startswith("test_"):
            shared |= _fixtures(tree)
    return [
        PromiseTest(int(match[1]), str(path.relative_to(root)), function.name, _on_both(function, known))
        for path, tree in trees.items()
        if path.name.startswith("test_")
        for known in [shared | _fixtures(tree)]
        for function in _functions(tree)
        if (match := _NAME.match(function.name))
    ]


def missing(tests: Sequence[PromiseTest]) -> list[int]:
    """The promises that no test shows, or none on both databases though it should."""
    shown = {test.promise for test in tests if test.on_both or test.promise in WITHOUT_A_DATABASE}
    return [number for number in STATEMENTS if number not in NOT_SHOWN_HERE and number not in shown]


def promises_table(tests: Sequence[PromiseTest]) -> str:
    """The table of the page: promise, statement, and the files whose tests carry its number."""
    rows = []
    for number, statement in STATEMENTS.items():
        ours = [test for test in tests if test.promise == number]
        both = sorted({Path(test.file).name for test in ours if test.on_both})
        others = sorted({Path(test.file).name for test in ours} - set(both))
        nothing = NOT_SHOWN_HERE.get(number, "") if not ours else ""
        rows.append([f"P{number}", statement, nothing or _listed(both), _listed(others)])
    return table(["Promise", "In short", "Tests on both databases", "Tests without a database, or on one"], rows)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "–"


def _on_both(function: ast.FunctionDef | ast.AsyncFunctionDef, known: Mapping[str, Fixture]) -> bool:
    """Whether it runs on both: by a fixture it takes, or by `usefixtures` or `parametrize` above it."""
    above = {text for decorator in function.decorator_list for text in _texts(decorator)}
    return above >= _BOTH or _leads_to_both({*_arguments(function), *above}, known, set())


def _leads_to_both(names: set[str], known: Mapping[str, Fixture], seen: set[str]) -> bool:
    for name in names - seen:
        seen.add(name)
        fixture = known.get(name)
        if fixture is not None and (fixture.is_both or _leads_to_both(set(fixture.takes), known, seen)):
            return True
    return False


def _fixtures(tree: ast.Module) -> dict[str, Fixture]:
    found = {}
    for function in _functions(tree):
        fixtures = [each for each in function.decorator_list if "fixture" in ast.unparse(each).partition("(")[0]]
        if fixtures:
            is_both = set(_texts(fixtures[0])) >= _BOTH
            found[function.name] = Fixture(tuple(_arguments(function)), is_both)
    return found


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    return [argument.arg for argument in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]


def _texts(node: ast.AST) -> list[str]:
    constants = (each.value for each in ast.walk(node) if isinstance(each, ast.Constant))
    return [value for value in constants if isinstance(value, str)]


def main() -> None:
    tests = promise_tests()
    write_between(RELIABILITY, "promises", promises_table(tests))
    for number in missing(tests):
        print(f"P{number} has no test on both databases: {STATEMENTS[number]}")


if __name__ == "__main__":
    main()
