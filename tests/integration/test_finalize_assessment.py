"""The end: by the rules of time, once however many bring it about, and with every acknowledged answer in the score."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from datetime import timedelta
from typing import Any

import pytest

from sitting.domain.assessment import fold
from sitting.domain.errors import AssessmentNotFound, AttachmentStale, DeadlinePassed, Unavailable
from sitting.domain.events import EndReason, Verdict
from sitting.domain.live import LiveAssessment, completed_message, receipt_of, results_of
from sitting.domain.scoring import grade
from sitting.storage.repositories.assessments import AssessmentRepository, given_answer, paper_from_slots
from sitting.storage.repositories.events import EventRepository
from sitting.storage.tables import assessment_responses
from sitting.storage.unit_of_work import Storage
from sitting.usecases.resume_assessment import resume_assessment
from tests.support.builders import SIGNER, Seat, begin, finalize, invite, publish_test, seated
from tests.support.clock import NOON
from tests.support.storage import Nodes, assessment_row, log_of, rows

DEADLINE = NOON + timedelta(minutes=30)
GRACE = timedelta(seconds=5)
DRAIN = timedelta(seconds=5)
TICK = timedelta(milliseconds=1)
CLOSABLE = DEADLINE + GRACE + DRAIN
MONTH = timedelta(days=30)


Standing = tuple[int, int, int, list[tuple[str, bool | None, int]]]
"""Total, maximum, percentage, and (question_id, is_correct, points) of each response."""


async def recomputed(storage: Storage, assessment_id: int) -> Standing:
    """The score that the stored paper and responses give."""
    async with storage.reading() as unit:
        slots = await unit.assessments.paper_slots(assessment_id)
        contents = await unit.questions.contents(slot.content_digest for slot in slots)
        responses = await unit.assessments.responses(assessment_id)
        version = await unit.blueprints.version((await unit.assessments.select(assessment_id)).test_version_id)
    given = {row.question_id: given_answer(row) for row in responses}
    score = grade(paper_from_slots(slots, contents), given, version.blueprint)
    return (
        score.total,
        score.maximum,
        score.percentage,
        sorted((item.question_id, item.is_correct, item.points) for item in score.items),
    )


async def stored_score(storage: Storage, assessment_id: int) -> Standing:
    """The score as it stands in the tables."""
    row = await assessment_row(storage, assessment_id)
    responses = await rows(storage, assessment_responses, assessment_id=assessment_id)
    items = sorted((response.question_id, response.is_correct, response.points) for response in responses)
    return row.total_score, row.max_score, row.percentage_score, items


# --- what stands at the end ---


async def test_submission_is_graded_and_signed(storage: Storage) -> None:
    seat = await seated(storage, 3, pass_mark=60_000)
    await seat.answer(1)
    await seat.answer(2)
    await seat.answer(3, right=False)
    live = await seat.finish(at=NOON + timedelta(minutes=12))
    row = await assessment_row(storage, seat.assessment_id)
    assert (row.status, row.end_reason, row.end_time) == ("completed", "submitted", NOON + timedelta(minutes=12))
    assert (row.total_score, row.max_score, row.percentage_score, row.passed) == (2000, 3000, 66_667, True)
    assert row.time_taken_minutes == 12
    assert (row.head_seq, row.head_hash) == (row.receipt_seq, row.receipt_head) == (6, live.state.head)
    receipt = receipt_of(live.assessment)
    assert receipt is not None
    assert SIGNER.verifies(receipt)
    assert await log_of(storage, seat.assessment_id) == ["started", "attached", *["answered"] * 3, "finalized"]


async def test_results_say_what_the_row_says(storage: Storage) -> None:
    seat = await seated(storage, 4, pass_mark=100_000)
    await seat.answer(1)
    live = await seat.finish(at=NOON + timedelta(minutes=12))
    results = results_of(live)
    assert (results.total_score, results.max_score, results.percentage_score, results.passed) == (1.0, 4.0, 25.0, False)
    assert (results.answered_questions, results.correct_answers, results.total_questions) == (1, 1, 4)
    assert (results.status, results.end_time) == ("completed", NOON + timedelta(minutes=12))
    assert results.scheduler_compliance is not None
    assert results.scheduler_compliance.within_time_limit
    assert results.scheduler_compliance.notes == "Completed in 12 minutes"


async def test_cleared_and_missing_answers_score_nothing(storage: Storage) -> None:
    seat = await seated(storage, 3)
    await seat.answer(1)
    await seat.send(seat.make_cleared(1))
    await seat.finish()
    total, _, _, items = await stored_score(storage, seat.assessment_id)
    assert (total, [item[1:] for item in items]) == (0, [(None, 0)])


async def test_nothing_answered_is_a_result_too(storage: Storage) -> None:
    seat = await seated(storage, 2, pass_mark=0)
    await seat.finish()
    row = await assessment_row(storage, seat.assessment_id)
    assert (row.status, row.total_score, row.percentage_score, row.passed) == ("completed", 0, 0, True)


async def test_p13_stored_score_is_what_a_recomputation_gives(storage: Storage) -> None:
    seat = await seated(storage, 5)
    for position, right in ((1, True), (2, False), (3, True), (3, False), (4, True)):
        await seat.answer(position, right=right)
    await seat.send(seat.make_cleared(1))
    await seat.finish()
    assert await stored_score(storage, seat.assessment_id) == await recomputed(storage, seat.assessment_id)
    assert (await stored_score(storage, seat.assessment_id))[0] == 1000


async def test_p27_fold_of_the_log_says_what_the_tables_say(storage: Storage) -> None:
    seat = await seated(storage, 3)
    await seat.answer(1, right=False)
    await seat.answer(1)
    await seat.answer(2)
    await seat.finish()
    async with storage.reading() as unit:
        state = fold(seat.assessment_id, await unit.events.read(seat.assessment_id))
    row = await assessment_row(storage, seat.assessment_id)
    responses = await rows(storage, assessment_responses, assessment_id=seat.assessment_id)
    assert {r.question_id: (given_answer(r), r.seq) for r in responses} == {
        question_id: (stored.record.given, stored.seq) for question_id, stored in state.responses.items()
    }
    assert state.ended is not None
    assert (row.status, row.total_score, row.end_time) == (state.status, state.ended.total_score, state.ended.end_time)
    assert (row.head_seq, row.head_hash) == (state.seq, state.head)


# --- when it may end, and when it did ---


async def test_submission_counts_by_its_arrival(storage: Storage) -> None:
    for arrived_at, end_time in (
        (NOON, NOON),
        (DEADLINE, DEADLINE),
        (DEADLINE + TICK, DEADLINE),
        (DEADLINE + GRACE, DEADLINE),
    ):
        seat = await seated(storage, 1)
        await seat.finish(at=arrived_at)
        row = await assessment_row(storage, seat.assessment_id)
        assert (row.status, row.end_time) == ("completed", end_time)


async def test_submission_behind_the_grace_is_refused(storage: Storage) -> None:
    seat = await seated(storage, 1)
    for arrived_at in (DEADLINE + GRACE + TICK, CLOSABLE):
        with pytest.raises(DeadlinePassed):
            await seat.finish(at=arrived_at)
    assert (await assessment_row(storage, seat.assessment_id)).status == "started"


async def test_submission_that_was_dealt_with_late_counts_by_its_arrival(storage: Storage) -> None:
    seat = await seated(storage, 1)
    await seat.finish(at=CLOSABLE, arrived_at=DEADLINE + GRACE)
    row = await assessment_row(storage, seat.assessment_id)
    assert (row.status, row.end_time, row.updated_at) == ("completed", DEADLINE, CLOSABLE)


async def test_p18_timeout_ends_at_the_deadline_whenever_the_sweep_comes(storage: Storage) -> None:
    for at in (CLOSABLE, CLOSABLE + timedelta(days=3)):
        seat = await seated(storage, 2)
        await seat.answer(1)
        await finalize(storage, seat.assessment_id, at=at, reason=EndReason.TIMEOUT)
        row = await assessment_row(storage, seat.assessment_id)
        assert (row.status, row.end_reason, row.end_time) == ("timeout", "timeout", DEADLINE)
        assert (row.time_taken_minutes, row.total_score, row.updated_at) == (30, 1000, at)


async def test_timeout_waits_for_grace_and_drain(storage: Storage) -> None:
    seat = await seated(storage, 1)
    for at in (NOON, DEADLINE, DEADLINE + GRACE, CLOSABLE - TICK):
        with pytest.raises(DeadlinePassed):
            await finalize(storage, seat.assessment_id, at=at, reason=EndReason.TIMEOUT)
    assert (await assessment_row(storage, seat.assessment_id)).status == "started"


async def test_untimed_assessment_never_times_out_but_is_abandoned(storage: Storage) -> None:
    seat = await seated(storage, 1, time_limit_minutes=None)
    for reason, too_early in ((EndReason.TIMEOUT, NOON + 2 * MONTH), (EndReason.ABANDONED, NOON + MONTH - TICK)):
        with pytest.raises(DeadlinePassed):
            await finalize(storage, seat.assessment_id, at=too_early, reason=reason)
    live = await finalize(storage, seat.assessment_id, at=NOON + MONTH, reason=EndReason.ABANDONED)
    row = await assessment_row(storage, seat.assessment_id)
    assert (row.status, row.end_reason, row.end_time) == ("timeout", "abandoned", NOON + MONTH)
    assert completed_message(live).reason == "timeout"


async def test_assessment_with_a_deadline_is_never_abandoned(storage: Storage) -> None:
    seat = await seated(storage, 1, time_limit_minutes=7 * 24 * 60, abandon_after_days=1)
    with pytest.raises(DeadlinePassed):
        await finalize(storage, seat.assessment_id, at=NOON + MONTH, reason=EndReason.ABANDONED)


async def test_untimed_submission_ends_when_it_arrived(storage: Storage) -> None:
    seat = await seated(storage, 1, time_limit_minutes=None)
    await seat.finish(at=NOON + 2 * MONTH)
    assert (await assessment_row(storage, seat.assessment_id)).end_time == NOON + 2 * MONTH


# --- who may end it ---


async def test_p20_older_connection_cannot_hand_in(storage: Storage) -> None:
    older = await seated(storage, 1)
    newer = await older.take_over()
    with pytest.raises(AttachmentStale):
        await older.finish()
    assert (await newer.finish()).state.is_over


async def test_unknown_assessment_cannot_end(storage: Storage) -> None:
    with pytest.raises(AssessmentNotFound):
        await finalize(storage, 99, at=NOON)


async def test_resume_after_the_end_shows_the_results_and_attaches_nothing(storage: Storage) -> None:
    seat = await seated(storage, 1)
    ended = await seat.finish()
    again = (await seat.take_over()).live
    assert completed_message(again) == completed_message(ended)
    assert await log_of(storage, seat.assessment_id) == ["started", "attached", "finalized"]


async def test_resume_of_another_candidates_assessment_is_not_found(storage: Storage) -> None:
    seat, stranger = await seated(storage, 1), await seated(storage, 1)
    for assessment_id in (seat.assessment_id, 99):
        with pytest.raises(AssessmentNotFound):
            await resume_assessment(
                storage,
                user_id=stranger.live.assessment.user_id,
                assessment_id=assessment_id,
                connection_id="c_2",
                now=NOON,
            )
    assert await log_of(storage, seat.assessment_id) == ["started", "attached"]


# --- once ---


async def test_second_end_finds_the_first_whoever_asks_and_whenever(storage: Storage) -> None:
    seat = await seated(storage, 2)
    await seat.answer(1)
    first = await seat.finish()
    for reason, at in ((EndReason.SUBMITTED, NOON + MONTH), (EndReason.TIMEOUT, CLOSABLE), (EndReason.ABANDONED, NOON)):
        again = await finalize(storage, seat.assessment_id, at=at, reason=reason, attachment=1)
        assert (again.assessment, again.state) == (first.assessment, first.state)
    assert (await log_of(storage, seat.assessment_id)).count("finalized") == 1


async def test_p12_twenty_finalizers_write_one_end_and_all_see_it(two_nodes: Nodes) -> None:
    seat = await seated(two_nodes[0], 2)
    await seat.answer(1)
    ended = await asyncio.gather(
        *(finalize(two_nodes[n % 2], seat.assessment_id, at=NOON + n * TICK) for n in range(20))
    )
    assert (await log_of(two_nodes[0], seat.assessment_id)).count("finalized") == 1
    assert len({live.assessment.receipt_signature for live in ended}) == 1
    assert all(completed_message(live) == completed_message(ended[0]) for live in ended)


@pytest.mark.parametrize("method", [(AssessmentRepository, "select"), (EventRepository, "read")])
@pytest.mark.parametrize("before", [True, False])
async def test_p12_end_by_another_node_between_two_reads_is_seen_whole(
    postgres_nodes: Nodes, monkeypatch: pytest.MonkeyPatch, method: tuple[type, str], before: bool
) -> None:
    mine, other = postgres_nodes
    seat = await seated(mine, 2)
    repository, name = method
    read: Any = getattr(repository, name)
    asked: list[LiveAssessment] = []

    async def overtaken(*args: Any, **kwargs: Any) -> Any:
        found = None if before else await read(*args, **kwargs)
        monkeypatch.setattr(repository, name, read)
        asked.append(await finalize(other, seat.assessment_id, at=NOON))
        return await read(*args, **kwargs) if before else found

    monkeypatch.setattr(repository, name, overtaken)
    live = await finalize(mine, seat.assessment_id, at=NOON + TICK)
    assert completed_message(live) == completed_message(asked[0])


async def test_p12_answer_that_raced_the_end_and_was_acked_is_in_the_score(two_nodes: Nodes) -> None:
    test = await publish_test(two_nodes[0], 8)
    seats = [await begin(two_nodes[0], await invite(two_nodes[0], test)) for _ in range(12)]
    races = await asyncio.gather(*(race(seat, two_nodes[1], after=n % 8) for n, seat in enumerate(seats)))
    for seat, (right, _) in zip(seats, races, strict=True):
        score = await stored_score(two_nodes[0], seat.assessment_id)
        assert score == await recomputed(two_nodes[0], seat.assessment_id)
        assert score[0] == 1000 * len(right)
        log = await log_of(two_nodes[0], seat.assessment_id)
        assert log.count("finalized") == 1
        assert "answered" not in log[log.index("finalized") :]
    assert any(behind for _, behind in races), "every answer came before the end: the test says nothing"


PACE_SECONDS = 0.01  # three times as fast as a socket may go on for ever; without a pause they take every number


async def race(seat: Seat, other: Storage, *, after: int) -> tuple[set[int], bool]:
    """Answer again and again by two hands, while three others end it, once so many answers were acked.

    Returns the positions whose right answers were acked, and whether an answer came behind the end.
    """
    twin = await seat.twin()
    twin.storage = other
    enough = asyncio.Event()
    acked: list[int] = []

    async def answer(hand: Seat, positions: range) -> bool:
        for position in itertools.islice(itertools.cycle(positions), 100):
            if len(acked) >= after:
                enough.set()
            with contextlib.suppress(Unavailable):
                if (await hand.answer(position)).verdict is not Verdict.SAVED:
                    return True
                acked.append(position)
            await asyncio.sleep(PACE_SECONDS)
        return False

    async def end() -> None:
        await enough.wait()
        for _ in range(100):
            with contextlib.suppress(Unavailable):
                await finalize(other, seat.assessment_id, at=NOON)
                return
        raise AssertionError("it could not be ended")

    *behind, _, _, _ = await asyncio.gather(answer(seat, range(1, 5)), answer(twin, range(5, 9)), end(), end(), end())
    return set(acked), any(behind)


# --- all or nothing ---


async def test_end_that_fails_in_the_middle_leaves_it_open(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    seat = await seated(storage, 2)
    await seat.answer(1)
    for method in ("update_assessment_status", "_grade_responses"):
        done: Any = getattr(AssessmentRepository, method)

        async def breaks_after_writing(*args: Any, done: Any = done, **kwargs: Any) -> None:
            await done(*args, **kwargs)
            raise OSError("the disk is gone")

        with monkeypatch.context() as patch:
            patch.setattr(AssessmentRepository, method, breaks_after_writing)
            with pytest.raises(Unavailable):
                await seat.finish()
        assert (await assessment_row(storage, seat.assessment_id)).status == "in_progress"
        assert "finalized" not in await log_of(storage, seat.assessment_id)
    assert (await seat.answer(2)).verdict is Verdict.SAVED
    assert (await seat.finish()).assessment.total_score == 2000
