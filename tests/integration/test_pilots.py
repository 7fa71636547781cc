"""Questions that count for nothing until they have been answered often enough."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from sitting.domain.blueprint import PublishedVersion
from sitting.domain.blueprint_check import check_blueprint
from sitting.domain.errors import InvalidMessage
from sitting.domain.live import recovered_message, results_of, started_message
from sitting.domain.user import Role
from sitting.storage.tables import response_counts
from sitting.storage.unit_of_work import Storage
from sitting.usecases.check_draft import check_draft
from sitting.usecases.erase_user import erase_user
from sitting.usecases.review_responses import review_responses
from sitting.usecases.try_test import try_test
from sitting.usecases.verify_log import verify_log
from tests.support.builders import SIGNER, Seat, begin, invite, make_user, publish_test
from tests.support.clock import NOON
from tests.support.rest import Rest, said
from tests.support.samples import blueprint
from tests.support.storage import execute, rows
from tests.support.written import at_generated, go_to, make_ready

LATER = NOON + timedelta(hours=1)
_MAKE_PILOT = "UPDATE paper_questions SET is_pilot = :is_pilot WHERE assessment_id = :id AND position = :position"


async def answered(storage: Storage, test: PublishedVersion, *positions: int, right: bool = True) -> Seat:
    """Somebody new answers these questions and hands in."""
    seat = await begin(storage, await invite(storage, test))
    for position in positions:
        await seat.answer(position, right=right)
    seat.live = await seat.finish()
    return seat


def pilots(seat: Seat) -> list[int]:
    return sorted(seat.live.paper.pilots)


async def broken(storage: Storage, seat: Seat) -> str | None:
    (found,) = [each async for each in verify_log(storage.database, SIGNER.verifies, assessment_id=seat.assessment_id)]
    return None if found.broken is None else str(found.broken)


async def test_question_counts_for_nothing_until_it_had_enough_responses(storage: Storage) -> None:
    test = await publish_test(storage, pilot_responses=2)
    assert pilots(await answered(storage, test, 1, 2)) == []  # all are new: so all count
    assert pilots(await answered(storage, test, 1)) == []
    seat = await begin(storage, await invite(storage, test))
    assert pilots(seat) == [2, 3]
    for position in (1, 2, 3):
        await seat.answer(position, right=position != 1)
    seat.live = await seat.finish()
    result = results_of(seat.live)
    assert (result.total_score, result.max_score, result.percentage_score, result.passed) == (0.0, 1.0, 0.0, False)
    assert result.correct_answers == 2
    shown = await review_responses(storage, seat.assessment_id)
    assert [(each.points, each.max_points) for each in shown] == [(0.0, 1.0), (0.0, 0.0), (0.0, 0.0)]
    assert pilots(await begin(storage, await invite(storage, test))) == [3]


async def test_p10_pilots_are_decided_at_the_start_and_stay_so_whatever_is_answered_meanwhile(storage: Storage) -> None:
    test = await publish_test(storage, pilot_responses=1)
    await answered(storage, test, 1)
    seat = await begin(storage, await invite(storage, test))
    assert pilots(seat) == [2, 3]
    await answered(storage, test, 1, 2, 3)
    for position in (1, 2, 3):
        await seat.answer(position)
    assert pilots(await seat.twin()) == [2, 3]
    live = await seat.finish()
    assert (live.assessment.total_score, live.assessment.max_score) == (1000, 1000)
    assert await broken(storage, seat) is None


async def test_candidate_is_not_told_before_the_end_which_questions_are_pilots(storage: Storage) -> None:
    test = await publish_test(storage, pilot_responses=1)
    await answered(storage, test, 1)
    seat = await begin(storage, await invite(storage, test))
    assert pilots(seat) == [2, 3]
    told = started_message(seat.live, NOON, recovered=False)
    again = recovered_message((await seat.twin()).live, NOON)
    assert [each.points for message in (told, again) for each in message.outline] == [1.0] * 6
    assert {question.shown().question.points for question in seat.live.paper.questions} == {1.0}
    assert seat.live.paper.told_score == 3000


async def test_audit_finds_a_question_that_was_made_a_pilot_or_none_behind_the_start(storage: Storage) -> None:
    test = await publish_test(storage, pilot_responses=1)
    await answered(storage, test, 1)
    for position, is_pilot in ((2, False), (1, True)):
        seat = await answered(storage, test)
        assert await broken(storage, seat) is None
        slot = {"id": seat.assessment_id, "position": position, "is_pilot": is_pilot}
        assert await execute(storage, _MAKE_PILOT, **slot) == 1
        assert (await broken(storage, seat) or "").startswith("paper: ")


async def test_p27_pilots_stay_what_they_were_when_the_person_is_erased(storage: Storage) -> None:
    test = await publish_test(storage, pilot_responses=1)
    await answered(storage, test, 1)
    seat = await answered(storage, test, 1, 2, 3)
    assert pilots(seat) == [2, 3]
    counts = await rows(storage, response_counts)
    await erase_user(storage, seat.live.assessment.user_id, reason="asked for it", by=None, now=LATER)
    assert await broken(storage, seat) is None
    assert await rows(storage, response_counts) == counts
    slot = {"id": seat.assessment_id, "position": 3, "is_pilot": False}
    await execute(storage, _MAKE_PILOT, **slot)
    assert (await broken(storage, seat) or "").startswith("paper: ")


async def test_reserves_of_generated_sections_are_no_pilots(storage: Storage) -> None:
    seat = await at_generated(storage, opening=1, rules={"pilot_responses": 5})
    assert len(seat.live.paper.questions) > 1
    assert pilots(seat) == [1]
    await make_ready(storage, seat.assessment_id, 2)
    await go_to(seat, 2)
    assert pilots(await seat.twin()) == [1]
    await seat.finish()
    assert await broken(storage, seat) is None


async def test_edited_question_begins_anew_and_authors_see_how_far_it_is(rest: Rest) -> None:
    storage = rest.storage
    test = await publish_test(storage, pilot_responses=1)
    seat = await answered(storage, test, 1, 2, 3)
    author = await rest.person(Role.AUTHOR)
    path = f"/questions/{seat.live.paper.at_position(1).question_id}"
    before = said(await author.get(path))
    assert before["responses"] == 1
    options = [{name: option[name] for name in ("text", "correct")} for option in before["options"]]
    kept = {name: before[name] for name in ("skill", "difficulty")}
    edited = {**kept, "text": "What is the double of one?", "options": options}
    assert said(await author.put(path, edited))["responses"] == 0
    assert [each["responses"] for each in said(await author.get(f"{path}/versions"))] == [1, 0]
    assert sorted(each["responses"] for each in said(await author.get("/questions"))["items"]) == [0, 1, 1]
    said(await author.post(f"/tests/{test.test_id}/publish"), 201)
    again = await begin(storage, await invite(storage, test))
    assert pilots(again) == [1]


async def test_candidate_is_told_the_same_maximum_as_ever_until_the_end(rest: Rest) -> None:
    storage = rest.storage
    test = await publish_test(storage, pilot_responses=1)
    await answered(storage, test, 1)
    seat = await begin(storage, await invite(storage, test))
    async with storage.reading() as unit:
        candidate = rest.caller(await unit.users.select(seat.live.assessment.user_id))
    reviewer = await rest.person(Role.REVIEWER)
    path = f"/assessments/{seat.assessment_id}"
    assert said(await candidate.get(path))["max_score"] == 3.0
    assert said(await reviewer.get(path))["max_score"] == 1.0
    await seat.finish()
    assert said(await candidate.get(path))["max_score"] == 1.0


async def test_only_answers_that_stand_at_the_end_of_a_candidates_assessment_are_counted(storage: Storage) -> None:
    test = await publish_test(storage)
    seat = await begin(storage, await invite(storage, test))
    await seat.answer(1)
    await seat.answer(2)
    await seat.send(seat.make_cleared(2))
    assert await rows(storage, response_counts) == []
    await seat.finish()
    await seat.finish()  # over already
    author = await make_user(storage)
    trial = await try_test(storage, test.test_id, user_id=author.user_id, now=NOON)
    tried = await begin(storage, trial.application)
    await tried.answer(1)
    await tried.finish()
    first = seat.live.paper.at_position(1)
    counted = [(row.question_id, row.content_digest, row.responses) for row in await rows(storage, response_counts)]
    assert counted == [(first.question_id, first.content_digest, 1)]


async def test_tests_without_pilots_start_without_a_look_at_the_counts(storage: Storage) -> None:
    test, piloted = await publish_test(storage), await publish_test(storage, pilot_responses=1)
    application, other = await invite(storage, test), await invite(storage, piloted)
    said: list[str] = []

    def note(_c: Any, _u: Any, statement: str, *_more: Any) -> None:
        said.append(statement)

    engine = storage.database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        await begin(storage, application)
        assert [each for each in said if "response_counts" in each or "is_pilot" in each.partition("FROM")[0]] == []
        await begin(storage, other)
        assert len([each for each in said if "response_counts" in each]) == 1
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_check_says_how_many_questions_do_not_count_yet(storage: Storage) -> None:
    test = await publish_test(storage, pilot_responses=2)
    await answered(storage, test, 1)
    await answered(storage, test, 1)
    found = await check_draft(storage, test.test_id)
    assert [each for each in found.warnings if "fewer than 2 responses" in each and each.startswith("2 of 3 ")]
    silent = await check_draft(storage, (await publish_test(storage)).test_id)
    assert not [each for each in silent.warnings if "responses" in each]


@pytest.mark.parametrize("number", [-1, 10_001])
def test_number_of_responses_has_bounds(number: int) -> None:
    with pytest.raises(InvalidMessage) as refused:
        check_blueprint(replace(blueprint(), pilot_responses=number))
    assert "pilot_responses" in str(refused.value.details)
