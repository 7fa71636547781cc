"""The rehearsal's checker must fail where something was not kept, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from sitting.rehearsal.checker import Checked, Fault, check, unchecked
from sitting.rehearsal.history import Outcome, Record
from sitting.rehearsal.stored import Logged
from tests.support.rehearsed import CANDIDATE, MINUTES, STARTED, TEST, Scene, with_response


def faults(checked: Checked) -> set[Fault]:
    return {finding.fault for finding in checked.findings}


@pytest.fixture
def scene() -> Scene:
    """Two questions answered, the first one twice, and handed in."""
    scene = Scene()
    scene.answer(1, "q_1", "o_wrong")
    scene.answer(2, "q_2", "42")
    scene.answer(3, "q_1", "o_right")
    scene.hand_in()
    return scene


def test_what_was_kept_passes(scene: Scene) -> None:
    checked = scene.checked()
    assert checked.findings == ()
    assert (checked.acknowledged, checked.assessments, checked.scores, checked.unknown) == (3, 1, 1, 0)


def test_acknowledged_answer_that_is_not_there_is_lost(scene: Scene) -> None:
    del scene.given["q_2"]
    assert Fault.LOST in faults(scene.checked())


def test_acknowledged_answer_that_the_log_lacks_is_lost_though_a_newer_one_is_stored(scene: Scene) -> None:
    del scene.logged[0]
    assert faults(scene.checked()) == {Fault.LOST}


def test_acknowledged_answer_under_another_number_of_the_log_is_lost(scene: Scene) -> None:
    scene.logged[0] = replace(scene.logged[0], seq=99)
    assert faults(scene.checked()) == {Fault.LOST}


def test_older_answer_in_place_of_an_acknowledged_one_is_a_regress(scene: Scene) -> None:
    scene.given["q_1"] = ("o_wrong", scene.logged[0].seq)
    assert faults(scene.checked()) == {Fault.REGRESSED}


def test_older_answer_of_the_same_content_is_a_regress_all_the_same() -> None:
    scene = Scene()
    first = scene.answer(1, "q_1", "o_right")
    scene.answer(2, "q_1", "o_right")
    scene.hand_in()
    scene.given["q_1"] = ("o_right", first)
    assert faults(scene.checked()) == {Fault.REGRESSED}


def test_stored_option_that_is_not_the_acknowledged_one_is_found(scene: Scene) -> None:
    stored = with_response(scene.stored(), "q_2", given="43", is_correct=False, points=0)
    assert Fault.PHANTOM in faults(scene.checked(stored))


@pytest.mark.parametrize("is_stored", [True, False])
def test_answer_of_which_nobody_knows_may_be_stored_or_not(*, is_stored: bool) -> None:
    scene = Scene()
    scene.answer(1, "q_1", "o_right")
    op = scene.send(2, "q_1", "o_wrong")
    if is_stored:
        scene.store(2, "q_1", "o_wrong")
    scene.tell("answer", Outcome.UNKNOWN, op=op, why="no reply")
    scene.hand_in()
    checked = scene.checked()
    assert (checked.findings, checked.unknown) == ((), 1)


def test_older_unknown_answer_must_not_replace_an_acknowledged_one() -> None:
    scene = Scene()
    op = scene.send(1, "q_1", "o_wrong")
    scene.tell("answer", Outcome.UNKNOWN, op=op, why="no reply")
    scene.answer(2, "q_1", "o_right")
    scene.store(1, "q_1", "o_wrong")
    scene.hand_in()
    assert faults(scene.checked()) == {Fault.REGRESSED}


def test_resend_that_is_acknowledged_decides_an_unknown_answer() -> None:
    scene = Scene()
    op = scene.send(1, "q_1", "o_right")
    scene.tell("answer", Outcome.UNKNOWN, op=op, why="no reply")
    again = scene.send(1, "q_1", "o_right")
    scene.tell("answer", Outcome.OK, op=again, seq=3)
    scene.hand_in()
    assert faults(scene.checked()) == {Fault.LOST}


def test_refusal_that_decides_nothing_leaves_an_answer_unknown() -> None:
    scene = Scene()
    for event, said in ((Outcome.UNKNOWN, {"why": "no reply"}), (Outcome.FAILED, {"code": "rate_limited"})):
        scene.tell("answer", event, op=scene.send(1, "q_1", "o_right"), **said)
    scene.store(1, "q_1", "o_right")
    scene.hand_in()
    assert scene.checked().findings == ()


def test_refused_answer_must_not_be_stored() -> None:
    scene = Scene()
    scene.tell("answer", Outcome.FAILED, op=scene.send(1, "q_1", "o_right"), code="deadline_passed")
    scene.store(1, "q_1", "o_right")
    scene.hand_in()
    assert faults(scene.checked()) == {Fault.PHANTOM}


def test_answer_that_nobody_gave_is_found(scene: Scene) -> None:
    scene.logged.append(Logged(50, "q_1", "o_other", "here", 44, "saved"))
    assert faults(scene.checked()) == {Fault.PHANTOM}


def test_answer_stored_twice_is_found(scene: Scene) -> None:
    scene.logged.append(replace(scene.logged[1], seq=50))
    assert Fault.TWICE in faults(scene.checked())


def test_answer_acknowledged_under_two_numbers_is_found() -> None:
    scene = Scene()
    scene.answer(1, "q_1", "o_right")
    scene.tell("answer", Outcome.OK, op=scene.send(1, "q_1", "o_right"), seq=77)
    scene.hand_in()
    assert faults(scene.checked()) == {Fault.TWICE}


@pytest.mark.parametrize(
    ("question_id", "changes"),
    [
        ("q_2", {"points": 2}),
        ("q_2", {"is_correct": False}),
        ("q_1", {"max_points": 2}),
        ("q_1", {"points": None}),
    ],
)
def test_wrongly_scored_response_is_found(scene: Scene, question_id: str, changes: dict[str, object]) -> None:
    assert faults(scene.checked(with_response(scene.stored(), question_id, **changes))) == {Fault.SCORE}


@pytest.mark.parametrize(
    "wrong",
    [
        {"total_score": 3},
        {"percentage_score": 99.9},
        {"max_score": 5},
        {"passed": False},
        {"total_score": None},
    ],
)
def test_wrong_sum_is_found(scene: Scene, wrong: dict[str, object]) -> None:
    scene.row.update(wrong)
    assert faults(scene.checked()) == {Fault.SCORE}


@pytest.mark.parametrize("name", ["correct_answers", "answered_questions"])
def test_wrong_count_in_the_results_is_found(scene: Scene, name: str) -> None:
    stored = scene.stored()
    assert faults(scene.checked(replace(stored, results={**stored.results, name: 9}))) == {Fault.SCORE}


def test_status_other_than_the_acknowledged_hand_in_is_found(scene: Scene) -> None:
    end = STARTED + timedelta(minutes=60)
    scene.row.update(status="timeout", end_time=end.isoformat())
    assert faults(scene.checked()) == {Fault.STATUS}


def test_end_behind_the_deadline_is_found(scene: Scene) -> None:
    scene.row["end_time"] = (STARTED + timedelta(minutes=61)).isoformat()
    assert faults(scene.checked()) == {Fault.END}


def test_deadline_that_moved_is_found(scene: Scene) -> None:
    scene.row["deadline_at"] = (STARTED + timedelta(minutes=61)).isoformat()
    assert faults(scene.checked()) == {Fault.END}


def test_assessment_that_times_out_must_end_at_its_deadline() -> None:
    closes_at = STARTED + timedelta(minutes=60)
    scene = Scene()
    scene.staged = replace(scene.staged, minutes=None, closes_at=closes_at)
    scene.row.update(status="timeout", end_time=closes_at.isoformat())
    assert scene.checked().findings == ()
    scene.row.update(end_time=(closes_at + timedelta(seconds=1)).isoformat())
    assert faults(scene.checked()) == {Fault.END}


def test_assessment_that_is_open_behind_its_deadline_is_found() -> None:
    scene = Scene()
    scene.staged = replace(scene.staged, minutes=None, closes_at=STARTED + timedelta(minutes=60))
    scene.row.update(status="started", end_time=None)
    assert faults(scene.checked()) == {Fault.STATUS}


def test_second_assessment_of_one_start_is_found(scene: Scene) -> None:
    stored = scene.stored()
    scene.others.append(replace(stored, row={**stored.row, "assessment_id": 8}))
    assert faults(scene.checked()) == {Fault.ATTEMPTS}


def test_assessment_that_is_not_there_is_found(scene: Scene) -> None:
    stored = scene.stored()
    assert Fault.ATTEMPTS in faults(scene.checked(replace(stored, row={**stored.row, "assessment_id": 8})))


def test_candidate_who_was_told_another_score_than_staff_is_found(scene: Scene) -> None:
    scene.tell("end", Outcome.OK, results={**scene.stored().results, "total_score": 1})
    assert faults(scene.checked()) == {Fault.TOLD}


def test_history_survives_being_written_down_and_read(scene: Scene) -> None:
    record = Record(1.5, 3, Outcome.OK, "answer", 4, "main", {"seq": 3, "é": None})
    assert Record.from_line(record.to_line()) == record


def test_what_could_not_be_read_back_does_not_pass_and_is_no_fault_of_the_server(scene: Scene) -> None:
    checked = unchecked(list(scene.claims.taken.values()), "nobody answers")
    assert not checked.passed
    assert checked.findings == ()
    assert checked.acknowledged == 3


def test_assessment_may_be_open_if_the_rehearsal_was_stopped_before_its_deadline(scene: Scene) -> None:
    staged = replace(TEST, minutes=None, closes_at=STARTED + timedelta(minutes=MINUTES))
    taken = Scene().claims.taken.values()
    row = {**scene.stored().row, "status": "in_progress", "end_time": None}
    stored = replace(scene.stored(), row=row, responses={}, logged=[], results=row)

    def statuses(*, closed: bool) -> set[Fault]:
        all_stored = {(CANDIDATE, TEST.name): [stored]}
        return faults(check(list(taken), all_stored, {}, {TEST.name: staged}, closed=closed))

    assert statuses(closed=False) == set()
    assert statuses(closed=True) == {Fault.STATUS}
