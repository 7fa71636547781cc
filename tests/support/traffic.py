"""All that candidates receive, watched: every answer and frame of every server of the tests is looked through.

What tells of a key or a rationale may pass only where the Test's policy allows it, which is judged here by itself. A
`Tap` stands around the application, in the server processes too (tests/support/tapped_sitting.py), and notes what it
saw in files that the last test of a run reads (tests/integration/test_traffic.py).
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from sitting.delivery.socket import texts_of
from sitting.domain.assessment import Status
from sitting.domain.blueprint import FeedbackPolicy
from sitting.domain.errors import SittingError
from sitting.domain.live import LiveAssessment
from sitting.domain.question import QuestionContent
from sitting.domain.user import STAFF_ROLES
from sitting.storage.repositories import questions as questions_repository
from sitting.usecases.services import Services

DIRECTORY = "TESTS_TRAFFIC_DIRECTORY"
MIN_LENGTH = 6  # characters; what is shorter stands in many a text by chance
KEY_FIELDS = frozenset({
    "key", "keys", "correct", "correct_option", "correct_options", "correct_text", "is_correct", "right",
    "explanation", "explanation_html", "rationale", "option_feedback", "accepted", "numbers", "other_units", "credit",
    "case_sensitive",
})  # fmt: skip
OWN_FIELDS = frozenset({"value", "selected_option", "selected_options"})  # what the candidate has answered
DESCRIPTIONS = ("/api/v1/openapi.json", "/api/v1/keys")  # names of fields, and keys of another kind

Message = MutableMapping[str, Any]
Application = Callable[[Message, Any, Any], Awaitable[None]]


@dataclass(frozen=True)
class Suspicion:
    """Something that tells of a key: the field's name or the text, and the question that it stands beside."""

    what: str
    question_id: str | None


class Secrets:
    """The texts that no candidate may see before the policy allows, of all contents that this process has read."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def learn(self, content: QuestionContent) -> None:
        new = secrets_of(content) - self._known
        if new:
            self._known |= new
            self._pattern = None

    def found_in(self, text: str) -> list[str]:
        if self._pattern is None:
            self._pattern = re.compile("|".join(map(re.escape, sorted(self._known))) or r"(?!)")
        return list(dict.fromkeys(self._pattern.findall(text)))


def secrets_of(content: QuestionContent) -> set[str]:
    """The longest plain run of each rationale, feedback and accepted text, unless the question itself shows it."""
    texts = [content.explanation, *(option.feedback for option in content.options)]
    texts += [each.text for each in content.accepted]
    shown = " ".join([content.text, content.skill, *content.tags, *(option.text for option in content.options)])
    runs = {max(re.findall(r"[\w ]+", text) or [""], key=len).strip() for text in texts}
    return {run for run in runs if len(run) >= MIN_LENGTH and run not in shown}


SECRETS = Secrets()


class _LearningDecoder:
    """Stands where contents are read from the database."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder

    def decode(self, data: Any) -> QuestionContent:
        content: QuestionContent = self._decoder.decode(data)
        SECRETS.learn(content)
        return content


if not isinstance(questions_repository._CONTENT, _LearningDecoder):
    questions_repository._CONTENT = _LearningDecoder(questions_repository._CONTENT)  # type: ignore[assignment]


def suspicions(value: Any, secrets: Secrets = SECRETS, question_id: str | None = None) -> Iterator[Suspicion]:
    """All that looks like a key in JSON, what the candidate has answered left aside."""
    if isinstance(value, dict):
        question_id = value.get("question_id") or question_id
        for name, held in value.items():
            if name in KEY_FIELDS and _says_something(name, held):
                yield Suspicion(f"field {name}", question_id)
            if name not in OWN_FIELDS:
                yield from suspicions(held, secrets, question_id)
    elif isinstance(value, list):
        for item in value:
            yield from suspicions(item, secrets, question_id)
    elif isinstance(value, str):
        yield from (Suspicion(secret, question_id) for secret in secrets.found_in(value))


def _says_something(name: str, held: Any) -> bool:
    """`correct` is also the number of right answers in the results of a skill."""
    return isinstance(held, bool) or (held not in (None, "", [], {}) and name != "correct")


def allows(live: LiveAssessment, suspicion: Suspicion, now: datetime) -> bool:
    """Whether the Test's policy lets the candidate know that by now: judged apart from the rooms that are tested."""
    slot = next((q for q in live.paper.questions if q.question_id == suspicion.question_id), None)
    if slot is None or not (suspicion.what.startswith("field ") or suspicion.what in secrets_of(slot.content)):
        return False
    policy, closes_at = live.blueprint.feedback, live.blueprint.closes_at
    if policy is FeedbackPolicy.AFTER_ANSWER:
        answer = live.state.responses.get(slot.question_id)
        if answer is not None and not answer.record.given.is_cleared:
            return True
    if live.state.status not in (Status.COMPLETED, Status.TIMEOUT):
        return False
    window_is_over = policy is FeedbackPolicy.AFTER_WINDOW and closes_at is not None and closes_at <= now
    return policy in (FeedbackPolicy.AFTER_ANSWER, FeedbackPolicy.AFTER_END) or window_is_over


@dataclass(slots=True)
class Seen:
    """One request or socket, and what is known of it by now."""

    path: str
    headers: dict[str, str]
    assessment_id: int | None = None
    body: bytearray = field(default_factory=bytearray)


class Tap:
    """The application, with somebody who reads all that leaves it."""

    def __init__(self, app: Application, services: Services) -> None:
        self._app = app
        self._services = services
        self.notes = notes().add

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        in_path = re.search(r"/assessments/(\d{1,18})(/|$)", scope["path"])
        seen = Seen(scope["path"], headers, int(in_path[1]) if in_path else None)

        async def reading(message: Message) -> None:
            if message["type"] == "websocket.send":
                for text in texts_of(message):
                    await self._frame(seen, text)
            elif message["type"] == "http.response.body":
                seen.body += message.get("body", b"")
                if not message.get("more_body", False):
                    await self._response(seen, scope)
            await send(message)

        await self._app(scope, receive, reading)

    async def _frame(self, seen: Seen, text: str) -> None:
        frame = json.loads(text)
        if isinstance(frame.get("data"), dict):
            seen.assessment_id = frame["data"].get("assessment_id", seen.assessment_id)
        await self._judge(seen, list(suspicions(frame)), f"frame {frame.get('type')}", is_staff=False)

    async def _response(self, seen: Seen, scope: Message) -> None:
        if seen.path in DESCRIPTIONS:
            return
        text = seen.body.decode("utf-8", "replace")
        try:
            value = json.loads(text)
        except ValueError:
            found = [Suspicion(secret, None) for secret in SECRETS.found_in(text)]
        else:
            if isinstance(value, dict):
                seen.assessment_id = value.get("assessment_id", seen.assessment_id)
            found = list(suspicions(value))
        is_staff = bool(found) and await self._is_staff(seen)
        await self._judge(seen, found, f"{scope['method']} {seen.path}", is_staff=is_staff)

    async def _judge(self, seen: Seen, found: list[Suspicion], where: str, *, is_staff: bool) -> None:
        if not found or is_staff:
            self.notes("staff" if is_staff else "clean")
            return
        live = await self._live(seen.assessment_id)
        now = self._services.clock.now()
        leaks = [each for each in found if live is None or not allows(live, each, now)]
        self.notes("allowed")
        for leak in leaks:
            self.notes("leak", f"{where}: {leak.what} of {leak.question_id}")

    async def _live(self, assessment_id: int | None) -> LiveAssessment | None:
        if not isinstance(assessment_id, int):
            return None
        try:
            async with self._services.storage.reading() as unit:
                return await unit.load(assessment_id)
        except SittingError:
            return None

    async def _is_staff(self, seen: Seen) -> bool:
        """By the roles that the database gives the token's user: the server has checked the token, or sent nothing."""
        scheme, _, token = seen.headers.get("authorization", "").partition(" ")
        try:
            payload = token.split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except (LookupError, ValueError):
            return False
        async with self._services.storage.reading() as unit:
            if "user_id" in claims:
                user = await unit.users.select_optional(claims["user_id"])
            else:
                user = await unit.users.select_optional_by_external_id(claims["sub"])
        return scheme.lower() == "bearer" and user is not None and not user.roles.isdisjoint(STAFF_ROLES)


class Notes:
    """What this process saw, line by line in a file of its own: it may be killed at any time."""

    def __init__(self) -> None:
        directory = os.environ.get(DIRECTORY)
        path = Path(directory) / str(os.getpid()) if directory else Path(os.devnull)
        self._file = path.open("a", buffering=1, encoding="utf-8")

    def add(self, verdict: str, what: str = "") -> None:
        with suppress(OSError):  # a test has filled the disk: it stays in the buffer until the next note
            self._file.write(f"{verdict}\t{json.dumps(what)}\n")


@cache
def notes() -> Notes:
    """Those of this process."""
    return Notes()


def read_notes(directory: Path) -> Iterator[tuple[str, str]]:
    """Verdict and text of each note of all processes."""
    for path in sorted(directory.iterdir()):
        for line in path.read_text("utf-8").splitlines():
            verdict, _, what = line.partition("\t")
            yield verdict, what
