"""A node that is told to stop, and one that is frozen while the candidate goes on elsewhere."""

from __future__ import annotations

from pathlib import Path

from tests.support.delivery import QUESTIONS, Candidate, Hall, line, opened_hall, seated
from tests.support.server import SittingProcess


def test_node_that_is_told_to_stop_lets_everybody_go_and_takes_them_back(database_url: str, tmp_path: Path) -> None:
    with opened_hall(database_url, tmp_path) as hall:
        candidate, other = hall.invite(), hall.invite()
        asked = candidate.questions[0]
        with seated(candidate) as (own, started), line(other.address) as waiting, line(hall.server.ws_url) as silent:
            saved = own.answer(asked, asked.right)
            assert hall.server.terminate() == 0
            for one in (own, waiting, silent):
                assert one.closed(1012) == []
        hall.server.start()
        with line(candidate.address) as own:
            again = own.ask("resume_assessment", "assessment_recovered", assessment_id=started["assessment_id"])
        assert [response["seq"] for response in again["responses"]] == [saved["seq"]]
        assert again["remaining_seconds"] < started["remaining_seconds"]
        assert [(entry.type, entry.body.get("how")) for entry in hall.log_of(started["assessment_id"])[2:5]] == [
            ("answered", None),
            ("detached", None),
            ("attached", "resume"),
        ]
        stop_amid_answers(hall, other)


def stop_amid_answers(hall: Hall, candidate: Candidate) -> None:
    """What is acknowledged while the node stops is in the log, with that option."""
    rights = {asked.question_id: asked.right for asked in candidate.questions}
    with seated(candidate) as (own, started):
        for number in range(32):
            asked = candidate.questions[number % QUESTIONS]
            own.send("submit_answer", question_id=asked.question_id, selected_option=asked.right)
        assert hall.server.terminate() == 0
        acks = [message["data"] for message in own.closed(1012) if message["type"] == "answer_saved"]
    stored = {
        (entry.seq, answer["selected_option"])
        for entry in hall.log_of(started["assessment_id"])
        if entry.type == "answered"
        for answer in entry.body["answers"]
    }
    assert {(ack["seq"], rights[ack["question_id"]]) for ack in acks} <= stored


def test_p20_frozen_node_that_wakes_behind_a_takeover_acknowledges_nothing(
    postgresql_database_url: str, tmp_path: Path
) -> None:
    with (
        opened_hall(postgresql_database_url, tmp_path) as hall,
        SittingProcess.serve(postgresql_database_url, tmp_path) as second,
    ):
        candidate = hall.invite()
        asked = candidate.questions[0]
        with seated(candidate) as (frozen, started):
            before = frozen.answer(asked, asked.right)
            hall.server.pause()
            try:
                for seq in (1, 2):
                    frozen.send(
                        "submit_answer",
                        "lost",
                        question_id=asked.question_id,
                        selected_option=asked.wrong,
                        client_id="old",
                        client_seq=seq,
                    )
                with line(candidate.address.replace(hall.server.ws_url, second.ws_url)) as elsewhere:
                    taken = elsewhere.start(candidate)
                    after = elsewhere.answer(asked, asked.right)
            finally:
                hall.server.resume()
            assert frozen.refused("attachment_stale")["reply_to"] == "lost"
            assert frozen.closed(4009) == []
        log = hall.log_of(started["assessment_id"])
    assert [response["seq"] for response in taken["responses"]] == [before["seq"]]
    kept = [entry.type for entry in log if entry.type != "detached"]
    assert kept == ["started", "attached", "answered", "attached", "answered"]
    assert (log[3].seq, log[4].seq) == (taken["attachment"], after["seq"])
    assert log[3].body["how"] == "takeover"
