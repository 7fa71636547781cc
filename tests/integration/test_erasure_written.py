"""Erasing a person for whom questions were written: these may quote what the person said of themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from sitting.domain.audit import Break
from sitting.domain.erasing import WORDLESS, without_words
from sitting.domain.live import LiveAssessment, results_of
from sitting.domain.proposal import NewProposal, Proposal, ProposalState
from sitting.domain.question import QuestionContent
from sitting.domain.user import Role
from sitting.storage.graph_tables import content_vectors, prepared_questions, proposals
from sitting.storage.tables import metadata
from sitting.storage.unit_of_work import Storage
from sitting.usecases.erase_user import erase_user
from sitting.usecases.review_responses import review_responses
from sitting.usecases.verify_log import verify_log
from tests.support.builders import SIGNER, Seat
from tests.support.clock import NOON
from tests.support.rest import Rest, said
from tests.support.storage import execute, rows
from tests.support.written import at_generated, go_to, make_ready, written_content

SECRET = "Zeldaquux"
QUOTED = f'[{{"gate":"one_true","outcome":"passed","sentence":"{SECRET}","place":"key","evidence":{{}}}}]'
LATER = NOON + timedelta(days=400)


def quoting(topic: int) -> QuestionContent:
    """A question on that topic in which the person is named wherever words can stand."""
    plain = written_content(topic)
    options = tuple(replace(option, text=f"{option.text} {SECRET}", feedback=SECRET) for option in plain.options)
    return replace(plain, text=f"{plain.text[:-1]}, {SECRET}?", options=options, explanation=SECRET)


async def at_work(storage: Storage) -> Seat:
    """Somebody who was shown a question that was written for them; another one waits for the last position."""
    seat = await at_generated(storage)
    for position in (2, 4):
        await make_ready(storage, seat.assessment_id, position, quoting(position - 1))
    for position in (1, 2, 3):
        await go_to(seat, position)
        await seat.answer(position, at=NOON + timedelta(minutes=position))
    return seat


async def finished(storage: Storage) -> Seat:
    seat = await at_work(storage)
    await seat.finish(at=NOON + timedelta(minutes=9))
    return seat


async def erase(storage: Storage, seat: Seat) -> None:
    await erase_user(storage, seat.live.assessment.user_id, reason="asked for it", by=None, now=LATER)


async def found(storage: Storage, seat: Seat) -> Break | None:
    (verified,) = [one async for one in verify_log(storage.database, SIGNER.verifies, assessment_id=seat.assessment_id)]
    return verified.broken


async def loaded(storage: Storage, seat: Seat) -> LiveAssessment:
    async with storage.reading() as unit:
        return await unit.load(seat.assessment_id)


async def tables_with_the_secret(storage: Storage) -> list[str]:
    async with storage.database.reading() as connection:
        return [
            table.name
            for table in metadata.sorted_tables
            if any(SECRET in repr(tuple(row)) for row in await connection.execute(select(table)))
        ]


async def handed_in(storage: Storage, seat: Seat, topic: int, state: ProposalState) -> str:
    """A question that was written for that person, with evidence that quotes them, and what a reviewer made of it."""
    content, question_id = quoting(topic), f"q_{state}"
    new = NewProposal(question_id, f"r_{seat.assessment_id}", content, '{"model":"m"}', QUOTED)
    async with storage.unit_of_work() as unit:
        await unit.proposals.insert_many([new], now=NOON)
        if state is not ProposalState.WAITING:
            await unit.proposals.decide(question_id, state, by=None, now=NOON)
        if state is ProposalState.ACCEPTED:
            await unit.questions.create(question_id, content, slug=None, by=None, now=NOON)
    return question_id


async def proposal(storage: Storage, question_id: str) -> Proposal:
    async with storage.reading() as unit:
        return await unit.proposals.select(question_id)


async def test_p27_no_word_of_what_was_written_for_an_erased_person_is_left_and_the_log_is_whole(
    storage: Storage,
) -> None:
    seat = await finished(storage)
    for state in (ProposalState.WAITING, ProposalState.REJECTED, ProposalState.EDITED):
        await handed_in(storage, seat, 4, state)
    assert set(await tables_with_the_secret(storage)) >= {"question_contents", "proposals"}
    async with storage.unit_of_work() as unit:
        await unit.vectors.put("m", {quoting(topic).digest(): b"\0" * 4 for topic in (1, 3, 4)})
    before = await loaded(storage, seat)
    await erase(storage, seat)
    assert await tables_with_the_secret(storage) == []
    assert await found(storage, seat) is None
    after = await loaded(storage, seat)
    assert [q.as_slot() for q in after.paper.questions] == [q.as_slot() for q in before.paper.questions]
    assert results_of(after).generated_questions == 1
    for table in (prepared_questions, content_vectors):
        assert await rows(storage, table) == []
    assert [row.question_id for row in await rows(storage, proposals)] == [f"q_{ProposalState.EDITED}"]


async def test_erased_question_is_shown_to_staff_without_its_words_by_a_node_that_remembers_them(
    storage: Storage,
) -> None:
    seat = await finished(storage)
    texts = [each.text for each in await review_responses(storage, seat.assessment_id)]
    assert SECRET in texts[1]
    await erase(storage, seat)
    left = await review_responses(storage, seat.assessment_id)
    assert [each.text for each in left] == [texts[0], WORDLESS, *texts[2:]]
    assert left[1].correct_text == WORDLESS
    async with storage.reading() as unit:
        many = await unit.load_many([seat.assessment_id])
    assert many[seat.assessment_id].paper.at_position(2).content.text == WORDLESS


async def test_question_that_a_reviewer_took_into_the_bank_outlives_the_person(storage: Storage) -> None:
    seat = await finished(storage)
    taken = await handed_in(storage, seat, 4, ProposalState.ACCEPTED)
    reworded = await handed_in(storage, seat, 3, ProposalState.EDITED)
    await erase(storage, seat)
    kept = await proposal(storage, taken)
    assert (kept.content, kept.evidence) == (quoting(4), QUOTED)
    async with storage.reading() as unit:
        assert (await unit.questions.select(taken)).content == quoting(4)
    lineage = await proposal(storage, reworded)
    assert (lineage.content, lineage.evidence, lineage.lineage) == (without_words(quoting(3)), "[]", '{"model":"m"}')
    assert await found(storage, seat) is None


async def test_erasure_leaves_alone_what_was_written_for_somebody_else(storage: Storage) -> None:
    seat, other = await finished(storage), await finished(storage)
    waiting = [row.question_id for row in await rows(storage, proposals, run_id=f"r_{other.assessment_id}")]
    await erase(storage, seat)
    assert [row.question_id for row in await rows(storage, proposals)] == waiting
    assert [row.position for row in await rows(storage, prepared_questions)] == [2, 4]
    assert (await review_responses(storage, other.assessment_id))[1].text == quoting(1).text
    assert await found(storage, other) is None


@pytest.mark.parametrize("position", [1, 2])
async def test_p27_words_that_were_taken_out_of_a_paper_without_an_erasure_are_found(
    storage: Storage, position: int
) -> None:
    seat = await finished(storage)
    await take_words(storage, seat, position)
    question_id = seat.live.paper.at_position(position).question_id
    assert await found(storage, seat) == Break("paper", f"the content of question {question_id} was changed")


async def test_p27_erasure_excuses_no_words_that_were_taken_from_the_bank_s_questions(storage: Storage) -> None:
    seat = await finished(storage)
    await erase(storage, seat)
    await take_words(storage, seat, 1)
    question_id = seat.live.paper.at_position(1).question_id
    assert await found(storage, seat) == Break("paper", f"the content of question {question_id} was changed")


async def test_p27_erasure_excuses_no_other_words_in_the_place_of_what_was_written(storage: Storage) -> None:
    seat = await finished(storage)
    await erase(storage, seat)
    question = seat.live.paper.at_position(2)
    body = replace(without_words(question.content), explanation="never said").encoded()
    await execute(
        storage, "UPDATE question_contents SET body = :b WHERE digest = :d", b=body, d=question.content_digest
    )
    broken = await found(storage, seat)
    assert broken == Break("paper", f"the content of question {question.question_id} was changed")


async def take_words(storage: Storage, seat: Seat, position: int) -> None:
    """By hand, past the program."""
    question = seat.live.paper.at_position(position)
    body = without_words(question.content).encoded()
    await execute(
        storage, "UPDATE question_contents SET body = :b WHERE digest = :d", b=body, d=question.content_digest
    )


@pytest.mark.parametrize("database_kind", ["sqlite"])  # PostgreSQL keeps old versions of rows until VACUUM
async def test_words_written_for_an_erased_person_are_gone_from_the_sqlite_file(storage: Storage) -> None:
    seat = await finished(storage)
    file = Path(storage.database.url.file)
    files = [file, file.with_name(f"{file.name}-wal")]
    await storage.database.empty_log()
    assert any(SECRET.encode() in each.read_bytes() for each in files if each.exists())
    await erase(storage, seat)
    assert not any(SECRET.encode() in each.read_bytes() for each in files if each.exists())


async def test_answer_kept_for_a_reviewer_s_repeated_request_goes_with_the_words_in_it(rest: Rest) -> None:
    seat = await finished(rest.storage)
    question_id = await handed_in(rest.storage, seat, 4, ProposalState.WAITING)
    admin = await rest.person(Role.ADMIN)
    said(await admin.holding(**{"Idempotency-Key": "reject"}).post(f"/proposals/{question_id}/reject"))
    kept = metadata.tables["idempotency_keys"]
    assert len(await rows(rest.storage, kept)) == 1
    await erase(rest.storage, seat)
    assert await rows(rest.storage, kept) == []
    assert await tables_with_the_secret(rest.storage) == []
