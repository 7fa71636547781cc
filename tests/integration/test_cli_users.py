"""People and tokens from the command line, on both databases."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jwt
import pytest

from sitting.storage.url import DatabaseUrl
from tests.support.command import refused, sitting, succeeded
from tests.support.server import JWT_SECRET, SIGNING_KEY, SittingProcess
from tests.support.storage import running_storage

KEYS = {"SITTING_JWT_SECRET": JWT_SECRET, "SITTING_SIGNING_KEY": SIGNING_KEY}
ANN = ("--name", "Ann Author", "--email", "Ann@Example.org", "--role", "author", "--role", "admin")
PASSWORD = re.compile(r"^password: ((?:[0-9a-z]{4}-){3}[0-9a-z]{4})$", re.MULTILINE)


@pytest.fixture
def run(database_url: str, tmp_path: Path) -> Any:
    """Run a command on a database of the test's own, once for each kind."""

    def run(*arguments: str, stdin: str = "") -> Any:
        return sitting(*arguments, "--database-url", database_url, cwd=tmp_path, env=KEYS, stdin=stdin)

    return run


async def fits(url: str, email: str, password: str) -> bool:
    from sitting.domain.errors import NotAuthenticated
    from sitting.identity.tokens import TokenKeys
    from sitting.kit.clock import SystemClock
    from sitting.usecases.sign_in import sign_in

    async with running_storage(url) as storage:
        try:
            await sign_in(storage, TokenKeys(JWT_SECRET), email=email, password=password, now=SystemClock().now())
        except NotAuthenticated:
            return False
    return True


async def test_created_user_signs_in_with_the_password_that_was_shown(run: Any, database_url: str) -> None:
    said = succeeded(run("user", "create", *ANN))
    assert said.startswith("user 1: Ann Author <ann@example.org>, admin, author\n")
    (password,) = PASSWORD.findall(said)
    assert await fits(database_url, "ann@example.org", password)


async def test_password_from_standard_input_is_not_shown(run: Any, database_url: str) -> None:
    said = succeeded(run("user", "create", *ANN, "--password-stdin", stdin="correct horse battery\n"))
    assert "correct" not in said
    assert PASSWORD.findall(said) == []
    assert await fits(database_url, "ann@example.org", "correct horse battery")


def test_candidate_gets_no_password_unless_one_is_given(run: Any) -> None:
    said = succeeded(run("user", "create", "--name", "C", "--email", "c@example.org", "--role", "candidate"))
    assert said == "user 1: C <c@example.org>, candidate\n"


async def test_reset_password_replaces_the_old_one(run: Any, database_url: str) -> None:
    (old,) = PASSWORD.findall(succeeded(run("user", "create", *ANN)))
    said = succeeded(run("user", "reset-password", "ann@example.org"))
    (new,) = PASSWORD.findall(said)
    assert not await fits(database_url, "ann@example.org", old)
    assert await fits(database_url, "ann@example.org", new)


REFUSALS: list[tuple[Sequence[str], str, str]] = [
    (("user", "create", "--name", " ", "--email", "a@b.c", "--role", "admin"), "", "--name is empty"),
    (("user", "create", "--name", "A", "--email", "a", "--role", "admin"), "", "not an e-mail address"),
    (("user", "create", "--name", "A", "--email", "a@b.c", "--role", "boss"), "", "boss; known: admin, author"),
    (("user", "create", *ANN, "--password-stdin"), "\n", "no password on standard input"),
    (("user", "create", *ANN, "--password-stdin"), "short\n", "10 to 512 characters"),
    (("user", "reset-password", "nobody@example.org"), "", "no user with this email"),
    (("token", "--user-id", "99"), "", "no such user"),
]


@pytest.mark.parametrize(("arguments", "stdin", "said"), REFUSALS, ids=[said for *_, said in REFUSALS])
def test_what_cannot_be_is_refused_in_one_line(run: Any, arguments: Sequence[str], stdin: str, said: str) -> None:
    assert said in refused(run(*arguments, stdin=stdin))


def test_same_address_cannot_be_used_twice(run: Any) -> None:
    succeeded(run("user", "create", *ANN))
    assert "already" in refused(run("user", "create", *ANN))


def test_token_stands_alone_on_its_line_and_lasts_as_long_as_was_said(run: Any) -> None:
    succeeded(run("user", "create", *ANN))
    (line,) = succeeded(run("token", "--user-id", "1", "--role", "author", "--expires", "90s")).splitlines()
    claims = jwt.decode(line, JWT_SECRET, algorithms=["HS256"])
    assert (claims["user_id"], claims["role"], claims["exp"] - claims["iat"]) == (1, "author", 90)
    (line,) = succeeded(run("token", "--user-id", "1")).splitlines()
    claims = jwt.decode(line, JWT_SECRET, algorithms=["HS256"])
    assert (claims.get("role"), claims["exp"] - claims["iat"]) == (None, 8 * 60 * 60)


def test_token_for_a_role_that_the_user_does_not_have_is_refused(run: Any) -> None:
    succeeded(run("user", "create", *ANN))
    assert "does not have the role reviewer" in refused(run("token", "--user-id", "1", "--role", "reviewer"))


@pytest.mark.parametrize("expires", ["8", "0h", "-1h", "1.5h", "8 hours", "9999999d"])
def test_time_that_is_none_is_a_mistake_in_the_command(tmp_path: Path, expires: str) -> None:
    done = sitting("token", "--user-id", "1", "--expires", expires, cwd=tmp_path)
    assert done.returncode == 2
    assert "--expires" in done.stderr


def test_writing_commands_refuse_while_the_file_is_served(sqlite_database_url: str, tmp_path: Path) -> None:
    def run(*arguments: str) -> Any:
        return sitting(*arguments, "--database-url", sqlite_database_url, cwd=tmp_path, env=KEYS)

    succeeded(run("user", "create", *ANN))
    with SittingProcess.serve(sqlite_database_url, tmp_path) as server:
        for command in (["user", "create", *ANN], ["user", "reset-password", "ann@example.org"], ["db", "upgrade"]):
            assert re.search(r"sitting\.db is in use by process \d+", refused(run(*command)))
        assert succeeded(run("token", "--user-id", "1"))
        server.terminate()
    succeeded(run("user", "reset-password", "ann@example.org"))


def test_writing_commands_go_on_while_postgresql_is_served(postgresql_database_url: str, tmp_path: Path) -> None:
    with SittingProcess.serve(postgresql_database_url, tmp_path):
        succeeded(sitting("user", "create", *ANN, "--database-url", postgresql_database_url, cwd=tmp_path, env=KEYS))


def test_tokens_are_signed_with_the_secret_beside_the_file(sqlite_database_url: str, tmp_path: Path) -> None:
    from sitting.cli.secrets_file import read_secrets

    def run(*arguments: str) -> Any:
        return sitting(*arguments, "--database-url", sqlite_database_url, cwd=tmp_path)

    succeeded(run("user", "create", "--name", "C", "--email", "c@example.org", "--role", "candidate"))
    token = succeeded(run("token", "--user-id", "1")).strip()
    secrets = read_secrets(DatabaseUrl.parse(sqlite_database_url).file)
    assert secrets is not None
    claims = jwt.decode(token, secrets.jwt_secret, algorithms=["HS256"])
    assert (claims["user_id"], claims["role"]) == (1, "candidate")  # there is no other role to choose
