"""What a rehearsal makes on the server for itself, and how it is put away again."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

from sitting.rehearsal.plan import GRACE, MAIL_DOMAIN, MAIL_PREFIX, PASS_MARK, TAG, Plan
from sitting.rehearsal.rest import AT_ONCE, Refused, Rest
from sitting.rehearsal.stored import Question, Staged

INVITED_AT_ONCE = 200
REASON = "A rehearsal is over."
T = TypeVar("T")
_OUR_TEST = re.compile(r"Rehearsal \d{8}-\d{6}-\w{4} \((main|deadline)\)")
_TYPES = ("single_choice", "true_false", "numeric")


async def make_questions(rest: Rest, plan: Plan, run: str) -> list[Question]:
    """So many questions of three kinds, with points of 1 to 3; they bear the tag `rehearsal`."""
    chance = random.Random(f"{plan.seed}/questions")  # noqa: S311  to be repeated
    made = []
    for number in range(plan.questions):
        body, texts = _question(number, chance)
        common = {"skill": "Rehearsal", "difficulty": "easy", "tags": [TAG, run]}
        stored = await rest.post("/questions", {**body, **common})
        ids = {option["text"]: option["id"] for option in stored["options"]}
        if stored["type"] == "true_false":
            right, wrong = [o["id"] for o in sorted(stored["options"], key=lambda o: not o["correct"])]
            choices: tuple[str, ...] = (right, wrong)
        else:
            choices = tuple(ids.get(text, text) for text in texts)
        made.append(Question(stored["question_id"], stored["type"], choices, 1 + number % 3))
    return made


def _question(number: int, chance: random.Random) -> tuple[dict[str, Any], list[str]]:
    """The body without its labels, and what may be answered, the right one first."""
    a, b = chance.randrange(2, 100), chance.randrange(2, 100)
    texts = [str(a + b + off) for off in (0, 1, 2, 10)]
    match _TYPES[number % len(_TYPES)]:
        case "single_choice":
            options = [{"text": text, "correct": text == texts[0]} for text in texts]
            return {"type": "single_choice", "text": f"What is {a} + {b}?", "options": options}, texts
        case "true_false":
            is_true = chance.random() < 0.5
            text = f"{a} + {b} = {texts[0 if is_true else 1]}"
            return {"type": "true_false", "text": text, "correct": is_true}, []
        case _:
            return {"type": "numeric", "text": f"How much is {a} + {b}?", "numbers": [{"value": texts[0]}]}, texts


async def make_test(
    rest: Rest, questions: Sequence[Question], run: str, name: str, *, minutes: int | None, closes_at: datetime | None
) -> Staged:
    """A published Test with all the questions."""
    draft = {
        "name": f"Rehearsal {run} ({name})",
        "description": "Made by `sitting rehearse` for synthetic candidates. It may be archived at any time.",
        "sections": [{"questions": [{"question_id": q.question_id, "points": q.points} for q in questions]}],
        "time_limit_minutes": minutes,
        "grace_seconds": GRACE,
        "closes_at": None if closes_at is None else closes_at.isoformat(),
        "pass_mark": PASS_MARK,
    }
    test_id = (await rest.post("/tests", draft))["test_id"]
    await rest.post(f"/tests/{test_id}/publish")
    return Staged(name, test_id, minutes, closes_at)


async def invite_new(rest: Rest, staged: Staged, run: str, numbers: range) -> list[tuple[int, str]]:
    """New people with an application each: user_id and link, in order."""
    people = [
        {"name": f"Rehearsal {number}", "email": f"{MAIL_PREFIX}{run}-{number}@{MAIL_DOMAIN}"} for number in numbers
    ]
    made = await _invite(rest, staged, people)
    return [(each["user_id"], each["link"]) for each in made]


async def invite_known(rest: Rest, staged: Staged, user_ids: Sequence[int]) -> None:
    """The same people for another Test."""
    await _invite(rest, staged, [{"user_id": user_id} for user_id in user_ids])


async def _invite(rest: Rest, staged: Staged, people: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for begin in range(0, len(people), INVITED_AT_ONCE):
        body = {"candidates": people[begin : begin + INVITED_AT_ONCE]}
        made += (await rest.post(f"/tests/{staged.test_id}/applications", body))["items"]
    return made


async def archive(rest: Rest, tests: Sequence[Staged], tag: str) -> None:
    """Take these Tests, and the questions with this tag, out of use; what was answered stays."""
    for staged in tests:
        await rest.delete(f"/tests/{staged.test_id}")
    for question_id in [question["question_id"] async for question in rest.items("/questions", tag=tag)]:
        await rest.delete(f"/questions/{question_id}")


async def clean_up(rest: Rest) -> tuple[int, int, int]:
    """Archive and erase what any rehearsals left: how many Tests, questions, and people.

    Raises:
        Refused, Unreachable
    """
    ids = [test["test_id"] async for test in rest.items("/tests") if _OUR_TEST.fullmatch(test["draft"]["name"])]
    questions = [question["question_id"] async for question in rest.items("/questions", tag=TAG)]
    for path in (*(f"/tests/{id_}" for id_ in ids), *(f"/questions/{id_}" for id_ in questions)):
        await rest.delete(path)
    people = [user["user_id"] async for user in rest.items("/users", query=MAIL_PREFIX) if is_ours(user["email"])]
    return len(ids), len(questions), await erase(rest, people)


def is_ours(email: str) -> bool:
    """Whether it is the address of a synthetic candidate; no mail goes to that domain, nor comes from it (RFC 6761)."""
    return email.startswith(MAIL_PREFIX) and email.endswith(f"@{MAIL_DOMAIN}")


REQUESTS_TO_ERASE = 2
"""Requests for one person: what they have open, and to erase them."""


async def erase(rest: Rest, user_ids: Sequence[int]) -> int:
    """End what these people have open, and erase them, for good; returns how many were erased."""

    async def erase_one(user_id: int) -> bool:
        async for row in rest.items("/assessments", user_id=user_id):
            if row["end_time"] is None:
                await rest.post(f"/assessments/{row['assessment_id']}/end", {"reason": REASON}, once=False)
        try:
            await rest.post(f"/users/{user_id}/erase", {"user_id": user_id, "reason": REASON}, once=False)
        except Refused as refused:
            if refused.status != HTTPStatus.CONFLICT:
                raise
            return False
        return True

    return sum(await few_at_once([partial(erase_one, user_id) for user_id in user_ids]))


async def few_at_once(asked: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """The results of all, in order, a few at a time, so that the server is not stormed by us."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(ask: Callable[[], Awaitable[T]]) -> T:
        async with gate:
            return await ask()

    return list(await asyncio.gather(*(one(ask) for ask in asked)))
