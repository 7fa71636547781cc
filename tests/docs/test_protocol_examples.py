"""What docs/protocol.md shows is so: its frames are the server's, its tables the code's, and its programs work."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from sitting.api import create_api
from sitting.api.draft import Draft
from sitting.api.problems import STATUS
from sitting.api.security import Access
from sitting.domain import messages
from sitting.domain.errors import ErrorCode, SittingError
from sitting.domain.events import Verdict
from sitting.domain.results import BareResults, Results, receipt_text
from sitting.domain.user import STAFF_ROLES, Role
from sitting.identity.access import MATRIX, Action
from sitting.protocol.close_codes import CloseCode
from sitting.protocol.commands import COMMANDS, decode
from sitting.storage.tables import assessment_responses, assessments
from tests.support.bad_network import BadNetwork, acknowledgement_is_lost, answer_is_lost
from tests.support.delivery import Candidate, Hall
from tests.support.rest import unopened_services

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "protocol.md").read_text("utf-8")
RULES = (REPOSITORY / "docs" / "navigation-and-feedback.md").read_text("utf-8")
CLIENTS = {"candidate.py": [sys.executable], "candidate.mjs": ["node"]}
SPOKEN: dict[str, type[Any]] = {kind.type: kind for kind in messages.ServerMessage.__args__}

# What is shown here does not depend on the kind of database.
on_sqlite = pytest.mark.parametrize("hall", ["sqlite"], indirect=True)


# --- reading the page ---


def blocks(language: str, page: str = PAGE) -> list[str]:
    """The contents of the code blocks in that language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page, flags=re.DOTALL | re.MULTILINE)


def program(name: str) -> str:
    """The code block whose first line begins with a comment of that name."""
    [found] = [code for code in blocks(r"\w+") if re.match(rf"(#|//) {re.escape(name)} ", code)]
    return found


def frames(arrow: str, page: str = PAGE) -> list[dict[str, Any]]:
    """What the blocks show behind `→` (a client's) or `←` (the server's)."""
    pieces = [piece for block in blocks("text", page) for piece in re.split(r"^(?=[→←] )", block, flags=re.MULTILINE)]
    return [json.loads(piece[1:]) for piece in pieces if piece.startswith(arrow)]


def table(first_header: str) -> list[list[str]]:
    """The cells of the one table whose header begins so, without the header."""
    [found] = re.findall(rf"^\| {re.escape(first_header)} \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, flags=re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in found.splitlines()]


def code_in(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# --- frames ---


def test_frames_of_clients_are_taken_by_the_server_and_no_type_is_left_out() -> None:
    shown = frames("→")
    for frame in shown:
        decode(json.dumps(frame), strict=True)
    assert {frame["type"] for frame in shown} == COMMANDS.keys()


def test_frames_of_the_server_have_exactly_the_fields_of_its_messages_and_no_type_is_left_out() -> None:
    shown = frames("←")
    for frame in shown:
        check_frame(frame)
    assert {frame["type"] for frame in shown} == SPOKEN.keys()


def test_walk_through_writes_drafts_as_the_server_takes_them_for_the_test_that_its_frames_name() -> None:
    walk = next(block for block in blocks("sh") if "/api/v1/tests" in block)
    [draft] = re.findall(r"/tests -d '(.*?)'", walk, flags=re.DOTALL)
    assert [len(section.questions) for section in Draft.model_validate_json(draft).sections] == [2]
    assert set(re.findall(r'/tests/(\d+)/|"test_id": (\d+)', walk)) == {("4", ""), ("", "4")}
    assert set(re.findall(r'"test_id": (\d+)', PAGE)) == {"4"}


def test_page_on_navigation_and_feedback_shows_frames_and_rules_as_they_are() -> None:
    assert len(frames("→", RULES)) > 1
    for frame in frames("→", RULES):
        decode(json.dumps(frame), strict=True)
    for frame in frames("←", RULES):
        check_frame(frame)
    [draft] = blocks("json", RULES)
    said = Draft.model_validate_json(draft)
    assert (said.navigation, said.feedback, said.results) == ("linear", "after_answer", "status")


def check_frame(frame: dict[str, Any]) -> None:
    assert frame.keys() - {"reply_to"} == {"type", "data"}
    said = dict(frame["data"])
    if results := said.get("results"):  # declared as what no results policy hides; the page shows all of it
        check_fields(results, Results)
        said["results"] = {field.name: results[field.name] for field in dataclasses.fields(BareResults)}
    check_fields(said, message_type(frame))


def check_fields(said: dict[str, Any], kind: type[Any]) -> None:
    """It is a `kind`, and says nothing that a `kind` does not say."""
    assert msgspec.json.decode(msgspec.json.encode(msgspec.convert(said, kind))) == said


def message_type(frame: dict[str, Any]) -> type[Any]:
    if frame["type"] == messages.AssessmentStarted.type and frame["data"]["recovered"]:
        return messages.AssessmentSnapshot
    return SPOKEN[frame["type"]]


# --- tables ---


def test_table_of_errors_is_the_code_s() -> None:
    retryable = {kind.code: kind.retryable for kind in SittingError.__subclasses__()}
    expected = {f"`{code}`": ["yes" if retryable[code] else "no", str(STATUS[code].value)] for code in ErrorCode}
    assert {code: rest for code, _, *rest in table("code")} == expected


def test_table_of_close_codes_is_the_code_s_and_its_clients_obey_it() -> None:
    come_back = {code_in(code)[0]: answer for code, _, answer in table("closed with") if code_in(code)}
    assert come_back.keys() == {str(code.value) for code in CloseCode}
    final = {code for code, answer in come_back.items() if answer.startswith(("no", "once"))}
    for name in CLIENTS:
        [listed] = re.findall(r"FINAL = [^\d\n]*([\d, ]+)", program(name))
        assert set(listed.split(", ")) == final


def test_table_of_outcomes_is_the_code_s() -> None:
    assert {name for row in table("the server finds") for name in code_in(row[1])} == set(Verdict)


def test_table_of_routes_is_whole_and_says_who_may() -> None:
    documented = {code_in(route)[0]: who for route, who, _ in table("route")}
    assert documented == dict(declared_routes())


def declared_routes() -> Iterator[tuple[str, str]]:
    """Each route below /api/v1 with who may use it, in the words of the table."""
    for context in iter_route_contexts(create_api(unopened_services()).routes):
        path = context.path or ""
        if isinstance(context.original_route, APIRoute) and path.startswith("/api/v1/"):
            who = who_may(context.dependant)
            yield from ((f"{method} {path.removeprefix('/api/v1')}", who) for method in context.methods or ())


def who_may(dependant: Dependant) -> str:
    actions = list(actions_asked_for(dependant))
    if not actions:
        return "anybody"
    [roles] = [MATRIX[action] for action in actions]
    names = {frozenset(Role): "any role", STAFF_ROLES: "staff"}
    return names.get(roles, ", ".join(sorted(roles)))


def actions_asked_for(dependant: Dependant) -> Iterator[Action]:
    for each in dependant.dependencies:
        if isinstance(each.call, Access):
            yield each.call.action
        yield from actions_asked_for(each)


def test_reserved_names_are_not_spoken_yet() -> None:
    reserved = {where: set(code_in(names)) for where, names in table("where")}
    assert reserved["error codes"]
    assert reserved["error codes"] & set(ErrorCode) == set()


# --- the clients ---


@pytest.fixture
def candidate(hall: Hall) -> Candidate:
    return hall.invite()


@contextmanager
def running(name: str, candidate: Candidate, port: int, directory: Path) -> Iterator[subprocess.Popen[str]]:
    """The client of the page at work; killed at the end of the block if it still is."""
    (directory / name).write_text(program(name))
    if not (directory / "node_modules").exists():
        (directory / "node_modules").symlink_to(REPOSITORY / "clients" / "js" / "node_modules")
    address = f"ws://127.0.0.1:{port}/ws/assessment"
    command = [*CLIENTS[name], name, address, candidate.token, str(candidate.test_id)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=directory, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def end_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What the client prints when the assessment is over."""
    said, complaint = process.communicate(timeout=60)
    assert process.returncode == 0, complaint
    end: dict[str, Any] = json.loads(said)
    return end


def check_stored(hall: Hall, candidate: Candidate, *, connections: int) -> None:
    """All answers are there, over that many connections, each stored once and under its first number."""
    [row] = hall.rows(assessments, user_id=candidate.user_id)
    assert (row.status, row.end_reason) == ("completed", "submitted")
    responses = hall.rows(assessment_responses, assessment_id=row.id)
    # Options are shown in the order in which they were made: the first is the right one.
    assert {each.question_id: each.selected_option for each in responses} == {
        asked.question_id: asked.right for asked in candidate.questions
    }
    log = hall.log_of(row.id)
    answers = [answer for entry in log if entry.type == "answered" for answer in entry.body["answers"]]
    assert [answer["client_seq"] for answer in answers] == list(range(1, 1 + len(candidate.questions)))
    assert len({answer["client_id"] for answer in answers}) == 1
    assert [entry.type for entry in log].count("attached") == connections


@on_sqlite
@pytest.mark.parametrize("name", CLIENTS)
def test_client_of_the_page_completes_though_an_acknowledgement_and_an_answer_are_lost(
    name: str, hall: Hall, candidate: Candidate, tmp_path: Path
) -> None:
    cuts = [acknowledgement_is_lost, answer_is_lost()]
    with BadNetwork(hall.server.port, cuts) as network, running(name, candidate, network.port, tmp_path) as process:
        assert end_of(process)["results"]["answered_questions"] == len(candidate.questions)
    check_stored(hall, candidate, connections=1 + len(cuts))


@on_sqlite
@pytest.mark.parametrize("name", CLIENTS)
def test_client_of_the_page_goes_on_where_it_was_killed(
    name: str, hall: Hall, candidate: Candidate, tmp_path: Path
) -> None:
    saved, killed = threading.Event(), threading.Event()

    def hold_acknowledgement(speaker: str, data: bytes) -> bool:
        if not acknowledgement_is_lost(speaker, data):
            return False
        saved.set()
        return killed.wait(60)

    with BadNetwork(hall.server.port, [hold_acknowledgement]) as network:
        with running(name, candidate, network.port, tmp_path):
            assert saved.wait(60)
        killed.set()
        with running(name, candidate, network.port, tmp_path) as process:
            assert end_of(process)["results"]["percentage_score"] == 100
    check_stored(hall, candidate, connections=2)


@pytest.mark.parametrize("name", CLIENTS)
def test_client_of_the_page_fits_on_a_page(name: str) -> None:
    assert len(program(name).splitlines()) <= 60


# --- receipts ---


def verify(server: str, receipt: dict[str, Any], directory: Path) -> subprocess.CompletedProcess[str]:
    """Run the verifier of the page."""
    name = "verify_receipt.py"
    (directory / name).write_text(program(name))
    command = [sys.executable, name, server]
    return subprocess.run(
        command, cwd=directory, input=json.dumps(receipt), capture_output=True, text=True, timeout=60, check=False
    )


@on_sqlite
def test_verifier_of_the_page_tells_a_genuine_receipt_from_a_changed_one(
    hall: Hall, candidate: Candidate, tmp_path: Path
) -> None:
    with running("candidate.py", candidate, hall.server.port, tmp_path) as process:
        receipt = end_of(process)["receipt"]
    genuine = verify(hall.server.base_url, receipt, tmp_path)
    assert (genuine.returncode, genuine.stdout) == (0, "This receipt is genuine.\n"), genuine.stderr
    for change in ({"assessment_id": 1 + receipt["assessment_id"]}, {"seq": 1 + receipt["seq"]}, {"head": "00" * 32}):
        changed = verify(hall.server.base_url, receipt | change, tmp_path)
        assert changed.returncode != 0
        assert "InvalidSignature" in changed.stderr


def test_receipt_key_and_signed_lines_of_the_page_belong_together() -> None:
    receipt, key_set = map(json.loads, blocks("json"))
    [key] = key_set["keys"]
    [signed] = [block.encode() for block in blocks("text") if block.startswith("sitting.receipt/1")]
    assert signed == receipt_text(receipt["assessment_id"], receipt["seq"], receipt["head"])
    assert key["kid"] == receipt["key_id"]
    public = Ed25519PublicKey.from_public_bytes(decoded(key["x"]))
    public.verify(decoded(receipt["signature"]), signed)
    with pytest.raises(InvalidSignature):
        public.verify(decoded(receipt["signature"]), signed[:-1])


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
