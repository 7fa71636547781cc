"""Whether each entry of a log is what the rules make of the entries before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sitting.domain.assessment import AssessmentState
from sitting.domain.blueprint import Blueprint, Navigation
from sitting.domain.chain import SealedEvent
from sitting.domain.events import Answered, AnswerRecord, LateAnswered, Presented, optional_body
from sitting.domain.paper import Paper
from sitting.domain.response import Answer, AnswerRules, answer_rules, event_body, judge_all


def rule_faults(blueprint: Blueprint, paper: Paper, events: Sequence[SealedEvent]) -> Iterator[tuple[int, str]]:
    """Judge every answer again against the fold of what stood before it, and look at every step through the paper.

    Since whoever wrote entry n knew all entries before it, the verdict that stands there must come out again.

    Args:
        events: the whole log, none of it erased, each entry readable.

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
            reason = _wrong_step(state, paper, body, blueprint)
        if reason is not None:
            yield event.seq, reason
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
