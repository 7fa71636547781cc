"""New questions are held against the bank as it is, and not as it was when the node began."""

from __future__ import annotations

import asyncio

import pytest

from sitting.domain.question import QuestionContent
from sitting.questions.gates.near_duplicate import Others, QuestionIndex
from sitting.questions.gates.registry import ITEM_GATES, NEAR_DUPLICATE
from sitting.questions.gates.settings import DEFAULTS, GateSettings
from sitting.storage.unit_of_work import Storage
from sitting.usecases import bank_index
from sitting.usecases.bank_index import BankIndex
from tests.support.builders import make_content
from tests.support.clock import NOON
from tests.support.items import item

IMAGE = item("What is a container image?", "a template that is only read", "a process that runs", "a disk of a guest")
LAYER = item("Which layer of an image takes what a process writes?", "the uppermost", "the lowest", "each of them")


@pytest.fixture(autouse=True)
def always_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bank_index, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(bank_index, "CHUNK", 2)


async def add(storage: Storage, question_id: str, content: QuestionContent) -> None:
    async with storage.unit_of_work() as unit:
        await unit.questions.create(question_id, content, slug=None, by=None, now=NOON)


async def is_duplicate(index: BankIndex, content: QuestionContent, *others: Others) -> bool:
    verdicts = await index.judge(content, others)
    assert {verdict.gate for verdict in verdicts} == {*ITEM_GATES, NEAR_DUPLICATE}
    return any(verdict.gate == NEAR_DUPLICATE and verdict.failed for verdict in verdicts)


async def test_bank_is_compared_with_as_it_is_now(storage: Storage) -> None:
    index = BankIndex(storage)
    for number in range(1, 6):
        await add(storage, f"q_{number}", make_content(number, text=f"Who wrote song number {number} of the opera?"))
    assert not await is_duplicate(index, IMAGE)
    await add(storage, "q_image", IMAGE)
    assert await is_duplicate(index, IMAGE)
    async with storage.unit_of_work() as unit:
        await unit.questions.revise("q_image", LAYER, by=None, now=NOON)
    assert not await is_duplicate(index, IMAGE)
    assert await is_duplicate(index, LAYER)
    async with storage.unit_of_work() as unit:
        await unit.questions.archive("q_image", now=NOON)
    assert not await is_duplicate(index, LAYER)


async def test_what_has_just_come_into_the_bank_is_seen_by_who_asks_for_it_as_it_is_now(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bank_index, "FRESH_SECONDS", 3600.0)
    index = BankIndex(storage)
    assert not await is_duplicate(index, IMAGE)
    await add(storage, "q_image", IMAGE)
    assert not await is_duplicate(index, IMAGE)
    assert [each.gate for each in await index.judge(IMAGE, oldest=0) if each.failed] == [NEAR_DUPLICATE]


async def test_others_are_compared_with_beside_the_bank(storage: Storage) -> None:
    had = QuestionIndex()
    had.add("q_had", IMAGE)
    index = BankIndex(storage)
    assert await is_duplicate(index, IMAGE, Others("what this candidate has had", had))
    assert not await is_duplicate(index, LAYER, Others("what this candidate has had", had))


async def test_many_at_once_and_some_given_up_leave_the_index_whole(storage: Storage) -> None:
    index = BankIndex(storage)
    for number in range(1, 9):
        await add(storage, f"q_{number}", make_content(number, text=f"Who wrote song number {number} of the opera?"))
    await add(storage, "q_image", IMAGE)
    asking = [asyncio.create_task(is_duplicate(index, content)) for content in (IMAGE, LAYER) * 6]
    await asyncio.sleep(0.005)
    for task in asking[::3]:
        task.cancel()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert not [each for each in answers if isinstance(each, Exception)]
    assert [await is_duplicate(index, content) for content in (IMAGE, LAYER)] == [True, False]


async def test_thresholds_of_the_settings_count_for_questions_that_are_written(storage: Storage) -> None:
    content = item("Which of these is a prime?", "7", "8", "9", "10")
    for gates, failed in ((DEFAULTS, False), (GateSettings.of({"most_options": 3}), True)):
        verdicts = await BankIndex(storage, gates).judge(content)
        assert {each.gate: each.failed for each in verdicts}["option_count"] is failed
