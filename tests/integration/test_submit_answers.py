"""Answers: stored, then acknowledged, once each; in time or kept as late; and never by an older connection."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from sitting.domain.errors import (
    AnswerSuperseded,
    AssessmentOver,
    AttachmentStale,
    ClientSeqConflict,
    DeadlinePassed,
    InvalidAnswer,
    QuestionNotFound,
    Unavailable,
)
from sitting.domain.events import Answered, Detached, EndReason, Flagged, LateAnswered, Verdict, optional_body
from sitting.domain.response import Answer
from sitting.domain.takeover import Claim
from sitting.storage.database import POSTGRESQL_SETTINGS
from sitting.storage.tables import assessment_responses
from sitting.storage.unit_of_work import Storage
from sitting.usecases.detach_assessment import detach_assessment
from sitting.usecases.flag_question import flag_question
from sitting.usecases.note_integrity_event import note_integrity_event
from tests.support.builders import Seat, finalize, seated
from tests.support.clock import NOON
from tests.support.journals import watched_journal, while_the_database_fails
from tests.support.storage import Nodes, assessment_row, log_of, rows, running_storage

DEADLINE = NOON + timedelta(minutes=30)
GRACE = timedelta(seconds=5)
TICK = timedelta(milliseconds=1)
STARTED = ["started", "attached"]


async def stored_options(seat: Seat) -> dict[str, str | None]:
    """The selected option by question, as the table has it."""
    found = await rows(seat.storage, assessment_responses, assessment_id=seat.assessment_id)
    return {row.question_id: row.selected_option for row in found}


async def bodies(seat: Seat) -> list[object]:
    """The bodies of the log behind the attachment."""
    async with seat.storage.reading() as unit:
        return [optional_body(event) for event in await unit.events.read(seat.assessment_id, after=2)]


async def write_behind_its_back(seat: Seat, *, count: int = 1) -> None:
    """Entries by somebody who is no connection: what an extension will be."""
    async with seat.storage.unit_of_work() as unit:
        live = await unit.load(seat.assessment_id)
        for _ in range(count):
            await unit.append(live, Flagged(live.paper.questions[-1].question_id, True), NOON)


# --- stored, then acknowledged ---


async def test_answer_is_one_entry_and_one_row(storage: Storage) -> None:
    seat = await seated(storage)
    at = NOON + timedelta(minutes=3, microseconds=17)
    outcome = await seat.answer(2, pair=("tab", 7), at=at)
    assert outcome.verdict is Verdict.SAVED
    assert outcome.stored is not None
    (row,) = await rows(storage, assessment_responses)
    question = seat.live.paper.at_position(2)
    assert (row.question_id, row.selected_option, row.answered_at, row.seq) == (
        question.question_id,
        question.content.key,
        at,
        outcome.stored.seq,
    )
    assert (row.is_correct, row.points) == (None, None)
    assert (await assessment_row(storage, seat.assessment_id)).status == "in_progress"
    (body,) = await bodies(seat)
    assert body == Answered(at, (outcome.stored.record,))


async def test_p07_ack_names_the_entry_that_is_stored(storage: Storage) -> None:
    seat = await seated(storage)
    for position in (1, 2):
        stored = (await seat.answer(position)).stored
        assert stored is not None
        async with storage.reading() as unit:
            last = (await unit.events.read(seat.assessment_id))[-1]
        assert (stored.seq, stored.saved_at, stored.digest) == (last.seq, last.occurred_at, last.hash.hex())


async def test_later_answer_replaces_the_earlier_and_a_cleared_one_is_a_version_like_any_other(
    storage: Storage,
) -> None:
    seat = await seated(storage)
    question_id = seat.live.paper.at_position(1).question_id
    await seat.answer(1, right=False)
    await seat.answer(1, right=True)
    assert await stored_options(seat) == {question_id: seat.live.paper.at_position(1).content.key}
    await seat.send(Answer(question_id, None))
    assert await stored_options(seat) == {question_id: None}
    assert await log_of(storage, seat.assessment_id) == [*STARTED, "answered", "answered", "answered"]


async def test_exact_text_of_an_option_is_stored_as_its_id(storage: Storage) -> None:
    seat = await seated(storage)
    question = seat.live.paper.at_position(1)
    text = next(option.text for option in question.content.options if option.id == question.content.key)
    await seat.send(Answer(question.question_id, text))
    assert await stored_options(seat) == {question.question_id: question.content.key}


async def test_list_of_answers_is_one_entry_with_the_newest_version_of_each_question(storage: Storage) -> None:
    seat = await seated(storage)
    outcomes = await seat.send(
        seat.make_answer(1, right=False, pair=("tab", 1)),
        seat.make_answer(2, pair=("tab", 2)),
        seat.make_answer(1, right=True, pair=("tab", 3)),
        seat.make_answer(2, pair=("tab", 2)),
        Answer("q_elsewhere", "o_1a"),
        Answer(seat.live.paper.at_position(3).question_id, "nonsense"),
    )
    assert [outcome.verdict for outcome in outcomes] == [
        Verdict.SUPERSEDED,
        Verdict.SAVED,
        Verdict.SAVED,
        Verdict.DUPLICATE,
        Verdict.REFUSED,
        Verdict.REFUSED,
    ]
    assert [type(outcome.error) for outcome in outcomes[4:]] == [QuestionNotFound, InvalidAnswer]
    assert await log_of(storage, seat.assessment_id) == [*STARTED, "answered"]
    first, second = seat.live.paper.questions[:2]
    assert await stored_options(seat) == {
        first.question_id: first.content.key,
        second.question_id: second.content.key,
    }


async def test_refused_answer_leaves_no_trace(storage: Storage) -> None:
    seat = await seated(storage)
    (outcome,) = await seat.send(Answer(seat.live.paper.at_position(1).question_id, "o_9z"))
    assert (outcome.verdict, type(outcome.error)) == (Verdict.REFUSED, InvalidAnswer)
    assert await log_of(storage, seat.assessment_id) == STARTED
    assert (await assessment_row(storage, seat.assessment_id)).status == "started"


# --- once ---


async def test_p06_same_pair_again_gets_the_same_ack_and_has_one_effect(storage: Storage) -> None:
    seat = await seated(storage)
    first = await seat.answer(1, pair=("tab", 1))
    again = [await seat.answer(1, pair=("tab", 1)) for _ in range(3)]
    elsewhere = await (await seat.take_over()).answer(1, pair=("tab", 1))
    for outcome in [*again, elsewhere]:
        assert (outcome.verdict, outcome.stored, outcome.error) == (Verdict.DUPLICATE, first.stored, None)
    assert (await log_of(storage, seat.assessment_id)).count("answered") == 1


async def test_p06_same_pair_with_another_payload_is_refused(storage: Storage) -> None:
    seat = await seated(storage)
    await seat.answer(1, pair=("tab", 1))
    for position, right in ((1, False), (2, True)):
        outcome = await seat.answer(position, right=right, pair=("tab", 1))
        assert (outcome.verdict, type(outcome.error)) == (Verdict.REFUSED, ClientSeqConflict)
    assert await log_of(storage, seat.assessment_id) == [*STARTED, "answered"]


async def test_p06_stored_pair_gets_its_ack_after_the_end(storage: Storage) -> None:
    seat = await seated(storage)
    first = await seat.answer(1, pair=("tab", 1))
    await seat.finish(at=NOON + TICK)
    seat.live.is_stale = True  # as after the hub's word
    again = await seat.answer(1, pair=("tab", 1), at=DEADLINE + timedelta(days=1))
    assert (again.verdict, again.stored, again.error) == (Verdict.DUPLICATE, first.stored, None)
    assert await log_of(storage, seat.assessment_id) == [*STARTED, "answered", "finalized"]


@pytest.mark.parametrize(
    ("stored", "sent"),
    [
        ({"pair": ("tab", 5)}, {"pair": ("tab", 4)}),
        ({"pair": ("phone", 1)}, {"pair": ("tab", 9), "base_seq": 2}),
    ],
)
async def test_p05_older_version_is_kept_but_not_applied(
    storage: Storage, stored: dict[str, Any], sent: dict[str, Any]
) -> None:
    seat = await seated(storage)
    await seat.answer(1, right=True, **stored)
    older = await seat.answer(1, right=False, **sent)
    assert (older.verdict, type(older.error)) == (Verdict.SUPERSEDED, AnswerSuperseded)
    again = await seat.answer(1, right=False, **sent)
    assert (again.verdict, type(again.error)) == (Verdict.SUPERSEDED, AnswerSuperseded)
    question = seat.live.paper.at_position(1)
    assert await stored_options(seat) == {question.question_id: question.content.key}
    assert (await seat.take_over()).live.state.responses == seat.live.state.responses
    assert (await log_of(storage, seat.assessment_id)).count("answered") == 2


# --- in time ---


async def test_p15_answer_counts_if_it_arrived_by_deadline_and_grace(storage: Storage) -> None:
    for arrived_at in (DEADLINE, DEADLINE + GRACE):
        seat = await seated(storage)
        assert (await seat.answer(1, at=arrived_at)).verdict is Verdict.SAVED
        assert len(await stored_options(seat)) == 1
        assert (await assessment_row(storage, seat.assessment_id)).status == "in_progress"
    seat = await seated(storage)
    late = await seat.answer(1, at=DEADLINE + GRACE + TICK)
    assert (late.verdict, type(late.error)) == (Verdict.LATE, DeadlinePassed)
    assert await stored_options(seat) == {}
    assert await log_of(storage, seat.assessment_id) == [*STARTED, "late_answer"]
    assert (await assessment_row(storage, seat.assessment_id)).status == "started"


async def test_late_answer_is_kept_behind_the_end_and_changes_nothing(storage: Storage) -> None:
    seat = await seated(storage)
    await seat.answer(1, right=True)
    await seat.finish()
    seat.live.is_stale = True
    outcome = await seat.answer(1, right=False, pair=("tab", 1))
    again = await seat.answer(1, right=False, pair=("tab", 1))
    assert (outcome.verdict, type(outcome.error)) == (Verdict.LATE, AssessmentOver)
    assert (again.verdict, type(again.error)) == (Verdict.LATE, AssessmentOver)
    *_, last = await bodies(seat)
    assert outcome.stored is not None
    assert last == LateAnswered(NOON, (outcome.stored.record,))
    question = seat.live.paper.at_position(1)
    assert await stored_options(seat) == {question.question_id: question.content.key}


async def test_head_moves_with_what_is_kept_behind_the_end_but_the_receipt_does_not(storage: Storage) -> None:
    seat = await seated(storage)
    ended = (await seat.finish()).assessment
    seat.live.is_stale = True
    await seat.answer(1)
    row = await assessment_row(storage, seat.assessment_id)
    assert (row.head_seq, row.head_hash) == (4, seat.live.state.head)
    assert (row.receipt_seq, row.receipt_head) == (3, ended.receipt_head)


async def test_p14_answer_behind_an_end_that_nobody_told_us_of_is_late(two_nodes: Nodes) -> None:
    seat = await seated(two_nodes[0])
    await finalize(two_nodes[1], seat.assessment_id, at=DEADLINE + timedelta(minutes=1), reason=EndReason.TIMEOUT)
    assert not seat.live.state.is_over
    outcome = await seat.answer(1, at=NOON)
    assert (outcome.verdict, type(outcome.error)) == (Verdict.LATE, AssessmentOver)
    assert await stored_options(seat) == {}
    assert await log_of(two_nodes[0], seat.assessment_id) == [*STARTED, "finalized", "late_answer"]


# --- takeover ---


async def test_p20_older_connection_cannot_write_after_a_takeover(two_nodes: Nodes) -> None:
    older = await seated(two_nodes[0])
    await older.answer(1)
    newer = await older.take_over(two_nodes[1])
    assert newer.attachment > older.attachment
    with pytest.raises(AttachmentStale):
        await older.answer(2)
    assert (await newer.answer(2)).verdict is Verdict.SAVED
    with pytest.raises(AttachmentStale):
        await older.answer(3)
    assert await log_of(two_nodes[0], older.assessment_id) == [*STARTED, "answered", "attached", "answered"]


async def test_p14_of_two_answers_against_a_takeover_never_the_second_without_the_first(two_nodes: Nodes) -> None:
    for _ in range(8):
        older = await seated(two_nodes[0])

        async def answer_twice(seat: Seat) -> None:
            for position in (1, 2):
                await seat.answer(position)

        await asyncio.gather(answer_twice(older), older.take_over(two_nodes[1]), return_exceptions=True)
        answered = [
            question.position
            for question in older.live.paper.questions
            if question.question_id in await stored_options(older)
        ]
        assert answered in ([], [1], [1, 2])


async def test_p20_node_that_freezes_in_a_transaction_does_not_hold_up_the_others(
    postgresql_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (idle_timeout,) = POSTGRESQL_SETTINGS
    monkeypatch.setitem(POSTGRESQL_SETTINGS, idle_timeout, "2s")  # of the other node too, which must not stall so long
    async with running_storage(postgresql_database_url) as frozen, running_storage(postgresql_database_url) as other:
        seat = await seated(frozen)
        unit_of_work = frozen.unit_of_work()
        unit = await unit_of_work.__aenter__()
        await unit.attach(await unit.load(seat.assessment_id), Claim("c_frozen"), NOON)
        newer = await asyncio.wait_for(seat.take_over(other), 10)
        with pytest.raises(Unavailable):  # it wakes up and would commit
            await unit_of_work.__aexit__(None, None, None)
        with pytest.raises(AttachmentStale):
            await seat.answer(1)
        assert (await newer.answer(1)).verdict is Verdict.SAVED
    assert newer.attachment == 3


async def test_every_other_write_of_an_older_connection_is_refused_too(storage: Storage) -> None:
    older = await seated(storage)
    question_id = older.live.paper.at_position(1).question_id
    await older.take_over()
    known: dict[str, Any] = {"attachment": older.attachment, "now": NOON}
    writes = [
        flag_question(storage, older.live, question_id=question_id, flagged=True, **known),
        note_integrity_event(storage, older.live, kind="paste", detail=None, **known),
        detach_assessment(storage, older.live, **known),
    ]
    for write in writes:
        with pytest.raises(AttachmentStale):
            await write
    assert await log_of(storage, older.assessment_id) == [*STARTED, "attached"]


async def test_attachment_says_how_it_came_about(storage: Storage) -> None:
    seat = await seated(storage)
    second = await seat.take_over()
    await detach_assessment(storage, second.live, attachment=second.attachment, now=NOON)
    await detach_assessment(storage, second.live, attachment=second.attachment, now=NOON)
    await second.take_over()
    async with storage.reading() as unit:
        found = [optional_body(event) for event in await unit.events.read(seat.assessment_id, after=1)]
    assert [getattr(body, "how", body) for body in found] == ["start", "takeover", Detached(3), "resume"]


async def test_flag_is_one_entry_however_often_it_is_set(storage: Storage) -> None:
    seat = await seated(storage)
    question_id = seat.live.paper.at_position(1).question_id
    for flagged in (True, True, False, False):
        await flag_question(
            storage, seat.live, attachment=seat.attachment, question_id=question_id, flagged=flagged, now=NOON
        )
    assert await bodies(seat) == [Flagged(question_id, True), Flagged(question_id, False)]
    with pytest.raises(QuestionNotFound):
        await flag_question(
            storage, seat.live, attachment=seat.attachment, question_id="q_none", flagged=True, now=NOON
        )


async def test_nothing_but_late_answers_is_written_behind_the_end(storage: Storage) -> None:
    seat = await seated(storage)
    await seat.finish()
    seat.live.is_stale = True
    known: dict[str, Any] = {"attachment": seat.attachment, "now": NOON}
    with pytest.raises(AssessmentOver):
        await note_integrity_event(storage, seat.live, kind="paste", detail=None, **known)
    with pytest.raises(AssessmentOver):
        await flag_question(
            storage, seat.live, question_id=seat.live.paper.at_position(1).question_id, flagged=True, **known
        )
    await detach_assessment(storage, seat.live, **known)
    assert await log_of(storage, seat.assessment_id) == [*STARTED, "finalized"]


# --- lost numbers ---


async def test_number_lost_to_somebody_else_is_tried_again(storage: Storage) -> None:
    seat = await seated(storage)
    await write_behind_its_back(seat)
    outcome = await seat.answer(1)
    assert outcome.verdict is Verdict.SAVED
    assert outcome.stored is not None
    assert outcome.stored.seq == 4
    assert await log_of(storage, seat.assessment_id) == [*STARTED, "flagged", "answered"]
    async with storage.reading() as unit:
        assert (await unit.load(seat.assessment_id)).state == seat.live.state


async def test_retried_answer_is_judged_by_its_own_arrival_and_by_what_is_stored_now(storage: Storage) -> None:
    seat = await seated(storage)
    twin = await seat.twin()
    await twin.answer(1, pair=("phone", 1))
    outcomes = await seat.send(
        seat.make_answer(1, right=False, pair=("tab", 1), base_seq=2),
        seat.make_answer(2, pair=("tab", 2)),
        at=DEADLINE + GRACE,
        now=DEADLINE + GRACE + timedelta(seconds=1),
    )
    assert [outcome.verdict for outcome in outcomes] == [Verdict.SUPERSEDED, Verdict.SAVED]
    last = (await bodies(seat))[-1]
    assert isinstance(last, Answered)
    assert last.arrived_at == DEADLINE + GRACE
    first, second = seat.live.paper.questions[:2]
    assert await stored_options(seat) == {first.question_id: first.content.key, second.question_id: second.content.key}


async def test_three_lost_numbers_are_too_many(storage: Storage) -> None:
    seat = await seated(storage)
    refresh = storage.refresh
    losses = 0

    async def refreshed_but_late(live: object) -> None:
        nonlocal losses
        await refresh(live)  # type: ignore[arg-type]
        await write_behind_its_back(seat)
        losses += 1

    await write_behind_its_back(seat)
    storage.refresh = refreshed_but_late  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        await seat.answer(1, pair=("tab", 1))
    assert losses == 2
    storage.refresh = refresh  # type: ignore[method-assign]
    assert (await seat.answer(1, pair=("tab", 1))).verdict is Verdict.SAVED
    assert (await log_of(storage, seat.assessment_id)).count("answered") == 1


# --- unknown outcomes ---


async def test_p03_commit_whose_ack_is_lost_is_unavailable_and_the_resend_a_duplicate(storage: Storage) -> None:
    seat = await seated(storage)
    async with watched_journal(storage) as (_, writer):
        writer.loses_acks = True
        with pytest.raises(Unavailable):
            await seat.answer(1, pair=("tab", 1))
        writer.loses_acks = False
        again = await seat.answer(1, pair=("tab", 1))
    assert (again.verdict, again.error) == (Verdict.DUPLICATE, None)
    assert again.stored is not None
    assert again.stored.seq == 3
    assert await log_of(storage, seat.assessment_id) == [*STARTED, "answered"]


async def test_p03_failed_commit_is_unavailable_and_the_resend_is_saved_once(storage: Storage) -> None:
    seat = await seated(storage)
    await seat.answer(1, pair=("tab", 1))
    with pytest.raises(Unavailable):
        await while_the_database_fails(storage, (seat.assessment_id, 4), seat.answer(2, pair=("tab", 2)))
    again = await seat.answer(2, pair=("tab", 2))
    assert again.verdict is Verdict.SAVED
    assert await log_of(storage, seat.assessment_id) == [*STARTED, "answered", "answered"]


async def test_p03_resend_after_the_repair_is_judged_late_by_its_own_arrival(storage: Storage) -> None:
    seat = await seated(storage)
    with pytest.raises(Unavailable):
        await while_the_database_fails(storage, (seat.assessment_id, 3), seat.answer(1, pair=("tab", 1), at=DEADLINE))
    again = await seat.answer(1, pair=("tab", 1), at=DEADLINE + timedelta(minutes=1))
    assert (again.verdict, type(again.error)) == (Verdict.LATE, DeadlinePassed)


async def test_answer_given_up_by_its_connection_is_stored_and_known_to_the_next(storage: Storage) -> None:
    seat = await seated(storage)
    async with watched_journal(storage) as (_, writer):
        writer.gate.clear()
        answering = asyncio.create_task(seat.answer(1, pair=("tab", 1)))
        await asyncio.sleep(0)  # it runs up to its wait
        answering.cancel()
        await asyncio.wait([answering])
        assert answering.cancelled()
        writer.gate.set()
        again = await seat.answer(1, pair=("tab", 1))
    assert again.verdict is Verdict.DUPLICATE
    assert await log_of(storage, seat.assessment_id) == [*STARTED, "answered"]
