"""Refusals. Each is typed, has a code of the wire contract, and a sentence that is safe to show to a candidate."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar


class ErrorCode(StrEnum):
    """Every code that a client may meet, on the socket and in REST's problems."""

    INVALID_MESSAGE = "invalid_message"
    UNKNOWN_TYPE = "unknown_type"
    NOT_AUTHENTICATED = "not_authenticated"
    NOT_ALLOWED = "not_allowed"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    TEST_NOT_FOUND = "test_not_found"
    TEST_NOT_OPEN = "test_not_open"
    PUBLICATION_REFUSED = "publication_refused"
    APPLICATION_NOT_FOUND = "application_not_found"
    APPLICATION_AMBIGUOUS = "application_ambiguous"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    ASSESSMENT_NOT_FOUND = "assessment_not_found"
    ASSESSMENT_OVER = "assessment_over"
    ATTACHMENT_STALE = "attachment_stale"
    DEADLINE_PASSED = "deadline_passed"
    PAUSED = "paused"
    QUESTION_NOT_FOUND = "question_not_found"
    NAVIGATION_NOT_ALLOWED = "navigation_not_allowed"
    INVALID_ANSWER = "invalid_answer"
    CLIENT_SEQ_CONFLICT = "client_seq_conflict"
    ANSWER_SUPERSEDED = "answer_superseded"
    ANSWER_LOCKED = "answer_locked"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    INTERNAL_ERROR = "internal_error"


class SittingError(Exception):
    """Base of all refusals.

    Attributes:
        code: the contract's code.
        message: a sentence safe to show to anyone.
        retryable: whether the same request may succeed later without a change.
        details: JSON-ready facts that help a program, never secrets.
    """

    code: ClassVar[ErrorCode] = ErrorCode.INTERNAL_ERROR
    sentence: ClassVar[str] = "Something went wrong on the server."
    retryable: ClassVar[bool] = False

    def __init__(self, message: str | None = None, /, **details: Any) -> None:
        self.message = message or self.sentence
        self.details = details
        super().__init__(self.message)


class InvalidMessage(SittingError):
    code = ErrorCode.INVALID_MESSAGE
    sentence = "This message does not have the form that the server expects."


class UnknownType(SittingError):
    code = ErrorCode.UNKNOWN_TYPE
    sentence = "The server does not know this type of message."


class NotAuthenticated(SittingError):
    code = ErrorCode.NOT_AUTHENTICATED
    sentence = "Please identify yourself first."


class NotAllowed(SittingError):
    code = ErrorCode.NOT_ALLOWED
    sentence = "You may not do this."


class NotFound(SittingError):
    code = ErrorCode.NOT_FOUND
    sentence = "There is no such thing here."


class Conflict(SittingError):
    code = ErrorCode.CONFLICT
    sentence = "This contradicts what is stored already."


class BlueprintNotFound(SittingError):
    code = ErrorCode.TEST_NOT_FOUND
    sentence = "There is no such test."


class NotOpen(SittingError):
    code = ErrorCode.TEST_NOT_OPEN
    sentence = "This test is not open at this time."


class PublicationRefused(SittingError):
    code = ErrorCode.PUBLICATION_REFUSED
    sentence = "This test cannot be published as it is."


class ApplicationNotFound(SittingError):
    code = ErrorCode.APPLICATION_NOT_FOUND
    sentence = "You have no application for this test."


class ApplicationAmbiguous(SittingError):
    code = ErrorCode.APPLICATION_AMBIGUOUS
    sentence = "You have several applications for this test; say which one you mean."


class AttemptsExhausted(SittingError):
    code = ErrorCode.ATTEMPTS_EXHAUSTED
    sentence = "You have used all your attempts at this test."


class AssessmentNotFound(SittingError):
    code = ErrorCode.ASSESSMENT_NOT_FOUND
    sentence = "There is no such assessment."


class AssessmentOver(SittingError):
    code = ErrorCode.ASSESSMENT_OVER
    sentence = "This assessment is over."


class AttachmentStale(SittingError):
    """Another connection of the same candidate has taken the assessment over."""

    code = ErrorCode.ATTACHMENT_STALE
    sentence = "This assessment goes on in another window or on another device."


class DeadlinePassed(SittingError):
    code = ErrorCode.DEADLINE_PASSED
    sentence = "The time for this assessment is over."


class ClockPaused(SittingError):
    """The assessment is paused. What was refused may be sent again once it goes on."""

    code = ErrorCode.PAUSED
    sentence = "This assessment is paused. It goes on where it stopped, with the time that was left."
    retryable = True


class QuestionNotFound(SittingError):
    code = ErrorCode.QUESTION_NOT_FOUND
    sentence = "This assessment has no such question."


class NavigationNotAllowed(SittingError):
    """The Test is linear. `details.position` is the place of the current question."""

    code = ErrorCode.NAVIGATION_NOT_ALLOWED
    sentence = "In this test the questions come one after the other, and never again."


class InvalidAnswer(SittingError):
    code = ErrorCode.INVALID_ANSWER
    sentence = "This is not a possible answer to the question."


class ClientSeqConflict(SittingError):
    code = ErrorCode.CLIENT_SEQ_CONFLICT
    sentence = "This client_seq was used before with another answer."


class AnswerSuperseded(SittingError):
    code = ErrorCode.ANSWER_SUPERSEDED
    sentence = "A newer answer to this question is stored already."


class AnswerLocked(SittingError):
    """The candidate was told what is right."""

    code = ErrorCode.ANSWER_LOCKED
    sentence = "This question is answered, and its answer cannot be changed any more."


class RateLimited(SittingError):
    code = ErrorCode.RATE_LIMITED
    sentence = "Too many messages; slow down."
    retryable = True


class Unavailable(SittingError):
    """Nothing is known to be stored; the same request may be sent again."""

    code = ErrorCode.UNAVAILABLE
    sentence = "The server cannot do this right now. Please try again."
    retryable = True


class InternalError(SittingError):
    """An unforeseen failure. `details.error_id` leads an operator to the log entry."""

    retryable = True
