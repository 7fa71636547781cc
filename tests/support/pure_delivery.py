"""The server's side of a socket without a loop: the real connection and all behind it, one happening at a time."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar, cast

from sitting.delivery.connection import Connection
from sitting.delivery.inbox import ClientGone, FrameArrived
from sitting.delivery.manager import ConnectionManager
from sitting.delivery.socket import Message, Receive, Send, Socket, SocketClosed
from sitting.domain.errors import InternalError, RateLimited
from sitting.identity.signer import Signer
from sitting.identity.tokens import TokenKeys
from sitting.metrics import Metrics
from sitting.protocol.connection import ConnectionState
from sitting.storage.hub import Change
from sitting.usecases.services import Services
from tests.support.pure_storage import Ledger, PureStorage
from tests.support.samples import START

T = TypeVar("T")
METRICS = Metrics()
SIGNER = Signer.generate()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """What it returns; nothing of what it awaits ever has to wait."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return cast(T, done.value)
    raise AssertionError("something waits for a loop that is not there")


@dataclass
class SetClock:
    """The server's clock, as it was set."""

    instant: datetime = START

    def now(self) -> datetime:
        return self.instant


class Wire(Socket):
    """A socket that writes what is said into a list."""

    def __init__(self) -> None:
        super().__init__(cast(Receive, None), cast(Send, None))
        self.said: list[str] = []

    async def _deliver(self, message: Message) -> None:
        if not self._open:
            raise SocketClosed()
        if message["type"] == "websocket.send":
            self.said.append(message["text"])

    def cut(self) -> None:
        """The client is gone."""
        self._open = False


class PureConnection(Connection):
    """A connection that a test leads from one happening to the next."""

    def __init__(self, services: Services, manager: ConnectionManager, name: str, user_id: int) -> None:
        self.wire = Wire()
        state = ConnectionState(name, speaks_v1=True, url_test_id=None)
        state.authenticate(user_id)
        super().__init__(services, manager, self.wire, state)
        self.is_gone = False

    @property
    def is_open(self) -> bool:
        return self.wire.is_open

    @property
    def has_work(self) -> bool:
        return not self.is_gone and self._inbox.first is not None

    def next_frame(self) -> FrameArrived | None:
        """The frame that comes next; None if something else does."""
        first = self._inbox.first
        return first if isinstance(first, FrameArrived) else None

    def receive(self, text: str, at: datetime) -> None:
        """A frame arrives, as the reader task would have it."""
        try:
            refusal = self.state.frame_received(at)
        except RateLimited:
            self.wire.cut()
            self._inbox.put(ClientGone())
        else:
            self._inbox.put(FrameArrived(text, at, refusal))

    def hang_up(self) -> None:
        """The socket breaks, and the server sees it."""
        self.wire.cut()
        self._inbox.put(ClientGone())

    def step(self) -> bool:
        """Deal with the next happening; false once the connection is at its end."""
        try:
            goes_on = run(self._next())
        except SocketClosed:
            goes_on = False
        if not goes_on:
            self.is_gone = True
            run(self._let_go())
        return goes_on

    def die(self) -> None:
        """Its process is gone, and does nothing more."""
        self.wire.cut()
        self.is_gone = True

    def _unforeseen(self, fault: Exception) -> InternalError:
        raise fault

    def _arm_warnings(self, now: datetime) -> None:
        pass

    def _disarm_warnings(self) -> None:
        pass


@dataclass
class Node:
    """One process of the server; when it dies its connections are gone with it."""

    ledger: Ledger
    clock: SetClock
    connections: dict[str, PureConnection] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.storage = PureStorage(self.ledger, METRICS)
        self.services = Services(self.storage, cast(TokenKeys, None), SIGNER, self.clock)
        self.manager = ConnectionManager(self.services)

    def accept(self, name: str, user_id: int) -> PureConnection:
        connection = PureConnection(self.services, self.manager, name, user_id)
        self.connections[name] = connection
        return connection

    def hear(self) -> None:
        """It is told that the log has grown."""
        self.storage.hub.publish(Change(self.ledger.row.assessment_id, len(self.ledger.events)))

    def die(self) -> None:
        for connection in self.connections.values():
            connection.die()
        self.connections.clear()
        self.__post_init__()
