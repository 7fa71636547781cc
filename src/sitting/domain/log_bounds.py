"""How much one candidate may write into one log: far more than anybody needs, and not without end."""

from __future__ import annotations

from sitting.domain.assessment import AssessmentState
from sitting.domain.errors import Conflict
from sitting.domain.events import IntegrityNoted

MAX_NOTES = 10_000  # a browser that loses and gains the focus once a second for nearly three hours
MAX_ENTRIES = 20_000  # an answer changed once a second for more than five hours
NOTES_DROPPED = "notes_dropped"
FULL = "This assessment was changed more often than its log takes."


def bounded_note(state: AssessmentState, note: IntegrityNoted) -> IntegrityNoted | None:
    """What becomes of a note: the last for which there is room says that the following are dropped."""
    if state.notes < MAX_NOTES - 1:
        return note
    return IntegrityNoted(NOTES_DROPPED, None) if state.notes == MAX_NOTES - 1 else None


def require_room(state: AssessmentState) -> None:
    """Refuse one more answer or flag once the log, its notes aside, is too long; the end can always be written.

    Raises:
        Conflict: it is.
    """
    if state.seq - state.notes >= MAX_ENTRIES:
        raise Conflict(FULL, max_entries=MAX_ENTRIES)
