"""A server that runs for many tests (fixture `hall`), candidates made over its REST, and sockets message by message."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import Row, Table, text
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from sitting.domain.user import Role
from sitting.storage.database import Database
from sitting.storage.tables import assessment_events
from sitting.storage.url import DatabaseUrl
from tests.support.builders import make_user
from tests.support.candidates import Caller, token_for
from tests.support.databases import sqlite_url
from tests.support.server import TAPPED, SittingProcess
from tests.support.storage import rows_beside, running_storage

V1 = "sitting.v1"
QUESTIONS = 4
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Asked:
    """A question as its author knows it: the ids of the right option and of a wrong one, and the right one's text."""

    question_id: str
    right: str
    wrong: str
    right_text: str


@dataclass(frozen=True)
class Candidate:
    """Somebody with an application to a Test, which has `questions`."""

    ws_url: str
    user_id: int
    application_id: int
    test_id: int
    token: str
    questions: Sequence[Asked]

    @property
    def address(self) -> str:
        return f"{self.ws_url}?token={self.token}&test_id={self.test_id}"


@dataclass(frozen=True)
class Logged:
    """One entry of an assessment's log."""

    seq: int
    type: str
    body: dict[str, Any]


class Line(Caller):
    """A socket whose messages are looked at one by one."""

    def send(self, type_: str, id_: str | None = None, **data: Any) -> None:
        """Say something, with an id if one is given."""
        message = {"type": type_, "data": data}
        self.socket.send(json.dumps(message if id_ is None else message | {"id": id_}))

    def read(self, *, within: float = 10) -> dict[str, Any]:
        """The next message, with its envelope."""
        message: dict[str, Any] = json.loads(self.socket.recv(timeout=within))
        return message

    def expect(self, type_: str, *, within: float = 10) -> dict[str, Any]:
        """The data of the next message, which must be of that type."""
        message = self.read(within=within)
        assert message["type"] == type_, message
        data: dict[str, Any] = message["data"]
        return data

    def refused(self, code: str, *, within: float = 10) -> dict[str, Any]:
        """The next message, which must be a refusal with that code and say nothing about the inside."""
        message = self.read(within=within)
        assert (message["type"], message["data"].get("code")) == ("error", code), message
        assert set(message["data"]) == {"code", "error", "retryable", "details"}
        return message

    def start(self, candidate: Candidate) -> dict[str, Any]:
        """Start or go on; the data of `assessment_started`, the question behind it passed over."""
        started = self.ask("start_assessment", "assessment_started", test_id=candidate.test_id)
        self.expect("question")
        return started

    def answer(self, asked: Asked, option: str | None, **more: Any) -> dict[str, Any]:
        """Answer, and have it acknowledged and the progress behind it passed over."""
        self.send("submit_answer", question_id=asked.question_id, selected_option=option, **more)
        saved = self.expect("answer_saved")
        self.expect("progress_update")
        return saved

    def closed(self, code: int, *, within: float = 10) -> list[dict[str, Any]]:
        """The messages until the server closes the socket, which must be with that code."""
        messages: list[dict[str, Any]] = []
        with suppress(ConnectionClosed):
            while True:
                messages.append(self.read(within=within))
        assert self.socket.close_code == code, f"{self.socket.close_reason!r}, after {messages}"
        return messages

    def check_alive(self) -> None:
        """The next message answers a heartbeat sent now: nothing else is under way, and the socket is open."""
        self.send("heartbeat", "alive")
        message = self.read()
        assert (message["type"], message.get("reply_to")) == ("pong", "alive"), message


@contextmanager
def line(address: str, *, v1: bool = True, **options: Any) -> Iterator[Line]:
    """A connection to that address, of a client that offers `sitting.v1` or of an older one."""
    options = {"subprotocols": [V1] if v1 else None} | options
    with connect(address, **options) as socket:
        yield Line(socket)


@contextmanager
def seated(candidate: Candidate, *, v1: bool = True) -> Iterator[tuple[Line, dict[str, Any]]]:
    """The candidate on a socket of their own with the assessment started, and what `assessment_started` said."""
    with line(candidate.address, v1=v1) as own:
        yield own, own.start(candidate)


class Hall:
    """One running server over one database, in which nothing is made but by REST."""

    def __init__(self, server: SittingProcess, url: str, staff_token: str) -> None:
        self.server = server
        self.url = url
        self.tokens: list[str] = [staff_token]
        self._looked_at: Counter[Path] = Counter()
        self._rest = httpx2.Client(base_url=f"{server.base_url}/api/v1", timeout=30)
        self._staff = {"Authorization": f"Bearer {staff_token}"}
        self.questions = [self._make_question(number) for number in range(1, QUESTIONS + 1)]
        self.test_id = self.publish()

    def close(self) -> None:
        self._rest.close()

    def post(self, path: str, body: Any = None, *, token: str | None = None) -> Any:
        """What a POST by staff, or by the holder of `token`, answers."""
        headers = self._staff if token is None else {"Authorization": f"Bearer {token}"}
        response = self._rest.post(path, json=body, headers=headers)
        assert response.status_code == 201, response.text
        return response.json()

    def put(self, path: str, body: Any) -> Any:
        """What a PUT by staff answers."""
        response = self._rest.put(path, json=body, headers=self._staff)
        assert response.status_code == 200, response.text
        return response.json()

    def act(self, assessment_id: int, what: str, body: Any = None, *, token: str | None = None) -> httpx2.Response:
        """What staff do to an assessment, or the holder of `token`: `extend`, `pause` …"""
        headers = self._staff if token is None else {"Authorization": f"Bearer {token}"}
        return self._rest.post(f"/assessments/{assessment_id}/{what}", json=body, headers=headers)

    def look(self, path: str) -> Any:
        """What a GET by staff answers."""
        response = self._rest.get(path, headers=self._staff)
        assert response.status_code == 200, response.text
        return response.json()

    def read(self, path: str, *, token: str | None = None) -> httpx2.Response:
        """The answer to a GET by staff, or by the holder of `token`."""
        return self._rest.get(path, headers=self._staff if token is None else {"Authorization": f"Bearer {token}"})

    def publish(self, **rules: Any) -> int:
        """A published Test with all the questions; returns its test_id."""
        questions = [{"question_id": asked.question_id} for asked in self.questions]
        draft = {"name": "Arithmetic", "sections": [{"questions": questions}], "time_limit_minutes": 30} | rules
        test_id: int = self.post("/tests", draft)["test_id"]
        self.post(f"/tests/{test_id}/publish")
        return test_id

    def invite(self) -> Candidate:
        """Somebody new with an application to the ordinary Test."""
        [candidate] = self.invite_many(self.test_id, 1)
        return candidate

    def invite_many(self, test_id: int, number: int) -> list[Candidate]:
        """So many new people with applications to that Test."""
        people = [{"name": "Zoë Müller", "email": f"candidate{next(_numbers)}@example.org"} for _ in range(number)]
        made = self.post(f"/tests/{test_id}/applications", {"candidates": people})["items"]
        return [self._candidate(application) for application in made]

    def rows(self, table: Table, **equal: Any) -> list[Row[Any]]:
        """The rows of a table, by primary key, whose columns equal those values, read beside the running server."""
        return rows_beside(self.url, table, **equal)

    def log_of(self, assessment_id: int) -> list[Logged]:
        """The log of that assessment, in order."""
        found = self.rows(assessment_events, assessment_id=assessment_id)
        return [Logged(row.seq, row.type, json.loads(row.payload)) for row in found]

    @asynccontextmanager
    async def held_up(self) -> AsyncIterator[None]:
        """Nobody can write into a log until the end of the block; the server has to wait."""
        database = Database(DatabaseUrl.parse(self.url))
        try:
            async with database.writing() as connection:
                if not database.url.is_sqlite:
                    await connection.execute(text("LOCK TABLE assessment_events IN EXCLUSIVE MODE"))
                yield
        finally:
            await database.close()

    def output(self) -> str:
        """All that the server has said so far."""
        return "".join(path.read_text() for path in self._outputs())

    def check_output(self) -> None:
        """Since the last look nothing went wrong unseen, and nothing secret was said."""
        said = {path: path.read_text() for path in self._outputs()}
        output = "".join(text[self._looked_at[path] :] for path, text in said.items())
        self._looked_at = Counter({path: len(text) for path, text in said.items()})
        assert "Traceback" not in output, output[output.index("Traceback") - 500 :][:3000]
        told = [secret for secret in self.tokens if secret in output or secret.rpartition(".")[2] in output]
        assert not told, f"{len(told)} tokens or tickets stand in the output"

    def _outputs(self) -> list[Path]:
        return sorted(self.server.directory.glob("sitting-*.???"))

    def _candidate(self, application: dict[str, Any]) -> Candidate:
        user_id = application["user_id"]
        token = token_for(user_id)
        self.tokens.append(token)
        return Candidate(
            self.server.ws_url, user_id, application["application_id"], application["test_id"], token, self.questions
        )

    def _make_question(self, number: int) -> Asked:
        texts = [str(2 * number + off) for off in range(4)]
        body = {
            "skill": "Arithmetic",
            "difficulty": "easy",
            "text": f"What is {number} + {number}?",
            "options": [{"text": text, "correct": text == texts[0]} for text in texts],
        }
        made = self.post("/questions", body)
        ids = {option["text"]: option["id"] for option in made["options"]}
        return Asked(made["question_id"], ids[texts[0]], ids[texts[1]], texts[0])


@contextmanager
def opened_hall(
    url: str, directory: Path, *, env: Mapping[str, str] | None = None, program: Sequence[str | Path] = TAPPED
) -> Iterator[Hall]:
    """A server over a migrated database, ended with the block, and by then it has said nothing that it should not."""
    staff_token = token_for(asyncio.run(_make_staff(url)))
    with SittingProcess.serve(url, directory, env=env, program=program) as server:
        opened = Hall(server, url, staff_token)
        try:
            yield opened
            opened.check_output()
        finally:
            opened.close()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def hall(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    """A server for all tests that leave it running, once for each kind of database."""
    with opened_hall(*place_for_a_hall(request, tmp_path_factory, "hall")) as opened:
        yield opened


_PLACES = itertools.count(1)  # a fixture is made anew whenever tests with another parameter came between


def place_for_a_hall(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, name: str
) -> tuple[str, Path]:
    """A migrated database of the kind that the fixture's parameter says, and a directory: what `opened_hall` takes."""
    directory = tmp_path_factory.mktemp(f"{name}-{request.param}")
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), directory / "sitting.db")
        return sqlite_url(directory / "sitting.db"), directory
    template = request.getfixturevalue("postgres_template")
    server = request.getfixturevalue("postgres_server")
    return server.create_database(f"sitting_{name}_{next(_PLACES)}", template=template), directory


async def _make_staff(url: str) -> int:
    async with running_storage(url) as storage:
        return (await make_user(storage, "Ada", roles=(Role.ADMIN,))).user_id


def now() -> datetime:
    return datetime.now(UTC)
