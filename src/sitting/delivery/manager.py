"""The live sockets of this process. It holds no truth: whoever is attached stands in the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

from sitting.domain.errors import AttachmentStale
from sitting.identity.identify import Identity
from sitting.usecases.let_in import let_in
from sitting.usecases.services import Services
from sitting.usecases.start_assessment import StartedAssessment, start_assessment

if TYPE_CHECKING:
    from sitting.delivery.connection import Connection

MAX_SOCKETS_OF_ONE_USER = 8


class ConnectionManager:
    """Knows the open connections and starts their sessions."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._connections: set[Connection] = set()
        self._of_user: defaultdict[int, list[Connection]] = defaultdict(list)  # in the order in which they came
        services.metrics.watch_sockets(self.__len__, self._attached_candidates)

    def __len__(self) -> int:
        return len(self._connections)

    def __contains__(self, connection: Connection) -> bool:
        return connection in self._connections

    def everybody(self) -> list[Connection]:
        """All that are open now."""
        return list(self._connections)

    def connect(self, connection: Connection) -> None:
        """A socket was accepted."""
        self._connections.add(connection)
        if connection.state.user_id is not None:
            self.make_room(connection, connection.state.user_id)

    def disconnect(self, connection: Connection) -> None:
        """A socket closed."""
        self._connections.discard(connection)
        own = self._of_user.get(connection.state.user_id or 0, [])
        if connection in own:
            own.remove(connection)
            if not own:
                del self._of_user[connection.state.user_id or 0]

    def make_room(self, newest: Connection, user_id: int) -> None:
        """The newest has said whose it is. Of too many of one user the oldest goes: it may be dead without our knowing.

        Otherwise sockets that nobody holds any more could keep a candidate out.
        """
        own = self._of_user[user_id]
        own.append(newest)
        for each in own[:-MAX_SOCKETS_OF_ONE_USER]:
            each.shut_out(AttachmentStale())

    def identified(self, user_ids: Collection[int] | None = None) -> dict[Identity, list[Connection]]:
        """The connections that have said who they are, by that; None stands for everybody, else of these users."""
        found: defaultdict[Identity, list[Connection]] = defaultdict(list)
        for each in self._connections:
            if each.identity is not None and (user_ids is None or each.identity.user_id in user_ids):
                found[each.identity].append(each)
        return dict(found)

    def _attached_candidates(self) -> int:
        return len({each.state.user_id for each in self._connections if each.live is not None and not each.end_told})

    async def start_assessment_session(
        self,
        connection: Connection,
        *,
        user_id: int,
        test_id: int,
        application_id: int | None,
        now: datetime,
        window_id: str | None = None,
        attachment: int | None = None,
    ) -> StartedAssessment:
        """Start the assessment and let the connection work on it.

        Raises:
            SittingError: it could not be started; the connection is as before.
        """
        with self._services.metrics.start() as start:
            async with let_in(self._services, user_id=user_id, test_id=test_id):
                started = await start_assessment(
                    self._services.storage,
                    user_id=user_id,
                    test_id=test_id,
                    application_id=application_id,
                    connection_id=connection.state.connection_id,
                    window_id=window_id,
                    attachment=attachment,
                    node_id=self._services.node.node_id,
                    now=now,
                    clock=self._services.clock,
                    live_run=self._services.live_run_limits,
                )
            await connection.attach(started.live)
            start.succeeded(recovered=started.recovered)
        return started
