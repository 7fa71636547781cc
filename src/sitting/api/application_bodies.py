"""Applications as REST spells them: the factor as a number such as 1.25, scores in points, marks in percent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, cast

from fastapi import Request
from pydantic import AfterValidator, Discriminator, Field, StringConstraints, Tag, WithJsonSchema

from sitting.api.fields import Body, Email, EntityId, Instant, Name, Text, Thousandths, points, to_thousandths
from sitting.domain.application import (
    BREAK_MINUTES,
    EXTRA_MINUTES,
    FACTORS,
    Accommodation,
    ApplicationChanges,
    ApplicationStatus,
    AttemptRecord,
)
from sitting.domain.attempts import CountedResult
from sitting.identity.access import Action, may
from sitting.identity.identify import Identity
from sitting.usecases.application_view import ApplicationView
from sitting.usecases.import_applications import RowOutcome, RowReport
from sitting.usecases.invitees import Invitee, NewCandidate
from sitting.usecases.services import Services

MAX_CANDIDATES = 500


def _in_the_range_of_factors(value: Decimal) -> Decimal:
    if to_thousandths(value) not in FACTORS:
        raise ValueError(f"the factor is not {FACTORS.start // 1000} to {(FACTORS.stop - 1) // 1000}")
    return value


Label = Annotated[Text, StringConstraints(strip_whitespace=True, max_length=200)]
Factor = Annotated[
    Thousandths,
    AfterValidator(_in_the_range_of_factors),
    WithJsonSchema({"type": "number", "minimum": 1, "maximum": 10, "multipleOf": 0.001}),
]
ExtraMinutes = Annotated[int, Field(strict=True, ge=0, lt=EXTRA_MINUTES.stop)]
BreakMinutes = Annotated[int, Field(strict=True, ge=0, lt=BREAK_MINUTES.stop)]


class _Granted(Body):
    """What an application grants.

    `extra_time_factor` multiplies the time limit, then `extra_minutes` are added; breaks stop the clock for
    `break_minutes` in all. `again` makes a further application even if the person has one with this label.
    """

    label: Label = ""
    extra_time_factor: Annotated[Factor, Field(json_schema_extra={"default": 1})] = Decimal(1)
    extra_minutes: ExtraMinutes = 0
    break_minutes: BreakMinutes = 0
    expires_at: Instant | None = None
    again: Annotated[bool, Field(strict=True)] = False

    def granted_to(self, person: int | NewCandidate) -> Invitee:
        """The invitee that this makes of a person."""
        accommodation = Accommodation(to_thousandths(self.extra_time_factor), self.extra_minutes, self.break_minutes)
        return Invitee(person, self.label, accommodation, self.expires_at, self.again)


class KnownPerson(_Granted):
    """A candidate who is a user."""

    user_id: EntityId

    def to_invitee(self) -> Invitee:
        return self.granted_to(self.user_id)


class AddressedPerson(_Granted):
    """A candidate by address; an unknown one becomes a user of that name."""

    name: Name
    email: Email

    def to_invitee(self) -> Invitee:
        return self.granted_to(NewCandidate(self.name, self.email))


def _kind_of_person(value: Any) -> str:
    return "known" if isinstance(value, dict) and "user_id" in value else "addressed"


def _kind_of_body(value: Any) -> str:
    return "list" if isinstance(value, dict) and "candidates" in value else _kind_of_person(value)


Person = Annotated[
    Annotated[KnownPerson, Tag("known")] | Annotated[AddressedPerson, Tag("addressed")],
    Discriminator(_kind_of_person),
]


class PersonList(Body):
    """Several candidates: all get an application, or none does."""

    candidates: Annotated[list[Person], Field(min_length=1, max_length=MAX_CANDIDATES)]


Invited = Annotated[
    Annotated[KnownPerson, Tag("known")]
    | Annotated[AddressedPerson, Tag("addressed")]
    | Annotated[PersonList, Tag("list")],
    Discriminator(_kind_of_body),
]


class Changes(Body):
    """What to change; what is absent stays."""

    # By factories, so that the document names no default that a generated client would send.
    label: Label = Field(default_factory=str)
    extra_time_factor: Factor = Field(default_factory=Decimal)
    extra_minutes: ExtraMinutes = Field(default_factory=int)
    break_minutes: BreakMinutes = Field(default_factory=int)
    expires_at: Instant | None = None

    def to_changes(self) -> ApplicationChanges:
        """Those that were said."""
        said = self.model_dump(exclude_unset=True)
        if "extra_time_factor" in said:
            said["extra_time_factor"] = to_thousandths(self.extra_time_factor)
        return cast(ApplicationChanges, said)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One assessment of an application. Scores are points, null before the end."""

    assessment_id: int
    attempt: int
    status: str
    end_time: datetime | None
    total_score: float | None
    max_score: float | None
    percentage_score: float | None
    passed: bool | None


@dataclass(frozen=True, slots=True)
class Counted:
    """What the attempts came to by the Test's rule; `assessment_id` is null where the mean of them counts."""

    assessment_id: int | None
    percentage_score: float
    passed: bool
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An application. Whoever has its link may act as the candidate in it.

    Attributes:
        link: null for staff who may not invite, and of somebody else's trial run.
        counted_result: null before the end of the first attempt, and of a trial run.
    """

    application_id: int
    user_id: int
    test_id: int
    name: str
    email: str
    label: str
    status: ApplicationStatus
    is_trial: bool
    link: str | None
    extra_time_factor: float
    extra_minutes: int
    break_minutes: int
    expires_at: datetime | None
    created_at: datetime
    opened_at: datetime | None
    withdrawn_at: datetime | None
    attempts: list[Attempt]
    counted_result: Counted | None


@dataclass(frozen=True, slots=True)
class SheetRowReport:
    """One row, counted as a spreadsheet does; `column` and `reason` of a refused one (no column: the whole row)."""

    row: int
    outcome: RowOutcome
    email: str
    application_id: int | None
    link: str | None
    column: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class SheetReport:
    """What became of a sheet, row by row; after a dry run, what would."""

    dry_run: bool
    created: int
    existing: int
    refused: int
    rows: list[SheetRowReport]


def base_url_of(request: Request, services: Services) -> str:
    """Where links lead: the configured address, or the one that the request came to."""
    return services.public_url or str(request.base_url).rstrip("/")


def shown(view: ApplicationView, who: Identity, base_url: str) -> Application:
    """The application as `who` may see it."""
    application, accommodation = view.application, view.application.accommodation
    is_own = application.user_id == who.user_id
    sees_link = (is_own and application.is_trial) or (may(who, Action.INVITE) and not application.is_trial)
    return Application(
        application_id=application.application_id,
        user_id=application.user_id,
        test_id=application.test_id,
        name=view.candidate.name,
        email=view.candidate.email,
        label=application.label,
        status=view.status,
        is_trial=application.is_trial,
        link=_link(base_url, application.secret) if sees_link else None,
        extra_time_factor=accommodation.extra_time_factor / 1000,
        extra_minutes=accommodation.extra_minutes,
        break_minutes=accommodation.break_minutes,
        expires_at=application.expires_at,
        created_at=application.created_at,
        opened_at=application.opened_at,
        withdrawn_at=application.withdrawn_at,
        attempts=[_attempt(attempt) for attempt in view.attempts],
        counted_result=_counted(view.counted),
    )


def sheet_report(reports: Sequence[RowReport], base_url: str, *, dry_run: bool) -> SheetReport:
    """The report with its sums and links."""
    rows = [
        SheetRowReport(
            each.row,
            each.outcome,
            each.email,
            each.application_id,
            None if each.secret is None else _link(base_url, each.secret),
            each.column,
            each.reason,
        )
        for each in reports
    ]
    sums = {outcome: sum(row.outcome is outcome for row in rows) for outcome in RowOutcome}
    return SheetReport(dry_run, sums[RowOutcome.CREATED], sums[RowOutcome.EXISTING], sums[RowOutcome.REFUSED], rows)


def _link(base_url: str, secret: str) -> str:
    return f"{base_url}/i/{secret}"


def _attempt(record: AttemptRecord) -> Attempt:
    return Attempt(
        record.assessment_id,
        record.attempt,
        record.status,
        record.end_time,
        points(record.total_score),
        points(record.max_score),
        points(record.percentage_score),
        record.passed,
    )


def _counted(result: CountedResult | None) -> Counted | None:
    if result is None:
        return None
    return Counted(result.assessment_id, result.percentage / 1000, result.passed, result.attempts)
