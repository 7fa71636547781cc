"""What the repositories keep of questions, Tests, assessments and logs: one set of expectations for both databases."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from sitting.domain.blueprint import Blueprint
from sitting.domain.chain import GENESIS, seal
from sitting.domain.errors import (
    AssessmentNotFound,
    BlueprintNotFound,
    Conflict,
    QuestionNotFound,
)
from sitting.domain.question import Difficulty
from sitting.storage.errors import SequenceTaken
from sitting.storage.repositories.questions import QuestionFilter
from sitting.storage.tables import question_contents
from sitting.storage.unit_of_work import Storage
from tests.support.builders import make_content, make_questions, publish_test, seated
from tests.support.clock import NOON
from tests.support.storage import rows

NON_ASCII = "Zoë Øst 李小龍 👩‍🔬 עברית"
ODD_INSTANT = NOON + timedelta(microseconds=123_457)


# --- questions ---


async def test_question_keeps_its_content_to_the_byte(storage: Storage) -> None:
    content = make_content(text=NON_ASCII + '\n\t\\ " \u2028', explanation="", difficulty=Difficulty.HARD)
    async with storage.unit_of_work() as unit:
        made = await unit.questions.create("q_1", content, slug="größe", by=None, now=NOON)
        assert await unit.questions.select("q_1") == made
        assert await unit.questions.contents([made.digest, "0" * 64]) == {made.digest: content}
    assert (made.version, made.slug, made.content, made.digest) == (1, "größe", content, content.digest())
    (row,) = await rows(storage, question_contents)
    assert row.body == content.encoded()


async def test_revision_becomes_current_and_the_same_content_makes_none(storage: Storage) -> None:
    async with storage.unit_of_work() as unit:
        first = await unit.questions.create("q_1", make_content(1), slug=None, by=None, now=NOON)
        assert await unit.questions.revise("q_1", make_content(1), by=None, now=NOON) == first
        second = await unit.questions.revise("q_1", make_content(2), by=None, now=NOON)
        assert await unit.questions.revise("q_1", make_content(1), by=None, now=NOON) != first
        assert second.version == 2
        assert (await unit.questions.select("q_1")).version == 3
        assert set(await unit.questions.contents([first.digest, second.digest])) == {first.digest, second.digest}
    assert len(await rows(storage, question_contents)) == 2


async def test_two_questions_may_say_the_same(storage: Storage) -> None:
    async with storage.unit_of_work() as unit:
        for question_id in ("q_1", "q_2"):
            await unit.questions.create(question_id, make_content(), slug=None, by=None, now=NOON)
        found = await unit.questions.select_many(["q_1", "q_2", "q_3"])
    assert {question_id: version.content for question_id, version in found.items()} == {
        "q_1": make_content(),
        "q_2": make_content(),
    }


async def test_taken_slug_is_refused_and_the_transaction_goes_on(storage: Storage) -> None:
    async with storage.unit_of_work() as unit:
        await unit.questions.create("q_1", make_content(), slug="s", by=None, now=NOON)
        with pytest.raises(Conflict):
            await unit.questions.create("q_2", make_content(), slug="s", by=None, now=NOON)
        await unit.questions.create("q_2", make_content(), slug="t", by=None, now=NOON)
    async with storage.reading() as unit:
        assert set(await unit.questions.select_many(["q_1", "q_2"])) == {"q_1", "q_2"}


async def test_archived_question_leaves_the_bank_but_its_content_stays(storage: Storage) -> None:
    gone, kept = await make_questions(storage, 2)
    async with storage.unit_of_work() as unit:
        await unit.questions.archive(gone.question_id, now=NOON)
    async with storage.reading() as unit:
        assert await unit.questions.list_page(after="", limit=9) == [kept]
        assert await unit.questions.contents([gone.digest]) == {gone.digest: gone.content}
        assert await unit.questions.select_many([gone.question_id]) == {}
        with pytest.raises(QuestionNotFound):
            await unit.questions.select(gone.question_id)


async def test_unknown_question_is_refused_everywhere(storage: Storage) -> None:
    async with storage.unit_of_work() as unit:
        with pytest.raises(QuestionNotFound):
            await unit.questions.select("q_none")
        with pytest.raises(QuestionNotFound):
            await unit.questions.revise("q_none", make_content(), by=None, now=NOON)
        with pytest.raises(QuestionNotFound):
            await unit.questions.archive("q_none", now=NOON)


async def test_question_pages_are_full_though_the_filter_drops_most(storage: Storage) -> None:
    async with storage.unit_of_work() as unit:
        for n in range(230):
            skill = "Rare" if n in (50, 150, 205, 225) else "Common"
            difficulty = Difficulty.HARD if n == 225 else Difficulty.EASY
            content = make_content(n, skill=skill, difficulty=difficulty)
            await unit.questions.create(f"q_{n:04}", content, slug=None, by=None, now=NOON)
    rare = QuestionFilter("Rare")
    async with storage.reading() as unit:
        first = await unit.questions.list_page(after="", limit=3, wanted=rare)
        rest = await unit.questions.list_page(after=first[-1].question_id, limit=3, wanted=rare)
        hard = await unit.questions.list_page(after="", limit=3, wanted=QuestionFilter("Rare", "hard"))
        every = await unit.questions.list_page(after="", limit=500)
    assert [found.question_id for found in first] == ["q_0050", "q_0150", "q_0205"]
    assert [found.question_id for found in rest] == ["q_0225"]
    assert [found.question_id for found in hard] == ["q_0225"]
    assert [found.question_id for found in every] == [f"q_{n:04}" for n in range(230)]


# --- Tests ---


async def test_draft_is_read_back_as_it_was_written(storage: Storage) -> None:
    zone = timezone(timedelta(hours=-7))
    draft = Blueprint(
        NON_ASCII, "“quoted”", opens_at=ODD_INSTANT.astimezone(zone), closes_at=ODD_INSTANT.replace(year=2031)
    )
    async with storage.unit_of_work() as unit:
        made = await unit.blueprints.create(draft, by=None, now=ODD_INSTANT)
        changed = await unit.blueprints.replace_draft(made.test_id, Blueprint("Other"), now=NOON)
        assert await unit.blueprints.select(made.test_id, for_update=True) == changed
    assert (made.draft, made.created_at, made.current_version) == (draft, ODD_INSTANT, None)
    assert (changed.draft, changed.created_at, changed.updated_at) == (Blueprint("Other"), ODD_INSTANT, NOON)


async def test_newest_version_is_current_and_the_older_one_stays(storage: Storage) -> None:
    first = await publish_test(storage)
    async with storage.unit_of_work() as unit:
        second = await unit.blueprints.add_version(
            first.test_id,
            2,
            Blueprint("Second"),
            first.snapshot,
            overlap=33_333,
            overlap_error=120,
            by=None,
            now=ODD_INSTANT,
        )
        await unit.blueprints.replace_draft(first.test_id, Blueprint("Third"), now=NOON)
        assert await unit.blueprints.current_version(first.test_id) == second
        assert await unit.blueprints.version(first.version_id) == first
        assert await unit.blueprints.versions(first.test_id) == [first, second]
        assert (await unit.blueprints.select(first.test_id)).current_version == 2
        assert await unit.blueprints.current_version_id(first.test_id) == second.version_id
        assert [await unit.blueprints.numbered_version(first.test_id, number) for number in (1, 2)] == [first, second]
        with pytest.raises(BlueprintNotFound):
            await unit.blueprints.numbered_version(first.test_id, 3)
    assert (second.published_at, second.overlap, second.overlap_error) == (ODD_INSTANT, 33_333, 120)


async def test_tests_come_in_pages_with_their_current_version(storage: Storage) -> None:
    made = [await publish_test(storage, 1) for _ in range(3)]
    async with storage.reading() as unit:
        first = await unit.blueprints.list_page(after=0, limit=2)
        rest = await unit.blueprints.list_page(after=first[-1].test_id, limit=2)
    assert [test.test_id for test in first + rest] == [version.test_id for version in made]
    assert [test.current_version for test in first + rest] == [1, 1, 1]


async def test_unknown_or_unpublished_test_is_refused(storage: Storage) -> None:
    async with storage.unit_of_work() as unit:
        draft = await unit.blueprints.create(Blueprint("Draft"), by=None, now=NOON)
        for test_id in (draft.test_id, 99):
            with pytest.raises(BlueprintNotFound):
                await unit.blueprints.current_version(test_id)
        with pytest.raises(BlueprintNotFound):
            await unit.blueprints.select(99)
        with pytest.raises(BlueprintNotFound):
            await unit.blueprints.replace_draft(99, Blueprint("x"), now=NOON)
        assert await unit.blueprints.versions(99) == []


# --- assessments ---


async def test_assessment_is_read_back_with_its_paper(storage: Storage) -> None:
    test = await publish_test(storage, 4, closes_at=ODD_INSTANT)
    seat = await seated(storage)
    async with storage.reading() as unit:
        loaded = await unit.load(seat.assessment_id)
        assert await unit.assessments.select(seat.assessment_id) == loaded.assessment
        with pytest.raises(AssessmentNotFound):
            await unit.assessments.select(99)
        with pytest.raises(AssessmentNotFound):
            await unit.load(99)
    assert (loaded.paper, loaded.state) == (seat.live.paper, seat.live.state)
    assert loaded.assessment.test_id != test.test_id
    assert loaded.assessment.started_at == NOON


async def test_finished_assessment_has_the_same_values_on_both_databases(storage: Storage) -> None:
    seat = await seated(storage)
    await seat.answer(1)
    await seat.finish(at=NOON + timedelta(minutes=12))
    async with storage.reading() as unit:
        row = await unit.assessments.select(seat.assessment_id)
    assert (row.status, row.total_score, row.max_score, row.percentage_score) == ("completed", 1000, 3000, 33_333)
    assert row.passed is False
    assert repr(row.time_taken_minutes) == "12.0"
    assert row.end_time == row.updated_at == NOON + timedelta(minutes=12)


async def test_assessments_come_in_pages_of_one_test_or_of_all(storage: Storage) -> None:
    seats = [await seated(storage, 1) for _ in range(3)]
    ids = [seat.assessment_id for seat in seats]
    async with storage.reading() as unit:
        first = await unit.assessments.list_page(after=0, limit=2)
        rest = await unit.assessments.list_page(after=first[-1].assessment_id, limit=2)
        own = await unit.assessments.list_page(test_id=seats[1].live.assessment.test_id, after=0, limit=9)
    assert [row.assessment_id for row in first + rest] == ids
    assert [row.assessment_id for row in own] == [ids[1]]


async def test_sweep_finds_what_is_open_and_due_and_the_most_overdue_first(storage: Storage) -> None:
    long, short, finished, untimed = [
        await seated(storage, 1, time_limit_minutes=minutes) for minutes in (20, 10, 5, None)
    ]
    await finished.finish()
    due = NOON + timedelta(minutes=20, seconds=10)
    async with storage.reading() as unit:

        async def due_at(instant: datetime, limit: int = 9) -> list[int]:
            return [each.assessment_id for each in await unit.assessments.due_for_sweep(instant, limit)]

        assert await due_at(due) == [short.assessment_id, long.assessment_id]
        assert await due_at(due, 1) == [short.assessment_id]
        assert await due_at(due - timedelta(microseconds=1)) == [short.assessment_id]
        abandoned = await due_at(NOON + timedelta(days=30))
    assert abandoned[-1] == untimed.assessment_id


# --- the log ---


async def test_log_is_read_back_to_the_byte_and_the_microsecond(storage: Storage) -> None:
    seat = await seated(storage)
    at = ODD_INSTANT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    payload = bytes(range(256))
    head = seat.live.state.head
    event = seal(head, seat.assessment_id, 3, "flagged", at, payload)
    async with storage.unit_of_work() as unit:
        await unit.events.append(event)
    async with storage.reading() as unit:
        assert await unit.events.read(seat.assessment_id, after=2) == [event]
        whole = await unit.events.read(seat.assessment_id)
        assert await unit.events.read(seat.assessment_id, after=1, limit=1) == whole[1:2]
    assert [entry.seq for entry in whole] == [1, 2, 3]
    assert whole[2].occurred_at.utcoffset() == timedelta(0)


async def test_taken_number_is_refused_and_leaves_the_first_entry_alone(storage: Storage) -> None:
    seat = await seated(storage)
    async with storage.reading() as unit:
        before = await unit.events.read(seat.assessment_id)
    with pytest.raises(SequenceTaken):
        async with storage.unit_of_work() as unit:
            await unit.events.append(seal(GENESIS, seat.assessment_id, 2, "flagged", NOON, b"{}"))
    async with storage.reading() as unit:
        assert await unit.events.read(seat.assessment_id) == before
