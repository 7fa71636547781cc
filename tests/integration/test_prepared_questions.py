"""Questions that were written for a candidate: shown if they are ready, and frozen before they are shown."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from sitting.domain.assessment import fold
from sitting.domain.errors import (
    AssessmentOver,
    Conflict,
    NavigationNotAllowed,
    NotFound,
    QuestionNotFound,
)
from sitting.domain.live import recovered_message, results_of, started_message
from sitting.domain.proposal import ProposalState
from sitting.domain.question import Difficulty
from sitting.domain.response import Answer
from sitting.domain.takeover import Claim
from sitting.storage.graph_tables import prepared_questions
from sitting.storage.tables import assessment_events, paper_questions
from sitting.storage.unit_of_work import Storage
from sitting.usecases.prepare_question import prepare_question
from sitting.usecases.review_responses import review_responses
from tests.support.builders import Seat, seated
from tests.support.clock import NOON
from tests.support.storage import Nodes, assessment_row, execute, rows
from tests.support.written import at_generated, go_to, make_ready, propose, written_content


async def steps(storage: Storage, seat: Seat) -> list[dict[str, Any]]:
    """The bodies of the log's `presented`."""
    found = await rows(storage, assessment_events, assessment_id=seat.assessment_id, type="presented")
    return [json.loads(row.payload) for row in found]


async def slot(storage: Storage, seat: Seat, position: int) -> Any:
    (row,) = await rows(storage, paper_questions, assessment_id=seat.assessment_id, position=position)
    return row


def ids(seat: Seat) -> list[str]:
    return [question.question_id for question in seat.live.paper.questions]


@pytest.fixture
async def seat(storage: Storage) -> Seat:
    return await at_generated(storage)


async def test_p10_prepared_question_is_frozen_in_log_and_paper_before_it_is_shown(
    storage: Storage, seat: Seat
) -> None:
    reserves = list(seat.live.paper.questions)
    written = await make_ready(storage, seat.assessment_id, 2)
    content = written_content(1)
    shown = await go_to(seat, 2)
    assert (shown.question_id, shown.content, shown.points) == (written, content, reserves[1].points)
    assert sorted(shown.option_order) == sorted(option.id for option in content.options)
    order = list(shown.option_order)
    slot_ = {"question_id": written, "content_digest": content.digest(), "option_order": order}
    before = reserves[1]
    was = {"question_id": before.question_id, "content_digest": before.content_digest}
    assert await steps(storage, seat) == [
        {"position": 2, "question": slot_, "instead_of": was | {"option_order": list(before.option_order)}}
    ]
    row = await slot(storage, seat, 2)
    assert (row.question_id, row.content_digest, json.loads(row.option_order)) == (written, content.digest(), order)
    assert ids(seat) == [reserves[0].question_id, written, *(q.question_id for q in reserves[2:])]


async def test_p10_frozen_question_is_the_same_on_a_resume_and_another_device_though_all_around_it_changes(
    two_nodes: Nodes,
) -> None:
    first, second = two_nodes
    seat = await at_generated(first)
    await make_ready(first, seat.assessment_id, 2)
    shown = await go_to(seat, 2)
    await execute(first, "UPDATE proposals SET state = 'rejected', decided_at = created_at")
    await execute(first, "DELETE FROM prepared_questions")
    for other in (await seat.twin(), await seat.take_over(second)):
        again = await go_to(other, 2)
        assert (again, again.shown()) == (shown, shown.shown())
        assert recovered_message(other.live, NOON).position == 2


async def test_p10_options_have_an_order_that_follows_from_seed_and_position(storage: Storage) -> None:
    orders = []
    for _ in range(4):
        seat = await at_generated(storage)
        await make_ready(storage, seat.assessment_id, 2)
        await execute(
            storage, "UPDATE assessments SET seed = :seed WHERE id = :id", seed="7" * 32, id=seat.assessment_id
        )
        orders.append((await go_to(seat, 2)).option_order)
    assert len(set(orders)) == 1
    assert orders[0] != tuple(option.id for option in written_content(1).options)


async def test_p26_without_a_prepared_question_the_reserve_is_shown_as_a_step_of_the_journal(
    storage: Storage, seat: Seat
) -> None:
    before = await assessment_row(storage, seat.assessment_id)
    shown = await go_to(seat, 2)
    assert shown.question_id == (await slot(storage, seat, 2)).question_id
    assert await steps(storage, seat) == [{"position": 2}]
    assert (await assessment_row(storage, seat.assessment_id)).head_seq == before.head_seq, "a unit of work moves it"


@pytest.mark.parametrize("database_kind", ["sqlite"])  # whose file is the test's own
async def test_p26_reserve_is_shown_if_nobody_can_say_whether_anything_is_ready(storage: Storage, seat: Seat) -> None:
    await make_ready(storage, seat.assessment_id, 2)
    await execute(storage, "ALTER TABLE prepared_questions RENAME TO gone")
    assert (await go_to(seat, 2)).question_id == (await slot(storage, seat, 2)).question_id
    assert await steps(storage, seat) == [{"position": 2}]


async def test_first_question_is_always_the_reserve(storage: Storage, seat: Seat) -> None:
    with pytest.raises(Conflict):
        await make_ready(storage, seat.assessment_id, 1)
    assert (await go_to(seat)).question_id == seat.live.paper.at_position(1).question_id


async def test_p26_question_that_comes_after_its_position_was_shown_is_never_used(storage: Storage, seat: Seat) -> None:
    late = await propose(storage, seat.assessment_id, written_content(1))
    shown = await go_to(seat, 2)
    with pytest.raises(Conflict):
        await prepare_question(storage, assessment_id=seat.assessment_id, position=2, question_id=late, now=NOON)
    async with storage.unit_of_work() as unit:  # as if it had come between the look and the step
        await unit.prepared.put(seat.assessment_id, 2, late, now=NOON)
    for other in (seat, await seat.twin()):
        assert await go_to(other, 2) == shown
    assert (await go_to(seat, 3)).question_id != late
    assert len(await steps(storage, seat)) == 2


async def test_p10_two_nodes_that_race_for_a_position_show_the_same_question_by_one_entry(two_nodes: Nodes) -> None:
    first, second = two_nodes
    seat = await at_generated(first)
    for position in (2, 3, 4):
        written = await make_ready(first, seat.assessment_id, position)
        twins = [await seat.twin() for _ in range(6)]
        for number, twin in enumerate(twins):
            twin.storage = (first, second)[number % 2]
        shown = await asyncio.gather(*(go_to(twin, position) for twin in twins))
        assert {question.question_id for question in shown} == {written}
        assert {question.option_order for question in shown} == {shown[0].option_order}
        assert [step["position"] for step in await steps(first, seat)] == list(range(2, position + 1))


async def test_p10_whoever_loses_the_race_shows_what_the_winner_froze_written_or_not(two_nodes: Nodes) -> None:
    """One has looked before the question was ready, the other behind it."""
    first, second = two_nodes
    for _ in range(4):
        seat = await at_generated(first)
        early, late = await seat.twin(), await seat.twin()
        late.storage = second
        behind = asyncio.create_task(go_to(early, 2))
        await asyncio.sleep(0)
        await make_ready_if_possible(second, seat)
        shown = {(await behind).question_id, (await go_to(late, 2)).question_id}
        assert shown == {(await slot(first, seat, 2)).question_id}
        assert len(await steps(first, seat)) == 1


async def make_ready_if_possible(storage: Storage, seat: Seat) -> None:
    try:
        await make_ready(storage, seat.assessment_id, 2)
    except Conflict:
        return


async def test_p10_node_that_holds_the_assessment_learns_of_the_question_from_the_log(two_nodes: Nodes) -> None:
    first, second = two_nodes
    seat = await at_generated(first)
    elsewhere = await seat.twin()
    elsewhere.storage = second
    written = await make_ready(first, seat.assessment_id, 2)
    shown = await go_to(seat, 2)
    await second.refresh(elsewhere.live)
    assert elsewhere.live.paper.at_position(2) == shown
    (outcome,) = await elsewhere.send(Answer(written, shown.content.key))
    assert outcome.verdict == "saved"


async def test_answer_to_a_question_that_was_written_counts_on_a_node_that_has_not_heard_of_it(
    two_nodes: Nodes,
) -> None:
    first, second = two_nodes
    seat = await at_generated(first)
    elsewhere = await seat.twin()
    elsewhere.storage = second
    behind = await seat.twin()
    written = await make_ready(first, seat.assessment_id, 2)
    await go_to(seat, 2)
    (outcome,) = await elsewhere.send(Answer(written, written_content(1).key))
    assert outcome.verdict == "saved"
    assert (await go_to(behind, question_id=written)).question_id == written


async def test_takeover_that_loses_its_number_to_the_step_has_the_question(postgres_nodes: Nodes) -> None:
    first, second = postgres_nodes
    seat = await at_generated(first)
    written = await make_ready(first, seat.assessment_id, 2)
    async with second.unit_of_work() as unit:
        live = await unit.load(seat.assessment_id)
        shown = await go_to(seat, 2)
        await unit.attach(live, Claim("c_newer"), NOON)
    assert (shown.question_id, live.paper.at_position(2)) == (written, shown)
    assert live.state.attachment != seat.attachment


# --- what is asked of the database ---


@contextmanager
def statements(storage: Storage) -> Iterator[list[str]]:
    """What is asked of the database besides the journal."""
    said: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        said.append(statement)

    engine = storage.database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", hear)
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", hear)


async def test_step_asks_nothing_without_a_generated_section_and_one_thing_with_it(
    storage: Storage, seat: Seat
) -> None:
    plain = await seated(storage, navigation="linear")
    with statements(storage) as said:
        await go_to(plain, 2)
    assert said == []
    with statements(storage) as said:
        await go_to(seat, 2)
        await go_to(seat, 2)
    assert len([each for each in said if "prepared_questions" in each]) == 1
    assert not [each for each in said if "assessment_events" in each or "paper_questions" in each]


# --- what is refused ---


async def test_reserve_cannot_be_asked_for_or_answered_by_its_id_before_it_is_shown(
    storage: Storage, seat: Seat
) -> None:
    reserve = seat.live.paper.at_position(2)
    await make_ready(storage, seat.assessment_id, 2)
    with pytest.raises(NavigationNotAllowed) as refusal:
        await go_to(seat, question_id=reserve.question_id)
    assert refusal.value.details == {"position": 1}
    (outcome,) = await seat.send(Answer(reserve.question_id, reserve.content.key))
    assert isinstance(outcome.error, NavigationNotAllowed)
    await go_to(seat, 2)
    with pytest.raises(QuestionNotFound):
        await go_to(seat, question_id=reserve.question_id)
    assert [item.question_id for item in started_message(seat.live, NOON, recovered=True).outline] == [
        *ids(seat)[:2],
        None,
        None,
    ]


DUPLICATES = {
    "of a question that was shown": lambda seat: seat.live.paper.at_position(1).content,
    "of a reserve that is still to come": lambda seat: seat.live.paper.at_position(4).content,
    "of what is ready for another place": lambda _: written_content(2),
}


@pytest.mark.parametrize("content", DUPLICATES.values(), ids=DUPLICATES)
async def test_duplicate_of_a_question_of_this_paper_is_refused_when_it_is_prepared(
    storage: Storage, seat: Seat, content: Any
) -> None:
    await make_ready(storage, seat.assessment_id, 3)
    with pytest.raises(Conflict):
        await make_ready(storage, seat.assessment_id, 2, content(seat))
    assert [row.position for row in await rows(storage, prepared_questions)] == [3]


async def test_place_takes_no_question_of_another_skill_nor_one_that_a_reviewer_refused(
    storage: Storage, seat: Seat
) -> None:
    with pytest.raises(Conflict):
        await make_ready(storage, seat.assessment_id, 2, written_content(1, skill="Geometry"))
    refused = await propose(storage, seat.assessment_id, written_content(1))
    async with storage.unit_of_work() as unit:
        await unit.proposals.decide(refused, ProposalState.REJECTED, by=None, now=NOON)
    for question_id, refusal in ((refused, Conflict), ("q_nobody", NotFound)):
        with pytest.raises(refusal):
            await prepare_question(
                storage, assessment_id=seat.assessment_id, position=2, question_id=question_id, now=NOON
            )
    harder = await make_ready(storage, seat.assessment_id, 2, written_content(1, difficulty=Difficulty.HARD))
    assert (await go_to(seat, 2)).question_id == harder


async def test_p22_question_that_was_written_for_somebody_else_is_refused(storage: Storage, seat: Seat) -> None:
    """It may quote what that person said of themselves."""
    other = await at_generated(storage)
    question_id = await propose(storage, other.assessment_id, written_content(1))
    with pytest.raises(Conflict, match="somebody else"):
        await prepare_question(storage, assessment_id=seat.assessment_id, position=2, question_id=question_id, now=NOON)
    assert await rows(storage, prepared_questions) == []


async def test_question_that_is_refused_after_it_was_made_ready_is_not_shown(storage: Storage, seat: Seat) -> None:
    written = await make_ready(storage, seat.assessment_id, 2)
    async with storage.unit_of_work() as unit:
        await unit.proposals.decide(written, ProposalState.REJECTED, by=None, now=NOON)
    assert (await go_to(seat, 2)).question_id != written
    assert await steps(storage, seat) == [{"position": 2}]


async def test_nothing_is_prepared_for_a_fixed_question_or_behind_the_end(storage: Storage) -> None:
    seat = await at_generated(storage, opening=3)
    with pytest.raises(Conflict, match="No question is written for this place"):
        await make_ready(storage, seat.assessment_id, 2)
    question_id = await make_ready(storage, seat.assessment_id, 4)
    await prepare_question(storage, assessment_id=seat.assessment_id, position=4, question_id=question_id, now=NOON)
    await seat.finish(at=NOON + timedelta(minutes=1))
    with pytest.raises(AssessmentOver):
        await make_ready(storage, seat.assessment_id, 5)


# --- what it comes to ---


async def through(storage: Storage, seat: Seat) -> dict[int, str]:
    """Answer four questions rightly, the second and the fourth of them written for this candidate."""
    written = {position: await make_ready(storage, seat.assessment_id, position) for position in (2, 4)}
    for position in range(1, 5):
        await go_to(seat, position)
        await seat.answer(position, at=NOON + timedelta(minutes=position))
    return written


async def test_results_say_what_was_generated_and_responses_which(storage: Storage, seat: Seat) -> None:
    written = await through(storage, seat)
    ended = await seat.finish(at=NOON + timedelta(minutes=9))
    results = results_of(ended)
    assert (results.total_questions, results.generated_questions) == (4, 2)
    assert (results.total_score, results.max_score, results.correct_answers) == (4.0, 4.0, 4)
    reviewed = await review_responses(storage, seat.assessment_id)
    assert [each.origin for each in reviewed] == ["bank", "generated", "bank", "generated"]
    assert [reviewed[1].question_id, reviewed[3].question_id] == [written[2], written[4]]


async def test_p13_unscored_questions_that_were_written_count_for_nothing_and_their_reserves_in_full(
    storage: Storage,
) -> None:
    seat = await at_generated(storage, is_scored=False, points=2000, rules={"negative_marking": 500})
    await through(storage, seat)
    points = [question.points for question in seat.live.paper.questions]
    assert (points, seat.live.assessment.max_score) == ([2000, 0, 2000, 0], 4000)
    row = await assessment_row(storage, seat.assessment_id)
    assert row.max_score == 4000
    ended = await seat.finish(at=NOON + timedelta(minutes=9))
    results = results_of(ended)
    assert (results.total_score, results.max_score, results.percentage_score) == (4.0, 4.0, 100.0)
    reviewed = await review_responses(storage, seat.assessment_id)
    assert [(each.points, each.max_points) for each in reviewed] == [(2.0, 2.0), (0.0, 0.0)] * 2


async def test_p27_fold_of_the_log_tells_the_paper_of_the_start_and_the_one_that_stands(
    storage: Storage, seat: Seat
) -> None:
    started = seat.live.paper.digest()
    written = await through(storage, seat)
    async with storage.reading() as unit:
        state = fold(seat.assessment_id, await unit.events.read(seat.assessment_id))
        paper = await unit.paper(seat.assessment_id)
    assert paper.digest() != started == paper.digest(state.reserves)
    assert paper.digest() == paper.digest(state.written)
    assert state.written_positions == set(written)
