"""What the repositories keep, find and refuse: one set of expectations for both databases."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest

from sitting.domain.blueprint import Blueprint
from sitting.domain.chain import GENESIS, seal
from sitting.domain.errors import (
    ApplicationNotFound,
    AssessmentNotFound,
    BlueprintNotFound,
    Conflict,
    NotFound,
    QuestionNotFound,
)
from sitting.domain.question import Difficulty
from sitting.domain.user import Role
from sitting.kit.ids import random_secret
from sitting.storage.errors import SequenceTaken
from sitting.storage.repositories.credentials import TicketHolder
from sitting.storage.tables import question_contents, sessions, ws_tickets
from sitting.storage.unit_of_work import Storage
from tests.support.builders import invite, make_content, make_questions, make_user, publish_test, seated
from tests.support.clock import NOON
from tests.support.storage import execute, rows

LARGEST_ID = 2**53 - 1
NON_ASCII = "Zoë Øst 李小龍 👩‍🔬 עברית"
ODD_INSTANT = NOON + timedelta(microseconds=123_457)


# --- users ---


async def test_user_is_found_by_id_email_and_external_id(storage: Storage) -> None:
    made = await make_user(storage, NON_ASCII, email="zoë@example.org", external_id="ou=人/7", roles=[Role.ADMIN])
    async with storage.reading() as unit:
        assert await unit.users.select(made.user_id) == made
        assert await unit.users.select_optional_by_email("zoë@example.org") == made
        assert await unit.users.select_optional_by_external_id("ou=人/7") == made
    assert (made.name, made.roles) == (NON_ASCII, {Role.ADMIN})


async def test_unknown_user_is_refused_or_none(storage: Storage) -> None:
    async with storage.reading() as unit:
        assert await unit.users.any_exist() is False
        assert await unit.users.select_optional(1) is None
        assert await unit.users.select_optional_by_email("a@example.org") is None
        assert await unit.users.select_optional_by_external_id("x") is None
        assert await unit.users.password_hash(1) is None
        with pytest.raises(NotFound):
            await unit.users.select(1)


@pytest.mark.parametrize("taken", [{"email": "a@example.org"}, {"external_id": "x"}])
async def test_second_user_with_a_taken_name_is_refused_and_the_transaction_goes_on(
    storage: Storage, taken: dict[str, str]
) -> None:
    await make_user(storage, email="a@example.org", external_id="x")
    async with storage.unit_of_work() as unit:
        other = {"email": "b@example.org", "external_id": "y"} | taken
        with pytest.raises(Conflict):
            await unit.users.create(name="B", roles=frozenset({Role.CANDIDATE}), now=NOON, **other)
        third = await unit.users.create(name="C", email="c@example.org", roles=frozenset(), now=NOON)
    async with storage.reading() as unit:
        assert [user.name for user in await unit.users.list_page(after=0, limit=9)] == ["Zoë Müller", "C"]
        assert await unit.users.select(third.user_id) == third


async def test_users_without_external_id_do_not_clash(storage: Storage) -> None:
    first, second = await make_user(storage), await make_user(storage)
    assert (first.external_id, second.external_id) == (None, None)
    async with storage.reading() as unit:
        assert await unit.users.any_exist() is True


async def test_new_password_voids_the_tokens_before_it(storage: Storage) -> None:
    user = await make_user(storage, password_hash="old")
    async with storage.unit_of_work() as unit:
        assert await unit.users.password_hash(user.user_id) == "old"
        await unit.users.set_password(user.user_id, "new", now=ODD_INSTANT)
    async with storage.reading() as unit:
        assert await unit.users.password_hash(user.user_id) == "new"
        assert (await unit.users.select(user.user_id)).not_before == ODD_INSTANT


async def test_users_come_in_pages_without_gap_or_repetition(storage: Storage) -> None:
    made = [(await make_user(storage)).user_id for _ in range(5)]
    found: list[int] = []
    async with storage.reading() as unit:
        while page := await unit.users.list_page(after=found[-1] if found else 0, limit=2):
            assert len(page) <= 2
            found += [user.user_id for user in page]
    assert found == made


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("ANNE", ["Anne % Meier"]),
        ("Äng", ["Ängström"]),
        ("meier", ["Anne % Meier"]),
        ("%", ["Anne % Meier"]),
        ("_", []),
        ("strom@", ["Ängström"]),
        ("李", ["李小龍"]),
    ],
)
async def test_users_are_found_by_part_of_name_or_address(storage: Storage, query: str, names: list[str]) -> None:
    await make_user(storage, "Anne % Meier", email="anne@example.org")
    await make_user(storage, "Ängström", email="strom@example.org")
    await make_user(storage, "李小龍", email="bruce@example.org")
    async with storage.reading() as unit:
        assert [user.name for user in await unit.users.list_page(after=0, limit=9, query=query)] == names


async def test_ids_up_to_two_to_the_53rd_are_kept_exactly(storage: Storage) -> None:
    await execute(
        storage,
        "INSERT INTO users (id, name, email, roles, created_at, updated_at) "
        "SELECT :id, 'Last', 'last@example.org', 'candidate', created_at, created_at FROM users WHERE id = :like",
        id=LARGEST_ID,
        like=(await make_user(storage)).user_id,
    )
    test = await publish_test(storage)
    async with storage.unit_of_work() as unit:
        last = await unit.users.select(LARGEST_ID)
        made = await unit.applications.create(last.user_id, test.test_id, random_secret(), by=None, now=NOON)
        assert await unit.applications.of_candidate(LARGEST_ID) == [made]
    assert (last.user_id, made.user_id) == (LARGEST_ID, LARGEST_ID)


# --- credentials ---


async def test_session_lasts_until_the_instant_it_expires(storage: Storage) -> None:
    user = await make_user(storage)
    async with storage.unit_of_work() as unit:
        await unit.credentials.create_session("s", user.user_id, now=NOON, expires_at=ODD_INSTANT)
    async with storage.reading() as unit:
        just_before = ODD_INSTANT - timedelta(microseconds=1)
        assert await unit.credentials.session_user("s", now=just_before) == (user.user_id, NOON)
        assert await unit.credentials.session_user("s", now=ODD_INSTANT) is None
        assert await unit.credentials.session_user("other", now=NOON) is None


async def test_deleted_session_is_gone_and_no_other(storage: Storage) -> None:
    user = await make_user(storage)
    async with storage.unit_of_work() as unit:
        for secret in ("s", "t"):
            await unit.credentials.create_session(secret, user.user_id, now=NOON, expires_at=ODD_INSTANT)
        await unit.credentials.delete_session("s")
        assert await unit.credentials.session_user("s", now=NOON) is None
        assert await unit.credentials.session_user("t", now=NOON) is not None


async def test_expired_credentials_are_swept_when_new_ones_are_made(storage: Storage) -> None:
    user = await make_user(storage)
    holder = TicketHolder(user.user_id, user.roles)
    later = NOON + timedelta(hours=1)
    async with storage.unit_of_work() as unit:
        await unit.credentials.create_session("old", user.user_id, now=NOON, expires_at=ODD_INSTANT)
        await unit.credentials.create_ticket("old", holder, now=NOON, expires_at=ODD_INSTANT)
        await unit.credentials.revoke_token("old", user.user_id, now=NOON, expires_at=ODD_INSTANT)
    async with storage.unit_of_work() as unit:
        await unit.credentials.create_session("new", user.user_id, now=later, expires_at=later)
        await unit.credentials.create_ticket("new", holder, now=later, expires_at=later)
        await unit.credentials.revoke_token("new", user.user_id, now=later, expires_at=later)
        assert await unit.credentials.is_revoked("old") is False
        assert await unit.credentials.is_revoked("new") is True
    assert [row.created_at for row in await rows(storage, sessions)] == [later]
    assert [row.created_at for row in await rows(storage, ws_tickets)] == [later]


async def test_no_secret_stands_in_the_database(storage: Storage) -> None:
    user = await make_user(storage)
    async with storage.unit_of_work() as unit:
        await unit.credentials.create_session("hunter2", user.user_id, now=NOON, expires_at=ODD_INSTANT)
        await unit.credentials.create_ticket(
            "hunter2", TicketHolder(user.user_id, user.roles), now=NOON, expires_at=ODD_INSTANT
        )
    for table in (sessions, ws_tickets):
        (row,) = await rows(storage, table)
        assert "hunter2" not in repr(tuple(row))
        assert len(row.secret_hash) == 64


async def test_token_may_be_revoked_twice(storage: Storage) -> None:
    user = await make_user(storage)
    async with storage.unit_of_work() as unit:
        for _ in range(2):
            await unit.credentials.revoke_token("j", user.user_id, now=NOON, expires_at=ODD_INSTANT)
        assert await unit.credentials.is_revoked("j") is True
        assert await unit.credentials.is_revoked("k") is False


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
        for refused in (unit.questions.select, unit.questions.select_many):
            if refused == unit.questions.select_many:
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
        for n in range(420):
            skill = "Rare" if n % 100 == 50 else "Common"
            difficulty = Difficulty.HARD if n == 350 else Difficulty.EASY
            content = make_content(n, skill=skill, difficulty=difficulty)
            await unit.questions.create(f"q_{n:04}", content, slug=None, by=None, now=NOON)
    async with storage.reading() as unit:
        first = await unit.questions.list_page(after="", limit=3, skill="Rare")
        rest = await unit.questions.list_page(after=first[-1].question_id, limit=3, skill="Rare")
        hard = await unit.questions.list_page(after="", limit=3, skill="Rare", difficulty="hard")
        every = await unit.questions.list_page(after="", limit=500)
    assert [found.question_id for found in first] == ["q_0050", "q_0150", "q_0250"]
    assert [found.question_id for found in rest] == ["q_0350"]
    assert [found.question_id for found in hard] == ["q_0350"]
    assert [found.question_id for found in every] == [f"q_{n:04}" for n in range(420)]


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
            first.test_id, 2, Blueprint("Second"), first.questions, by=None, now=ODD_INSTANT
        )
        await unit.blueprints.replace_draft(first.test_id, Blueprint("Third"), now=NOON)
        assert await unit.blueprints.current_version(first.test_id) == second
        assert await unit.blueprints.version(first.version_id) == first
        assert await unit.blueprints.versions(first.test_id) == [first, second]
        assert (await unit.blueprints.select(first.test_id)).current_version == 2
    assert second.published_at == ODD_INSTANT


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


# --- applications ---


async def test_application_is_found_by_its_candidate_and_by_its_secret(storage: Storage) -> None:
    test, other_test = await publish_test(storage), await publish_test(storage)
    user = await make_user(storage)
    made, elsewhere = await invite(storage, test, user), await invite(storage, other_test, user)
    await invite(storage, test)
    async with storage.reading() as unit:
        assert await unit.applications.select_own(made.application_id, user.user_id) == made
        assert await unit.applications.select_optional_by_secret(made.secret) == made
        assert await unit.applications.select_optional_by_secret("nobody's") is None
        assert await unit.applications.of_candidate(user.user_id) == [made, elsewhere]
        assert await unit.applications.of_candidate(user.user_id, test.test_id) == [made]


async def test_application_of_somebody_else_is_as_good_as_none(storage: Storage) -> None:
    made = await invite(storage, await publish_test(storage))
    stranger = await make_user(storage)
    async with storage.reading() as unit:
        for application_id, user_id in ((made.application_id, stranger.user_id), (99, made.user_id)):
            with pytest.raises(ApplicationNotFound):
                await unit.applications.select_own(application_id, user_id)


async def test_applications_of_a_test_come_in_pages(storage: Storage) -> None:
    test = await publish_test(storage)
    made = [await invite(storage, test) for _ in range(3)]
    await invite(storage, await publish_test(storage))
    async with storage.reading() as unit:
        first = await unit.applications.of_test(test.test_id, after=0, limit=2)
        rest = await unit.applications.of_test(test.test_id, after=first[-1].application_id, limit=2)
    assert first + rest == made


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
        assert await unit.assessments.due_for_sweep(due, 9) == [short.assessment_id, long.assessment_id]
        assert await unit.assessments.due_for_sweep(due, 1) == [short.assessment_id]
        assert await unit.assessments.due_for_sweep(due - timedelta(microseconds=1), 9) == [short.assessment_id]
        abandoned = await unit.assessments.due_for_sweep(NOON + timedelta(days=30), 9)
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
