from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from sitting.domain.answer import GivenAnswer
from sitting.domain.assessment import Status
from sitting.domain.blueprint import FeedbackPolicy
from sitting.domain.errors import AnswerSuperseded, ErrorCode, InternalError, RateLimited, SittingError
from sitting.domain.feedback import feedback_on
from sitting.domain.live import LiveAssessment, completed_message, progress, recovered_message, started_message
from sitting.domain.messages import (
    Acknowledgement,
    AnswerSaved,
    AuthSuccess,
    ErrorMessage,
    Pong,
    ServerMessage,
    SystemMessage,
    TimeWarning,
)
from sitting.domain.paper import Paper
from sitting.domain.response import Answer
from sitting.protocol.encoding import encode, error_message
from tests.support.samples import MICROSECOND, START, blueprint, finalized, live, running_log, slot

NOW = START + timedelta(minutes=10, microseconds=5)
CANARY = "nobody may read this"
SIGNED = {"receipt_seq": 5, "receipt_head": bytes(32), "receipt_signature": "c2ln", "receipt_key_id": "k"}


def decoded(message: ServerMessage, reply_to: str | None = None) -> dict[str, Any]:
    envelope: dict[str, Any] = json.loads(encode(message, reply_to))
    return envelope


def world(
    key: str, explanation: str, *, over: bool = False, feedback: FeedbackPolicy = FeedbackPolicy.NONE
) -> LiveAssessment:
    """The same assessment, but for what a candidate must not know."""
    questions = Paper(tuple(slot(n, key=f"o_{n}{key}", explanation=explanation) for n in (1, 2, 3)))
    log = running_log()
    log.submit(questions, [Answer("q_1", "o_1a", "A", 1), Answer("q_2", None, "A", 2)], NOW)
    if over:
        log.write(finalized(end_time=NOW), NOW)
    return live(log, questions, blueprint(feedback=feedback), **SIGNED)


def everything_said(assessment: LiveAssessment) -> list[ServerMessage]:
    """Every message about an open assessment, and the refusals on the way."""
    stored = assessment.state.responses["q_1"]
    errors: list[SittingError] = [AnswerSuperseded(question_id="q_1")]
    for wrong in (("q_1", GivenAnswer("nonsense")), ("q_9", GivenAnswer())):
        try:
            assessment.paper.question(wrong[0]).resolve(wrong[1])
        except SittingError as error:
            errors.append(error)
    return [
        started_message(assessment, NOW, recovered=False),
        started_message(assessment, NOW, recovered=True),
        recovered_message(assessment, NOW, [Acknowledgement("q_1", "A", 1, "saved", stored.seq)]),
        *(question.shown() for question in assessment.paper.questions),
        AnswerSaved("q_1", "A", 1, stored.seq, stored.saved_at, "00"),
        progress(assessment, NOW),
        *(error_message(error) for error in errors),
    ]


@pytest.mark.parametrize("policy", FeedbackPolicy)
def test_p21_key_and_explanation_make_no_difference_to_any_byte_of_an_open_assessment(policy: FeedbackPolicy) -> None:
    first = [encode(message) for message in everything_said(world("a", CANARY, feedback=policy))]
    second = [encode(message) for message in everything_said(world("c", "something else", feedback=policy))]
    assert first == second
    assert CANARY not in "".join(first)
    assert len(first) == 11


@pytest.mark.parametrize("policy", FeedbackPolicy)
def test_p21_feedback_on_an_answer_is_said_under_one_policy_alone(policy: FeedbackPolicy) -> None:
    assessment = world("a", CANARY, feedback=policy)
    feedback = feedback_on(assessment, assessment.state.responses["q_1"])
    if policy is not FeedbackPolicy.AFTER_ANSWER:
        assert feedback is None
        return
    assert feedback is not None
    assert set(decoded(feedback)["data"]) == set(FEEDBACK_FIELDS.split())
    assert CANARY in encode(feedback)
    assert feedback_on(assessment, assessment.state.responses["q_2"]) is None, "cleared"


def test_p21_the_end_tells_scores_and_neither_key_nor_explanation() -> None:
    said = [
        encode(make(world("a", CANARY, over=True)))
        for make in (completed_message, lambda assessment: recovered_message(assessment, NOW))
    ]
    text = "".join(said)
    assert '"total_score":1.0' in text
    for secret in (CANARY, '"key"', "explanation", "content_digest", "content"):
        assert secret not in text


def test_envelope_names_type_and_data_and_the_message_that_it_answers() -> None:
    assert decoded(TimeWarning(60.0)) == {"type": "time_warning", "data": {"remaining_seconds": 60.0}}
    assert decoded(TimeWarning(60.0), "m-1") == {
        "type": "time_warning",
        "data": {"remaining_seconds": 60.0},
        "reply_to": "m-1",
    }
    assert decoded(TimeWarning(60.0), "")["reply_to"] == ""


def test_system_message_says_whom_it_is_from() -> None:
    assert decoded(SystemMessage("Please wait.")) == {
        "type": "system_message",
        "data": {"message": "Please wait.", "from": "server"},
    }
    assert decoded(SystemMessage("Hello.", "invigilator"))["data"]["from"] == "invigilator"


def test_instants_are_utc_with_a_z_to_the_microsecond() -> None:
    assert decoded(AuthSuccess(5, "c_1", NOW))["data"] == {
        "user_id": 5,
        "connection_id": "c_1",
        "server_time": "2026-03-02T09:10:00.000005Z",
    }
    data = decoded(recovered_message(world("a", ""), NOW))["data"]
    assert (data["started_at"], data["deadline_at"]) == ("2026-03-02T09:00:00Z", "2026-03-02T09:30:00Z")
    assert data["responses"][0]["saved_at"] == "2026-03-02T09:10:00.000005Z"


FIELDS = {
    "assessment_started": "assessment_id test_id application_id attempt test_name total_questions time_limit_minutes"
    " started_at deadline_at remaining_seconds navigation feedback grace_seconds attachment outline recovered",
    "question": "question_id position question",
    "answer_saved": "question_id client_id client_seq seq saved_at digest",
    "progress_update": "total_questions answered_questions flagged_questions percentage_complete remaining_seconds",
    "error": "code error retryable details",
    "assessment_completed": "results reason receipt",
}
FIELDS["assessment_recovered"] = (
    FIELDS["assessment_started"] + " responses flags position acknowledged time_credits status results reason receipt"
)

FEEDBACK_FIELDS = (
    "question_id correct correct_option correct_options correct_text explanation explanation_html option_feedback"
)
RESULT_FIELDS = {
    "results": "assessment_id test_id user_id application_id attempt status total_score max_score percentage_score"
    " passed total_questions generated_questions answered_questions correct_answers started_at end_time"
    " time_taken_minutes skills scheduler_compliance",
    "scheduler_compliance": "within_time_limit within_schedule_window time_limit_minutes time_taken_minutes"
    " deadline_at time_credits late_answers notes",
    "skill": "skill priority questions correct score_percentage",
    "receipt": "assessment_id seq head signature key_id",
}


def test_messages_have_the_fields_of_the_contract_and_no_others() -> None:
    said = [decoded(message) for message in everything_said(world("a", CANARY))]
    said.append(decoded(completed_message(world("a", CANARY, over=True))))
    assert {envelope["type"] for envelope in said} == set(FIELDS)
    for envelope in said:
        is_snapshot = envelope["data"].get("recovered")
        fields = FIELDS["assessment_recovered" if is_snapshot else envelope["type"]]
        assert set(envelope["data"]) == set(fields.split())


def test_results_have_the_fields_of_the_contract() -> None:
    data = decoded(completed_message(world("a", CANARY, over=True)))["data"]
    found = {
        "results": data["results"],
        "scheduler_compliance": data["results"]["scheduler_compliance"],
        "skill": data["results"]["skills"][0],
        "receipt": data["receipt"],
    }
    assert {name: set(fields) for name, fields in found.items()} == {
        name: set(fields.split()) for name, fields in RESULT_FIELDS.items()
    }


def test_untimed_assessment_says_null_for_what_it_does_not_have() -> None:
    assessment = live(running_log(deadline_at=None))
    data = decoded(started_message(assessment, NOW, recovered=False))["data"]
    assert (data["deadline_at"], data["remaining_seconds"]) == (None, None)
    assert decoded(Pong(NOW, None))["data"]["remaining_seconds"] is None


def test_status_and_outcome_go_out_as_plain_words() -> None:
    data = decoded(recovered_message(world("a", ""), NOW))["data"]
    assert data["status"] == Status.IN_PROGRESS.value
    assert data["outline"][0]["state"] == "answered"


def test_refusal_goes_out_with_code_sentence_and_details() -> None:
    assert decoded(error_message(RateLimited(retry_after=3)), "m-1") == {
        "type": "error",
        "data": {
            "code": "rate_limited",
            "error": "Too many messages; slow down.",
            "retryable": True,
            "details": {"retry_after": 3},
        },
        "reply_to": "m-1",
    }


def test_unforeseen_failure_says_nothing_about_itself() -> None:
    message = error_message(InternalError(error_id="e_1"))
    assert message == ErrorMessage("internal_error", "Something went wrong on the server.", True, {"error_id": "e_1"})


def refusals() -> list[type[SittingError]]:
    kinds = [SittingError]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    return [kind for kind in kinds if kind.__module__ == SittingError.__module__]


@pytest.mark.parametrize("kind", refusals(), ids=lambda kind: kind.__name__)
def test_every_refusal_can_go_out_and_has_a_sentence(kind: type[SittingError]) -> None:
    data = decoded(error_message(kind()))["data"]
    assert data["code"] in set(ErrorCode)
    assert data["error"].endswith(".")
    assert data["details"] == {}


def test_every_code_belongs_to_one_refusal() -> None:
    codes = [kind.code for kind in refusals() if kind is not SittingError]
    assert sorted(codes) == sorted(ErrorCode)


def test_text_of_every_language_goes_out_as_it_is() -> None:
    message = SystemMessage('Straße "🎓" \u2028 \\ \u0007')
    assert decoded(message)["data"]["message"] == message.message


def test_duplicate_instants_are_equal_bytes() -> None:
    assert encode(Pong(NOW, 1.5)) == encode(Pong(NOW, 1.5)) != encode(Pong(NOW + MICROSECOND, 1.5))
