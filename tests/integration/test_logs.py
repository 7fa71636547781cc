"""What the server says on standard error: enough to find a fault by its id, and nothing about anybody."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed

from sitting.cli.logs import configure_logs
from sitting.domain.user import Role
from sitting.identity.sessions import COOKIE
from tests.support.broken_server import BROKEN_TEST_ID, MESSAGE, PROGRAM
from tests.support.builders import make_user
from tests.support.candidates import token_for
from tests.support.databases import migrate
from tests.support.delivery import Candidate, Hall, Line, line, seated
from tests.support.postgres import PostgresServer
from tests.support.server import SittingProcess
from tests.support.storage import running_storage

NAME = "Wilhelmina Unmistakable"
EMAIL = "wilhelmina.unmistakable@people.example"
PASSWORD = "correct-horse-battery"
GUESS = "incorrect-horse-battery"
STRANGER = "nobody.at.all@people.example"
TYPED = "unmistakably typed"
NUMBER = "8675309.25"


@dataclass
class Place:
    """A server of a test's own, some parts of which are broken; `told` is what may stand in no log."""

    hall: Hall
    postgres: PostgresServer | None
    told: list[str] = field(default_factory=lambda: [NAME, EMAIL, PASSWORD, GUESS, STRANGER, TYPED, NUMBER])

    @property
    def log(self) -> str:
        [path] = self.hall.server.directory.glob("sitting-*.err")
        return path.read_text()

    def entries(self, event: str) -> list[dict[str, Any]]:
        """The entries of that name, of a log in JSON."""
        return [entry for entry in map(json.loads, self.log.splitlines()) if entry["event"] == event]

    def rest(self, method: str, path: str, token: str, **body: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{self.hall.server.base_url}{path}"
        return httpx2.request(method, url, headers=headers, json=body or None, timeout=30)

    def check_log(self) -> None:
        """Nothing of what was told stands in the log, whole or cut in pieces."""
        log = self.log
        found = [secret for secret in self.told if any(part in log for part in pieces(secret))]
        assert found == [], found
        assert "127.0.0.1" not in log.replace(f"http://127.0.0.1:{self.hall.server.port}", ""), "whose address is it?"


def pieces(secret: str) -> list[str]:
    """A log that shortens what it shows must not show a part of it either."""
    return [secret[at : at + 12] for at in range(max(1, len(secret) - 11))]


@pytest.fixture(params=["sqlite json", "sqlite console", "postgresql json"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Once for each kind of database, and once for each form of the log."""
    kind, form = request.param.split()
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresServer()) if kind == "postgresql" else None
        if postgres is None:
            url = request.getfixturevalue("sqlite_database_url")
        else:
            migrate(url := postgres.create_database("logs"))
        staff_token = token_for(asyncio.run(make_staff(url)))
        env = {"SITTING_LOG_FORMAT": form, "SITTING_LOG_LEVEL": "debug"}
        server = stack.enter_context(SittingProcess.serve(url, tmp_path, env=env, program=PROGRAM))
        opened = Place(Hall(server, url, staff_token), postgres)
        stack.callback(opened.hall.close)
        opened.told.append(staff_token)
        yield opened


async def make_staff(url: str) -> int:
    async with running_storage(url) as storage:
        return (await make_user(storage, "Ada", roles=(Role.ADMIN,))).user_id


def invite(place: Place) -> tuple[Candidate, list[Any]]:
    """Somebody unmistakable, invited to a Test that has questions with typed answers too; and these questions."""
    kinds = [
        {"type": "short_text", "accepted": [{"text": "group commit"}]},
        {"type": "numeric", "numbers": [{"value": "0.3"}]},
    ]
    typed = [
        place.hall.post("/questions", {"skill": "sql", "difficulty": "easy", "text": "What?", **kind}) for kind in kinds
    ]
    chosen = [{"question_id": asked.question_id} for asked in place.hall.questions]
    fixed = [{"question_id": made["question_id"]} for made in typed]
    test_id = place.hall.publish(sections=[{"questions": chosen + fixed}])
    body = {"candidates": [{"name": NAME, "email": EMAIL}]}
    [made] = place.hall.post(f"/tests/{test_id}/applications", body)["items"]
    token = token_for(made["user_id"])
    place.told += [token, made["link"].rpartition("/")[2]]
    visit(place, made["link"])
    server = place.hall.server
    candidate = Candidate(server.ws_url, made["user_id"], made["application_id"], test_id, token, place.hall.questions)
    return candidate, typed


def visit(place: Place, link: str) -> None:
    """The page behind the link, what it leads to with the browser's session, and one with a wrong secret."""
    with httpx2.Client(follow_redirects=True, timeout=30) as browser:
        assert browser.get(link).status_code == 200
        browser.post(link)
        session = browser.cookies.get(COOKIE)
        assert session is not None
        place.told.append(session)
        wrong = "wrong-secret-of-a-link-that-is-none"
        place.told.append(wrong)
        browser.get(link.rpartition("/")[0] + "/" + wrong)


def sign_in(place: Place) -> None:
    """Once as it should be, with a wrong password, as a stranger, and with a forged token."""
    made = place.hall.post("/users", {"name": NAME, "email": f"x.{EMAIL}", "password": PASSWORD, "roles": ["author"]})
    url = f"{place.hall.server.base_url}/api/v1/auth/token"
    for email, password, status in [(f"x.{EMAIL}", PASSWORD, 200), (f"x.{EMAIL}", GUESS, 401), (STRANGER, GUESS, 401)]:
        response = httpx2.post(url, json={"email": email, "password": password}, timeout=30)
        assert response.status_code == status, response.text
        if status == 200:
            place.told.append(response.json()["access_token"])
    taken = place.rest("POST", "/api/v1/users", place.told[7], name=NAME, email=f"x.{EMAIL}", roles=["author"])
    assert taken.status_code == 409
    assert place.rest("GET", f"/api/v1/users/{made['user_id']}", f"{place.told[7]}x").status_code == 401


def take_the_test(place: Place, candidate: Candidate, typed: list[Any]) -> int:
    """With a ticket, with answers of every kind and with frames that are refused; returns the assessment_id."""
    ticket = place.rest("POST", "/api/v1/ws-tickets", candidate.token).json()["ticket"]
    place.told.append(ticket)
    with line(f"{candidate.ws_url}?ticket={ticket}&test_id={candidate.test_id}") as own:
        started = own.start(candidate)
        own.answer(candidate.questions[0], candidate.questions[0].right)
        own.send("submit_answer", question_id=typed[0]["question_id"], value=TYPED)
        own.expect("answer_saved")
        own.expect("progress_update")
        own.send("submit_answer", question_id=typed[1]["question_id"], value=NUMBER)
        own.expect("answer_saved")
        own.expect("progress_update")
        own.send("submit_answer", question_id=typed[1]["question_id"], value=TYPED)
        own.refused("invalid_answer")
        own.send(TYPED)
        own.refused("unknown_type")
        own.socket.send(f'{{"type": "submit_answer", "data": {{"value": "{TYPED}"')
        own.refused("invalid_message")
    for address in (f"{candidate.ws_url}?token={candidate.token}x", f"{candidate.ws_url}?ticket={ticket}"):
        with line(address) as forger:
            forger.refused("not_authenticated")
    assessment_id: int = started["assessment_id"]
    return assessment_id


def go_wrong(place: Place, candidate: Candidate) -> None:
    """A command and a route that fail as nobody foresaw."""
    with line(candidate.ws_url) as own:
        own.send("auth", token=candidate.token)
        own.expect("auth_success")
        own.start(candidate)
        own.send("flag_question", question_id=candidate.questions[0].question_id, flagged=True)
        own.refused("internal_error")
    broken = place.rest("POST", f"/api/v1/applications/{candidate.application_id}/withdraw", place.told[7])
    assert broken.status_code == 500


def lose_the_database(place: Place, candidate: Candidate, question_id: str) -> None:
    with seated(candidate) as (own, _):
        if place.postgres is not None:
            place.postgres.kill()
            own.send("submit_answer", question_id=question_id, value=TYPED)
            own.refused("unavailable", within=30)
    if place.postgres is not None:
        assert place.rest("GET", "/api/v1/me", candidate.token).status_code == 503


def test_logs_hold_no_secret_and_nothing_personal_whatever_happens(place: Place) -> None:
    sign_in(place)
    candidate, typed = invite(place)
    take_the_test(place, candidate, typed)
    go_wrong(place, candidate)
    lose_the_database(place, candidate, typed[0]["question_id"])
    place.hall.server.terminate()
    log = place.log
    assert log.count("/ws/assessment") >= 4, log
    assert log.count("unforeseen_error") >= 2
    place.check_log()
    if log.startswith("{"):
        entries = [json.loads(each) for each in log.splitlines()]
        assert all({"event", "level", "logger", "timestamp"} <= set(entry) for entry in entries)
        unexplained = [entry for entry in entries if "Traceback" in str(entry) and entry["event"] != "unforeseen_error"]
        assert unexplained == []
    else:
        assert log.count("Traceback (most recent call last)") == log.count("unforeseen_error")


@pytest.mark.parametrize("place", ["sqlite json"], indirect=True)
def test_logs_explain_each_internal_error_under_the_id_that_the_client_was_told(place: Place) -> None:
    candidate = place.hall.invite()
    go_wrong(place, candidate)
    with line(candidate.address) as own:
        own.start(candidate)
        own.send("flag_question", question_id=candidate.questions[0].question_id, flagged=True)
        told = own.refused("internal_error")["data"]["details"]["error_id"]
        own.check_alive()
    [entry] = [each for each in place.entries("unforeseen_error") if each["error_id"] == told]
    assert MESSAGE in entry["exception"]
    assert entry["level"] == "error"


def check_broken_off(place: Place, own: Line) -> None:
    """The client was told an id, and the log has the fault under it."""
    told = own.refused("internal_error")["data"]["details"]
    with pytest.raises(ConnectionClosed):
        own.read()
    assert own.socket.close_code == 1011
    [entry] = [each for each in place.entries("unforeseen_error") if each["error_id"] == told["error_id"]]
    assert MESSAGE in entry["exception"]
    assert set(told) == {"error_id"}


@pytest.mark.parametrize("place", ["sqlite json"], indirect=True)
def test_fault_that_nobody_asked_for_is_told_with_an_id_and_closes_with_1011(place: Place) -> None:
    candidate = place.hall.invite()
    with seated(candidate) as (own, started):
        assert place.hall.act(started["assessment_id"], "extend", {"minutes": 5, "reason": "noise"}).status_code < 300
        check_broken_off(place, own)
    with seated(candidate) as (own, _):
        own.check_alive()


@pytest.mark.parametrize("place", ["sqlite json"], indirect=True)
def test_fault_before_the_socket_is_anybodys_is_told_with_an_id_and_closes_with_1011(place: Place) -> None:
    candidate = place.hall.invite()
    with line(f"{candidate.ws_url}?token={candidate.token}&test_id={BROKEN_TEST_ID}") as own:
        check_broken_off(place, own)


@pytest.mark.parametrize("form", ["json", "console"])
def test_logs_leave_out_the_values_that_a_database_quotes(
    form: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root, level = logging.getLogger(), logging.getLogger().level
    handlers = list(root.handlers)
    try:
        configure_logs("info", form)
        try:
            raise ValueError(f'duplicate key\nDETAIL:  Key (email)=("{EMAIL}") already exists.\nHINT: none')
        except ValueError:
            logging.getLogger("sitting.x").exception("it_failed")
    finally:
        root.handlers = handlers
        root.setLevel(level)
    said = capsys.readouterr().err
    assert "duplicate key" in said
    assert "HINT" in said
    assert EMAIL not in said
    assert form != "json" or json.loads(said)["event"] == "it_failed"
