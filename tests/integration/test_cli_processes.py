"""`sitting serve --processes`: nodes that share a port, and the parent that looks after them."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.support.command import refused, sitting
from tests.support.delivery import Hall, line, opened_hall, seated
from tests.support.eventually import eventually
from tests.support.postgres import PostgresServer
from tests.support.processes import ChildProcess, free_port, living
from tests.support.server import COMMAND, JWT_SECRET, SIGNING_KEY, environment

NODES = 2
KEYS = {"SITTING_JWT_SECRET": JWT_SECRET, "SITTING_SIGNING_KEY": SIGNING_KEY}
ENV = {"SITTING_PROCESSES": str(NODES), "SITTING_LOG_FORMAT": "json"}


@pytest.fixture(scope="module")
def shared(
    postgres_server: PostgresServer, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hall]:
    """A hall whose server is two nodes."""
    url = postgres_server.create_database("sitting_processes", template=postgres_template)
    with opened_hall(url, tmp_path_factory.mktemp("processes"), env=ENV) as hall:
        yield hall


@pytest.fixture
def house(shared: Hall) -> Hall:
    """The same with all nodes up; a test that ends the server starts it again."""
    check_all_ready(shared)
    return shared


def check_all_ready(hall: Hall) -> None:
    for number in range(1, NODES + 1):
        eventually(partial(check_ready, hall, number), within=30)


def check_ready(hall: Hall, number: int) -> None:
    """That node answers on the port that is its own."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{hall.server.port + number}/readyz", timeout=5) as answer:
            assert answer.status == 200
    except OSError as fault:
        raise AssertionError(f"node {number}: {fault}\n{hall.server.tail()}") from None


def logged(hall: Hall) -> list[dict[str, Any]]:
    """All entries of the server's log, over all its starts."""
    starts = sorted(hall.server.directory.glob("sitting-*.err"), key=lambda path: int(path.stem.rpartition("-")[2]))
    lines = [line for path in starts for line in path.read_text().splitlines()]
    return [json.loads(line) for line in lines]


def pids(hall: Hall, number: int) -> list[int]:
    """The processes that were that node so far, in their order."""
    return [entry["pid"] for entry in logged(hall) if entry["event"] == "node_started" and entry["node"] == number]


def metric(hall: Hall, number: int, name: str) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{hall.server.port + number}/metrics", timeout=5) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    return sum(each.value for family in families for each in family.samples if each.name == name)


def test_connections_to_one_port_are_spread_over_all_nodes(house: Hall) -> None:
    with ExitStack() as stack:
        for candidate in house.invite_many(house.test_id, 24):
            stack.enter_context(seated(candidate))
        spread = [metric(house, number, "sitting_open_sockets") for number in range(1, NODES + 1)]
    assert sum(spread) == 24
    assert min(spread) >= 3, spread  # by chance less than 1 time in 10,000


def test_log_names_the_node(house: Hall) -> None:
    told = [entry.get("node") for entry in logged(house) if entry["event"] == "Application startup complete."]
    assert set(told) == set(range(1, NODES + 1))


def test_node_that_was_killed_comes_back_and_its_candidates_go_on(house: Hall) -> None:
    candidate = house.invite()
    asked = candidate.questions[0]
    with seated(candidate) as (own, _):
        saved = own.answer(asked, asked.right)
        [first] = [n for n in range(1, NODES + 1) if metric(house, n, "sitting_open_sockets")]
        before = pids(house, first)
        os.kill(before[-1], signal.SIGKILL)
        with pytest.raises(ConnectionClosed):
            own.socket.recv(timeout=10)

    def come_back() -> None:
        with line(candidate.address) as again:
            [answer] = again.start(candidate)["responses"]
            assert (answer["question_id"], answer["seq"]) == (asked.question_id, saved["seq"])

    # There is the other node; the port of the dead one takes connections until the kernel has tidied up.
    eventually(come_back, within=5, also=(WebSocketException, ConnectionError))
    eventually(lambda: check_ready(house, first), within=30)
    assert pids(house, first)[:-1] == before
    died = [entry for entry in logged(house) if entry["event"] == "node_ended"]
    assert (died[-1]["node"], died[-1]["pid"], died[-1]["code"]) == (first, before[-1], -signal.SIGKILL)


def test_all_nodes_end_in_order_when_the_parent_is_told_to_stop(house: Hall) -> None:
    candidates = house.invite_many(house.test_id, 6)
    everybody = [pids(house, number)[-1] for number in range(1, NODES + 1)]
    with ExitStack() as stack:
        lines = [stack.enter_context(seated(candidate))[0] for candidate in candidates]
        ends: list[int] = []
        thread = threading.Thread(target=lambda: ends.append(house.server.terminate(within=30)))
        thread.start()
        for own in lines:
            own.closed(1012, within=20)
        thread.join()
    assert ends == [0]
    assert living(everybody) == []
    house.server.start()


def test_nodes_do_not_outlive_a_parent_that_was_killed(house: Hall) -> None:
    everybody = [pids(house, number)[-1] for number in range(1, NODES + 1)]
    os.kill(house.server.pid, signal.SIGKILL)
    try:
        eventually(lambda: check_gone(everybody), within=20)
    finally:
        for pid in living(everybody):
            os.kill(pid, signal.SIGKILL)
    house.server.restart()


def check_gone(processes: list[int]) -> None:
    assert living(processes) == []


def test_second_site_does_not_get_into_the_port_of_the_first(house: Hall) -> None:
    port = house.server.port
    for more in ([], ["--processes", "2"]):
        command = ("serve", "--database-url", house.url, "--port", str(port), *more)
        said = refused(sitting(*command, cwd=house.server.directory, env=KEYS))
        assert said == f"cannot listen on 127.0.0.1 port {port}: Address already in use"


def test_port_of_a_node_that_is_taken_is_told_in_one_line(postgresql_database_url: str, tmp_path: Path) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port + 2)):
        command = ("serve", "--database-url", postgresql_database_url, "--port", str(port), "--processes", "2")
        said = refused(sitting(*command, cwd=tmp_path, env=KEYS))
    assert said == f"cannot listen on 127.0.0.1 port {port + 2}: Address already in use"


def test_file_is_not_served_by_two_processes(sqlite_database_url: str, tmp_path: Path) -> None:
    command = ("serve", "--database-url", sqlite_database_url, "--port", "0", "--processes", "2")
    said = refused(sitting(*command, cwd=tmp_path))
    assert "is an SQLite file, and one process serves it; 2 processes need PostgreSQL" in said
    said = refused(sitting(*command[:-2], cwd=tmp_path, env={"SITTING_PROCESSES": "2"}))
    assert "PostgreSQL" in said


@contextmanager
def started(url: str, directory: Path, **env: str) -> Iterator[ChildProcess]:
    """The command with two processes, whatever becomes of it."""
    command: list[str | Path] = [COMMAND, "serve", "--database-url", url, "--port", str(free_port())]
    process = ChildProcess(command, name="serve", directory=directory, env=environment({**KEYS, **ENV, **env}))
    try:
        yield process
    finally:
        process.kill()


def test_nodes_that_die_as_soon_as_they_start_are_given_up(
    postgresql_database_url: str, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    with started(postgresql_database_url, tmp_path) as process:
        eventually(lambda: check_said(process), within=60)
        # From now on a node refuses to start; those that run are killed.
        name = postgresql_database_url.rpartition("/")[2]
        postgres_server.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        for text in process.stderr_path.read_text().splitlines():
            if (entry := json.loads(text))["event"] == "node_started":
                os.kill(entry["pid"], signal.SIGKILL)
        assert eventually(lambda: ended(process), within=60) == 1
        said = process.stderr_path.read_text()
    assert "times right after its start; the log above says why" in said.splitlines()[-1]
    assert "synchronous_commit is off" in said


def check_said(process: ChildProcess) -> None:
    if process.exit_code() is not None:
        raise RuntimeError(process.tail())
    assert "processes, each with a port of its own too" in process.stdout_path.read_text()


def ended(process: ChildProcess) -> int:
    code = process.exit_code()
    assert code is not None, process.tail()
    return code
