"""Starting: at once or not at all, within the rules of attempts and window, and once however often it is asked."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from sitting.domain.application import CandidateApplication
from sitting.domain.chain import SealedEvent
from sitting.domain.errors import (
    ApplicationAmbiguous,
    ApplicationNotFound,
    AttemptsExhausted,
    BlueprintNotFound,
    NotOpen,
    Unavailable,
)
from sitting.domain.events import Attached, EndReason, Started, optional_body
from sitting.storage.errors import SequenceTaken
from sitting.storage.frozen import Frozen
from sitting.storage.repositories.assessments import AssessmentRepository
from sitting.storage.repositories.events import EventRepository
from sitting.storage.tables import assessment_events, assessments, paper_questions
from sitting.storage.unit_of_work import Storage
from sitting.usecases.start_assessment import StartedAssessment, start_assessment
from tests.support.builders import begin, finalize, invite, make_user, publish_test
from tests.support.clock import NOON
from tests.support.pure_delivery import SetClock
from tests.support.storage import Nodes, assessment_row, execute, log_of, rows, running_storage

HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)


async def start(
    storage: Storage, application: CandidateApplication, *, named: bool = True, at: datetime = NOON
) -> StartedAssessment:
    """Start by the application's id, or by its candidate and Test alone."""
    return await start_assessment(
        storage,
        user_id=application.user_id,
        test_id=application.test_id,
        application_id=application.application_id if named else None,
        connection_id="c_1",
        now=at,
    )


async def nothing_is_stored(storage: Storage) -> bool:
    return not [
        row for table in (assessments, paper_questions, assessment_events) for row in await rows(storage, table)
    ]


# --- what a start makes ---


async def test_start_makes_row_paper_and_log_together(storage: Storage) -> None:
    test = await publish_test(storage, 4, time_limit_minutes=45, grace_seconds=7)
    application = await invite(storage, test)
    started = await start(storage, application, at=NOON + TICK)
    row = await assessment_row(storage, started.live.assessment_id)
    assert not started.recovered
    assert (row.application_id, row.user_id, row.test_id, row.test_version_id) == (
        application.application_id,
        application.user_id,
        test.test_id,
        test.version_id,
    )
    assert (row.attempt, row.status, row.total_questions, row.max_score) == (1, "started", 4, 4000)
    assert (row.started_at, row.deadline_at) == (NOON + TICK, NOON + TICK + timedelta(minutes=45))
    assert (row.end_time, row.total_score, row.passed) == (None, None, None)
    slots = await rows(storage, paper_questions, assessment_id=row.id)
    digests = {question.question_id: question.content_digest for question in test.snapshot.questions}
    assert [(slot.position, slot.question_id, slot.content_digest) for slot in slots] == [
        (position, question_id, digests[question_id])
        for position, question_id in enumerate(test.blueprint.named_questions(), start=1)
    ]


async def test_log_begins_with_the_paper_it_vouches_for_and_the_attachment(storage: Storage) -> None:
    application = await invite(storage, await publish_test(storage))
    live = (await start(storage, application)).live
    async with storage.reading() as unit:
        first, second = await unit.events.read(live.assessment_id)
    started = optional_body(first)
    assert isinstance(started, Started)
    assert (started.paper_digest, started.deadline_at) == (live.paper.digest(), live.assessment.deadline_at)
    assert optional_body(second) == Attached("c_1", "start")
    row = await assessment_row(storage, live.assessment_id)
    assert (row.head_seq, row.head_hash) == (2, second.hash)
    assert live.state.attachment == 2


async def test_deadline_is_the_earlier_of_limit_and_window(storage: Storage) -> None:
    times = [(30, None, 30), (30, 60, 30), (30, 20, 20), (None, 20, 20), (None, None, None)]
    for limit, closes_after, deadline_after in times:
        closes_at = None if closes_after is None else NOON + timedelta(minutes=closes_after)
        test = await publish_test(storage, 1, time_limit_minutes=limit, closes_at=closes_at)
        live = (await start(storage, await invite(storage, test))).live
        expected = None if deadline_after is None else NOON + timedelta(minutes=deadline_after)
        assert (await assessment_row(storage, live.assessment_id)).deadline_at == expected
        assert live.state.schedule.deadline_at == expected


async def test_p10_paper_stays_as_published_when_the_bank_moves_on(storage: Storage) -> None:
    test = await publish_test(storage, 2)
    application = await invite(storage, test)
    first = (await start(storage, application)).live
    async with storage.unit_of_work() as unit:
        revised, archived = test.snapshot.questions
        content = (await unit.questions.select(archived.question_id)).content
        await unit.questions.revise(revised.question_id, content, by=None, now=NOON)
        await unit.questions.archive(archived.question_id, now=NOON)
    storage.frozen = Frozen()  # as on a node that has read nothing yet
    again = (await start(storage, application)).live
    assert again.paper == first.paper
    assert (await begin(storage, await invite(storage, test))).live.paper == first.paper


# --- recovered ---


async def test_second_start_goes_on_with_the_open_one(storage: Storage) -> None:
    application = await invite(storage, await publish_test(storage))
    seat = await begin(storage, application)
    await seat.answer(1)
    again = await start(storage, application, at=NOON + timedelta(minutes=5))
    assert again.recovered
    assert again.live.assessment_id == seat.assessment_id
    assert again.live.state.responses == seat.live.state.responses
    assert again.live.state.schedule == seat.live.state.schedule
    assert again.live.state.attachment == 4
    assert len(await rows(storage, assessments)) == 1


async def test_open_one_goes_on_though_the_window_has_closed_or_a_newer_version_is_out(storage: Storage) -> None:
    test = await publish_test(storage, 2, closes_at=NOON + HOUR, time_limit_minutes=None)
    application = await invite(storage, test)
    first = await start(storage, application)
    async with storage.unit_of_work() as unit:
        [section] = test.blueprint.sections
        shorter = replace(test.blueprint, sections=(replace(section, questions=section.questions[:1]),))
        await unit.blueprints.add_version(test.test_id, 2, shorter, test.snapshot, overlap=100_000, by=None, now=NOON)
    again = await start(storage, application, at=NOON + 2 * HOUR)
    assert again.recovered
    assert again.live.paper == first.live.paper


# --- refusals ---


async def test_attempt_starts_within_the_window_only(storage: Storage) -> None:
    test = await publish_test(storage, 1, opens_at=NOON, closes_at=NOON + HOUR)
    application = await invite(storage, test)
    for closed in (NOON - TICK, NOON + HOUR):
        with pytest.raises(NotOpen):
            await start(storage, application, at=closed)
    assert await nothing_is_stored(storage)
    for opened in (NOON, NOON + HOUR - TICK):
        live = (await start(storage, await invite(storage, test), at=opened)).live
        assert live.assessment.started_at == opened


async def test_attempts_are_counted_and_then_exhausted(storage: Storage) -> None:
    application = await invite(storage, await publish_test(storage, 1, max_attempts=2))
    live = (await start(storage, application)).live
    for attempt in (1, 2):
        live = (await start(storage, application)).live
        assert live.assessment.attempt == attempt
        await finalize(storage, live.assessment_id, at=NOON)
    with pytest.raises(AttemptsExhausted) as refused:
        await start(storage, application)
    assert refused.value.details == {"max_attempts": 2, "last_assessment_id": live.assessment_id}
    assert len(await rows(storage, assessments)) == 2


async def test_voided_attempt_does_not_count_but_keeps_its_number(storage: Storage) -> None:
    application = await invite(storage, await publish_test(storage, 1))
    first = (await start(storage, application)).live
    await finalize(storage, first.assessment_id, at=NOON)
    await execute(storage, "UPDATE assessments SET status = 'voided'")
    assert (await start(storage, application)).live.assessment.attempt == 2


async def test_timeout_uses_up_its_attempt(storage: Storage) -> None:
    application = await invite(storage, await publish_test(storage, 1))
    live = (await start(storage, application)).live
    await finalize(storage, live.assessment_id, at=NOON + HOUR, reason=EndReason.TIMEOUT)
    with pytest.raises(AttemptsExhausted):
        await start(storage, application, at=NOON + HOUR)


async def test_unknown_test_and_missing_application_are_told_apart(storage: Storage) -> None:
    test = await publish_test(storage)
    stranger = await make_user(storage)
    for test_id, refusal in ((99, BlueprintNotFound), (test.test_id, ApplicationNotFound)):
        nobodys = CandidateApplication(0, stranger.user_id, test_id, "", NOON)
        with pytest.raises(refusal):
            await start(storage, nobodys, named=False)
    assert await nothing_is_stored(storage)


async def test_application_of_another_person_or_test_is_not_found(storage: Storage) -> None:
    test, other_test = await publish_test(storage), await publish_test(storage)
    user = await make_user(storage)
    theirs, elsewhere = await invite(storage, test), await invite(storage, other_test, user)
    for named in (theirs.application_id, elsewhere.application_id, 99):
        with pytest.raises(ApplicationNotFound):
            await start(storage, CandidateApplication(named, user.user_id, test.test_id, "", NOON))
    assert await nothing_is_stored(storage)


# --- which application is meant ---


async def test_several_usable_applications_are_ambiguous(storage: Storage) -> None:
    test = await publish_test(storage)
    user = await make_user(storage)
    first, second = await invite(storage, test, user), await invite(storage, test, user)
    with pytest.raises(ApplicationAmbiguous) as refused:
        await start(storage, first, named=False)
    assert refused.value.details == {"application_ids": [first.application_id, second.application_id]}
    assert await nothing_is_stored(storage)


async def test_application_with_an_open_assessment_is_the_one_that_is_meant(storage: Storage) -> None:
    test = await publish_test(storage)
    user = await make_user(storage)
    first, second = await invite(storage, test, user), await invite(storage, test, user)
    running = await start(storage, second)
    found = await start(storage, first, named=False)
    assert (found.recovered, found.live.assessment_id) == (True, running.live.assessment_id)


async def test_only_usable_application_is_the_one_that_is_meant(storage: Storage) -> None:
    test = await publish_test(storage, 1)
    user = await make_user(storage)
    used, fresh = await invite(storage, test, user), await invite(storage, test, user)
    await finalize(storage, (await start(storage, used)).live.assessment_id, at=NOON)
    assert (await start(storage, used, named=False)).live.assessment.application_id == fresh.application_id


async def test_when_no_application_is_usable_the_reason_is_told(storage: Storage) -> None:
    test = await publish_test(storage, 1)
    user = await make_user(storage)
    for application in (await invite(storage, test, user), await invite(storage, test, user)):
        await finalize(storage, (await start(storage, application)).live.assessment_id, at=NOON)
    with pytest.raises(AttemptsExhausted):
        await start(storage, application, named=False)


# --- all or nothing ---


class Broken(Exception):
    """What no code of ours expects."""


def breaking_after(method: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[None]]:
    """The method, which breaks once it has written."""

    async def breaks(*args: object, **kwargs: object) -> None:
        await method(*args, **kwargs)
        raise Broken

    return breaks


async def test_p09_start_that_fails_in_the_middle_uses_up_no_attempt(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = await invite(storage, await publish_test(storage))
    for repository, method in (
        (AssessmentRepository, "create_assessment_instance"),
        (EventRepository, "insert_first"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(repository, method, breaking_after(getattr(repository, method)))
            with pytest.raises(Broken):
                await start(storage, application)
        assert await nothing_is_stored(storage), method
    assert (await start(storage, application)).live.assessment.attempt == 1


async def test_p09_many_start_together_each_by_itself(storage: Storage) -> None:
    test = await publish_test(storage, 3, max_attempts=1)
    crowd = [await invite(storage, test) for _ in range(20)]
    over = await start(storage, crowd[0])
    await finalize(storage, over.live.assessment_id, at=NOON)
    strangers = replace(crowd[1], user_id=crowd[2].user_id)
    became = await asyncio.gather(*(start(storage, each) for each in [*crowd, strangers]), return_exceptions=True)
    assert isinstance(became[0], AttemptsExhausted)
    assert isinstance(became[-1], ApplicationNotFound)
    started = [each for each in became[1:-1] if isinstance(each, StartedAssessment)]
    assert [each.live.assessment.application_id for each in started] == [each.application_id for each in crowd[1:]]
    async with storage.reading() as unit:
        for each in started:
            stored = await unit.load(each.live.assessment_id)
            assert stored.assessment == each.live.assessment
            assert stored.paper.digest() == each.live.paper.digest()
            assert stored.state.head == each.live.state.head == stored.assessment.head_hash
    assert len(await rows(storage, paper_questions)) == 3 * 20


async def test_clock_starts_once_nobody_else_is_waited_for(storage: Storage) -> None:
    application = await invite(storage, await publish_test(storage))
    clock = SetClock(NOON)
    async with storage.unit_of_work() as unit:
        await unit.applications.lock(application.application_id)
        begun = asyncio.create_task(
            start_assessment(
                storage,
                user_id=application.user_id,
                test_id=application.test_id,
                application_id=None,
                connection_id="c_1",
                now=NOON,
                clock=clock,
            )
        )
        await asyncio.sleep(0.2)  # long enough to ask for what is held
        clock.instant = NOON + timedelta(minutes=5)
    row = (await begun).live.assessment
    assert row.started_at == NOON + timedelta(minutes=5)
    assert row.deadline_at == NOON + timedelta(minutes=35)


async def test_start_whose_number_is_taken_begins_anew(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    application = await invite(storage, await publish_test(storage))
    insert, losses = EventRepository.insert_first, iter([True, True])

    async def loses_at_first(self: EventRepository, events: Sequence[SealedEvent]) -> None:
        await insert(self, events)
        if next(losses, False):
            raise SequenceTaken

    monkeypatch.setattr(EventRepository, "insert_first", loses_at_first)
    live = (await start(storage, application)).live
    assert await log_of(storage, live.assessment_id) == ["started", "attached"]
    assert len(await rows(storage, assessments)) == 1


async def test_p08_hundred_simultaneous_starts_make_one_assessment(two_nodes: Nodes) -> None:
    application = await invite(two_nodes[0], await publish_test(two_nodes[0]))
    starts = [start(two_nodes[n % 2], application, named=n % 3 == 0) for n in range(100)]
    became = await asyncio.gather(*starts, return_exceptions=True)
    assert Counter(type(each) for each in became) == {StartedAssessment: 100}
    started = [each for each in became if isinstance(each, StartedAssessment)]
    assert Counter(each.recovered for each in started) == {False: 1, True: 99}
    assert {each.live.assessment_id for each in started} == {row.id for row in await rows(two_nodes[0], assessments)}
    assert sorted(each.live.state.attachment for each in started) == list(range(2, 102))


async def test_p08_attempts_are_never_exceeded_by_starts_that_race_the_end(two_nodes: Nodes) -> None:
    application = await invite(two_nodes[0], await publish_test(two_nodes[0], 1, max_attempts=3))

    async def start_and_finish_until_refused(node: Storage) -> None:
        for _ in range(50):
            try:
                live = (await start(node, application)).live
                await finalize(node, live.assessment_id, at=NOON)
            except Unavailable:
                continue
            except AttemptsExhausted:
                return
        raise AssertionError("never told that the attempts are used up")

    await asyncio.gather(*(start_and_finish_until_refused(two_nodes[n % 2]) for n in range(8)))
    made = await rows(two_nodes[0], assessments)
    assert [(row.attempt, row.status) for row in made] == [(1, "completed"), (2, "completed"), (3, "completed")]


async def test_start_under_way_does_not_hold_up_the_end(postgresql_database_url: str) -> None:
    async with running_storage(postgresql_database_url) as storage:
        seat = await begin(storage, await invite(storage, await publish_test(storage)))
        async with storage.unit_of_work() as unit:
            await unit.applications.lock(seat.live.assessment.application_id)
            await asyncio.wait_for(seat.finish(), 5)


async def test_many_candidates_start_at_once(two_nodes: Nodes) -> None:
    test = await publish_test(two_nodes[0], 2)
    applications = [await invite(two_nodes[0], test) for _ in range(40)]
    started = await asyncio.gather(*(start(two_nodes[n % 2], each) for n, each in enumerate(applications)))
    assert len({each.live.assessment_id for each in started}) == len(await rows(two_nodes[0], assessments)) == 40


async def test_start_that_is_given_up_leaves_nothing_locked(storage: Storage) -> None:
    application = await invite(storage, await publish_test(storage))
    for turns in range(0, 60, 3):
        task = asyncio.create_task(start(storage, application))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    live = (await asyncio.wait_for(start(storage, application), 10)).live
    assert live.assessment.attempt == 1
    assert len(await rows(storage, assessments)) == 1
