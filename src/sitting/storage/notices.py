"""What one node says to the others about a commit: ids, and nothing that anybody may act on without looking."""

from __future__ import annotations

import re

from sitting.domain.events import Answered, Attached, EventBody, Started
from sitting.storage.hub import AccessChange, Change, Notice

CHANNEL = "sitting_notices"
# What can be said at all, whoever says it: a node's name, and numbers that the database could hold.
_SAID = re.compile(
    r"(?P<node>[0-9a-z_]{1,40}) (?:"
    r"assessment (?P<assessment_id>[1-9][0-9]{0,15}) (?P<seq>[1-9][0-9]{0,9})|user (?P<user_id>[1-9][0-9]{0,15}))"
)


def concerns_other_nodes(body: EventBody) -> bool:
    """Whether an entry of that kind can be news for a socket elsewhere.

    PostgreSQL lets those who commit with a notice through one by one, and so nothing is said of what comes in masses:
    of answers, nor of a start or a return, before which no socket held the assessment.
    """
    if isinstance(body, Attached):
        return body.how == "takeover"
    return not isinstance(body, Started | Answered)


def encode_notice(node: str, notice: Notice) -> str:
    """The notice as text, with the name of the node that says it."""
    if isinstance(notice, AccessChange):
        return f"{node} user {notice.user_id}"
    return f"{node} assessment {notice.assessment_id} {notice.seq}"


def decode_notice(payload: str) -> tuple[str, Notice] | None:
    """The node that said it, and what; None for anything that no node of this version says."""
    said = _SAID.fullmatch(payload)
    if said is None:
        return None
    if said["user_id"] is not None:
        return said["node"], AccessChange(int(said["user_id"]))
    return said["node"], Change(int(said["assessment_id"]), int(said["seq"]))
