"""Several devices of one candidate: what each typed offline, the same questions on all, and one clock for all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from sitting.storage.tables import assessment_responses
from tests.support.delivery import Asked, Candidate, Hall, Line, line, now, opened_hall, seated
from tests.support.server import SittingProcess

HOUR = timedelta(hours=1)
SAID_ONCE = ("seq", "digest", "saved_at")


def item(client: str, number: int, asked: Asked, option: str | None, base: int | None = None) -> dict[str, Any]:
    """One answer of that installation, typed over the stored version `base`."""
    said = {"question_id": asked.question_id, "selected_option": option, "client_id": client, "client_seq": number}
    return said if base is None else said | {"base_seq": base}


@contextmanager
def resumed(
    candidate: Candidate, assessment_id: int, *pending: dict[str, Any]
) -> Iterator[tuple[Line, dict[str, Any]]]:
    """Another device goes on, with what it has typed; and what it was told."""
    with line(candidate.address) as own:
        claim = {"assessment_id": assessment_id, "pending": list(pending)}
        yield own, own.ask("resume_assessment", "assessment_recovered", **claim)


def hand_in(candidate: Candidate, assessment_id: int, *pending: dict[str, Any]) -> dict[str, Any]:
    """What a device is told that brings those answers and leaves."""
    with resumed(candidate, assessment_id, *pending) as (_, recovered):
        return recovered


def outcomes(recovered: dict[str, Any]) -> list[str]:
    return [ack["outcome"] for ack in recovered["acknowledged"]]


def standing(recovered: dict[str, Any]) -> dict[str, str | None]:
    """The option that stands, by question."""
    return {each["question_id"]: each["selected_option"] for each in recovered["responses"]}


# --- answers ---


def test_p04_resume_gives_the_fold_of_all_acknowledged_answers_of_both_devices(hall: Hall) -> None:
    candidate = hall.invite()
    first, second, third, _ = candidate.questions
    with seated(candidate) as (laptop, started):
        assessment_id = started["assessment_id"]
        acks = [
            laptop.answer(first, first.right, client_id="laptop", client_seq=1),
            laptop.answer(second, second.wrong, client_id="laptop", client_seq=2),
        ]
    with resumed(candidate, assessment_id) as (phone, _):
        acks += [
            phone.answer(second, second.right, client_id="phone", client_seq=1, base_seq=acks[1]["seq"]),
            phone.answer(third, None, client_id="phone", client_seq=2),
        ]
    newest = {ack["question_id"]: ack["seq"] for ack in acks}
    expected = {first.question_id: first.right, second.question_id: second.right, third.question_id: None}
    for _ in range(2):
        recovered = hand_in(candidate, assessment_id)
        assert standing(recovered) == expected
        assert {each["question_id"]: each["seq"] for each in recovered["responses"]} == newest
    rows = hall.rows(assessment_responses, assessment_id=assessment_id)
    assert {row.question_id: row.selected_option for row in rows} == expected


def test_p05_answer_typed_over_an_older_version_does_not_replace_what_another_device_stored(hall: Hall) -> None:
    candidate = hall.invite()
    first, second, *_ = candidate.questions
    with seated(candidate) as (laptop, started):
        assessment_id = started["assessment_id"]
        over = laptop.answer(first, first.wrong, client_id="laptop", client_seq=1, base_seq=0)["seq"]
    with resumed(candidate, assessment_id) as (phone, _):
        phone.answer(first, first.right, client_id="phone", client_seq=1, base_seq=over)
        cleared = phone.answer(second, None, client_id="phone", client_seq=2, base_seq=0)["seq"]
    recovered = hand_in(
        candidate,
        assessment_id,
        item("laptop", 2, first, first.wrong, over),
        item("laptop", 3, second, second.wrong, 0),
        item("laptop", 4, second, second.right, cleared),
    )
    assert outcomes(recovered) == ["superseded", "superseded", "saved"]
    assert standing(recovered) == {first.question_id: first.right, second.question_id: second.right}


def test_p05_answer_that_its_own_device_has_overtaken_does_not_come_back_behind_another_device(hall: Hall) -> None:
    candidate = hall.invite()
    asked = candidate.questions[0]
    with seated(candidate) as (laptop, started):
        assessment_id = started["assessment_id"]
        own = laptop.answer(asked, asked.right, client_id="laptop", client_seq=2)["seq"]
    with resumed(candidate, assessment_id) as (phone, _):
        other = phone.answer(asked, asked.right, client_id="phone", client_seq=1, base_seq=own)["seq"]
    for base in (None, own, other):
        recovered = hand_in(candidate, assessment_id, item("laptop", 1, asked, asked.wrong, base))
        assert outcomes(recovered) == ["superseded"]
        assert standing(recovered) == {asked.question_id: asked.right}


def test_p06_answers_of_two_devices_sent_again_have_one_effect_and_the_same_acknowledgement(hall: Hall) -> None:
    candidate = hall.invite()
    first, second, *_ = candidate.questions
    with seated(candidate) as (_, started):
        assessment_id = started["assessment_id"]
    laptop, phone = item("laptop", 1, first, first.right, 0), item("phone", 1, second, second.right, 0)
    told = [hand_in(candidate, assessment_id, each)["acknowledged"][0] for each in (laptop, phone)]
    for _ in range(2):
        again = hand_in(candidate, assessment_id, phone, laptop, phone)
        assert outcomes(again) == ["duplicate"] * 3
        acks = [{name: ack[name] for name in SAID_ONCE} for ack in again["acknowledged"]]
        assert acks == [{name: told[device][name] for name in SAID_ONCE} for device in (1, 0, 1)]
    other = hand_in(candidate, assessment_id, item("laptop", 1, first, first.wrong, 0))
    assert [(ack["outcome"], ack["code"]) for ack in other["acknowledged"]] == [("refused", "client_seq_conflict")]
    assert [entry.type for entry in hall.log_of(assessment_id)].count("answered") == 2


def test_p06_pair_sent_by_both_connections_of_one_installation_is_stored_once(hall: Hall) -> None:
    candidate = hall.invite()
    asked = candidate.questions[0]
    same = item("laptop", 1, asked, asked.right, 0)
    with seated(candidate) as (older, started):
        older.send("submit_answer", **same)
        recovered = hand_in(candidate, started["assessment_id"], same)
        assert outcomes(recovered) in (["saved"], ["duplicate"])
    answered = [entry for entry in hall.log_of(started["assessment_id"]) if entry.type == "answered"]
    assert [ack["seq"] for ack in recovered["acknowledged"]] == [entry.seq for entry in answered]


def test_p07_every_outcome_names_what_was_stored_and_what_stands_is_nothing_else(hall: Hall) -> None:
    candidate = hall.invite()
    first, second, third, fourth = candidate.questions
    with seated(candidate) as (laptop, started):
        assessment_id = started["assessment_id"]
        saved = laptop.answer(first, first.right, client_id="laptop", client_seq=1, base_seq=0)
    with resumed(candidate, assessment_id, item("phone", 1, second, second.right, 0)) as (_, seen):
        [stored] = seen["acknowledged"]
    recovered = hand_in(
        candidate,
        assessment_id,
        item("laptop", 1, first, first.right, 0),
        item("laptop", 2, second, second.wrong, 0),
        item("laptop", 3, third, third.right, 0),
        item("laptop", 4, fourth, "o_none", 0),
    )
    assert outcomes(recovered) == ["duplicate", "superseded", "saved", "refused"]
    acks = recovered["acknowledged"]
    assert {name: acks[0][name] for name in SAID_ONCE} == {name: saved[name] for name in SAID_ONCE}
    log = {entry.seq: entry for entry in hall.log_of(assessment_id)}
    kept = {(answer["client_seq"], answer["verdict"]) for answer in log[acks[2]["seq"]].body["answers"]}
    assert kept == {(2, "superseded"), (3, "saved")}
    assert acks[3]["seq"] is None
    responses = {each["question_id"]: each["seq"] for each in recovered["responses"]}
    expected = {first: saved["seq"], second: stored["seq"], third: acks[2]["seq"]}
    assert responses == {asked.question_id: seq for asked, seq in expected.items()}


def test_p07_answer_of_another_device_behind_the_end_is_called_late_and_never_saved(hall: Hall) -> None:
    candidate = hall.invite()
    first, second, *_ = candidate.questions
    with seated(candidate) as (laptop, started):
        laptop.answer(first, first.right, client_id="laptop", client_seq=1)
        laptop.ask("complete_assessment", "assessment_completed")
    late = item("phone", 1, second, second.right, 0)
    for _ in range(2):
        recovered = hand_in(candidate, started["assessment_id"], late, item("laptop", 1, first, first.right))
        assert outcomes(recovered) == ["late", "duplicate"]
        assert recovered["acknowledged"][0]["code"] == "assessment_over"
        assert standing(recovered) == {first.question_id: first.right}
    assert [entry.type for entry in hall.log_of(started["assessment_id"])].count("late_answer") == 1


def test_p14_of_answers_in_a_row_against_a_takeover_none_is_there_without_the_one_before(hall: Hall) -> None:
    for turn in range(8):
        candidate = hall.invite()
        with seated(candidate) as (older, started), line(candidate.address) as newer:
            for number, asked in enumerate(candidate.questions, start=1):
                if number == 1 + turn % 4:
                    newer.send("resume_assessment", assessment_id=started["assessment_id"])
                older.send("submit_answer", **item("laptop", number, asked, asked.right, 0))
            recovered = newer.expect("assessment_recovered")
            acked = [each["data"]["client_seq"] for each in older.closed(4009) if each["type"] == "answer_saved"]
        in_order = [asked.question_id for asked in candidate.questions]
        assert acked == list(range(1, 1 + len(acked)))
        assert list(standing(recovered)) == in_order[: len(acked)]
        rows = hall.rows(assessment_responses, assessment_id=started["assessment_id"])
        assert {row.question_id for row in rows} == set(standing(recovered)), "nothing followed the takeover"


# --- questions ---


def shown_to(own: Line) -> list[dict[str, Any]]:
    """All questions of the paper, as the candidate sees them."""
    return [own.ask("get_question", "question", position=position) for position in range(1, 5)]


def test_p10_wording_order_and_points_stay_on_every_device_though_the_bank_is_edited_and_archived(hall: Hall) -> None:
    made = [hall.post("/questions", question_body(number)) for number in range(1, 5)]
    questions = [{"question_id": each["question_id"], "points": 2} for each in made]
    test_id = hall.publish(sections=[{"questions": questions, "shuffle": True}], shuffle_options=True)
    [candidate] = hall.invite_many(test_id, 1)
    with seated(candidate) as (own, started):
        seen = shown_to(own)
    edited, archived, both, _ = [each["question_id"] for each in made]
    for question_id in (edited, both):
        change(hall, "PUT", f"/questions/{question_id}", question_body(9))
    for question_id in (archived, both):
        change(hall, "DELETE", f"/questions/{question_id}")
    for _ in range(2):
        with resumed(candidate, started["assessment_id"]) as (own, recovered):
            assert shown_to(own) == seen
            assert [slot["points"] for slot in recovered["outline"]] == [2, 2, 2, 2]
            assert [slot["question_id"] for slot in recovered["outline"]] == [
                each["question_id"] for each in started["outline"]
            ]


def change(hall: Hall, method: str, path: str, body: Any = None) -> None:
    """Staff change the bank."""
    headers = {"Authorization": f"Bearer {hall.tokens[0]}"}
    response = httpx2.request(method, f"{hall.server.base_url}/api/v1{path}", json=body, headers=headers, timeout=30)
    assert response.is_success, response.text


def question_body(number: int) -> dict[str, Any]:
    """A question for the bank; its first option is right."""
    options = [{"text": f"{number} {word}", "correct": word == "one"} for word in ("one", "two", "three", "four")]
    return {"skill": "Counting", "difficulty": "easy", "text": f"How many are {number}?", "options": options}


# --- time ---


def check_clock(said: dict[str, Any], deadline_at: str) -> None:
    """The deadline is that one, and the remaining time is right within a second."""
    assert said.get("deadline_at", deadline_at) == deadline_at
    remaining = (datetime.fromisoformat(deadline_at) - now()).total_seconds()
    assert abs(said["remaining_seconds"] - remaining) < 1


@pytest.mark.parametrize("off", [HOUR, -HOUR], ids=["ahead", "behind"])
def test_p16_client_whose_clock_is_off_by_an_hour_changes_no_time(hall: Hall, off: timedelta) -> None:
    candidate = hall.invite()
    asked = candidate.questions[0]
    wrong = (now() + off).isoformat()
    claimed = dict.fromkeys(("server_time", "sent_at", "arrived_at", "saved_at", "started_at", "deadline_at"), wrong)
    with line(candidate.address, v1=False) as own:
        started = own.ask("start_assessment", "assessment_started", test_id=candidate.test_id, **claimed)
        own.expect("question")
        deadline_at = started["deadline_at"]
        saved = own.answer(asked, asked.right, client_id="laptop", client_seq=1, **claimed)
        own.expect("question")
        check_clock(own.ask("heartbeat", "pong", remaining_seconds=1, **claimed), deadline_at)
    with line(candidate.address, v1=False) as phone:
        pending = item("phone", 1, candidate.questions[1], candidate.questions[1].right, 0) | claimed
        claim = {"assessment_id": started["assessment_id"], "pending": [pending]} | claimed
        recovered = phone.ask("resume_assessment", "assessment_recovered", **claim)
        check_clock(recovered, deadline_at)
    assert outcomes(recovered) == ["saved"]
    for stored in (saved, *recovered["acknowledged"]):
        assert abs(datetime.fromisoformat(stored["saved_at"]) - now()) < timedelta(minutes=1)
    answered = [entry.body for entry in hall.log_of(started["assessment_id"]) if entry.type == "answered"]
    assert all(abs(datetime.fromisoformat(body["arrived_at"]) - now()) < timedelta(minutes=1) for body in answered)


def test_p17_refresh_and_second_device_neither_add_nor_take_time(hall: Hall) -> None:
    candidate = hall.invite()
    with seated(candidate) as (own, started):
        deadline_at = started["deadline_at"]
        for _ in range(3):
            check_clock(own.ask("resume_assessment", "assessment_recovered", **known(started)), deadline_at)
    for number in range(3):
        with line(candidate.address) as own:
            check_clock(own.start(candidate), deadline_at)
            with resumed(candidate, started["assessment_id"]) as (phone, recovered):
                check_clock(recovered, deadline_at)
                asked = candidate.questions[number]
                phone.answer(asked, asked.right)
                check_clock(phone.ask("heartbeat", "pong"), deadline_at)
    log = hall.log_of(started["assessment_id"])
    assert {entry.type for entry in log} <= {"started", "attached", "detached", "answered"}
    assert hand_in(candidate, started["assessment_id"])["time_credits"] == []


def known(started: dict[str, Any]) -> dict[str, Any]:
    """What a window names that goes on by itself."""
    return {"assessment_id": started["assessment_id"], "attachment": started["attachment"]}


def test_p17_restart_of_the_node_neither_adds_nor_takes_time(database_url: str, tmp_path: Path) -> None:
    with opened_hall(database_url, tmp_path) as hall:
        candidate = hall.invite()
        with seated(candidate) as (own, started):
            deadline_at = started["deadline_at"]
            own.answer(candidate.questions[0], candidate.questions[0].right)
            for stop in (hall.server.kill, hall.server.terminate):
                stop()
                hall.server.start()
                with resumed(candidate, started["assessment_id"]) as (phone, recovered):
                    check_clock(recovered, deadline_at)
                    check_clock(phone.ask("heartbeat", "pong"), deadline_at)
        assert {entry.type for entry in hall.log_of(started["assessment_id"])} <= {
            "started",
            "attached",
            "detached",
            "answered",
        }


def test_p16_remaining_time_is_right_on_another_node(postgresql_database_url: str, tmp_path: Path) -> None:
    with (
        opened_hall(postgresql_database_url, tmp_path) as hall,
        SittingProcess.serve(postgresql_database_url, tmp_path) as second,
    ):
        candidate = hall.invite()
        with seated(candidate) as (_, started):
            address = candidate.address.replace(hall.server.ws_url, second.ws_url)
            with line(address) as elsewhere:
                claim = {"assessment_id": started["assessment_id"]}
                recovered = elsewhere.ask("resume_assessment", "assessment_recovered", **claim)
                check_clock(recovered, started["deadline_at"])
                check_clock(elsewhere.ask("heartbeat", "pong"), started["deadline_at"])
