"""Who may attach: a candidate's wish takes an assessment over, coming back by itself does not."""

from __future__ import annotations

from dataclasses import dataclass

from sitting.domain.assessment import AssessmentState
from sitting.domain.errors import AttachmentStale
from sitting.domain.events import Attached


@dataclass(frozen=True, slots=True)
class Claim:
    """What a connection brings along when it wants an assessment.

    Attributes:
        window_id: names the tab or the run of a program that the connection belongs to; None if it does not say.
        attachment: the last one that this window knows, 0 if none, where its client comes back by itself. None: the
            candidate wants to go on here, whoever had the assessment.
        node_id: the process that holds the connection's socket; None over REST.
    """

    connection_id: str
    window_id: str | None = None
    attachment: int | None = None
    node_id: str | None = None


def refuse_stale_return(state: AssessmentState, claim: Claim) -> None:
    """Let in whoever is wanted here, and whoever comes back to what nobody took meanwhile.

    A window's newest attachment may be one that it does not know, since the reply to it was lost: so the name of the
    window decides where the number differs.

    Raises:
        AttachmentStale: the client comes back by itself, and another window has attached, or one that is not named.
    """
    holder = _holder(state)
    if claim.attachment is None or holder is None or claim.attachment == state.attachment:
        return
    is_own = claim.window_id is not None and claim.window_id == holder.window_id
    if not is_own and claim.connection_id != holder.connection_id:
        raise AttachmentStale()


def attached_by(state: AssessmentState, claim: Claim) -> Attached:
    """The entry that gives the assessment to that connection."""
    how = "start" if state.attachment == 0 else "takeover" if state.attached else "resume"
    return Attached(claim.connection_id, how, claim.window_id, claim.node_id)


def _holder(state: AssessmentState) -> Attached | None:
    """The newest attach; None before the first."""
    bodies = (moment.body for moment in reversed(state.moments))
    return next((body for body in bodies if isinstance(body, Attached)), None)
