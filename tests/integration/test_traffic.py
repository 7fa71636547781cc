"""What the taps saw of all the traffic of a run; and that a tap notices whatever must not pass."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sitting.domain.blueprint import FeedbackPolicy
from sitting.domain.question import AcceptedText, Option, QuestionContent, QuestionType
from sitting.domain.user import Role
from tests.support.builders import make_content, make_user, seated
from tests.support.clock import NOON
from tests.support.rest import Rest
from tests.support.traffic import Message, Secrets, Suspicion, Tap, allows, read_notes, secrets_of, suspicions
from tests.support.traffic_notes import WHOLE_RUN

MANY = 4000  # tests
FIELD = Suspicion("field correct", "q_1")


def content(**changes: Any) -> QuestionContent:
    return make_content(explanation="Since the moon is round.", **changes)


def test_secrets_are_the_rationale_the_feedback_and_the_accepted_texts_that_the_question_does_not_show() -> None:
    told = content(options=(Option("o_a", "Moon", "No, never green cheese!"), Option("o_b", "Sun", "")))
    assert secrets_of(told) == {"Since the moon is round", "never green cheese"}
    text = content(type=QuestionType.SHORT_TEXT, options=(), key="", accepted=(AcceptedText("Mercury"),), text="Which?")
    assert secrets_of(text) == {"Since the moon is round", "Mercury"}
    assert secrets_of(replace(text, text="Venus or Mercury?")) == {"Since the moon is round"}


def test_keys_are_seen_at_any_depth_beside_their_question_and_own_answers_are_not() -> None:
    secrets = Secrets()
    secrets.learn(content())
    shown = {"question_id": "q_1", "value": "Since the moon is round", "skills": [{"correct": 3}], "explanation": ""}
    assert list(suspicions(shown, secrets)) == []
    leak = {"data": [{"question_id": "q_2", "options": [{"correct": False}], "text": "x Since the moon is round x"}]}
    assert list(suspicions(leak, secrets)) == [
        Suspicion("field correct", "q_2"),
        Suspicion("Since the moon is round", "q_2"),
    ]


@pytest.mark.parametrize(
    ("policy", "before", "answered", "over"),
    [
        (FeedbackPolicy.NONE, False, False, False),
        (FeedbackPolicy.AFTER_END, False, False, True),
        (FeedbackPolicy.AFTER_WINDOW, False, False, False),
        (FeedbackPolicy.AFTER_ANSWER, False, True, True),
    ],
)
async def test_what_may_be_told_follows_from_the_policy(
    rest: Rest, policy: FeedbackPolicy, before: bool, answered: bool, over: bool
) -> None:
    seat = await seated(rest.storage, feedback=policy, closes_at=NOON + timedelta(hours=1))
    [first, other, *_] = [Suspicion("field correct", question.question_id) for question in seat.live.paper.questions]
    assert allows(seat.live, first, NOON) is before
    await seat.answer(1)
    assert allows(seat.live, first, NOON) is answered
    assert allows(seat.live, other, NOON) is False
    ended = await seat.finish()
    assert [allows(ended, each, NOON) for each in (first, other)] == [over, over]
    assert allows(ended, FIELD, NOON) is False, "not a question of this paper"
    assert allows(ended, first, NOON + timedelta(hours=1)) is (policy is not FeedbackPolicy.NONE)


async def _tapped(rest: Rest, path: str, body: Any, headers: dict[str, str]) -> list[str]:
    """What the tap notes of one answer with that body."""
    seen: list[str] = []

    async def app(_scope: Message, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    async def nothing(_message: Message) -> None:
        return None

    tap = Tap(app, rest.services)
    tap.notes = lambda verdict, _what="": seen.append(verdict)  # type: ignore[assignment]
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await tap({"type": "http", "method": "GET", "path": path, "headers": raw}, None, nothing)
    return seen


async def test_same_bytes_are_a_leak_to_a_candidate_and_none_to_staff(rest: Rest) -> None:
    seat = await seated(rest.storage)
    body = {"question_id": seat.live.paper.questions[0].question_id, "explanation": "Twice 1."}
    path = f"/api/v1/assessments/{seat.assessment_id}/responses"
    reviewer = await rest.person(Role.REVIEWER)
    candidate = rest.caller(await make_user(rest.storage))
    assert await _tapped(rest, path, body, reviewer.headers) == ["staff"]
    assert "leak" in await _tapped(rest, path, body, candidate.headers)
    assert "leak" in await _tapped(rest, path, body, {})
    assert await _tapped(rest, path, {"question_id": "q_1"}, candidate.headers) == ["clean"]


def test_p21_no_byte_that_any_candidate_received_tells_a_key_too_early(
    request: pytest.FixtureRequest, traffic_notes: Path
) -> None:
    seen = list(read_notes(traffic_notes))
    assert [what for verdict, what in seen if verdict == "leak"] == []
    # Of all tests there was much to see, also what only staff may, and feedback.
    if WHOLE_RUN in os.environ or len(request.session.items) > MANY:
        counted = Counter(verdict for verdict, _ in seen)
        assert counted["clean"] > 10_000
        assert counted["staff"] > 100
        assert counted["allowed"] > 50
