"""The live sockets of this process. It holds no truth: whoever is attached stands in the log."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sitting.usecases.services import Services
from sitting.usecases.start_assessment import StartedAssessment, start_assessment

if TYPE_CHECKING:
    from sitting.delivery.connection import Connection


class ConnectionManager:
    """Knows the open connections and starts their sessions."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._connections: set[Connection] = set()

    def __len__(self) -> int:
        return len(self._connections)

    def connect(self, connection: Connection) -> None:
        """A socket was accepted."""
        self._connections.add(connection)

    def disconnect(self, connection: Connection) -> None:
        """A socket closed."""
        self._connections.discard(connection)

    async def start_assessment_session(
        self, connection: Connection, *, user_id: int, test_id: int, application_id: int | None, now: datetime
    ) -> StartedAssessment:
        """Start the assessment and let the connection work on it.

        Raises:
            SittingError: it could not be started; the connection is as before.
        """
        started = await start_assessment(
            self._services.storage,
            user_id=user_id,
            test_id=test_id,
            application_id=application_id,
            connection_id=connection.state.connection_id,
            now=now,
        )
        await connection.attach(started.live)
        return started
