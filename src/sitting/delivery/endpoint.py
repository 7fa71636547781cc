"""The ASGI application behind /ws/assessment."""

from __future__ import annotations

from urllib.parse import parse_qs

from sitting.delivery.connection import Connection
from sitting.delivery.manager import ConnectionManager
from sitting.delivery.socket import Message, Receive, Send, Socket, SocketClosed
from sitting.domain.errors import BlueprintNotFound, InvalidMessage, NotAuthenticated, SittingError, Unavailable
from sitting.identity.access import Action, require
from sitting.identity.identify import Identity, identify_by_ticket, identify_by_token
from sitting.kit.ids import random_id
from sitting.protocol.close_codes import CloseCode
from sitting.protocol.commands import entity_id
from sitting.protocol.connection import SUBPROTOCOL, ConnectionState
from sitting.protocol.encoding import encode, error_message
from sitting.usecases.services import Services

PATH = "/ws/assessment"


class AssessmentEndpoint:
    """Accepts sockets, finds out whose they are, and serves each until it closes."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._manager = ConnectionManager(services)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one WebSocket scope. A refusal is an accepted socket that is closed with its code."""
        socket = Socket(receive, send)
        speaks_v1 = SUBPROTOCOL in scope.get("subprotocols", ())
        try:
            await socket.accept(SUBPROTOCOL if speaks_v1 else None)
            state = await self._state(scope, speaks_v1=speaks_v1)
            await Connection(self._services, self._manager, socket, state).run()
        except SocketClosed:
            return
        except SittingError as error:
            await _turn_away(socket, error)

    async def _state(self, scope: Message, *, speaks_v1: bool) -> ConnectionState:
        try:
            query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=20)
        except ValueError:
            raise NotAuthenticated() from None
        identity = await self._identity(query)
        state = ConnectionState(random_id("c", 16), speaks_v1, await self._test_id(query))
        if identity is not None:
            require(identity, Action.TAKE_TESTS)
            state.authenticate(identity.user_id)
        return state

    async def _identity(self, query: dict[str, list[str]]) -> Identity | None:
        """Whose socket it is, by ticket or token; None if a first message has to say.

        Raises:
            NotAuthenticated: what was shown is not valid.
        """
        services, now = self._services, self._services.clock.now()
        if "ticket" in query:
            return await identify_by_ticket(services.storage, query["ticket"][0], now=now)
        if "token" in query:
            return await identify_by_token(services.storage, services.keys, query["token"][0], now=now)
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
        async with self._services.storage.reading() as unit:
            await unit.blueprints.current_version_id(test_id)
        return test_id


async def _turn_away(socket: Socket, error: SittingError) -> None:
    codes: dict[type[SittingError], CloseCode] = {
        NotAuthenticated: CloseCode.NOT_AUTHENTICATED,
        BlueprintNotFound: CloseCode.NOT_FOUND,
        Unavailable: CloseCode.TRY_AGAIN_LATER,
    }
    try:
        await socket.send_text(encode(error_message(error)))
    except SocketClosed:
        return
    await socket.close(codes.get(type(error), CloseCode.NOT_ALLOWED), error.message)
