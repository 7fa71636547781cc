"""Plants the bugs of tests/faults/planted, one at a time, and looks whether their tests fail.

    python -m tests.support.mutants [--resume] [NAME…]

Each bug is planted into a private copy of the tree. A test catches it by failing; one that cannot be set up, imported
or finished has caught nothing. All those tests run first without any bug. Results go to build/mutants.json one by one,
and into the table of docs/reliability.md. The exit code is 1 if a bug survived.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests.support.planted import PROMISES, Planted, all_planted, git_apply
from tests.support.tables_in_docs import RELIABILITY, ROOT, table, write_between

RESULTS = ROOT / "build" / "mutants.json"
SECONDS_PER_BUG = 300
SECONDS_FOR_CONTROL = 1800
SECONDS_TO_CLEAN_UP = 20

CAUGHT = "caught"
_COPIED = ("src", "tests", "docs", "clients", "pyproject.toml", "README.md", "Makefile")
_NODE_MODULES = Path("clients") / "js" / "node_modules"
_NO_TEST_FAILURE = ("ImportError", "ModuleNotFoundError", "SyntaxError", "IndentationError", "NameError")
_WHERE = "import sitting, tests; print(sitting.__file__); print(tests.__file__)"
_WHERE_A_SERVER = (
    "import subprocess; from tests.support.server import COMMAND, environment; "
    "subprocess.run([COMMAND, '--help'], env=environment({'PYTHONVERBOSE': '1'}), check=True)"
)


@dataclass(frozen=True)
class Run:
    """What became of one run of pytest.

    Attributes:
        exit_code: of pytest; None if it was ended for taking too long.
        failed: tests that ran and failed, as `file::name[parameters]`. broken: those that could not run, or not as
            tests: fixtures and imports. passed: how many passed. why: what the first failure said.
    """

    exit_code: int | None
    seconds: float
    passed: int
    failed: tuple[str, ...]
    broken: tuple[str, ...]
    why: str = ""


@dataclass(frozen=True)
class Result:
    """What became of one planted bug; `key` is that of everything it rests on, `why` what the first failure said."""

    name: str
    promise: int | None
    bug: str
    caught_by: tuple[str, ...]
    verdict: str
    failed: tuple[str, ...]
    seconds: float
    key: str
    why: str = ""


def copy_tree(source: Path, target: Path) -> Path:
    """A copy of all that tests need, with the installed Node modules as a link."""
    target.mkdir(parents=True)
    for name in _COPIED:
        if (source / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "node_modules", ".hypothesis")
            shutil.copytree(source / name, target / name, ignore=ignored if source == ROOT else None, symlinks=True)
        elif (source / name).exists():
            shutil.copy2(source / name, target / name)
    modules = ROOT / _NODE_MODULES
    if modules.exists() and not (target / _NODE_MODULES).is_symlink():
        (target / _NODE_MODULES).symlink_to(modules)
    return target


def check_isolated(tree: Path) -> None:
    """Make sure that tests in the copy, and the servers that they start, run the copy's code.

    Raises:
        RuntimeError: they would run something else.
    """
    ours = _python(tree, _WHERE).stdout.split()
    if not ours or any(not Path(each).is_relative_to(tree) for each in ours):
        raise RuntimeError(f"tests in {tree} would run {ours}")
    server = _python(tree, _WHERE_A_SERVER).stderr
    if f"{tree}/src/sitting/cli/__init__.py" not in server or f"{ROOT}/src/sitting" in server:
        raise RuntimeError(f"a server started in {tree} would run other code than the copy's")


def run_tests(tree: Path, tests: Iterable[str], select: Sequence[str], *, seconds: float, first: bool) -> Run:
    """Run tests in that tree; `first`: up to the first that fails."""
    report = tree / "report.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junit-xml", str(report)]
    started = time.monotonic()
    with (tree / "output.txt").open("w") as output:
        process = subprocess.Popen(
            [*command, *(["-x"] if first else []), *select, *dict.fromkeys(tests)],
            cwd=tree,
            env=_environment(tree),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        exit_code = _wait(process, seconds)
    return _read_run(report, exit_code, time.monotonic() - started)


def judge(run: Run) -> str:
    """`caught`, or why not."""
    if run.exit_code is None:
        return f"no end within {SECONDS_PER_BUG} s"
    if run.exit_code == 1 and run.failed:
        return CAUGHT
    if run.exit_code == 0:
        return "survived"
    return f"no test failed (exit code {run.exit_code}, {len(run.broken)} broken)"


def key_of(planted: Planted, tree: Path) -> str:
    """A digest of what the result rests on: the patch, its tests, all sources and all support of the tests."""
    files = {tree / test.partition("::")[0] for test in planted.caught_by}
    files |= {path for name in ("src", "tests/support") for path in (tree / name).rglob("*.py")}
    files |= {tree / "tests" / "conftest.py", tree / "pyproject.toml"}
    files |= set((tree / "clients" / "js").glob("*.js")) | set((tree / "clients" / "js" / "src").rglob("*.js"))
    digest = hashlib.sha256(planted.path.read_bytes())
    for path in sorted(files):
        digest.update(str(path.relative_to(tree)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def control(base: Path, bugs: Sequence[Planted]) -> set[str]:
    """Run all the tests without a bug; returns those that do not pass, as node ids without parameters."""
    groups: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    for bug in bugs:
        groups[bug.select].update(bug.caught_by)
    bad: set[str] = set()
    for select, tests in groups.items():
        run = run_tests(base, sorted(tests), select, seconds=SECONDS_FOR_CONTROL, first=False)
        print(f"control: {run.passed} passed, {len(run.failed) + len(run.broken)} did not, {run.seconds:.0f} s")
        unsound = {name.partition("[")[0] for name in (*run.failed, *run.broken)}
        bad |= tests if run.exit_code not in (0, 1) or not run.passed else unsound
    return bad


def plant(planted: Planted, base: Path, directory: Path, bad: set[str]) -> Result:
    """Plant one bug into a copy of `base` and run its tests."""
    key, facts = key_of(planted, base), (planted.name, planted.promise, planted.bug, planted.caught_by)
    if unsound := sorted(bad & set(planted.caught_by)):
        return Result(*facts, verdict="its test fails without the bug", failed=tuple(unsound), seconds=0, key=key)
    tree = copy_tree(base, directory / planted.name)
    if reason := git_apply(planted.path, tree):
        return Result(*facts, verdict=f"does not apply: {reason.strip()}", failed=(), seconds=0, key=key)
    run = run_tests(tree, planted.caught_by, planted.select, seconds=SECONDS_PER_BUG, first=True)
    verdict = judge(run)
    if verdict == CAUGHT:
        shutil.rmtree(tree)
    failed, seconds = run.failed or run.broken, round(run.seconds, 1)
    return Result(*facts, verdict=verdict, failed=failed, seconds=seconds, key=key, why=run.why)


def results_table(results: Iterable[Result], bugs: Sequence[Planted]) -> str:
    """The table of the page, a row for each bug; one without a result is said not to have been planted yet."""
    by_name = {result.name: result for result in results}
    rows = []
    for bug in sorted(bugs, key=lambda bug: (bug.promise or PROMISES + 1, bug.name)):
        result = by_name.get(bug.name)
        tests = (result.failed if result and result.verdict == CAUGHT else ()) or bug.caught_by
        told = ", ".join(dict.fromkeys(f"`{test.partition('::')[2].partition('[')[0]}`" for test in tests))
        rows.append([bug.label, f"`{bug.name}`", bug.bug, told, result.verdict if result else "not planted yet"])
    caught = sum(by_name[bug.name].verdict == CAUGHT for bug in bugs if bug.name in by_name)
    return f"{len(bugs)} planted, {caught} caught.\n\n" + table(["Promise", "Patch", "Bug", "Test", "Result"], rows)


def read_results(path: Path = RESULTS) -> dict[str, Result]:
    """What earlier runs wrote, by name."""
    if not path.exists():
        return {}
    said: list[dict[str, Any]] = json.loads(path.read_text())
    for result in said:
        result |= {"caught_by": tuple(result["caught_by"]), "failed": tuple(result["failed"])}
    return {result["name"]: Result(**result) for result in said}


def write_results(results: dict[str, Result], path: Path = RESULTS) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps([asdict(results[name]) for name in sorted(results)], indent=1, ensure_ascii=False))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.mutants")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these; their results join those of earlier runs")
    parser.add_argument(
        "--resume", action="store_true", help="keep results that rest on the same patch, tests, sources"
    )
    parser.add_argument("--table", action="store_true", help="plant nothing, write the table from what is known")
    said = parser.parse_args(arguments)
    bugs = all_planted()
    if unknown := set(said.names) - {bug.name for bug in bugs}:
        parser.error(f"no such patch: {', '.join(sorted(unknown))}")
    known = read_results() if said.names or said.resume or said.table else {}
    results = {bug.name: known[bug.name] for bug in bugs if bug.name in known}
    chosen = [] if said.table else [bug for bug in bugs if not said.names or bug.name in said.names]
    with tempfile.TemporaryDirectory(prefix="sitting-mutants-") as directory:
        _plant_all(chosen, results, Path(directory), resume=said.resume)
    write_between(RELIABILITY, "mutants", results_table(results.values(), bugs))
    survivors = [bug.name for bug in chosen if results[bug.name].verdict != CAUGHT]
    print(f"{len(chosen)} planted, {len(survivors)} not caught: {' '.join(survivors) or '–'}")
    return 1 if survivors else 0


def _plant_all(chosen: Sequence[Planted], results: dict[str, Result], directory: Path, *, resume: bool) -> None:
    """Fill `results`, one by one, and write them down each time."""
    base = copy_tree(ROOT, directory / "base")
    keys = {bug.name: key_of(bug, base) for bug in chosen}
    if resume:
        kept = {name for name, r in results.items() if r.key == keys.get(name) and r.verdict == CAUGHT}
        chosen = [bug for bug in chosen if bug.name not in kept]
        print(f"{len(kept)} kept, {len(chosen)} to plant")
    if not chosen:
        return
    check_isolated(base)
    bad = control(base, chosen)
    for bug in chosen:
        result = plant(bug, base, directory, bad)
        results[bug.name] = result
        write_results(results)
        tests = ", ".join(test.partition("::")[2] for test in bug.caught_by)
        print(f"{bug.name:<40} {bug.label:<4} {result.seconds:>6.1f} s  {result.verdict:<10} {tests}", flush=True)
        if result.verdict != CAUGHT:
            _keep_output(directory / bug.name, bug.name)


def _keep_output(tree: Path, name: str) -> None:
    output = tree / "output.txt"
    if output.exists():
        shutil.copy(output, RESULTS.parent / f"mutant-{name}.txt")


def _environment(tree: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{tree / 'src'}{os.pathsep}{tree}"}


def _python(tree: Path, program: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=tree, env=_environment(tree), capture_output=True, text=True, check=True)


def _wait(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    """The exit code, or None if it had to be ended: kindly first, so that its fixtures end what they started."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(SECONDS_TO_CLEAN_UP)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return None


def _read_run(report: Path, exit_code: int | None, seconds: float) -> Run:
    failed, broken, passed, why = [], [], 0, ""
    cases = ElementTree.parse(report).iter("testcase") if report.exists() else ()
    for case in cases:
        name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
        failure = case.find("failure")
        if failure is not None and not failure.get("message", "").startswith(_NO_TEST_FAILURE):
            failed.append(name)
            why = why or failure.get("message", "")[:300]
        elif failure is not None or case.find("error") is not None:
            broken.append(name)
        else:
            passed += case.find("skipped") is None
    return Run(exit_code, seconds, passed, tuple(failed), tuple(broken), why)


if __name__ == "__main__":
    sys.exit(main())
