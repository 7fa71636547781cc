"""A candidate's claim to take a Test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class CandidateApplication:
    """The claim of one candidate to one Test.

    Attributes:
        secret: what the invitation link carries; whoever holds it may act as the candidate in this application.
    """

    application_id: int
    user_id: int
    test_id: int
    secret: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One assessment of an application, as far as the rules of attempts look at it."""

    assessment_id: int
    attempt: int
    status: str
