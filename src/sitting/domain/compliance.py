"""Scheduler compliance: did the candidate keep to the limits, and how do we know. It follows from log and rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sitting.domain.application import Accommodation
from sitting.domain.assessment import AssessmentState, Moment, retimed
from sitting.domain.blueprint import Blueprint
from sitting.domain.deadline import (
    Schedule,
    first_deadline,
    limit_minutes,
    minutes_taken,
    paused_time,
    personal_limit,
)
from sitting.domain.events import (
    Attached,
    Credited,
    Detached,
    EndReason,
    Extended,
    Finalized,
    Paused,
    Started,
    Unpaused,
)
from sitting.domain.window import ZoneRule, zone_rule

_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class TimeCredit:
    """Time given back, in seconds, and why."""

    seconds: int
    reason: str


@dataclass(frozen=True, slots=True)
class SchedulerCompliance:
    """The verdict on time.

    Attributes:
        within_time_limit: false only where the time limit ran out before the candidate submitted.
        within_schedule_window: false only where the window closed before the candidate submitted.
        time_limit_minutes: the candidate's own, with what the accommodation grants.
        time_taken_minutes: without the pauses.
        late_answers: how many answers arrived too late to count.
        notes: one sentence for a reader.
    """

    within_time_limit: bool
    within_schedule_window: bool
    time_limit_minutes: int | float | None
    time_taken_minutes: float
    deadline_at: datetime | None
    time_credits: tuple[TimeCredit, ...]
    late_answers: int
    notes: str


@dataclass(frozen=True, slots=True)
class WindowEdge:
    """One side of the window: the wall-clock time that was written, if one was, and the instant that it means."""

    local: datetime | None
    rule: ZoneRule
    at: datetime


@dataclass(frozen=True, slots=True)
class WindowRecord:
    """The window. A trial, which `applies` is false for, does not have to keep to it."""

    time_zone: str | None
    opens: WindowEdge | None
    closes: WindowEdge | None
    applies: bool


@dataclass(frozen=True, slots=True)
class LimitRecord:
    """The Test's limit, what the accommodation makes of it (factor in thousandths), and the candidate's own."""

    time_limit_minutes: int | None
    extra_time_factor: int
    extra_minutes: int
    break_minutes: int
    personal_limit_minutes: int | float | None
    grace_seconds: int


@dataclass(frozen=True, slots=True)
class DeadlineStep:
    """How the deadline came about, or moved.

    Attributes:
        seq: the entry of the log that brought it.
        at: since when it holds.
        seconds: the time that it added; of `unpaused` how long the clock stood still. None: it added none.
        deadline_at: D behind it; None before anything limits the time, and while a pause lasts.
        by: user_id of who did it; None: the rules, or the server.
    """

    step: str
    seq: int
    at: datetime
    seconds: float | None
    deadline_at: datetime | None
    reason: str | None = None
    by: int | None = None


@dataclass(frozen=True, slots=True)
class GapRecord:
    """The times without an attached connection between start and end."""

    number: int
    total_seconds: float
    longest_seconds: float


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict with its reason."""

    kept: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplianceRecord:
    """All that is to be said about time, for staff: the fuller form of SchedulerCompliance.

    Attributes:
        seq, head: number and hash (hex) of the last entry that it rests on; of a record that is signed, the end.
        attempt, max_attempts: voided attempts keep their number, so the one may be above the other.
        deadline_at: D at the end; None where nothing limited the time or a pause lasted.
        paused_seconds: for how long the clock stood still, breaks included.
    """

    assessment_id: int
    application_id: int
    user_id: int
    test_id: int
    test_version_id: int
    attempt: int
    max_attempts: int
    is_trial: bool
    seq: int
    head: str
    started_at: datetime
    end_time: datetime | None
    end_reason: EndReason | None
    window: WindowRecord
    limit: LimitRecord
    deadline_at: datetime | None
    deadline_steps: tuple[DeadlineStep, ...]
    time_taken_minutes: float | None
    paused_seconds: float
    time_credits: tuple[TimeCredit, ...]
    late_answers: int
    gaps: GapRecord
    time_limit: Finding
    schedule_window: Finding
    notes: str


# --- the verdict ------------------------------------------------------------------------------------------------------


def compliance(blueprint: Blueprint, state: AssessmentState) -> SchedulerCompliance:
    """Derive the verdict from the limits and from how the assessment, which must be over, ended."""
    ended, started_at = state.ended, state.started_at
    assert ended is not None and started_at is not None
    taken = minutes_taken(started_at, ended.end_time, state.schedule.pauses)
    by_window = _ran_out_by_window(blueprint, state)
    return SchedulerCompliance(
        within_time_limit=ended.reason is not EndReason.TIMEOUT or by_window,
        within_schedule_window=not by_window,
        time_limit_minutes=limit_minutes(personal_limit(blueprint.time_limit, state.accommodation)),
        time_taken_minutes=taken,
        deadline_at=state.schedule.deadline_at,
        time_credits=time_credits(state),
        late_answers=state.late_answers,
        notes=_notes(taken, ended.reason, state.late_answers, by_window=by_window),
    )


def time_credits(state: AssessmentState) -> tuple[TimeCredit, ...]:
    """The time that the server gave back, in the order of the log."""
    bodies = (moment.body for moment in state.moments)
    return tuple(TimeCredit(body.seconds, body.reason) for body in bodies if isinstance(body, Credited))


def _ran_out_by_window(blueprint: Blueprint, state: AssessmentState) -> bool:
    """Whether the time ran out, and what set the deadline at the start was the window and not the limit.

    Whatever moved it later moved the same deadline: it does not say which of the two ran out.
    """
    body = state.moments[0].body
    if not isinstance(body, Started) or state.ended is None or state.ended.reason is not EndReason.TIMEOUT:
        return False
    return blueprint.closes_at is not None and body.deadline_at == blueprint.closes_at


def _notes(taken: float, reason: EndReason, late_answers: int, *, by_window: bool) -> str:
    minutes = f"{f'{taken:.1f}'.removesuffix('.0')} minute{'' if taken == 1 else 's'}"
    note = {
        EndReason.SUBMITTED: "Completed in",
        EndReason.ABANDONED: "Closed as abandoned after",
        EndReason.ENDED_BY_INVIGILATOR: "Ended by an invigilator after",
        EndReason.TIMEOUT: "The schedule window closed after" if by_window else "Time ran out after",
    }[reason]
    late = f"; {late_answers} late answer{'' if late_answers == 1 else 's'} not counted" if late_answers else ""
    return f"{note} {minutes}{late}"


# --- the record -------------------------------------------------------------------------------------------------------


def compliance_record(blueprint: Blueprint, state: AssessmentState) -> ComplianceRecord:
    """Everything about time as of the end; of what has no end yet, as of the last entry.

    Args:
        state: the fold of the log up to the entry that the record is to rest on.
    """
    started, ended = state.moments[0].body, state.ended
    assert isinstance(started, Started) and state.started_at is not None and state.last_at is not None
    end_time = ended.end_time if ended else None
    verdict = compliance(blueprint, state) if ended else None
    schedule = state.schedule
    return ComplianceRecord(
        assessment_id=state.assessment_id,
        application_id=started.application_id,
        user_id=started.user_id,
        test_id=started.test_id,
        test_version_id=started.test_version_id,
        attempt=started.attempt,
        max_attempts=blueprint.max_attempts,
        is_trial=started.is_trial,
        seq=state.seq,
        head=state.head.hex(),
        started_at=state.started_at,
        end_time=end_time,
        end_reason=ended.reason if ended else None,
        window=_window(blueprint, applies=not started.is_trial),
        limit=_limit(blueprint, started.accommodation),
        deadline_at=schedule.deadline_at,
        deadline_steps=tuple(_steps(blueprint, state.moments)),
        time_taken_minutes=verdict.time_taken_minutes if verdict else None,
        paused_seconds=_seconds(paused_time(end_time or state.last_at, schedule.pauses)),
        time_credits=time_credits(state),
        late_answers=state.late_answers,
        gaps=_gaps(state.moments, end_time or state.last_at),
        time_limit=_on_limit(blueprint, ended, verdict),
        schedule_window=_on_window(blueprint, started, ended, verdict),
        notes=verdict.notes if verdict else "Not over yet",
    )


def _window(blueprint: Blueprint, *, applies: bool) -> WindowRecord:
    return WindowRecord(
        time_zone=blueprint.time_zone,
        opens=_edge(blueprint, blueprint.opens_local, blueprint.opens_at),
        closes=_edge(blueprint, blueprint.closes_local, blueprint.closes_at),
        applies=applies,
    )


def _edge(blueprint: Blueprint, local: datetime | None, at: datetime | None) -> WindowEdge | None:
    if at is None:
        return None
    if local is None or blueprint.time_zone is None:
        return WindowEdge(None, ZoneRule.INSTANT, at)
    return WindowEdge(local, zone_rule(local, blueprint.time_zone), at)


def _limit(blueprint: Blueprint, granted: Accommodation) -> LimitRecord:
    return LimitRecord(
        time_limit_minutes=blueprint.time_limit_minutes,
        extra_time_factor=granted.extra_time_factor,
        extra_minutes=granted.extra_minutes,
        break_minutes=granted.break_minutes,
        personal_limit_minutes=limit_minutes(personal_limit(blueprint.time_limit, granted)),
        grace_seconds=blueprint.grace_seconds,
    )


def _steps(blueprint: Blueprint, moments: Sequence[Moment]) -> Iterator[DeadlineStep]:
    start = moments[0]
    assert isinstance(start.body, Started)
    yield from _first_steps(blueprint, start.body, start.at)
    schedule = Schedule(first_deadline_of(blueprint, start.body, start.at), blueprint.grace)
    for moment in moments[1:]:
        body, before = moment.body, schedule
        schedule = retimed(schedule, body)
        deadline = schedule.deadline_at
        match body:
            case Paused():
                yield DeadlineStep("paused", moment.seq, body.paused_at, None, deadline, body.reason, body.by)
            case Unpaused():
                stood = body.resumed_at - before.pauses[-1].paused_at
                yield DeadlineStep(
                    "unpaused", moment.seq, body.resumed_at, _seconds(stood), deadline, before.pauses[-1].kind, body.by
                )
            case Extended():
                yield DeadlineStep("extended", moment.seq, moment.at, body.seconds, deadline, body.reason, body.by)
            case Credited():
                yield DeadlineStep("credited", moment.seq, moment.at, body.seconds, deadline, body.reason)
            case _:
                pass


def first_deadline_of(blueprint: Blueprint, started: Started, started_at: datetime) -> datetime | None:
    """D at the start, as the rules make it; the window does not bind a trial."""
    limit = personal_limit(blueprint.time_limit, started.accommodation)
    return first_deadline(started_at, limit, None if started.is_trial else blueprint.closes_at)


def deadline_faults(
    blueprint: Blueprint, state: AssessmentState
) -> Iterator[tuple[int, datetime | None, datetime | None]]:
    """Where the log notes another deadline than rules and entries give: seq, what is noted, what should be."""
    schedule: Schedule | None = None
    for moment in state.moments:
        body = moment.body
        if isinstance(body, Started):
            schedule = Schedule(first_deadline_of(blueprint, body, moment.at), blueprint.grace)
        elif schedule is not None:
            schedule = retimed(schedule, body)
        derived = schedule.deadline_at if schedule is not None else None
        if isinstance(body, Started | Unpaused | Extended | Credited) and body.deadline_at != derived:
            yield moment.seq, body.deadline_at, derived


def _first_steps(blueprint: Blueprint, started: Started, at: datetime) -> Iterator[DeadlineStep]:
    granted, limit = started.accommodation, blueprint.time_limit
    yield DeadlineStep("start", 1, at, None, None)
    if limit is not None:
        yield DeadlineStep("time_limit", 1, at, _seconds(limit), at + limit)
        stretched = personal_limit(limit, Accommodation(granted.extra_time_factor)) or limit
        if stretched != limit:
            yield DeadlineStep("extra_time_factor", 1, at, _seconds(stretched - limit), at + stretched)
        if granted.extra_minutes:
            more = timedelta(minutes=granted.extra_minutes)
            yield DeadlineStep("extra_minutes", 1, at, _seconds(more), at + stretched + more)
    if blueprint.closes_at is not None and not started.is_trial:
        yield DeadlineStep("window", 1, at, None, first_deadline_of(blueprint, started, at))


def _gaps(moments: Sequence[Moment], end_time: datetime) -> GapRecord:
    found = [gap for gap in _each_gap(moments, end_time) if gap > timedelta(0)]
    total = sum(found, timedelta(0))
    return GapRecord(len(found), _seconds(total), _seconds(max(found, default=timedelta(0))))


def _each_gap(moments: Sequence[Moment], end_time: datetime) -> Iterator[timedelta]:
    attachment, left_at = 0, None
    for moment in moments:
        if isinstance(moment.body, Attached):
            if left_at is not None:
                yield min(moment.at, end_time) - left_at
            attachment, left_at = moment.seq, None
        elif isinstance(moment.body, Detached) and moment.body.attachment == attachment:
            left_at = moment.at if left_at is None else left_at
    if left_at is not None:
        yield end_time - left_at


def _seconds(duration: timedelta) -> float:
    """To the millisecond, cut."""
    return duration // _MILLISECOND / 1000


def _on_limit(blueprint: Blueprint, ended: Finalized | None, verdict: SchedulerCompliance | None) -> Finding:
    if blueprint.time_limit_minutes is None:
        return Finding(True, "The Test sets no time limit.")
    if ended is None or verdict is None:
        return Finding(True, "It has not ended.")
    if not verdict.within_time_limit:
        return Finding(False, "The time limit ran out before the candidate handed in.")
    return Finding(True, _KEPT[ended.reason])


def _on_window(
    blueprint: Blueprint, started: Started, ended: Finalized | None, verdict: SchedulerCompliance | None
) -> Finding:
    closes = blueprint.closes_at
    if started.is_trial:
        return Finding(True, "A trial is not bound to the window.")
    if closes is None and blueprint.opens_at is None:
        return Finding(True, "The Test has no window.")
    if ended is None or verdict is None:
        return Finding(True, "It has not ended.")
    if not verdict.within_schedule_window:
        return Finding(False, "The window closed before the candidate handed in.")
    if closes is not None and ended.end_time > closes:
        return Finding(True, "It ended behind the window, in time that was granted or given back.")
    return Finding(True, _KEPT[ended.reason])


_KEPT = {
    EndReason.SUBMITTED: "The candidate handed in before the time was up.",
    EndReason.ENDED_BY_INVIGILATOR: "An invigilator ended it; no limit had to do with that.",
    EndReason.ABANDONED: "It was closed as abandoned; no limit had to do with that.",
    EndReason.TIMEOUT: "Another limit ran out first.",
}
