"""The ASGI application behind /ws/assessment."""

from __future__ import annotations

import random
from collections.abc import Sequence
from urllib.parse import parse_qs

import structlog

from sitting.delivery.connection import Connection
from sitting.delivery.manager import ConnectionManager
from sitting.delivery.socket import TEXTS, Message, Receive, Send, Socket, SocketClosed
from sitting.domain.errors import (
    BlueprintNotFound,
    InternalError,
    InvalidMessage,
    NotAuthenticated,
    RateLimited,
    SittingError,
    Unavailable,
)
from sitting.identity.access import Action, require
from sitting.identity.identify import Identity, identify_by_ticket, identify_by_token
from sitting.kit.ids import random_id
from sitting.metrics import SOCKET
from sitting.protocol.close_codes import CloseCode
from sitting.protocol.commands import entity_id
from sitting.protocol.connection import SUBPROTOCOL, ConnectionState
from sitting.protocol.encoding import encode, error_message
from sitting.protocol.pace import Pace
from sitting.storage.unit_of_work import UnitOfWork
from sitting.usecases.services import Services

PATH = "/ws/assessment"
MOST_REMEMBERED = 1000
FULL = "This server has no room right now. Please come back in a moment; nothing is lost."
_CLOSE_CODES: dict[type[SittingError], CloseCode] = {
    NotAuthenticated: CloseCode.NOT_AUTHENTICATED,
    BlueprintNotFound: CloseCode.NOT_FOUND,
    Unavailable: CloseCode.TRY_AGAIN_LATER,
    InternalError: CloseCode.INTERNAL_ERROR,
    RateLimited: CloseCode.TOO_MANY_MESSAGES,
}

log = structlog.get_logger(__name__)


async def _published(unit: UnitOfWork, test_ids: Sequence[int]) -> list[int | Exception]:
    """Those of these Tests that there are."""
    found = await unit.blueprints.current_version_ids(set(test_ids))
    return [test_id if test_id in found else BlueprintNotFound(test_id=test_id) for test_id in test_ids]


class AssessmentEndpoint:
    """Accepts sockets, finds out whose they are, and serves each until it closes.

    Attributes:
        manager: knows those that are open.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self.manager = ConnectionManager(services)
        self._open = 0
        self._published: set[int] = set()  # those that were asked for; what was published once stays so

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one WebSocket scope. A refusal is an accepted socket that is closed with its code."""
        socket = Socket(receive, send, takes_texts=TEXTS in scope.get("extensions", ()))
        speaks_v1 = SUBPROTOCOL in scope.get("subprotocols", ())
        self._open += 1
        try:
            await socket.accept(SUBPROTOCOL if speaks_v1 else None)
            if self._services.node.is_draining:
                await socket.close(CloseCode.SERVICE_RESTART, "the server restarts")
                return
            self._require_room()
            state, identity = await self._state(scope, speaks_v1=speaks_v1)
            scope["headers"] = ()  # a kilobyte or two for as long as the socket is open
            await Connection(self._services, self.manager, socket, state, identity).run()
        except SocketClosed:
            return
        except SittingError as error:
            await self._turn_away(socket, error)
        except Exception as fault:
            error_id = random_id("e", 12)
            log.error("unforeseen_error", error_id=error_id, exc_info=fault)
            await self._turn_away(socket, InternalError(error_id=error_id))
        finally:
            self._open -= 1
            self._services.metrics.closed(socket.close_code)

    def _require_room(self) -> None:
        """Turn away whom this process has no room for, spread, since they come in crowds."""
        if self._open > self._services.capacity.max_connections:
            raise Unavailable(FULL, retry_after_seconds=round(random.uniform(5, 20), 1))  # noqa: S311

    async def _state(self, scope: Message, *, speaks_v1: bool) -> tuple[ConnectionState, Identity | None]:
        try:
            query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=20)
        except ValueError:
            raise NotAuthenticated() from None
        address, _ = scope.get("client") or (None, 0)
        identity = await self._identity(query, address)
        state = ConnectionState(
            random_id("c", 16),
            speaks_v1,
            await self._test_id(query),
            address=address,
            pace=Pace(self._services.capacity.messages_per_second),
        )
        if identity is not None:
            require(identity, Action.TAKE_TESTS)
            state.authenticate(identity.user_id)
        return state, identity

    async def _identity(self, query: dict[str, list[str]], address: str | None) -> Identity | None:
        """Whose socket it is, by ticket or token; None if a first message has to say.

        Raises:
            NotAuthenticated: what was shown is not valid. RateLimited: nor was much else from that address.
        """
        services, now = self._services, self._services.clock.now()
        try:
            if "ticket" in query:
                return await identify_by_ticket(services.storage, query["ticket"][0], now=now)
            if "token" in query:
                return await identify_by_token(services.storage, services.keys, query["token"][0], now=now)
        except NotAuthenticated:
            services.limits.wrong_secret(address, now)
            raise
        return None

    async def _test_id(self, query: dict[str, list[str]]) -> int | None:
        """The Test that the address names, if it names one.

        Raises:
            BlueprintNotFound: there is no such published Test.
        """
        if "test_id" not in query:
            return None
        try:
            test_id = entity_id(query["test_id"][0])
        except InvalidMessage:
            raise BlueprintNotFound() from None
        if test_id not in self._published:
            await self._services.storage.together(_published, test_id, reading=True)
            if len(self._published) >= MOST_REMEMBERED:
                self._published.clear()
            self._published.add(test_id)
        return test_id

    async def _turn_away(self, socket: Socket, error: SittingError) -> None:
        self._services.metrics.refused(SOCKET, error.code)
        try:
            await socket.send_text(encode(error_message(error)))
        except SocketClosed:
            return
        await socket.close(_CLOSE_CODES.get(type(error), CloseCode.NOT_ALLOWED), error.message)
