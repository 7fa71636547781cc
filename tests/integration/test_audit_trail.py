"""The audit over real assessments of every kind: the log gives them again, and no change of it goes unseen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from sitting.domain.assessment import Status, fold
from sitting.domain.blueprint import Navigation
from sitting.domain.errors import SittingError
from sitting.domain.events import EndReason, Presented
from sitting.domain.question import QuestionContent
from sitting.storage.live_log import record
from sitting.storage.repositories.assessments import given_answer
from sitting.storage.tables import assessment_events, assessment_responses, assessments
from sitting.storage.unit_of_work import Storage
from sitting.usecases.extend_assessment import extend_assessment
from sitting.usecases.pause_assessment import pause_assessment
from sitting.usecases.unpause_assessment import unpause_assessment
from sitting.usecases.verify_log import verify_log
from sitting.usecases.void_assessment import void_assessment
from tests.support import second_opinion
from tests.support.builders import SIGNER, Seat, finalize, seated
from tests.support.clock import NOON
from tests.support.storage import assessment_row, execute, rows


def at(minutes: float) -> timedelta:
    return timedelta(minutes=minutes)


# --- assessments of every kind ---


async def submitted(storage: Storage) -> Seat:
    seat = await seated(storage, negative_marking=250, pass_mark=50_000)
    await seat.answer(1, right=False, pair=("a", 2), at=NOON + at(1))
    await seat.answer(1, right=True, pair=("a", 1), at=NOON + at(2))
    await seat.answer(2, at=NOON + at(3))
    await seat.send(seat.make_answer(3), seat.make_cleared(2), at=NOON + at(4))
    await seat.finish(at=NOON + at(9))
    return seat


async def timed_out(storage: Storage) -> Seat:
    """One answer in the last moment of grace, one too late, one behind the end."""
    seat = await seated(storage)
    await seat.send(seat.make_answer(1), at=NOON + timedelta(minutes=30, seconds=5), now=NOON + at(31))
    await seat.send(seat.make_answer(2), at=NOON + timedelta(minutes=30, seconds=5, milliseconds=1))
    await finalize(storage, seat.assessment_id, at=NOON + at(32), reason=EndReason.TIMEOUT)
    await (await seat.twin()).answer(3, at=NOON + at(33))
    return seat


async def regained(storage: Storage) -> Seat:
    """Answers that came too late for the old deadline stay late, though the time was extended for the next ones."""
    seat = await seated(storage)
    await seat.answer(1, pair=("a", 1), at=NOON + at(31))
    await extend_assessment(storage, seat.assessment_id, seconds=600, reason="power cut", by=1, now=NOON + at(32))
    seat = await seat.twin()
    await seat.answer(1, pair=("a", 1), at=NOON + at(33))
    await seat.answer(1, pair=("a", 2), at=NOON + at(34))
    await seat.answer(2, pair=("a", 3), at=NOON + at(34))
    await seat.finish(at=NOON + at(35))
    return seat


async def paused(storage: Storage) -> Seat:
    seat = await seated(storage)
    await seat.answer(1, at=NOON + at(1))
    await pause_assessment(storage, seat.assessment_id, reason="fire alarm", by=1, now=NOON + at(2))
    seat = await seat.twin()
    await seat.answer(2, at=NOON + at(3))
    await unpause_assessment(storage, seat.assessment_id, by=1, now=NOON + at(12))
    seat = await seat.twin()
    await seat.answer(3, right=False, at=NOON + at(39))
    await seat.finish(at=NOON + at(39.5))
    return seat


async def voided(storage: Storage) -> Seat:
    seat = await submitted(storage)
    await void_assessment(storage, seat.assessment_id, reason="wrong room", by=1, now=NOON + at(60))
    return seat


async def voided_while_open(storage: Storage) -> Seat:
    seat = await seated(storage)
    await seat.answer(1, at=NOON + at(1))
    await void_assessment(storage, seat.assessment_id, reason="wrong room", by=1, now=NOON + at(2))
    await (await seat.twin()).answer(2, at=NOON + at(3))
    return seat


async def linear(storage: Storage) -> Seat:
    seat = await seated(storage, navigation=Navigation.LINEAR)
    for position in (1, 2, 3):
        if position > 1:
            await _present(seat, position)
        await seat.answer(position, right=position != 2, at=NOON + at(position))
    await seat.finish(at=NOON + at(9))
    return seat


async def _present(seat: Seat, position: int) -> None:
    await record(seat.storage, seat.live, seat.attachment, lambda _: (None, Presented(position)), NOON + at(position))


async def taken_over(storage: Storage) -> Seat:
    seat = await seated(storage)
    await seat.answer(1, pair=("a", 1), at=NOON + at(1))
    seat = await seat.take_over(at=NOON + at(2))
    await seat.answer(1, right=False, pair=("b", 1), base_seq=2, at=NOON + at(3))
    await seat.answer(2, pair=("b", 2), at=NOON + at(3))
    return seat


Make = Callable[[Storage], Awaitable[Seat]]
KINDS: dict[str, Make] = {
    make.__name__: make
    for make in (submitted, timed_out, regained, paused, voided, voided_while_open, linear, taken_over)
}
each_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


async def broken(storage: Storage, assessment_id: int) -> str | None:
    """The place that the audit names; None if the assessment is whole."""
    (found,) = [one async for one in verify_log(storage.database, SIGNER.verifies, assessment_id=assessment_id)]
    return None if found.broken is None else found.broken.place


# --- what the log gives ---


@each_kind
async def test_p27_replayed_log_gives_responses_status_and_score_exactly(storage: Storage, make: Make) -> None:
    seat = await make(storage)
    async with storage.reading() as unit:
        state = fold(seat.assessment_id, await unit.events.read(seat.assessment_id))
    row = await assessment_row(storage, seat.assessment_id)
    stored = {r.question_id: (given_answer(r), r.seq) for r in await rows(storage, assessment_responses)}
    assert stored == {id_: (answer.record.given, answer.seq) for id_, answer in state.responses.items()}
    assert row.status == state.status
    ended = state.ended
    assert (row.total_score, row.percentage_score, row.passed, row.end_time) == (
        (ended.total_score, ended.percentage_score, ended.passed, ended.end_time) if ended else (None,) * 4
    )
    assert await broken(storage, seat.assessment_id) is None


def plain(content: QuestionContent, points: int) -> second_opinion.Json:
    return {
        "type": content.type.value,
        "skill": content.skill,
        "points": points,
        "options": [option.id for option in content.options],
        "right": list(content.right_options),
    }


@each_kind
async def test_p13_score_is_what_somebody_else_makes_of_the_stored_responses(storage: Storage, make: Make) -> None:
    seat = await make(storage)
    row = await assessment_row(storage, seat.assessment_id)
    stored = {r.question_id: r for r in await rows(storage, assessment_responses)}
    paper, blueprint = seat.live.paper, seat.live.blueprint
    questions = [plain(question.content, question.points) for question in paper.questions]
    answers = [getattr(stored.get(q.question_id), "selected_option", None) for q in paper.questions]
    rules = {"pass_mark": blueprint.pass_mark, "negative_marking": blueprint.negative_marking}
    score = second_opinion.score(questions, answers, rules)
    if row.end_time is None:
        assert (row.total_score, row.passed) == (None, None)
        return
    assert (row.total_score, row.max_score) == (score["total"], score["maximum"])
    assert (row.percentage_score, row.passed) == (score["percentage"], score["passed"])
    brings = {q.question_id: points for q, points in zip(paper.questions, score["brings"], strict=True)}
    assert {id_: r.points or 0 for id_, r in stored.items()} == {id_: brings[id_] for id_ in stored}


# --- what is done to it ---

EVENT = "UPDATE assessment_events SET"
FIELDS = {
    "type": f"{EVENT} type = 'integrity'",
    "payload": f"{EVENT} payload = inner_digest",
    "salt": f"{EVENT} salt = substr(hash, 1, 16)",
    "inner digest": f"{EVENT} inner_digest = hash",
    "hash": f"{EVENT} hash = inner_digest",
    "content gone": f"{EVENT} payload = NULL, salt = NULL",
    "dropped": "DELETE FROM assessment_events",
}


@pytest.mark.parametrize("sql", FIELDS.values(), ids=FIELDS)
async def test_p27_changed_or_dropped_entry_is_named(storage: Storage, sql: str) -> None:
    for seq in range(1, 8):
        seat = await submitted(storage)
        assert await execute(storage, f"{sql} WHERE assessment_id = :id AND seq = :seq", id=seat.assessment_id, seq=seq)
        assert await broken(storage, seat.assessment_id) == f"entry {seq}"


async def test_p27_moved_instant_is_named(storage: Storage) -> None:
    seat = await submitted(storage)
    later = "'2026-11-22T12:00:59.000001Z'"
    value = later if storage.database.url.is_sqlite else f"TIMESTAMPTZ {later}"
    await execute(storage, f"{EVENT} occurred_at = {value} WHERE seq = 4")
    assert await broken(storage, seat.assessment_id) == "entry 4"


@pytest.mark.parametrize("database_kind", ["sqlite"])  # PostgreSQL keeps nothing but instants there
async def test_p27_instant_that_cannot_be_read_is_named_by_its_entry(storage: Storage) -> None:
    seat = await submitted(storage)
    await execute(storage, f"{EVENT} occurred_at = 'yesterday' WHERE seq IN (4, 5)")
    assert await broken(storage, seat.assessment_id) == "entry 4"


async def test_p27_swapped_entries_are_named(storage: Storage) -> None:
    seat = await submitted(storage)
    for old, new in ((3, 99), (4, 3), (99, 4)):
        await execute(storage, f"{EVENT} seq = :new WHERE seq = :old", new=new, old=old)
    assert await broken(storage, seat.assessment_id) == "entry 3"


CUT = "DELETE FROM assessment_events WHERE assessment_id = :id AND seq > :kept"
PUT_BACK = (
    "UPDATE assessments SET head_seq = :kept, head_hash = "
    "(SELECT hash FROM assessment_events e WHERE e.assessment_id = :id AND e.seq = :kept) WHERE id = :id"
)


async def test_p27_cut_tail_is_found_by_the_stored_head(storage: Storage) -> None:
    for kept in (6, 5, 2):
        seat = await submitted(storage)
        await execute(storage, CUT, id=seat.assessment_id, kept=kept)
        assert await broken(storage, seat.assessment_id) == f"entry {kept + 1}"


async def test_p27_cut_tail_is_found_by_the_signed_end_if_the_head_was_put_back(storage: Storage) -> None:
    seat = await submitted(storage)
    await execute(storage, CUT, id=seat.assessment_id, kept=6)
    await execute(storage, PUT_BACK, id=seat.assessment_id, kept=6)
    assert await broken(storage, seat.assessment_id) == "entry 7"


async def test_p27_cut_tail_of_an_open_log_is_found_by_its_responses(storage: Storage) -> None:
    seat = await taken_over(storage)
    await execute(storage, CUT, id=seat.assessment_id, kept=4)
    assert (await broken(storage, seat.assessment_id) or "").startswith("response ")


# --- changes of status ---

MAY_BECOME = {
    Status.STARTED: {Status.IN_PROGRESS, Status.PAUSED, Status.COMPLETED, Status.TIMEOUT, Status.VOIDED},
    Status.IN_PROGRESS: {Status.PAUSED, Status.COMPLETED, Status.TIMEOUT, Status.VOIDED},
    Status.PAUSED: {Status.STARTED, Status.IN_PROGRESS, Status.COMPLETED, Status.TIMEOUT, Status.VOIDED},
    Status.COMPLETED: {Status.VOIDED},
    Status.TIMEOUT: {Status.VOIDED},
    Status.VOIDED: set(),
}


async def _in(storage: Storage, status: Status) -> Seat:
    seat = await seated(storage)
    if status is Status.IN_PROGRESS:
        await seat.answer(1)
    elif status is Status.PAUSED:
        await pause_assessment(storage, seat.assessment_id, reason="alarm", by=1, now=NOON + at(1))
    elif status is Status.COMPLETED:
        await seat.finish(at=NOON + at(1))
    elif status is Status.TIMEOUT:
        await finalize(storage, seat.assessment_id, at=NOON + at(32), reason=EndReason.TIMEOUT)
    elif status is Status.VOIDED:
        await void_assessment(storage, seat.assessment_id, reason="r", by=1, now=NOON + at(1))
    assert (await assessment_row(storage, seat.assessment_id)).status == status
    return await seat.twin()


async def _answer(storage: Storage, seat: Seat) -> None:
    await seat.answer(2, at=NOON + at(2))


async def _pause(storage: Storage, seat: Seat) -> None:
    await pause_assessment(storage, seat.assessment_id, reason="r", by=1, now=NOON + at(3))


async def _unpause(storage: Storage, seat: Seat) -> None:
    await unpause_assessment(storage, seat.assessment_id, by=1, now=NOON + at(3))


async def _extend(storage: Storage, seat: Seat) -> None:
    await extend_assessment(storage, seat.assessment_id, seconds=60, reason="r", by=1, now=NOON + at(3))


async def _finish(storage: Storage, seat: Seat) -> None:
    await seat.finish(at=NOON + at(3))


async def _end(storage: Storage, seat: Seat) -> None:
    await finalize(storage, seat.assessment_id, at=NOON + at(3), reason=EndReason.ENDED_BY_INVIGILATOR)


async def _time_out(storage: Storage, seat: Seat) -> None:
    await finalize(storage, seat.assessment_id, at=NOON + at(600), reason=EndReason.TIMEOUT)


async def _void(storage: Storage, seat: Seat) -> None:
    await void_assessment(storage, seat.assessment_id, reason="r", by=1, now=NOON + at(3))


VERBS = (_answer, _pause, _unpause, _extend, _finish, _end, _time_out, _void)


@pytest.mark.parametrize("status", list(Status))
async def test_p11_no_verb_makes_an_illegal_change_of_status(storage: Storage, status: Status) -> None:
    became = set()
    for verb in VERBS:
        seat = await _in(storage, status)
        try:
            await verb(storage, seat)
        except SittingError:
            assert (await assessment_row(storage, seat.assessment_id)).status == status, verb.__name__
        became.add(Status((await assessment_row(storage, seat.assessment_id)).status))
        assert await broken(storage, seat.assessment_id) is None, verb.__name__
    assert became - {status} <= MAY_BECOME[status]
    assert (became - {status}) or not MAY_BECOME[status], "nothing was tried that is allowed"
    assert {row.status for row in await rows(storage, assessments)} == became
    assert await rows(storage, assessment_events)
