"""`sitting doctor` finds what would spoil an exam day, and writes nothing."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

from sitting.cli.secrets_file import ensure_secrets, secrets_file
from sitting.storage.url import DatabaseUrl
from tests.support.command import sitting
from tests.support.issuer import ed_key, key_set, publishing
from tests.support.postgres import PostgresServer
from tests.support.processes import free_port
from tests.support.server import JWT_SECRET, SIGNING_KEY, SittingProcess

KEYS = {"SITTING_JWT_SECRET": JWT_SECRET, "SITTING_SIGNING_KEY": SIGNING_KEY}
METRICS_TOKEN = "a-token-of-the-scraper"


def examined(url: str, directory: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return sitting("doctor", "--database-url", url, cwd=directory, env=env)


def levels(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """The level by subject, as printed."""
    found = {}
    for line in done.stdout.splitlines():
        level, _, rest = line.partition(" ")
        found[rest.strip().partition("  ")[0]] = level
    return found


def test_sound_installation_passes_and_nothing_is_written(database_url: str, tmp_path: Path) -> None:
    before = sorted(os.listdir(tmp_path))
    done = examined(database_url, tmp_path, **KEYS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {"database", "durability", "token secret", "signing key"} <= set(levels(done))
    assert set(levels(done).values()) <= {"ok", "warning"}
    assert ("clock" in levels(done)) == database_url.startswith("postgresql")
    assert sorted(name for name in os.listdir(tmp_path) if not name.endswith(("-shm", "-wal"))) == before


def test_file_that_is_served_is_told(sqlite_database_url: str, tmp_path: Path) -> None:
    assert "by nobody" in examined(sqlite_database_url, tmp_path).stdout
    with SittingProcess.demo(tmp_path, database_url=sqlite_database_url):
        done = examined(sqlite_database_url, tmp_path)
    assert done.returncode == 0
    assert levels(done)["token secret"] == "ok", "the demo keeps one beside the file"
    assert "in use by process" in done.stdout


def test_missing_database_is_an_error_and_the_rest_is_looked_at_all_the_same(tmp_path: Path) -> None:
    done = examined("sqlite:///missing.db", tmp_path)
    assert done.returncode == 1
    assert levels(done)["database"] == "error"
    assert levels(done)["disk"] == "ok"
    assert os.listdir(tmp_path) == []


def test_unreachable_server_and_missing_keys_are_errors(tmp_path: Path) -> None:
    done = examined(f"postgresql://sitting:secret@127.0.0.1:{free_port()}/sitting", tmp_path)
    assert done.returncode == 1
    assert levels(done) == {"database": "error", "token secret": "error", "signing key": "error", "metrics": "ok"}
    assert "secret@" not in done.stdout


def test_weak_settings_are_an_error_unless_they_are_allowed(
    postgresql_database_url: str, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    name = postgresql_database_url.rpartition("/")[2]
    postgres_server.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    done = examined(postgresql_database_url, tmp_path, **KEYS)
    assert (done.returncode, levels(done)["durability"]) == (1, "error")
    done = examined(postgresql_database_url, tmp_path, **KEYS, SITTING_ALLOW_WEAK_DURABILITY="true")
    assert (done.returncode, levels(done)["durability"]) == (0, "warning")


def test_file_without_a_write_ahead_log_is_an_error(sqlite_database_url: str, tmp_path: Path) -> None:
    with sqlite3.connect(sqlite_database_url.removeprefix("sqlite:///")) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    assert levels(examined(sqlite_database_url, tmp_path))["durability"] == "error"


@pytest.mark.parametrize(("mode", "level"), [(0o600, "ok"), (0o640, "error"), (0o604, "error")])
def test_secrets_that_others_can_open_are_an_error(
    sqlite_database_url: str, tmp_path: Path, mode: int, level: str
) -> None:
    database = DatabaseUrl.parse(sqlite_database_url).file
    ensure_secrets(database)
    secrets_file(database).chmod(mode)
    done = examined(sqlite_database_url, tmp_path)
    assert levels(done)["secrets file"] == level
    assert done.returncode == (0 if level == "ok" else 1)


def test_secret_that_somebody_thought_up_is_a_warning(sqlite_database_url: str, tmp_path: Path) -> None:
    done = examined(sqlite_database_url, tmp_path, SITTING_JWT_SECRET="abcabcabc" * 5)
    assert levels(done)["token secret"] == "warning"
    assert done.returncode == 0


def test_key_that_is_none_is_an_error(sqlite_database_url: str, tmp_path: Path) -> None:
    done = examined(sqlite_database_url, tmp_path, SITTING_SIGNING_KEY="not-a-key")
    assert levels(done)["signing key"] == "error"
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("document", "level", "said"),
    [
        (key_set(ed_key()), "ok", "has 1 that can be used"),
        (key_set(), "error", "no key that Sitting can use"),
        (b"{}", "error", "cannot be used"),
    ],
)
def test_published_keys_are_looked_at(
    sqlite_database_url: str, tmp_path: Path, document: bytes, level: str, said: str
) -> None:
    with publishing() as issuer:
        issuer.document = document
        done = examined(sqlite_database_url, tmp_path, SITTING_JWKS_URL=issuer.url)
    assert levels(done)["published keys"] == level
    assert said in done.stdout
    assert done.returncode == (0 if level == "ok" else 1)


@pytest.mark.parametrize(
    ("env", "level"),
    [
        ({"SITTING_HOST": "0.0.0.0"}, "warning"),
        ({"SITTING_HOST": "127.0.0.1"}, "ok"),
        ({"SITTING_HOST": "0.0.0.0", "SITTING_METRICS_TOKEN": METRICS_TOKEN}, "ok"),
    ],
)
def test_metrics_that_no_other_machine_can_read_are_a_warning_where_others_are_served(
    sqlite_database_url: str, tmp_path: Path, env: dict[str, str], level: str
) -> None:
    done = examined(sqlite_database_url, tmp_path, **env)
    assert levels(done)["metrics"] == level
    assert METRICS_TOKEN not in done.stdout + done.stderr
    assert done.returncode == 0
