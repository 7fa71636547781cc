"""One process owns an SQLite file while it writes to it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

PATIENCE_SECONDS = 0.5
_PAUSE_SECONDS = 0.05


class Owned(Exception):
    """Another process owns the file; `pid` is what it wrote into the lock, None if that cannot be read."""

    def __init__(self, file: Path, pid: int | None) -> None:
        self.file = file
        self.pid = pid
        super().__init__(f"{file} is in use by {'another process' if pid is None else f'process {pid}'}")


def lock_file(file: Path) -> Path:
    """Where the lock of that database lies.

    It is a file of its own, never the database: SQLite keeps POSIX locks on the database, and a process loses all of
    those as soon as it closes any descriptor of that file, whoever opened it. It is never removed either: of two
    processes that wait for it one would hold a lock on a name that is gone.
    """
    return file.with_name(f"{file.name}.lock")


@contextlib.contextmanager
def owning(file: Path) -> Iterator[None]:
    """Own the SQLite file until the end of the block; the kernel lets go by itself if the process dies.

    Raises:
        Owned: another process owns it, and still did after `PATIENCE_SECONDS`. OSError: the lock cannot be written.
    """
    descriptor = os.open(lock_file(file), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if not _lock(descriptor):
            raise Owned(file, _pid(descriptor))
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def owner(file: Path) -> Owned | None:
    """Who owns the SQLite file at present; None if nobody does. Opens for reading only, and makes nothing.

    Raises:
        OSError: the lock cannot be read.
    """
    try:
        descriptor = os.open(lock_file(file), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        # Shared, so that two who ask do not see each other; whoever wants to own it waits out this instant.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return Owned(file, _pid(descriptor))
    finally:
        os.close(descriptor)
    return None


def _lock(descriptor: int) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_PAUSE_SECONDS)
        else:
            return True


def _pid(descriptor: int) -> int | None:
    text = os.pread(descriptor, 20, 0).strip()
    return int(text) if text.isdigit() else None
