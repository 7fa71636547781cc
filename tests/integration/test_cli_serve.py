"""`sitting serve`: what it refuses, what it says, and how it ends."""

from __future__ import annotations

import json
import re
import signal
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.support.candidates import invited
from tests.support.command import refused, sitting, succeeded
from tests.support.eventually import eventually
from tests.support.postgres import PostgresServer
from tests.support.processes import ChildProcess, free_port
from tests.support.server import COMMAND, JWT_SECRET, SIGNING_KEY, SittingProcess, environment

KEYS = {"SITTING_JWT_SECRET": JWT_SECRET, "SITTING_SIGNING_KEY": SIGNING_KEY}
SETUP_LINK = re.compile(r"http://127\.0\.0\.1:\d+/setup/[\w-]{20,}")


@contextmanager
def served(url: str, directory: Path, **env: str) -> Iterator[ChildProcess]:
    """`sitting serve` on a free port, once it has said where it is; its outputs are at hand."""
    command: list[str | Path] = [COMMAND, "serve", "--database-url", url, "--port", "0"]
    process = ChildProcess(command, name="serve", directory=directory, env=environment({**KEYS, **env}))
    try:
        eventually(lambda: check_said(process), within=60)
        yield process
    finally:
        process.kill()


def check_said(process: ChildProcess) -> None:
    if process.exit_code() is not None:
        raise RuntimeError(process.tail())
    assert "serves on" in process.stdout_path.read_text(), process.tail()


def address(process: ChildProcess) -> str:
    found = re.search(r"serves on http://(\S+)", process.stdout_path.read_text())
    assert found is not None
    return found[1]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_server_that_is_told_to_stop_ends_in_order(
    how: signal.Signals, sqlite_database_url: str, tmp_path: Path
) -> None:
    with served(sqlite_database_url, tmp_path) as process:
        assert process.end(how) == 0
        assert "Traceback" not in process.stderr_path.read_text()


def test_link_to_make_the_first_administrator_comes_while_there_is_no_user(
    sqlite_database_url: str, tmp_path: Path
) -> None:
    with served(sqlite_database_url, tmp_path) as process:
        (link,) = SETUP_LINK.findall(process.stdout_path.read_text())
        with urllib.request.urlopen(link, timeout=10) as page:
            assert page.status == 200
        assert link.rpartition("/")[2] not in process.stderr_path.read_text()
    invited(sqlite_database_url)
    with served(sqlite_database_url, tmp_path) as process:
        assert "setup" not in process.stdout_path.read_text()


def test_port_that_is_taken_is_told_in_one_line(sqlite_database_url: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        said = refused(sitting("serve", "--database-url", sqlite_database_url, "--port", port, cwd=tmp_path))
    assert said == f"cannot listen on 127.0.0.1 port {port}: Address already in use"


@pytest.mark.parametrize("host", ["203.0.113.7", "no..name"])
def test_host_that_is_not_ours_is_told_in_one_line(host: str, sqlite_database_url: str, tmp_path: Path) -> None:
    command = ("serve", "--database-url", sqlite_database_url, "--port", "0", "--host", host)
    assert f"cannot listen on {host}" in refused(sitting(*command, cwd=tmp_path))


def test_second_server_on_the_same_file_is_refused(sqlite_database_url: str, tmp_path: Path) -> None:
    with served(sqlite_database_url, tmp_path) as first:
        said = refused(sitting("serve", "--database-url", sqlite_database_url, "--port", "0", cwd=tmp_path))
        assert f"in use by process {first.pid}" in said
        first.kill()
        with SittingProcess.serve(sqlite_database_url, tmp_path):
            pass


@pytest.mark.parametrize("missing", KEYS)
def test_postgresql_is_not_served_without_both_keys(missing: str, postgresql_database_url: str, tmp_path: Path) -> None:
    env = {name: value for name, value in KEYS.items() if name != missing}
    command = ("serve", "--database-url", postgresql_database_url, "--port", "0")
    said = refused(sitting(*command, cwd=tmp_path, env=env))
    assert missing in said
    assert "openssl" in said


def test_key_that_is_none_is_told_in_one_line(sqlite_database_url: str, tmp_path: Path) -> None:
    command = ("serve", "--database-url", sqlite_database_url, "--port", "0")
    said = refused(sitting(*command, cwd=tmp_path, env={"SITTING_SIGNING_KEY": "not-a-key"}))
    assert "SITTING_SIGNING_KEY" in said
    assert "not-a-key" not in said


def test_database_that_may_lose_answers_is_served_only_if_somebody_insists(
    postgresql_database_url: str, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    name = postgresql_database_url.rpartition("/")[2]
    postgres_server.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    command = ("serve", "--database-url", postgresql_database_url, "--port", "0")
    said = refused(sitting(*command, cwd=tmp_path, env=KEYS))
    assert "synchronous_commit is off" in said
    assert "SITTING_ALLOW_WEAK_DURABILITY" in said
    with served(postgresql_database_url, tmp_path, SITTING_ALLOW_WEAK_DURABILITY="true") as process:
        assert re.search(r"critical.*database_may_lose_answers", process.stderr_path.read_text())


def test_migrate_makes_the_tables_first(tmp_path: Path) -> None:
    port = free_port()
    with SittingProcess.serve("sqlite:///new.db", tmp_path, port=port, options=["--migrate"]):
        assert (tmp_path / "new.db").exists()


def pieces(token: str) -> list[str]:
    """Every run of twelve characters: a log that shortens what it shows must not show a part of it either."""
    return [token[at : at + 12] for at in range(len(token) - 11)]


@pytest.mark.parametrize("form", ["console", "json"])
def test_token_reaches_no_log_however_it_is_sent(form: str, sqlite_database_url: str, tmp_path: Path) -> None:
    candidate = invited(sqlite_database_url)
    with served(sqlite_database_url, tmp_path, SITTING_LOG_LEVEL="debug", SITTING_LOG_FORMAT=form) as process:
        socket_url = f"ws://{address(process)}/ws/assessment"
        with connect(candidate.address(socket_url)) as by_address:
            by_address.send(json.dumps({"type": "heartbeat", "data": {}}))
            by_address.recv(timeout=10)
        with connect(socket_url) as by_message:
            by_message.send(json.dumps({"type": "auth", "data": {"token": candidate.token}}))
            by_message.recv(timeout=10)
        with connect(f"{socket_url}?token={candidate.token}x") as forger:
            assert json.loads(forger.recv(timeout=10))["type"] == "error"
        process.end()
        log = process.stderr_path.read_text()
    assert log.count("/ws/assessment") >= 3, log
    assert [part for part in pieces(candidate.token) if part in log] == []
    if form == "json":
        lines: list[dict[str, Any]] = [json.loads(line) for line in log.splitlines()]
        assert {"event", "level", "logger", "timestamp"} <= set(lines[0])


def test_socket_is_neither_compressed_nor_signed_by_its_maker(sqlite_database_url: str, tmp_path: Path) -> None:
    candidate = invited(sqlite_database_url)
    with served(sqlite_database_url, tmp_path) as process:
        with connect(candidate.address(f"ws://{address(process)}/ws/assessment")) as caller:
            assert caller.response is not None
            assert caller.response.headers.get("Sec-WebSocket-Extensions") is None
            assert "uvicorn" not in caller.response.headers.get("Server", "")
            caller.send("x" * 65_537)
            with pytest.raises(ConnectionClosed) as closed:
                caller.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


def test_links_name_the_public_address_where_one_is_set(sqlite_database_url: str, tmp_path: Path) -> None:
    with served(sqlite_database_url, tmp_path, SITTING_PUBLIC_URL="https://tests.example") as process:
        assert "serves on https://tests.example\n" in process.stdout_path.read_text()


def test_command_without_arguments_shows_help(tmp_path: Path) -> None:
    assert "serve" in sitting(cwd=tmp_path).stdout
    assert succeeded(sitting("--version", cwd=tmp_path)).startswith("sitting ")
