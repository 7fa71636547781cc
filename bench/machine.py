"""What a figure was measured on."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_PACKAGES = ("uvicorn", "uvloop", "websockets", "picows", "msgspec", "asyncpg", "aiosqlite", "sqlalchemy", "fastapi")
_GIB = 1024**3
_CORES = sorted(os.sched_getaffinity(0))


def machine() -> dict[str, str]:
    """Cores, model, memory, kernel, Python, the versions of what is on the way of an answer, and the commit."""
    return {
        "processor": f"{_processor()}, {len(cores())} cores",
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / _GIB:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "commit": _commit(),
        **{package: found for package in _PACKAGES if (found := _version(package))},
    }


def in_words(machine: dict[str, str]) -> str:
    """One line about a machine, for below a table."""
    named = ", ".join(f"{package} {machine[package]}" for package in _PACKAGES if package in machine)
    about = f"{machine['processor']}, {machine['memory']}, {machine['system']}, Python {machine['python']}"
    return f"{about}, SQLite {machine['sqlite']}, {named}; commit {machine['commit']}"


def cores() -> list[int]:
    """The cores that this process could use when it began: who measures goes to some of them later."""
    return _CORES


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str:
    """The commit, with a `+` if the tree differs from it; the empty text outside of a repository."""
    said = [_git("rev-parse", "--short=10", "HEAD"), "+" if _git("status", "--porcelain", "-uno") else ""]
    return "".join(said)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
