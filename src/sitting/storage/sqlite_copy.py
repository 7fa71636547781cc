"""A consistent copy of an SQLite file, made while another process serves it."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from sitting.storage.database import BUSY_TIMEOUT_SECONDS

PAGES_AT_ONCE = 256
PAUSE_SECONDS = 0.002  # after each megabyte or so, since answers want the same disk


class CopyFailed(Exception):
    """There is no usable copy; the message says why in one line."""


def copy_file(source: Path, target: Path) -> None:
    """Write into `target`, an empty file, what `source` holds at this instant, and put it on the disk.

    One read transaction lasts over the whole copy. In write-ahead mode that hinders no writer, and a copy that began
    again with every write would never end. The copy needs no second file: its own mode is the rollback journal.

    Raises:
        CopyFailed: the source cannot be read, or the copy not be written.
    """
    try:
        with closing(_connect(source, "ro")) as reader, closing(_connect(target, "rw")) as writer:
            for pragma in ("journal_mode = OFF", "synchronous = OFF"):  # nobody knows the file yet
                writer.execute(f"PRAGMA {pragma}")
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # only now the transaction sees an instant
            reader.backup(writer, pages=PAGES_AT_ONCE, progress=lambda _status, _left, _all: time.sleep(PAUSE_SECONDS))
        set_journal_mode(target, "DELETE")
        _sync(target)
    except (sqlite3.Error, OSError) as fault:
        raise CopyFailed(f"{source} could not be copied: {fault}") from fault


def set_journal_mode(file: Path, mode: str) -> None:
    """Put the file into that mode, `DELETE` or `WAL`; nobody else has it open. What its log holds moves into it first.

    Raises:
        CopyFailed: it could not be done.
    """
    try:
        with closing(_connect(file, "rw")) as connection:
            (now,) = connection.execute(f"PRAGMA journal_mode = {mode}").fetchone()
    except sqlite3.Error as fault:
        raise CopyFailed(f"{file} cannot be written: {fault}") from fault
    if str(now).upper() != mode:
        raise CopyFailed(f"{file} stays in the journal mode {now}")


def require_intact(file: Path) -> None:
    """Let SQLite look at every page, every index and every reference.

    Raises:
        CopyFailed: something is wrong; the message names the first thing.
    """
    try:
        with closing(_connect(file, "ro")) as connection:
            (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            broken = connection.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.Error as fault:
        raise CopyFailed(f"{file} cannot be read: {fault}") from fault
    if said != "ok":
        raise CopyFailed(f"{file} is damaged: {' '.join(str(said).split())}")
    if broken is not None:
        raise CopyFailed(f"{file} is damaged: a row of {broken[0]} refers to one of {broken[2]} that is not there")


def fold_log(file: Path) -> bool:
    """Move what the write-ahead log holds into the file, which nobody else has open; false if it cannot be read."""
    try:
        with closing(_connect(file, "rw")) as connection:
            blocked, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error:
        return False
    return not blocked


def _connect(file: Path, mode: str) -> sqlite3.Connection:
    address = f"file:{quote(str(file))}?mode={mode}"
    return sqlite3.connect(address, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_SECONDS)


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
