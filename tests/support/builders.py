"""The things that a test is about, made in one line each: a published Test, an application, a candidate at work."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sitting.domain.application import CandidateApplication
from sitting.domain.blueprint import Blueprint, FixedQuestion, PublishedVersion, Section
from sitting.domain.events import EndReason
from sitting.domain.live import LiveAssessment
from sitting.domain.question import Difficulty, Option, QuestionContent, QuestionType, QuestionVersion
from sitting.domain.response import Answer
from sitting.domain.spending import Limits
from sitting.domain.user import Role, User
from sitting.identity.signer import Signer
from sitting.kit.ids import random_id, random_secret
from sitting.questions.publication import publish
from sitting.storage.unit_of_work import Storage
from sitting.usecases.finalize_assessment import finalize_assessment
from sitting.usecases.resume_assessment import resume_assessment
from sitting.usecases.start_assessment import start_assessment
from sitting.usecases.submit_answers import AnswerOutcome, submit_answers
from tests.support.clock import NOON

SIGNER = Signer.generate()
_numbers = itertools.count(1)


def make_content(number: int = 1, **changes: Any) -> QuestionContent:
    """A sound question with the options o_…a to o_…d, of which o_…a is right."""
    ids = [f"o_{number}{letter}" for letter in "abcd"]
    said: dict[str, Any] = {
        "type": QuestionType.SINGLE_CHOICE,
        "text": f"What is {number} + {number}?",
        "options": tuple(Option(id_, str(2 * number + off)) for off, id_ in enumerate(ids)),
        "key": ids[0],
        "explanation": f"Twice {number}.",
        "skill": "Arithmetic",
        "difficulty": Difficulty.EASY,
    }
    return QuestionContent(**said | changes)


async def make_user(
    storage: Storage, name: str = "Zoë Müller", *, roles: Sequence[Role] = (Role.CANDIDATE,), **more: Any
) -> User:
    """A person with an address that nobody else has."""
    email = more.pop("email", f"user{next(_numbers)}@example.org")
    async with storage.unit_of_work() as unit:
        return await unit.users.create(name=name, email=email, roles=frozenset(roles), now=NOON, **more)


async def make_questions(storage: Storage, number: int = 3) -> list[QuestionVersion]:
    """So many different questions in the bank."""
    async with storage.unit_of_work() as unit:
        return [
            await unit.questions.create(random_id("q", 8), make_content(n), slug=None, by=None, now=NOON)
            for n in range(1, number + 1)
        ]


async def publish_test(storage: Storage, questions: int = 3, **rules: Any) -> PublishedVersion:
    """A published Test with so many questions of one point each; `rules` are those of a Blueprint."""
    bank = {question.question_id: question for question in await make_questions(storage, questions)}
    fixed = tuple(FixedQuestion(question_id) for question_id in bank)
    usual: dict[str, Any] = {"name": "Arithmetic", "sections": (Section(questions=fixed),), "time_limit_minutes": 30}
    blueprint = Blueprint(**usual | rules)
    async with storage.unit_of_work() as unit:
        test = await unit.blueprints.create(blueprint, by=None, now=NOON)
        made = publish(blueprint, bank)
        return await unit.blueprints.add_version(
            test.test_id, 1, blueprint, made.snapshot, overlap=made.overlap, by=None, now=NOON
        )


async def invite(storage: Storage, test: PublishedVersion, user: User | None = None) -> CandidateApplication:
    """An application to that Test, of `user` or of somebody new."""
    user = user or await make_user(storage)
    async with storage.unit_of_work() as unit:
        return await unit.applications.create(user.user_id, test.test_id, random_secret(), by=None, now=NOON)


@dataclass(slots=True)
class Seat:
    """A candidate at work on one connection, as the server holds it.

    Positions count from 1. `pair` is (client_id, client_seq); `at` is when the frame arrived.
    """

    storage: Storage
    live: LiveAssessment
    attachment: int

    @property
    def assessment_id(self) -> int:
        return self.live.assessment_id

    def make_answer(
        self, position: int, *, right: bool = True, pair: tuple[str, int] | None = None, base_seq: int | None = None
    ) -> Answer:
        """The right answer to a question, or a wrong one."""
        question = self.live.paper.at_position(position)
        option = next(id_ for id_ in question.option_order if (id_ == question.content.key) == right)
        client_id, client_seq = pair or (None, None)
        return Answer(question.question_id, option, client_id, client_seq, base_seq)

    def make_cleared(self, position: int) -> Answer:
        """An answer taken back."""
        return Answer(self.live.paper.at_position(position).question_id, None)

    async def send(self, *answers: Answer, at: datetime = NOON, now: datetime | None = None) -> list[AnswerOutcome]:
        """Submit answers in one frame; `now` is when the server gets to them, if not at once."""
        return await submit_answers(
            self.storage, self.live, attachment=self.attachment, answers=answers, arrived_at=at, now=now or at
        )

    async def answer(self, position: int, *, at: datetime = NOON, **what: Any) -> AnswerOutcome:
        """Submit one answer; `what` as for `make_answer`."""
        (outcome,) = await self.send(self.make_answer(position, **what), at=at)
        return outcome

    async def finish(self, *, at: datetime = NOON, arrived_at: datetime | None = None) -> LiveAssessment:
        """Hand in; `arrived_at` is when the frame came in, if the server got to it later."""
        return await finalize(
            self.storage, self.assessment_id, at=at, arrived_at=arrived_at, attachment=self.attachment
        )

    async def twin(self) -> Seat:
        """Another holder of the same attachment, as REST is beside the socket."""
        async with self.storage.reading() as unit:
            return Seat(self.storage, await unit.load(self.assessment_id), self.attachment)

    async def take_over(self, storage: Storage | None = None, *, at: datetime = NOON) -> Seat:
        """The same candidate on a newer connection, which may be on another node."""
        node = storage or self.storage
        live = await resume_assessment(
            node,
            user_id=self.live.assessment.user_id,
            assessment_id=self.assessment_id,
            connection_id=random_id("c", 6),
            now=at,
        )
        return Seat(node, live, live.state.attachment)


async def begin(
    storage: Storage, application: CandidateApplication, *, at: datetime = NOON, live_run: Limits | None = None
) -> Seat:
    """The candidate of that application starts; `live_run` is what may be spent on questions for them."""
    started = await start_assessment(
        storage,
        user_id=application.user_id,
        test_id=application.test_id,
        application_id=application.application_id,
        connection_id=random_id("c", 6),
        now=at,
        live_run=live_run,
    )
    return Seat(storage, started.live, started.live.state.attachment)


async def seated(storage: Storage, questions: int = 3, **rules: Any) -> Seat:
    """Somebody new at work on a Test of their own, started at NOON; `rules` are those of a Blueprint."""
    test = await publish_test(storage, questions, **rules)
    return await begin(storage, await invite(storage, test))


async def finalize(
    storage: Storage,
    assessment_id: int,
    *,
    at: datetime,
    arrived_at: datetime | None = None,
    reason: EndReason = EndReason.SUBMITTED,
    attachment: int | None = None,
) -> LiveAssessment:
    """End an assessment, signed by SIGNER."""
    return await finalize_assessment(
        storage,
        SIGNER,
        assessment_id=assessment_id,
        reason=reason,
        now=at,
        arrived_at=arrived_at,
        attachment=attachment,
    )
