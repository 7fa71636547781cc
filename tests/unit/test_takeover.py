"""Who may attach: a wish always, a coming back by itself only if no other window has attached since."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sitting.domain.assessment import AssessmentState
from sitting.domain.errors import AttachmentStale
from sitting.domain.events import Attached, Detached, EventBody
from sitting.domain.takeover import Claim, refuse_stale_return

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def state_after(*bodies: EventBody) -> AssessmentState:
    """The fold of a log of those entries; the first has the seq 1."""
    state = AssessmentState(42)
    for body in bodies:
        state.apply(state.next_event(body, NOON))
    return state


MINE = Attached("c_1", "start", "w_mine")
LOST_REPLY = Attached("c_2", "resume", "w_mine")
OTHER = Attached("c_other", "takeover", "w_other")
UNNAMED = Attached("c_other", "takeover")

# The log, the claim of whoever comes back, whether it is let in.
CASES = {
    "nobody attached yet": ((), Claim("c_9", "w_mine", 0), True),
    "nobody attached since": ((MINE, Detached(1)), Claim("c_9", "w_mine", 1), True),
    "nobody attached since, of a client that names no window": ((UNNAMED,), Claim("c_9", None, 1), True),
    "the reply to its start was lost": ((MINE,), Claim("c_9", "w_mine", 0), True),
    "the reply to its own resume was lost": ((MINE, LOST_REPLY), Claim("c_9", "w_mine", 1), True),
    "the reply to its own wish to go on was lost": ((MINE, OTHER, LOST_REPLY), Claim("c_9", "w_mine", 1), True),
    "its own connection attached again": ((MINE, UNNAMED), Claim("c_other", None, 1), True),
    "another window took over": ((MINE, OTHER), Claim("c_9", "w_mine", 1), False),
    "another window took over and is gone": ((MINE, OTHER, Detached(2)), Claim("c_9", "w_mine", 1), False),
    "another window took over behind a lost reply": ((MINE, LOST_REPLY, OTHER), Claim("c_9", "w_mine", 1), False),
    "somebody unnamed took over": ((MINE, UNNAMED), Claim("c_9", "w_mine", 1), False),
    "it has no name itself": ((MINE, OTHER), Claim("c_9", None, 1), False),
    "neither has a name": ((Attached("c_1", "start"), UNNAMED), Claim("c_9", None, 1), False),
    "it knows of no attachment": ((OTHER,), Claim("c_9", "w_mine", 0), False),
    "it names a number that is not there yet": ((OTHER,), Claim("c_9", "w_mine", 7), False),
}


@pytest.mark.parametrize(("log", "claim", "let_in"), CASES.values(), ids=CASES)
def test_p20_who_comes_back_by_itself_is_let_in_only_if_no_other_window_attached_since(
    log: tuple[EventBody, ...], claim: Claim, let_in: bool
) -> None:
    state = state_after(*log)
    if let_in:
        refuse_stale_return(state, claim)
    else:
        with pytest.raises(AttachmentStale):
            refuse_stale_return(state, claim)


@pytest.mark.parametrize("window_id", [None, "w_mine", "w_third"])
@pytest.mark.parametrize("log", [(), (MINE,), (MINE, OTHER), (UNNAMED,)])
def test_p20_who_is_wanted_here_is_let_in_whoever_has_the_assessment(
    log: tuple[EventBody, ...], window_id: str | None
) -> None:
    refuse_stale_return(state_after(*log), Claim("c_9", window_id))
