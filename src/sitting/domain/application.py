"""A candidate's claim to take a Test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypedDict

from sitting.domain.errors import InvalidMessage

FACTORS = range(1000, 10_001)
EXTRA_MINUTES = range(10_081)
BREAK_MINUTES = range(1441)


class ApplicationStatus(StrEnum):
    """Where an application stands; see `domain.standing.status_of`."""

    INVITED = "invited"
    OPENED = "opened"
    STARTED = "started"
    FINISHED = "finished"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Accommodation:
    """What makes a Test fair to this candidate.

    Attributes:
        extra_time_factor: thousandths by which the time limit is multiplied.
        extra_minutes: added to the limit after that.
        break_minutes: how long the candidate may stop the clock, all breaks of an attempt together.
    """

    extra_time_factor: int = 1000
    extra_minutes: int = 0
    break_minutes: int = 0


class ApplicationChanges(TypedDict, total=False):
    """What staff change of an application; what is absent stays. The factor is in thousandths."""

    label: str
    extra_time_factor: int
    extra_minutes: int
    break_minutes: int
    expires_at: datetime | None


def check_accommodation(accommodation: Accommodation) -> None:
    """Refuse what no candidate can be granted.

    Raises:
        InvalidMessage: a number is out of its range; `field` names it.
    """
    for field, values in (
        ("extra_time_factor", FACTORS),
        ("extra_minutes", EXTRA_MINUTES),
        ("break_minutes", BREAK_MINUTES),
    ):
        if getattr(accommodation, field) not in values:
            raise InvalidMessage("This number is out of its range.", field=field)


NO_ACCOMMODATION = Accommodation()


@dataclass(frozen=True, slots=True)
class CandidateApplication:
    """The claim of one candidate to one Test.

    Attributes:
        secret: what the invitation link carries; whoever holds it may act as the candidate in this application.
        label: what staff call it, where a person has several for one Test.
        is_trial: a run by staff, to see the Test as candidates do: no limits of attempts or window, and no results.
        opened_at: when the invitation was first opened by a person, not by a mail scanner.
        expires_at: no attempt starts from then on.
    """

    application_id: int
    user_id: int
    test_id: int
    secret: str
    created_at: datetime
    label: str = ""
    accommodation: Accommodation = NO_ACCOMMODATION
    is_trial: bool = False
    opened_at: datetime | None = None
    withdrawn_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One assessment of an application, as far as the rules of attempts look at it.

    Attributes:
        total_score, percentage_score: in thousandths; None until it is over.
    """

    assessment_id: int
    attempt: int
    status: str
    end_time: datetime | None = None
    total_score: int | None = None
    max_score: int | None = None
    percentage_score: int | None = None
    passed: bool | None = None
