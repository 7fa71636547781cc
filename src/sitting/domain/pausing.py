"""What may be done to the clock of an assessment, and the entry of the log that does it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sitting.domain.assessment import AssessmentState
from sitting.domain.deadline import Pause
from sitting.domain.errors import AssessmentOver, Conflict, NotAllowed
from sitting.domain.events import Extended, Paused, PauseKind, Unpaused

BREAK_REASON = "break"
_MICROSECOND = timedelta(microseconds=1)


def pause(state: AssessmentState, kind: PauseKind, reason: str, by: int, at: datetime, longest: timedelta) -> Paused:
    """Stop the clock at `at`, or right behind the newest answer that counted if that arrived later.

    Args:
        longest: after that the pause ends by itself.

    Raises:
        AssessmentOver: it ended. Conflict: it is paused already, or its time is up.
    """
    _require_open(state)
    schedule = state.schedule
    if schedule.lasting_pause is not None:
        raise Conflict("This assessment is paused already.")
    paused_at = max(at, *_earliest(state))
    if schedule.deadline_at is not None and paused_at > schedule.deadline_at:
        raise Conflict("The time for this assessment is over: there is nothing left to pause.")
    return Paused(kind, reason, by, paused_at, paused_at + longest)


def _earliest(state: AssessmentState) -> list[datetime]:
    """A pause covers nothing that counted, and no other pause, whatever another node's clock says."""
    bounds = [state.last_arrival + _MICROSECOND] if state.last_arrival else []
    bounds += [each.ends_at for each in state.schedule.pauses]
    assert state.started_at is not None
    return [state.started_at, *bounds]


def unpause(state: AssessmentState, by: int, now: datetime) -> Unpaused:
    """Let the clock run again.

    Raises:
        AssessmentOver: it ended. Conflict: it is not paused.
    """
    lasting = _lasting(state)
    return _unpaused(state, by, min(max(now, lasting.paused_at), lasting.until))


def pause_that_ran_out(state: AssessmentState, at: datetime) -> Unpaused | None:
    """The end of a pause that was over by `at`, at the instant when it ran out; None if there is no such pause."""
    lasting = state.schedule.lasting_pause
    if lasting is None or at < lasting.until:
        return None
    return _unpaused(state, None, lasting.until)


def begin_break(state: AssessmentState, by: int, at: datetime) -> Paused:
    """Stop the clock for what is left of the candidate's allowance.

    Raises:
        AssessmentOver: it ended. NotAllowed: there is no allowance, or nothing left of it.
        Conflict: it is paused already, or its time is up.
    """
    _require_open(state)
    allowance = timedelta(minutes=state.accommodation.break_minutes)
    if not allowance:
        raise NotAllowed("No breaks were granted for this assessment.")
    left = allowance - state.schedule.break_used(at)
    if left <= timedelta(0):
        raise NotAllowed("The time that was granted for breaks is used up.")
    return pause(state, PauseKind.BREAK, BREAK_REASON, by, at, left)


def end_break(state: AssessmentState, by: int, now: datetime) -> Unpaused:
    """Let the clock run again behind a break.

    Raises:
        AssessmentOver: it ended. Conflict: there is no break that could end; a pause by staff only staff can end.
    """
    if _lasting(state).kind is not PauseKind.BREAK:
        raise Conflict("This pause is not a break of yours: an invigilator ends it.")
    return unpause(state, by, now)


def extend(state: AssessmentState, seconds: int, reason: str, by: int) -> Extended:
    """Give more time, in seconds, also where the deadline is over and the sweep has not come yet.

    Raises:
        AssessmentOver: it ended. Conflict: nothing limits the time.
    """
    _require_open(state)
    if not state.schedule.is_limited:
        raise Conflict("Nothing limits the time of this assessment.")
    return Extended(seconds, reason, by, state.schedule.extended(timedelta(seconds=seconds)).deadline_at)


def _unpaused(state: AssessmentState, by: int | None, resumed_at: datetime) -> Unpaused:
    return Unpaused(by, resumed_at, state.schedule.unpaused(resumed_at).deadline_at)


def _lasting(state: AssessmentState) -> Pause:
    _require_open(state)
    lasting = state.schedule.lasting_pause
    if lasting is None:
        raise Conflict("This assessment is not paused.")
    return lasting


def _require_open(state: AssessmentState) -> None:
    if state.is_over:
        raise AssessmentOver()
