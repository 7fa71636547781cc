"""One process owns an SQLite file, until it lets go or dies."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import pytest

from sitting.storage import ownership
from sitting.storage.ownership import Owned, lock_file, owner, owning

HOLD = "import sys, pathlib; from sitting.storage.ownership import owning\n"
HOLD += "with owning(pathlib.Path(sys.argv[1])): print('owned', flush=True); sys.stdin.read()\n"


@contextmanager
def another_owner(file: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLD, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "owned\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sitting.db"


def test_second_owner_is_refused_and_told_who_the_first_is(file: Path) -> None:
    with another_owner(file) as first, pytest.raises(Owned, match=f"process {first.pid}") as refused, owning(file):
        pass
    assert refused.value.pid == first.pid


def test_file_is_free_after_its_owner_was_killed(file: Path) -> None:
    with another_owner(file) as first:
        first.kill()
        first.wait()
        with owning(file):
            assert lock_file(file).read_text() == f"{os.getpid()}\n"


def test_file_is_free_after_its_owner_let_go(file: Path) -> None:
    with owning(file):
        pass
    with another_owner(file):
        pass
    with pytest.raises(ZeroDivisionError), owning(file):
        _ = 1 // 0
    assert owner(file) is None


def test_owner_on_its_way_out_is_waited_for(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ownership, "PATIENCE_SECONDS", 20)
    with another_owner(file) as first:
        Timer(0.1, first.kill).start()
        with owning(file):
            assert first.wait() == -signal.SIGKILL


def test_looking_makes_nothing_and_takes_nothing(file: Path) -> None:
    assert owner(file) is None
    assert not lock_file(file).exists()
    with another_owner(file) as first:
        owned = owner(file)
        assert owned is not None
        assert owned.pid == first.pid


def test_shorter_process_number_leaves_nothing_of_a_longer_one(file: Path) -> None:
    lock_file(file).write_text("1234567890\n")
    with owning(file):
        assert lock_file(file).read_text() == f"{os.getpid()}\n"


def test_owning_does_not_disturb_the_locks_of_sqlite_in_the_same_process(file: Path) -> None:
    """Closing any descriptor of the database itself would drop them, and two could write at once."""
    with sqlite3.connect(file, isolation_level=None) as ours:
        ours.execute("CREATE TABLE t (n)")
        ours.execute("BEGIN IMMEDIATE")
        with owning(file):
            pass
        other = f"import sqlite3; sqlite3.connect({str(file)!r}, timeout=0).execute('BEGIN IMMEDIATE')"
        done = subprocess.run([sys.executable, "-c", other], capture_output=True, text=True, check=False)
        assert "database is locked" in done.stderr
    ours.close()
