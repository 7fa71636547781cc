"""A generated section over real sockets and REST: the same question wherever the candidate comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from sitting.domain.errors import Conflict
from sitting.storage.opening import open_storage
from sitting.storage.tables import paper_questions
from sitting.storage.url import DatabaseUrl
from tests.faults.nemesis.crashing_sitting import CRASH_FILE, GO_FILE, PROGRAM
from tests.support.delivery import Candidate, Hall, Line, line, opened_hall, seated
from tests.support.server import SittingProcess
from tests.support.written import GENERATED, make_ready, written_content


def invited(hall: Hall, **generated: Any) -> Candidate:
    """Somebody with an application to a Test of four questions, all in a generated section."""
    sections = [{"name": "written", "generated": {**GENERATED, **generated}}]
    [candidate] = hall.invite_many(hall.publish(sections=sections, navigation="linear"), 1)
    return candidate


@pytest.fixture
def candidate(hall: Hall) -> Candidate:
    return invited(hall)


def ready(hall: Hall, started: Mapping[str, Any], position: int) -> str:
    """A question is written beside the running server, and prepared for that position; its question_id."""

    async def work() -> str:
        storage = open_storage(DatabaseUrl.parse(hall.url))
        try:
            return await make_ready(storage, started["assessment_id"], position, now=datetime.now(UTC))
        finally:
            await storage.database.close()

    return asyncio.run(work())


def presented(hall: Hall, started: Mapping[str, Any]) -> list[tuple[int, str | None]]:
    """The steps in the log: the position, and the question that it brought."""
    log = [entry.body for entry in hall.log_of(started["assessment_id"]) if entry.type == "presented"]
    return [(body["position"], body["question"]["question_id"] if "question" in body else None) for body in log]


def taken_over(own: Line, started: Mapping[str, Any]) -> dict[str, Any]:
    """What a resume on that line says."""
    return own.ask("resume_assessment", "assessment_recovered", assessment_id=started["assessment_id"])


def outline(message: Mapping[str, Any]) -> list[str | None]:
    return [item["question_id"] for item in message["outline"]]


def test_p10_prepared_question_is_shown_and_is_the_same_after_a_reload_on_another_device_and_over_rest(
    hall: Hall, candidate: Candidate
) -> None:
    with seated(candidate) as (own, started):
        first = outline(started)[0]
        assert outline(started) == [first, None, None, None]
        written = ready(hall, started, 2)
        shown = own.ask("get_question", "question", position=2)
        assert shown["question_id"] == written
        assert shown["question"]["text"] == written_content(1).text
        assert own.ask("get_question", "question", question_id=written) == shown
    with line(candidate.address) as reloaded:
        reloaded.send("start_assessment", test_id=candidate.test_id)
        assert outline(reloaded.expect("assessment_started")) == [first, written, None, None]
        assert reloaded.expect("question") == shown
        with line(candidate.address) as device:
            taken = taken_over(device, started)
            assert (outline(taken), taken["position"]) == ([first, written, None, None], 2)
            assert device.ask("get_question", "question", position=2) == shown
        again = hall.act(started["assessment_id"], "resume", {}, token=candidate.token).json()
    asked = {"attachment": again["attachment"], "position": 2}
    over_rest = hall.act(started["assessment_id"], "question", asked, token=candidate.token).json()
    assert {name: over_rest["question"][name] for name in shown} == shown
    assert presented(hall, started) == [(2, written)]


def test_step_over_rest_shows_what_is_prepared_and_the_socket_beside_it_takes_its_answer(
    hall: Hall, candidate: Candidate
) -> None:
    with seated(candidate) as (own, started):
        written = ready(hall, started, 2)
        asked = {"attachment": started["attachment"], "position": 2}
        said = hall.act(started["assessment_id"], "question", asked, token=candidate.token).json()
        assert said["question"]["question_id"] == written
        saved = own.ask("submit_answer", "answer_saved", question_id=written, selected_option=written_content(1).key)
        assert saved["question_id"] == written
    assert presented(hall, started) == [(2, written)]


def test_p26_reserve_is_shown_where_nothing_is_prepared_and_stays(hall: Hall, candidate: Candidate) -> None:
    with seated(candidate) as (own, started):
        shown = own.ask("get_question", "question", position=2)
        with pytest.raises(Conflict):
            ready(hall, started, 2)
        third = ready(hall, started, 3)
        assert own.ask("get_question", "question", position=2) == shown
        assert own.ask("get_question", "question", position=3)["question_id"] == third
    assert presented(hall, started) == [(2, None), (3, third)]


def test_client_without_the_subprotocol_is_led_to_what_was_written(hall: Hall, candidate: Candidate) -> None:
    with line(candidate.address, v1=False) as own:
        own.send("start_assessment", test_id=candidate.test_id)
        started = own.expect("assessment_started")
        written = {position: ready(hall, started, position) for position in (2, 4)}
        seen = []
        for _ in range(4):
            shown = own.expect("question")
            seen.append(shown["question_id"])
            option = shown["question"]["options"][0]["id"]
            own.send("submit_answer", question_id=seen[-1], selected_option=option)
            own.expect("answer_saved")
            own.expect("progress_update")
        end = own.expect("assessment_completed")["results"]
    assert (seen[1], seen[3]) == (written[2], written[4])
    assert (end["answered_questions"], end["generated_questions"], end["total_questions"]) == (4, 2, 4)
    responses = hall.look(f"/assessments/{started['assessment_id']}/responses")["items"]
    assert [each["origin"] for each in responses] == ["bank", "generated", "bank", "generated"]
    assert hall.look(f"/assessments/{started['assessment_id']}/results")["generated_questions"] == 2


def test_reserve_is_out_of_reach_by_its_id_until_it_is_shown(hall: Hall, candidate: Candidate) -> None:
    with seated(candidate) as (own, started):
        reserves = hall.rows(paper_questions, assessment_id=started["assessment_id"])[1:]
        commands: tuple[tuple[str, dict[str, Any]], ...] = (
            ("get_question", {}),
            ("submit_answer", {"selected_option": None}),
            ("flag_question", {"flagged": True}),
        )
        for reserve in reserves:
            for type_, more in commands:
                own.send(type_, question_id=reserve.question_id, **more)
                own.refused("navigation_not_allowed")
        assert presented(hall, started) == []


def test_question_that_was_written_counts_for_nothing_where_the_test_says_so(hall: Hall) -> None:
    candidate = invited(hall, is_scored=False)
    with seated(candidate) as (own, started):
        written = ready(hall, started, 2)
        assert own.ask("get_question", "question", position=2)["question"]["points"] == 0
        own.ask("submit_answer", "answer_saved", question_id=written, selected_option=written_content(1).key)
        results = own.ask("complete_assessment", "assessment_completed")["results"]
    assert (results["total_score"], results["max_score"], results["correct_answers"]) == (0, 3, 1)


def test_p10_server_that_is_killed_between_freezing_and_showing_shows_the_same_question(
    database_url: str, tmp_path: Path
) -> None:
    with killed_on_the_way(database_url, tmp_path, "end or start committed") as (hall, candidate, started, written):
        assert presented(hall, started) == [(2, written)], "it was killed behind the commit"
        hall.server.start()
        with line(candidate.address) as own:
            taken = taken_over(own, started)
            assert (taken["position"], outline(taken)[1]) == (2, written)
            assert own.ask("get_question", "question", position=2)["question_id"] == written
        assert presented(hall, started) == [(2, written)]


def test_p10_server_that_is_killed_before_it_froze_anything_has_frozen_nothing(
    database_url: str, tmp_path: Path
) -> None:
    with killed_on_the_way(database_url, tmp_path, "middle of a step") as (hall, candidate, started, written):
        assert presented(hall, started) == []
        hall.server.start()
        with line(candidate.address) as own:
            assert outline(taken_over(own, started))[1] is None
            assert own.ask("get_question", "question", position=2)["question_id"] == written
        assert presented(hall, started) == [(2, written)]


@contextmanager
def killed_on_the_way(
    database_url: str, directory: Path, where: str
) -> Iterator[tuple[Hall, Candidate, dict[str, Any], str]]:
    """A hall whose server was killed there, on its way to showing a written question, and does not run any more.

    With it whoever asked for position 2, what they heard at their start, and the question that was ready there.
    """
    crash, gate = directory / "crash", directory / "go"
    gate.write_text("\n")
    env = {CRASH_FILE: str(crash), GO_FILE: str(gate)}
    with opened_hall(database_url, directory, env=env, program=PROGRAM) as hall:
        candidate = invited(hall)
        with seated(candidate) as (own, started):
            written = ready(hall, started, 2)
            crash.write_text(where)
            own.send("get_question", position=2)
            check_nothing_shown(own)
        crash.unlink()
        hall.server.kill()
        yield hall, candidate, started, written


def check_nothing_shown(own: Line) -> None:
    """The socket breaks without another question."""
    heard = []
    with suppress(ConnectionClosed):
        while True:
            heard.append(own.read()["type"])
    assert "question" not in heard


def test_p10_other_node_shows_the_frozen_question_and_the_first_one_is_told(
    postgresql_database_url: str, tmp_path: Path
) -> None:
    with (
        opened_hall(postgresql_database_url, tmp_path) as hall,
        SittingProcess.serve(postgresql_database_url, tmp_path) as second,
    ):
        candidate = invited(hall)
        address = candidate.address.replace(hall.server.ws_url, second.ws_url)
        with seated(candidate) as (own, started), line(address) as elsewhere:
            written = ready(hall, started, 2)
            shown = own.ask("get_question", "question", position=2)
            taken = taken_over(elsewhere, started)
            assert (outline(taken)[1], taken["position"]) == (written, 2)
            assert elsewhere.ask("get_question", "question", position=2) == shown
            own.closed(4009)
            third = ready(hall, started, 3)
            assert elsewhere.ask("get_question", "question", position=3)["question_id"] == third
        assert presented(hall, started) == [(2, written), (3, third)]
