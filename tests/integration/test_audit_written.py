"""The audit of papers into which questions were written for the candidate, erased ones included."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sitting.domain.audit import Break
from sitting.domain.errors import SittingError
from sitting.domain.live import results_of
from sitting.domain.response import Answer
from sitting.storage.unit_of_work import Storage
from sitting.usecases.erase_user import erase_user
from sitting.usecases.extend_assessment import extend_assessment
from sitting.usecases.review_responses import review_responses
from sitting.usecases.verify_log import verify_log
from tests.support.builders import SIGNER, Seat
from tests.support.clock import NOON
from tests.support.storage import execute
from tests.support.written import at_generated, go_to, make_ready, propose, written_content

NOT_OF_THE_START = Break("paper", "it is not the one that entry 1 vouches for")
NOT_DRAWN = Break("paper", "it is not the one that its version and its seed give")


def at(minutes: float) -> timedelta:
    return timedelta(minutes=minutes)


async def found(storage: Storage, seat: Seat) -> Break | None:
    (verified,) = [one async for one in verify_log(storage.database, SIGNER.verifies, assessment_id=seat.assessment_id)]
    return verified.broken


async def half_way(storage: Storage, *, is_scored: bool = True) -> Seat:
    """Somebody at position 3 of 4; at 2 stands a question that was written, and one waits for 4."""
    seat = await at_generated(storage, is_scored=is_scored)
    for position in (2, 4):
        await make_ready(storage, seat.assessment_id, position)
    for position in (1, 2, 3):
        await go_to(seat, position)
        await seat.answer(position, at=NOON + at(position))
    return seat


async def finished(storage: Storage, *, is_scored: bool = True) -> Seat:
    seat = await half_way(storage, is_scored=is_scored)
    await go_to(seat, 4, at=NOON + at(4))
    await seat.answer(4, right=False, at=NOON + at(5))
    await seat.finish(at=NOON + at(9))
    return seat


@pytest.mark.parametrize("is_scored", [True, False])
async def test_p27_papers_with_questions_that_were_written_are_whole(storage: Storage, is_scored: bool) -> None:
    assert await found(storage, await half_way(storage, is_scored=is_scored)) is None
    assert await found(storage, await finished(storage, is_scored=is_scored)) is None


SLOT = "UPDATE paper_questions SET"
WHERE = "WHERE assessment_id = :id AND position ="


async def test_p27_question_put_into_the_paper_without_an_entry_is_found(storage: Storage) -> None:
    seat = await half_way(storage)
    other = await propose(storage, seat.assessment_id, written_content(4))
    row = {"id": seat.assessment_id, "other": other, "digest": written_content(4).digest()}
    await execute(storage, f"{SLOT} question_id = :other, content_digest = :digest {WHERE} 4", **row)
    assert await found(storage, seat) == NOT_OF_THE_START


async def test_p27_reserve_put_back_in_the_place_of_what_was_shown_is_found(storage: Storage) -> None:
    seat = await half_way(storage)
    async with storage.reading() as unit:
        live = await unit.load(seat.assessment_id)
    reserve = live.state.reserves[2]
    row = {"id": seat.assessment_id, "digest": reserve.content_digest}
    await execute(storage, f"{SLOT} content_digest = :digest {WHERE} 2", **row)
    assert await found(storage, seat) == Break("paper", "what stands at position 2 is not what entry 4 presented")


@pytest.mark.parametrize("position", [2, 3])
@pytest.mark.parametrize("change", ["points = points + 1", "is_scored = NOT is_scored", "section = 'other'"])
async def test_p27_slot_that_was_changed_by_hand_is_found(storage: Storage, position: int, change: str) -> None:
    seat = await half_way(storage)
    await execute(storage, f"{SLOT} {change} {WHERE} {position}", id=seat.assessment_id)
    broken = await found(storage, seat)
    assert broken is not None
    assert broken.place == "paper"


async def test_p27_seed_that_was_exchanged_is_found_by_the_options_of_what_was_written(storage: Storage) -> None:
    seat = await half_way(storage)
    await execute(storage, "UPDATE assessments SET seed = :seed", seed="0" * 32)
    assert await found(storage, seat) == Break("entry 4", "the order of its options is not the one that the seed gives")


async def test_p27_late_answer_to_a_reserve_that_never_was_shown_stays_what_it_was(storage: Storage) -> None:
    """Judged when another question stood there: the audit has to judge it by the paper of that instant."""
    seat = await at_generated(storage)
    await make_ready(storage, seat.assessment_id, 2)
    reserve = seat.live.paper.at_position(2)
    (late,) = await seat.send(Answer(reserve.question_id, reserve.content.key), at=NOON + at(31))
    assert late.verdict == "late"
    await extend_assessment(storage, seat.assessment_id, seconds=1200, reason="alarm", by=1, now=NOON + at(32))
    seat = await seat.twin()
    assert (await go_to(seat, 2, at=NOON + at(33))).question_id != reserve.question_id
    assert await found(storage, seat) is None


# --- erasure ---


async def erased(storage: Storage, *, is_scored: bool = True) -> Seat:
    seat = await finished(storage, is_scored=is_scored)
    user_id = seat.live.assessment.user_id
    await erase_user(storage, user_id, reason="asked for it", by=None, now=NOON + timedelta(days=400))
    return seat


@pytest.mark.parametrize("is_scored", [True, False])
async def test_p27_erased_person_leaves_a_whole_paper_with_what_was_written(storage: Storage, is_scored: bool) -> None:
    seat = await erased(storage, is_scored=is_scored)
    assert await found(storage, seat) is None
    async with storage.reading() as unit:
        live = await unit.load(seat.assessment_id)
    assert live.state.erased is not None
    assert live.state.erased.paper_digest == live.paper.digest()
    assert results_of(live).generated_questions == 2
    origins = [each.origin for each in await review_responses(storage, seat.assessment_id)]
    assert origins == ["bank", "generated", "bank", "generated"]


@pytest.mark.parametrize("position", [1, 2])
async def test_p27_paper_of_an_erased_person_that_is_changed_is_found(storage: Storage, position: int) -> None:
    seat = await erased(storage)
    digest = seat.live.paper.at_position(3).content_digest
    await execute(storage, f"{SLOT} content_digest = :d {WHERE} {position}", id=seat.assessment_id, d=digest)
    broken = await found(storage, seat)
    assert broken is not None
    assert broken.place == "paper"


async def test_p27_bank_questions_of_an_erased_person_are_drawn_again(storage: Storage) -> None:
    seat = await erased(storage)
    breaks = []
    for digit in "01234567":  # one of them alone might give the same few questions by chance
        await execute(storage, "UPDATE assessments SET seed = :seed", seed=digit * 32)
        breaks.append(await found(storage, seat))
    assert breaks.count(NOT_DRAWN) >= 4


@pytest.mark.parametrize("position", [3, 4])
async def test_p27_paper_that_was_broken_before_the_erasure_stays_broken(storage: Storage, position: int) -> None:
    seat = await finished(storage)
    await execute(storage, f"{SLOT} points = points + 1 {WHERE} {position}", id=seat.assessment_id)
    user_id = seat.live.assessment.user_id
    await erase_user(storage, user_id, reason="asked for it", by=None, now=NOON + timedelta(days=400))
    broken = await found(storage, seat)
    assert broken is not None
    assert broken.place == "paper"


async def test_nobody_steps_on_behind_the_end(storage: Storage) -> None:
    seat = await half_way(storage)
    await seat.finish(at=NOON + at(9))
    with pytest.raises(SittingError, match="over"):
        await go_to(await seat.twin(), 4, at=NOON + at(10))
    assert await found(storage, seat) is None
