"""Store answers, and say what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from sitting.domain.assessment import AssessmentState, StoredAnswer
from sitting.domain.errors import InvalidAnswer, SittingError
from sitting.domain.events import Answered, LateAnswered, Verdict
from sitting.domain.live import LiveAssessment
from sitting.domain.log_bounds import require_room
from sitting.domain.messages import Acknowledgement, AnswerSaved
from sitting.domain.response import (
    Answer,
    Judgement,
    NoAnswer,
    answer_rules,
    event_body,
    judge_all,
    refusal,
    rests_on_the_log,
)
from sitting.storage.errors import BadData
from sitting.storage.live_log import record
from sitting.storage.unit_of_work import Storage


class AnswerOutcome(msgspec.Struct, frozen=True):
    """What became of one answer.

    Attributes:
        stored: the answer as the log keeps it; None for a refusal.
        error: what the candidate is told if the answer does not count; None if it does.
    """

    answer: Answer
    verdict: Verdict
    stored: StoredAnswer | None
    error: SittingError | None

    def saved(self) -> AnswerSaved:
        """What `answer_saved` says.

        Raises:
            SittingError: it does not count; this is `error`.
        """
        if self.error is not None:
            raise self.error
        assert self.stored is not None
        return AnswerSaved(
            question_id=self.answer.question_id,
            client_id=self.answer.client_id,
            client_seq=self.answer.client_seq,
            seq=self.stored.seq,
            saved_at=self.stored.saved_at,
            digest=self.stored.digest,
        )

    def acknowledgement(self) -> Acknowledgement:
        """What a resume says of it."""
        return Acknowledgement(
            question_id=self.answer.question_id,
            client_id=self.answer.client_id,
            client_seq=self.answer.client_seq,
            outcome=self.verdict,
            seq=self.stored.seq if self.stored else None,
            saved_at=self.stored.saved_at if self.stored else None,
            digest=self.stored.digest if self.stored else None,
            code=self.error.code if self.error else None,
        )


async def submit_answers(
    storage: Storage,
    live: LiveAssessment,
    *,
    attachment: int,
    answers: Sequence[Answer | NoAnswer],
    arrived_at: datetime,
    now: datetime,
) -> list[AnswerOutcome]:
    """Judge the answers of one frame by its arrival, store them as one entry, and return when that is committed.

    Args:
        live: moves on to what is stored. attachment: the caller's.
        answers: one that is no answer at all does not hold up the others.

    Returns:
        What became of each, in the same order.

    Raises:
        AttachmentStale: another connection has taken over; nothing is stored. Conflict: the log is full.
        Unavailable: not known to be stored; the same frame may be sent again.
    """
    readable = [answer for answer in answers if isinstance(answer, Answer)]
    judged = iter(await _judged(storage, live, attachment, readable, arrived_at, now) if readable else ())
    outcomes = [
        AnswerOutcome(each.answer, Verdict.REFUSED, None, each.error) if isinstance(each, NoAnswer) else next(judged)
        for each in answers
    ]
    for outcome in outcomes:
        storage.metrics.answers[outcome.verdict].inc()
    return outcomes


async def _judged(
    storage: Storage,
    live: LiveAssessment,
    attachment: int,
    answers: Sequence[Answer],
    arrived_at: datetime,
    now: datetime,
) -> list[AnswerOutcome]:
    rules = answer_rules(live.blueprint)

    def decide(state: AssessmentState) -> tuple[list[Judgement], Answered | LateAnswered | None]:
        judgements = judge_all(state, live.paper, answers, arrived_at, rules)
        body = event_body(judgements, arrived_at)
        if body is not None:
            require_room(state)
        return judgements, body

    try:
        judgements = await record(storage, live, attachment, decide, now)
        if rests_on_the_log(judgements, rules):
            await storage.refresh(live)
            judgements = await record(storage, live, attachment, decide, now)
    except BadData:
        return [AnswerOutcome(answer, Verdict.REFUSED, None, InvalidAnswer()) for answer in answers]
    return [_outcome(live.state, judgement) for judgement in judgements]


def _outcome(state: AssessmentState, judgement: Judgement) -> AnswerOutcome:
    answer = judgement.answer
    if judgement.verdict is Verdict.REFUSED:
        return AnswerOutcome(answer, Verdict.REFUSED, None, judgement.error)
    stored = judgement.stored or _stored(state, judgement)
    error = refusal(stored.record.verdict, state, question_id=answer.question_id)
    # A resend gets the same answer: only what was saved the first time is a harmless duplicate.
    verdict = judgement.verdict if stored.record.verdict is Verdict.SAVED else stored.record.verdict
    return AnswerOutcome(answer, verdict, stored, error)


def _stored(state: AssessmentState, judgement: Judgement) -> StoredAnswer:
    """The answer as the log has it now: by its pair, or, without one, as the last entry."""
    if judgement.answer.pair is not None:
        return state.answers[judgement.answer.pair]
    assert judgement.record is not None
    return state.last_stored(judgement.record)
