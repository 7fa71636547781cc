"""Whether each entry of a log is what the rules make of the entries before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from sitting.domain.assessment import AssessmentState
from sitting.domain.blueprint import Blueprint, Navigation
from sitting.domain.chain import SealedEvent
from sitting.domain.events import Answered, AnswerRecord, LateAnswered, Presented, optional_body
from sitting.domain.paper import Paper
from sitting.domain.question import QuestionContent
from sitting.domain.response import Answer, AnswerRules, answer_rules, event_body, judge_all


def rule_faults(
    blueprint: Blueprint,
    paper: Paper,
    events: Sequence[SealedEvent],
    contents: Mapping[str, QuestionContent] = MappingProxyType({}),
) -> Iterator[tuple[int, str]]:
    """Judge every answer again against the fold of what stood before it, and look at every step through the paper.

    Since whoever wrote entry n knew all entries before it, the verdict that stands there must come out again.

    Args:
        paper: of the start; what is written for the candidate comes into it as the entries say.
        events: the whole log, none of it erased, each entry readable.
        contents: those of the questions that came into it, by digest.

    Yields:
        The number of an entry that breaks the rules, and how.
    """
    rules = answer_rules(blueprint)
    state = AssessmentState(events[0].assessment_id)
    for event in events:
        body = optional_body(event)
        reason = None
        if isinstance(body, Answered | LateAnswered):
            reason = _other_verdict(state, paper, body, rules)
        elif isinstance(body, Presented):
            reason = _wrong_step(state, paper, body, blueprint) or _wrong_question(paper, body, blueprint)
        if reason is not None:
            yield event.seq, reason
        if isinstance(body, Presented) and body.question is not None:
            paper = paper.with_slots({body.position: body.question}, contents)
        state.apply(event)


def _other_verdict(
    state: AssessmentState, paper: Paper, body: Answered | LateAnswered, rules: AnswerRules
) -> str | None:
    judged = judge_all(state, paper, [_as_sent(record) for record in body.answers], body.arrived_at, rules)
    if event_body(judged, body.arrived_at) == body:
        return None
    for record, judgement in zip(body.answers, judged, strict=True):
        if record.verdict is not judgement.verdict:
            told, due = record.verdict.value, judgement.verdict.value
            return f"its answer to {record.question_id} is {told}, and by rules and log should be {due}"
    return "its answers are not as they would have been kept"


def _as_sent(record: AnswerRecord) -> Answer:
    return Answer(
        record.question_id,
        record.selected_option,
        record.client_id,
        record.client_seq,
        record.base_seq,
        record.selected_options,
        record.value,
    )


def _wrong_step(state: AssessmentState, paper: Paper, body: Presented, blueprint: Blueprint) -> str | None:
    if blueprint.navigation is not Navigation.LINEAR:
        return "it presents a question, though the Test is not linear"
    if body.position != state.position + 1 or body.position > len(paper.questions):
        return f"it presents position {body.position} behind position {state.position}"
    if state.is_over:
        return "it presents a question behind the end"
    return None


def _wrong_question(paper: Paper, body: Presented, blueprint: Blueprint) -> str | None:
    """What is wrong with the question that the step brings into the paper, if it brings one."""
    question, instead_of = body.question, body.instead_of
    if question is None or instead_of is None:
        return None if question is instead_of else "it tells half of an exchange of questions"
    reserve = paper.at_position(body.position)
    generated = blueprint.generated_in(reserve.section)
    if generated is None:
        return f"it exchanges a question of section {reserve.section}, which is not generated"
    if question.question_id in paper.by_id:
        return f"it presents {question.question_id}, which the paper holds already"
    if instead_of != reserve.as_slot(points=None if generated.is_scored else reserve.points):
        return "it tells of another reserve than the one that the paper held"
    if question.points != (None if generated.is_scored else 0):
        return "its question is worth something else than the Test says"
    return None
