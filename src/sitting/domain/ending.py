"""When an assessment ends: not when the server gets round to it."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.deadline import Phase
from sitting.domain.errors import ClockPaused, DeadlinePassed
from sitting.domain.events import EndReason
from sitting.domain.live import LiveAssessment


def end_time(live: LiveAssessment, reason: EndReason, now: datetime) -> datetime:
    """The end of an open assessment that ends for that reason.

    Args:
        now: of a submission when it arrived, else the present.

    Raises:
        DeadlinePassed, ClockPaused: at `now` it cannot end for this reason.
    """
    schedule = live.state.schedule
    deadline = schedule.deadline_as_of(now)
    match reason:
        case EndReason.SUBMITTED:
            if schedule.phase(now) is Phase.PAUSED:
                raise ClockPaused()
            if not schedule.accepts_answers(now):
                raise DeadlinePassed()
            return now if deadline is None else min(now, deadline)
        case EndReason.TIMEOUT:
            if deadline is None or schedule.phase(now) is not Phase.CLOSABLE:
                raise DeadlinePassed("The time for this assessment is not over yet.")
            return deadline
        case EndReason.ENDED_BY_INVIGILATOR:
            return now if deadline is None else min(now, deadline)
        case EndReason.ABANDONED:
            if schedule.is_limited or now < live.assessment.started_at + live.blueprint.abandon_after:
                raise DeadlinePassed("This assessment does not count as abandoned yet.")
            return now
