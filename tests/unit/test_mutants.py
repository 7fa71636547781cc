"""What counts as catching a bug: a test that ran and failed, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.mutants import Result, Run, judge, read_results, results_table, run_tests, write_results
from tests.support.planted import Planted

BUG = Planted(Path("told-too-early.patch"), 7, "it is told before it is done", ("tests/test_it.py::test_it",), ())


MANY = """
import pytest

@pytest.fixture
def broken():
    assert False

@pytest.mark.parametrize("number", [1, 2])
def test_fails(number):
    assert number == 1

def test_raises():
    raise RuntimeError

def test_holds(): ...

def test_is_skipped():
    pytest.skip()

def test_cannot_be_set_up(broken): ...

def test_imports_nothing():
    import sitting.nowhere

def test_hangs():
    __import__("time").sleep(60)
"""


def run(tree: Path, *names: str, text: str = MANY, seconds: float = 60, first: bool = False) -> Run:
    """Run those tests of `text` in a tree that has nothing else."""
    path = tree / "tests" / "test_it.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return run_tests(tree, [f"tests/test_it.py::{name}" for name in names], (), seconds=seconds, first=first)


def result(verdict: str = "caught") -> Result:
    return Result(BUG.name, BUG.promise, BUG.bug, BUG.caught_by, verdict, ("tests/test_it.py::test_it[a]",), 1.5, "k")


@pytest.mark.parametrize(
    ("exit_code", "failed", "broken", "verdict"),
    [
        (1, ("it",), (), "caught"),
        (1, ("it",), ("other",), "caught"),
        (0, (), (), "survived"),
        (1, (), ("it",), "no test failed (exit code 1, 1 broken)"),
        (2, ("it",), (), "no test failed (exit code 2, 0 broken)"),
        (4, (), (), "no test failed (exit code 4, 0 broken)"),
        (5, (), (), "no test failed (exit code 5, 0 broken)"),
        (None, ("it",), (), "no end within 300 s"),
    ],
)
def test_only_a_test_that_ran_and_failed_has_caught_a_bug(
    exit_code: int | None, failed: tuple[str, ...], broken: tuple[str, ...], verdict: str
) -> None:
    assert judge(Run(exit_code, 1.0, 0, failed, broken)) == verdict


def test_what_became_of_each_test_is_told_apart(tmp_path: Path) -> None:
    fine = [f"test_{name}" for name in ("holds", "is_skipped", "raises", "fails")]
    became = run(tmp_path, *fine, "test_cannot_be_set_up", "test_imports_nothing")
    assert (became.exit_code, became.passed, became.why) == (1, 2, "RuntimeError")
    assert set(became.failed) == {"tests/test_it.py::test_raises", "tests/test_it.py::test_fails[2]"}
    assert set(became.broken) == {"tests/test_it.py::test_cannot_be_set_up", "tests/test_it.py::test_imports_nothing"}


def test_file_that_cannot_be_imported_has_no_failed_test(tmp_path: Path) -> None:
    became = run(tmp_path, "test_holds", text="import sitting.nowhere\n" + MANY, first=True)
    assert (became.failed, became.passed) == ((), 0)
    assert became.exit_code not in (0, 1)


def test_run_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    became = run(tmp_path, "test_hangs", seconds=3)
    assert became.exit_code is None
    assert became.seconds < 30


def test_results_survive_being_written(tmp_path: Path) -> None:
    path = tmp_path / "build" / "mutants.json"
    assert read_results(path) == {}
    write_results({BUG.name: result()}, path)
    assert read_results(path) == {BUG.name: result()}
    assert json.loads(path.read_text())[0]["verdict"] == "caught"


def test_table_tells_survivors_and_bugs_that_were_not_planted() -> None:
    row = "| P7 | `told-too-early` | it is told before it is done | `test_it` |"
    for results, told, head in (
        ([result()], "caught", "1 planted, 1 caught."),
        ([result("survived")], "survived", "1 planted, 0 caught."),
        ([], "not planted yet", "1 planted, 0 caught."),
    ):
        table = results_table(results, [BUG])
        assert f"{row} {told} |" in table
        assert table.startswith(head)
