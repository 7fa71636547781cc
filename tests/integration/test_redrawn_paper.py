"""The audit draws each paper again from version and seed, and tells where somebody chose questions by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sitting.domain.audit import Break
from sitting.domain.blueprint import Blueprint, Draw, Section
from sitting.kit.canonical import canonical_json
from sitting.questions.publication import publish
from sitting.questions.redrawing import plan_of, redraw
from sitting.storage.unit_of_work import Storage
from sitting.usecases.verify_log import verify_log
from tests.support.builders import SIGNER, Seat, begin, invite, make_questions
from tests.support.clock import NOON
from tests.support.storage import execute

PAPER_OF_ANOTHER = Break("paper", "it is not the one that its version and its seed give")


@pytest.fixture
async def seat(storage: Storage) -> Seat:
    """Somebody at work on six questions drawn of thirty."""
    bank = {question.question_id: question for question in await make_questions(storage, 30)}
    blueprint = Blueprint("Drawn", sections=(Section(draws=(Draw(6),), shuffle=True),), shuffle_options=True)
    made = publish(blueprint, bank)
    async with storage.unit_of_work() as unit:
        test = await unit.blueprints.create(blueprint, by=None, now=NOON)
        version = await unit.blueprints.add_version(
            test.test_id, 1, blueprint, made.snapshot, overlap=made.overlap, by=None, now=NOON
        )
    return await begin(storage, await invite(storage, version))


async def found(storage: Storage) -> Break | None:
    [verified] = [each async for each in verify_log(storage.database, SIGNER.verifies)]
    return verified.broken


async def test_paper_of_a_stored_assessment_is_drawn_again_byte_equal(storage: Storage, seat: Seat) -> None:
    paper, seed = seat.live.paper, seat.live.assessment.seed
    assert seed is not None
    async with storage.reading() as unit:
        version = await unit.blueprints.version(seat.live.assessment.test_version_id)
        contents = await unit.questions.contents(question.content_digest for question in paper.questions)
    assert redraw(plan_of(version), seed, contents) == paper
    assert redraw(plan_of(version), f"{seed}0", contents) is None, "another seed gives other questions"
    assert await found(storage) is None
    await seat.answer(1)
    await seat.finish()
    assert await found(storage) is None


async def test_seed_that_was_exchanged_is_found(storage: Storage, seat: Seat) -> None:
    await execute(storage, "UPDATE assessments SET seed = :seed", seed="0" * 32)
    assert await found(storage) == PAPER_OF_ANOTHER
    await execute(storage, "UPDATE assessments SET seed = NULL")
    broken = await found(storage)
    assert broken is not None
    assert broken.place == "row"


async def test_rules_and_pools_that_were_exchanged_are_found(storage: Storage, seat: Seat) -> None:
    async with storage.reading() as unit:
        version = await unit.blueprints.version(seat.live.assessment.test_version_id)
    [first, *_] = seat.live.paper.questions
    ids = [question.question_id for question in version.snapshot.questions]
    pools = ((tuple(number for number, question_id in enumerate(ids) if question_id != first.question_id),),)
    await exchange(storage, "snapshot", canonical_json(replace(version.snapshot, pools=pools)))
    assert await found(storage) == PAPER_OF_ANOTHER
    await exchange(storage, "snapshot", canonical_json(version.snapshot))
    assert await found(storage) is None
    await exchange(storage, "blueprint", canonical_json(replace(version.blueprint, shuffle_options=False)))
    assert await found(storage) == PAPER_OF_ANOTHER


async def test_version_that_has_no_full_paper_is_a_broken_place_and_no_crash(storage: Storage, seat: Seat) -> None:
    await exchange(storage, "snapshot", b'{"questions":[],"pools":[[[]]]}')
    broken = await found(storage)
    assert broken is not None
    assert "no full paper" in broken.reason


async def exchange(storage: Storage, column: str, value: bytes) -> None:
    await execute(storage, f"UPDATE test_versions SET {column} = :value", value=value.decode())
