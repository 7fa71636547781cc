"""What becomes of an answer: saved, a duplicate, superseded, late or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from sitting.domain.answer import GivenAnswer
from sitting.domain.assessment import AssessmentState, StoredAnswer
from sitting.domain.blueprint import Blueprint, FeedbackPolicy, Navigation
from sitting.domain.deadline import Phase
from sitting.domain.errors import (
    AnswerLocked,
    AnswerSuperseded,
    AssessmentOver,
    ClientSeqConflict,
    ClockPaused,
    DeadlinePassed,
    NavigationNotAllowed,
    QuestionNotFound,
    SittingError,
)
from sitting.domain.events import Answered, AnswerRecord, LateAnswered, Verdict
from sitting.domain.paper import Paper, PaperQuestion
from sitting.kit.value import Value


class Answer(Value, frozen=True):
    """An answer as the candidate sent it; see the wire contract for `client_id`, `client_seq` and `base_seq`."""

    question_id: str
    selected_option: str | None = None
    client_id: str | None = None
    client_seq: int | None = None
    base_seq: int | None = None
    selected_options: tuple[str, ...] | None = None
    value: str | None = None

    @property
    def given(self) -> GivenAnswer:
        """What was answered, as it was sent."""
        return GivenAnswer(self.selected_option, self.selected_options, self.value)

    @property
    def pair(self) -> tuple[str, int] | None:
        """What makes a resend recognisable; None if the client sent no such thing."""
        return None if self.client_id is None or self.client_seq is None else (self.client_id, self.client_seq)


@dataclass(frozen=True, slots=True)
class AnswerRules:
    """What a Test says about answers that come in time.

    Attributes:
        is_linear: only the current question takes answers.
        locks: an answer is the last one, since feedback follows it. A cleared answer locks nothing.
    """

    is_linear: bool = False
    locks: bool = False


FREE_RULES = AnswerRules()


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Something that was sent as an answer and is none: `answer` has what names it, `error` why."""

    answer: Answer
    error: SittingError


def answer_rules(blueprint: Blueprint) -> AnswerRules:
    """What that Test says about answers."""
    return AnswerRules(
        is_linear=blueprint.navigation is Navigation.LINEAR, locks=blueprint.feedback is FeedbackPolicy.AFTER_ANSWER
    )


class Judgement(msgspec.Struct, frozen=True):
    """The verdict on one answer.

    Attributes:
        record: what the log must keep of it; None for duplicates and refusals, which leave no trace.
        stored: for a duplicate, the answer as it was stored the first time.
        error: why it was refused.
    """

    answer: Answer
    verdict: Verdict
    record: AnswerRecord | None = None
    stored: StoredAnswer | None = None
    error: SittingError | None = None


def judge(
    state: AssessmentState, paper: Paper, answer: Answer, arrived_at: datetime, rules: AnswerRules = FREE_RULES
) -> Judgement:
    """The verdict on `answer`, given all that is stored. Nothing but `arrived_at`, the server's stamp, decides time."""
    try:
        question = paper.question(answer.question_id)
        given = question.resolve(answer.given)
        known = _known(state, answer, given)
    except SittingError as error:
        return Judgement(answer, Verdict.REFUSED, error=error)
    if known is not None:
        return Judgement(answer, Verdict.DUPLICATE, stored=known)
    if state.schedule.phase(arrived_at) is Phase.PAUSED:
        return Judgement(answer, Verdict.REFUSED, error=ClockPaused(question_id=answer.question_id))
    verdict = _verdict(state, answer, arrived_at)
    refusal_by_rule = None if verdict is Verdict.LATE else _against(rules, state, question)
    if refusal_by_rule is not None:
        return Judgement(answer, Verdict.REFUSED, error=refusal_by_rule)
    return Judgement(answer, verdict, record=_record(answer, given, verdict))


def _against(rules: AnswerRules, state: AssessmentState, question: PaperQuestion) -> SittingError | None:
    """Which rule forbids another answer to that question, if one does."""
    if rules.is_linear and question.position != state.position:
        return NavigationNotAllowed(question_id=question.question_id, position=state.position)
    current = state.responses.get(question.question_id)
    if rules.locks and current is not None and not current.record.is_cleared:
        return AnswerLocked(question_id=question.question_id)
    return None


def _record(answer: Answer, given: GivenAnswer, verdict: Verdict) -> AnswerRecord:
    return AnswerRecord(
        answer.question_id,
        given.selected_option,
        answer.client_id,
        answer.client_seq,
        answer.base_seq,
        verdict,
        given.selected_options,
        given.value,
    )


def judge_all(
    state: AssessmentState,
    paper: Paper,
    answers: Sequence[Answer],
    arrived_at: datetime,
    rules: AnswerRules = FREE_RULES,
) -> list[Judgement]:
    """Judge a list that will be one event, each answer as if those before it in the list were stored already.

    A pair used twice is a duplicate of what this list keeps; of several versions of a question one stays saved.
    """
    judged: list[Judgement] = []
    for answer in answers:
        judgement = _unless_repeated(judged, judge(state, paper, answer, arrived_at, rules))
        judged.append(_unless_locked(judged, judgement, state.seq + 1) if rules.locks else judgement)
    return _supersede_older(judged, state.seq + 1)


def _unless_repeated(judged: Sequence[Judgement], judgement: Judgement) -> Judgement:
    """`judgement`, unless the pair of its answer is kept earlier in the same list."""
    answer, record = judgement.answer, judgement.record
    if not judged or record is None or answer.pair is None:
        return judgement
    earlier = next((j.record for j in judged if j.record is not None and j.answer.pair == answer.pair), None)
    if earlier is None:
        return judgement
    if (earlier.question_id, earlier.given) == (record.question_id, record.given):
        return Judgement(answer, Verdict.DUPLICATE)
    error = ClientSeqConflict(client_id=answer.client_id, client_seq=answer.client_seq)
    return Judgement(answer, Verdict.REFUSED, error=error)


def _unless_locked(judged: list[Judgement], judgement: Judgement, seq: int) -> Judgement:
    """`judgement`, unless an answer that stands earlier in the same list locks the question."""
    if judgement.record is None or judgement.verdict is Verdict.LATE:
        return judgement
    question_id = judgement.record.question_id
    standing = [j.record for j in _supersede_older(judged, seq) if j.record and j.verdict is Verdict.SAVED]
    if any(record.question_id == question_id and not record.given.is_cleared for record in standing):
        return Judgement(judgement.answer, Verdict.REFUSED, error=AnswerLocked(question_id=question_id))
    return judgement


def _supersede_older(judged: list[Judgement], seq: int) -> list[Judgement]:
    """Leave one answer per question saved; `seq` is the number that all of them will have."""
    if len(judged) == 1:
        return judged  # nothing to be older than
    newest: dict[str, Judgement] = {}
    numbers: dict[tuple[str, str], int] = {}
    for judgement in judged:
        if judgement.verdict is not Verdict.SAVED:
            continue
        answer = judgement.answer
        rival = newest.get(answer.question_id)
        is_newer = rival is None or rival.record is None or not _is_superseded(answer, rival.record, seq)
        if is_newer and not _is_overtaken(answer, numbers):
            newest[answer.question_id] = judgement
        if answer.pair is not None:
            origin = answer.pair[0], answer.question_id
            numbers[origin] = max(answer.pair[1], numbers.get(origin, 0))
    return [
        _superseded(judgement)
        if judgement.verdict is Verdict.SAVED and newest[judgement.answer.question_id] is not judgement
        else judgement
        for judgement in judged
    ]


def _superseded(judgement: Judgement) -> Judgement:
    assert judgement.record is not None
    record = msgspec.structs.replace(judgement.record, verdict=Verdict.SUPERSEDED)
    return msgspec.structs.replace(judgement, verdict=Verdict.SUPERSEDED, record=record)


def _known(state: AssessmentState, answer: Answer, given: GivenAnswer) -> StoredAnswer | None:
    if answer.pair is None:
        return None
    known = state.answers.get(answer.pair)
    if known is not None and (known.record.question_id, known.record.given) != (answer.question_id, given):
        raise ClientSeqConflict(client_id=answer.client_id, client_seq=answer.client_seq)
    return known


def _verdict(state: AssessmentState, answer: Answer, arrived_at: datetime) -> Verdict:
    if state.is_over or not state.schedule.accepts_answers(arrived_at):
        return Verdict.LATE
    current = state.responses.get(answer.question_id)
    if current is None or answer.client_id is None:
        return Verdict.SAVED
    if _is_overtaken(answer, state.newest_numbers) or _is_superseded(answer, current.record, current.seq):
        return Verdict.SUPERSEDED
    return Verdict.SAVED


def _is_overtaken(answer: Answer, newest_numbers: Mapping[tuple[str, str], int]) -> bool:
    """Whether its own client has said something newer, though others may have answered since."""
    if answer.pair is None:
        return False
    client_id, client_seq = answer.pair
    return newest_numbers.get((client_id, answer.question_id), 0) > client_seq


def _is_superseded(answer: Answer, current: AnswerRecord, seq: int) -> bool:
    """Whether `current`, stored as part of entry `seq`, is newer than `answer`."""
    if answer.client_id is None:
        return False
    if answer.client_id == current.client_id:
        return (current.client_seq or 0) > (answer.client_seq or 0)
    return answer.base_seq is not None and seq > answer.base_seq


def rests_on_the_log(judgements: Sequence[Judgement], rules: AnswerRules) -> bool:
    """Whether they refuse for what the log says, and keep nothing.

    Then no number of the log has proved that the state was the newest: look again before anybody is told. The log of a
    linear Test may also say that another question stands in the paper.
    """
    of_the_log = (AnswerLocked, ClockPaused, NavigationNotAllowed, *((QuestionNotFound,) if rules.is_linear else ()))
    keeps = [judgement for judgement in judgements if judgement.record is not None]
    return not keeps and any(isinstance(judgement.error, of_the_log) for judgement in judgements)


def event_body(judgements: Sequence[Judgement], arrived_at: datetime) -> Answered | LateAnswered | None:
    """The one entry that keeps what was judged; None if nothing of it leaves a trace.

    Lateness depends on the arrival alone, so all answers of a frame are late, or none is.
    """
    records = tuple(judgement.record for judgement in judgements if judgement.record is not None)
    if not records:
        return None
    late = any(record.verdict is Verdict.LATE for record in records)
    return LateAnswered(arrived_at, records) if late else Answered(arrived_at, records)


def refusal(verdict: Verdict, state: AssessmentState, *, question_id: str) -> SittingError | None:
    """What `submit_answer` is told where the answer is kept but does not count; None if it counts."""
    if verdict is Verdict.SUPERSEDED:
        current = state.responses[question_id]
        return AnswerSuperseded(
            question_id=question_id,
            seq=current.seq,
            selected_option=current.record.selected_option,
            selected_options=current.record.selected_options,
            value=current.record.value,
        )
    if verdict is Verdict.LATE:
        return (AssessmentOver if state.is_over else DeadlinePassed)(question_id=question_id)
    return None
