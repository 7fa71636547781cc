"""The client on docs/protocol.md that takes a test over REST works, on a network that does not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from sitting.storage.tables import assessment_responses, assessments
from tests.docs.test_protocol_examples import on_sqlite, program
from tests.support.bad_network import BadNetwork, Cut
from tests.support.delivery import Candidate, Hall

NAME = "candidate_rest.py"


def reply_is_lost(request: bytes) -> Cut:
    """A connection that ends with the reply to a request which begins so."""
    seen = threading.Event()

    def cut(speaker: str, data: bytes) -> bool:
        if speaker == "client" and re.match(request, data):
            seen.set()
        return speaker == "server" and seen.is_set()

    return cut


def run(candidate: Candidate, port: int, directory: Path) -> dict[str, Any]:
    """What the program of the page prints at the end."""
    (directory / NAME).write_text(program(NAME))
    command = [sys.executable, NAME, f"http://127.0.0.1:{port}", candidate.token, str(candidate.test_id)]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    end: dict[str, Any] = json.loads(done.stdout)
    return end


@on_sqlite
def test_client_without_a_socket_completes_though_replies_are_lost(hall: Hall, tmp_path: Path) -> None:
    candidate = hall.invite()
    start, answer, complete = rb"POST /api/v1/assessments ", rb"POST \S+/answers ", rb"POST \S+/complete "
    cuts = [reply_is_lost(start), *(5 * [reply_is_lost(answer)]), *(10 * [reply_is_lost(complete)])]
    with BadNetwork(hall.server.port, cuts) as network:
        end = run(candidate, network.port, tmp_path)
    assert (end["reason"], end["results"]["percentage_score"]) == ("submitted", 100)
    [row] = hall.rows(assessments, user_id=candidate.user_id)
    assert (row.status, row.end_reason) == ("completed", "submitted")
    assert len(hall.rows(assessment_responses, assessment_id=row.id)) == len(candidate.questions)
    log = hall.log_of(row.id)
    answers = [each["client_seq"] for entry in log if entry.type == "answered" for each in entry.body["answers"]]
    assert answers == list(range(1, 1 + len(candidate.questions)))
    assert [entry.type for entry in log].count("attached") == 2, "the start whose reply was lost, and its repetition"


@on_sqlite
def test_client_without_a_socket_goes_on_where_it_was_stopped(hall: Hall, tmp_path: Path) -> None:
    candidate = hall.invite()
    held = hall.post("/assessments", {"test_id": candidate.test_id}, token=candidate.token)
    asked = candidate.questions[0]
    pending = {"question_id": asked.question_id, "selected_option": asked.right, "client_id": "x", "client_seq": 1}
    notes = {"client_id": "x", "client_seq": 1, "assessment_id": held["assessment_id"], "pending": [pending]}
    (tmp_path / f"sitting-rest-{candidate.test_id}.json").write_text(json.dumps(notes))
    assert run(candidate, hall.server.port, tmp_path)["results"]["answered_questions"] == len(candidate.questions)
    log = [entry.type for entry in hall.log_of(held["assessment_id"])]
    assert log == ["started", "attached", "attached", *(["answered"] * len(candidate.questions)), "finalized"]


def test_client_without_a_socket_says_why_it_may_not_start(hall: Hall, tmp_path: Path) -> None:
    candidate = hall.invite()
    hall.post("/assessments", {"test_id": candidate.test_id}, token=candidate.token)
    stranger = Candidate(**{**vars(candidate), "test_id": hall.publish()})
    with pytest.raises(AssertionError, match="You have no application for this test"):
        run(stranger, hall.server.port, tmp_path)
