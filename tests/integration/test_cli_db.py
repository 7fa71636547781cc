"""Migrating and checking from the command line, and what every command says of a database that it cannot use."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import refused, sitting, succeeded

READING = [("token", "--user-id", "1"), ("audit", "verify"), ("db", "check"), ("serve", "--port", "0")]


def test_upgrade_makes_the_tables_and_may_be_said_again(empty_database_url: str, tmp_path: Path) -> None:
    on = ("--database-url", empty_database_url)
    assert "upgraded" in succeeded(sitting("db", "upgrade", *on, cwd=tmp_path))
    assert "as before" in succeeded(sitting("db", "upgrade", *on, cwd=tmp_path))
    assert "agree" in succeeded(sitting("db", "check", *on, cwd=tmp_path))


def test_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    succeeded(sitting("db", "upgrade", cwd=tmp_path))
    assert stat.S_IMODE((tmp_path / "sitting.db").stat().st_mode) == 0o600


def test_table_that_was_changed_by_hand_is_shown(sqlite_database_url: str, tmp_path: Path) -> None:
    with sqlite3.connect(sqlite_database_url.removeprefix("sqlite:///")) as connection:
        connection.execute("ALTER TABLE users ADD COLUMN shoe_size INTEGER")
    connection.close()
    done = sitting("db", "check", "--database-url", sqlite_database_url, cwd=tmp_path)
    assert done.returncode == 1
    assert "shoe_size" in done.stdout


@pytest.mark.parametrize("command", READING, ids=lambda command: command[0])
def test_file_that_is_not_there_is_not_made_by_looking(command: tuple[str, ...], tmp_path: Path) -> None:
    said = refused(sitting(*command, "--database-url", "sqlite:///missing.db", cwd=tmp_path))
    assert "missing.db" in said
    assert "sitting db upgrade" in said
    assert os.listdir(tmp_path) == []


def test_database_without_tables_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    said = refused(sitting("serve", "--database-url", "sqlite:///empty.db", cwd=tmp_path))
    assert said == "this database has no tables yet; `sitting db upgrade` makes them"


@pytest.mark.parametrize("command", [("serve",), ("serve", "--migrate"), ("db", "upgrade")], ids=" ".join)
def test_database_of_a_newer_version_is_left_alone(
    command: tuple[str, ...], sqlite_database_url: str, tmp_path: Path
) -> None:
    with sqlite3.connect(sqlite_database_url.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    said = refused(sitting(*command, "--database-url", sqlite_database_url, cwd=tmp_path))
    assert "newer Sitting" in said
    assert "9999" in said


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://root:secret@db/sitting", "write sqlite:///file.db or postgresql://"),
        ("nonsense", "not a database address"),
        ("sqlite:///nowhere/sitting.db", "no directory"),
        ("sqlite:///text.db", "file is not a database"),
        ("postgresql://sitting:secret@127.0.0.1:1/sitting", "Connect call failed"),
    ],
)
def test_address_that_leads_nowhere_is_told_in_one_line_without_its_password(
    url: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "text.db").write_text("This is a letter, and no database at all." * 100)
    line = refused(sitting("db", "upgrade", "--database-url", url, cwd=tmp_path))
    assert said in line
    assert "secret" not in line


def test_settings_that_nobody_knows_are_refused_by_every_command(tmp_path: Path) -> None:
    (tmp_path / "sitting.toml").write_text("prot = 1\n")
    for command in (["serve"], ["doctor"]):
        assert "port" in refused(sitting(*command, "--config", "sitting.toml", cwd=tmp_path))


def test_database_named_in_the_file_is_used(tmp_path: Path) -> None:
    (tmp_path / "sitting.toml").write_text('database_url = "sqlite:///named.db"\n')
    succeeded(sitting("db", "upgrade", cwd=tmp_path, env={"SITTING_CONFIG": "sitting.toml"}))
    assert (tmp_path / "named.db").exists()


def test_directory_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "sitting.db.lock").mkdir()
    assert "sitting.db.lock" in refused(sitting("db", "upgrade", cwd=tmp_path))


def test_help_and_completion_load_no_application() -> None:
    heavy = {"fastapi", "sqlalchemy", "pydantic", "starlette", "uvicorn", "alembic", "structlog", "rich"}
    probe = "import sys; before = set(sys.modules); import sitting.cli; print(*set(sys.modules) - before)"
    loaded = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout.split()
    assert "sitting.cli.serve" in loaded
    assert {name.partition(".")[0] for name in loaded} & heavy == set()
