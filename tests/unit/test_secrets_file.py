"""Secrets beside the database are made once, whole or not at all, and for their owner's eyes alone."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sitting.cli.errors import Stop
from sitting.cli.secrets_file import ensure_secrets, read_secrets, remember_passwords, secrets_file
from sitting.identity.signer import Signer
from sitting.identity.tokens import TokenKeys


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "sitting.db"


def test_secrets_are_made_once_and_are_good_ones(database: Path) -> None:
    assert read_secrets(database) is None
    made = ensure_secrets(database)
    assert ensure_secrets(database) == read_secrets(database) == made
    assert len(set(TokenKeys(made.jwt_secret).secret)) > 20
    assert Signer.from_text(made.signing_key).key_id != Signer.generate().key_id


def test_only_the_owner_can_open_them_whatever_the_umask(database: Path) -> None:
    before = os.umask(0)
    try:
        ensure_secrets(database)
        remember_passwords(database, {"a@example.org": "p"})
    finally:
        os.umask(before)
    assert stat.S_IMODE(secrets_file(database).stat().st_mode) == 0o600


def test_everybody_who_makes_them_at_the_same_time_gets_the_same(database: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(ensure_secrets, [database] * 24))
    assert len({secrets.jwt_secret for secrets in made}) == 1


def test_passwords_are_kept_with_the_same_secrets(database: Path) -> None:
    made = ensure_secrets(database)
    remember_passwords(database, {"a@example.org": "p"})
    kept = ensure_secrets(database)
    assert kept.staff_passwords == {"a@example.org": "p"}
    assert (kept.jwt_secret, kept.signing_key) == (made.jwt_secret, made.signing_key)


def test_failure_in_the_middle_leaves_what_was_there(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = ensure_secrets(database)

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        remember_passwords(database, {"a@example.org": "p"})
    assert ensure_secrets(database) == made
    assert os.listdir(database.parent) == [secrets_file(database).name]


def test_others_who_can_read_them_are_warned_about(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ensure_secrets(database)
    assert capsys.readouterr().err == ""
    secrets_file(database).chmod(0o640)
    read_secrets(database)
    assert "chmod 600" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "[]", '{"jwt_secret": "x"}', '{"jwt_secret": "x", "signing_key": "y", "z": 1}'])
def test_file_that_is_not_ours_is_refused(database: Path, text: str) -> None:
    secrets_file(database).write_text(text)
    with pytest.raises(Stop, match=r"secrets\.json"):
        ensure_secrets(database)


def test_secrets_show_in_no_text(database: Path) -> None:
    made = ensure_secrets(database)
    assert made.jwt_secret not in repr(made)
