"""What one socket may do, as a machine without I/O."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sitting.domain.errors import (
    AssessmentNotFound,
    InvalidMessage,
    NotAllowed,
    NotAuthenticated,
    RateLimited,
)
from sitting.protocol.commands import Auth, Command, Heartbeat, ResumeAssessment, StartAssessment, entity_id
from sitting.protocol.pace import Pace

MAX_UNANSWERED = 32
SUBPROTOCOL = "sitting.v1"


class ConnectionPhase(StrEnum):
    CONNECTED = "connected"
    AUTHENTICATED = "authenticated"
    ATTACHED = "attached"


@dataclass(slots=True)
class ConnectionState:
    """One socket's rights.

    Attributes:
        connection_id: random; names the connection in logs and events, and carries no identity.
        speaks_v1: the client chose `sitting.v1`: unknown fields are refused, nothing is sent unasked-for.
        url_test_id: the `test_id` of the address, which messages may not contradict.
        attachment: seq of the `attached` entry that gives this socket the right to write.
        address: where it comes from, None if the transport does not know. pace: how fast it has been talking.
    """

    connection_id: str
    speaks_v1: bool
    url_test_id: int | None
    phase: ConnectionPhase = ConnectionPhase.CONNECTED
    user_id: int | None = None
    test_id: int | None = None
    assessment_id: int | None = None
    attachment: int = 0
    attached_at: datetime | None = None
    unanswered: int = 0
    address: str | None = None
    pace: Pace = field(default_factory=Pace)

    def authenticate(self, user_id: int) -> None:
        """The socket speaks for that user from now on."""
        self.user_id = user_id
        self.phase = ConnectionPhase.AUTHENTICATED

    def start_assessment(self, test_id: int, assessment_id: int, now: datetime, attachment: int = 0) -> None:
        """The socket works on that assessment from now on."""
        self.test_id, self.assessment_id = test_id, assessment_id
        self.attachment, self.attached_at = attachment, now
        self.phase = ConnectionPhase.ATTACHED

    def frame_received(self, at: datetime) -> RateLimited | None:
        """Count a frame that arrived at `at` and has no answer yet.

        Returns:
            The error that is to be its answer, if it came too fast; `details` says when to go on.

        Raises:
            RateLimited: too many wait already, or too many came too fast; the socket must be closed.
        """
        wait = self.pace.message(at)
        if self.unanswered >= MAX_UNANSWERED or self.pace.is_exhausted:
            raise RateLimited()
        self.unanswered += 1
        return RateLimited(retry_after_seconds=math.ceil(wait * 100) / 100) if wait else None

    def frame_answered(self) -> None:
        """The oldest waiting frame is dealt with."""
        self.unanswered -= 1

    def admit(self, command: Command) -> None:
        """Refuse what this connection may not say now.

        Raises:
            NotAuthenticated, InvalidMessage, AssessmentNotFound: too early, too late, or nothing is attached.
        """
        if isinstance(command, Auth):
            if self.phase is not ConnectionPhase.CONNECTED:
                raise InvalidMessage("This connection is authenticated already.")
        elif self.phase is ConnectionPhase.CONNECTED:
            raise NotAuthenticated()
        elif self.phase is not ConnectionPhase.ATTACHED and not isinstance(
            command, StartAssessment | ResumeAssessment | Heartbeat
        ):
            raise AssessmentNotFound("Start or resume an assessment first.")

    def resolve_test_id(self, command: StartAssessment) -> int:
        """The Test that is meant.

        Raises:
            InvalidMessage: neither address nor message names one. NotAllowed: they differ.
        """
        named = None if command.test_id is None else entity_id(command.test_id)
        if named is None and self.url_test_id is None:
            raise InvalidMessage("start_assessment needs a test_id.")
        if named is not None and self.url_test_id is not None and named != self.url_test_id:
            raise NotAllowed("The test_id differs from the one in the address.")
        test_id = named if named is not None else self.url_test_id
        assert test_id is not None
        return test_id
