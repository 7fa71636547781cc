"""A candidate with a token, before a server that runs as a process of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from websockets.sync.client import ClientConnection, connect

from sitting.domain.application import CandidateApplication
from sitting.domain.blueprint import PublishedVersion
from sitting.identity.tokens import TokenKeys, mint
from tests.support.builders import invite, publish_test
from tests.support.server import JWT_SECRET
from tests.support.storage import running_storage


@dataclass(frozen=True)
class Invited:
    """Somebody who may take a Test. `address` is the socket's, token included, below the server's own."""

    test: PublishedVersion
    application: CandidateApplication
    token: str

    def address(self, ws_url: str) -> str:
        return f"{ws_url}?token={self.token}&test_id={self.test.test_id}"


def token_for(user_id: int) -> str:
    """A token as another system would mint it, signed with the secret of the tests."""
    return mint(TokenKeys(JWT_SECRET), user_id, now=datetime.now(UTC), lifetime=timedelta(hours=1))


def invited(url: str, questions: int = 4, **rules: Any) -> Invited:
    """Publish a Test into the database, which no server holds yet, and invite one candidate to it."""

    async def prepare() -> Invited:
        async with running_storage(url) as storage:
            test = await publish_test(storage, questions, **rules)
            application = await invite(storage, test)
        return Invited(test, application, token_for(application.user_id))

    return asyncio.run(prepare())


class Caller:
    """A socket that speaks `sitting.v1`, with questions and answers in the order of the protocol."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def say(self, type_: str, **data: Any) -> None:
        self.socket.send(json.dumps({"type": type_, "data": data}))

    def hear(self, type_: str, *, within: float = 10) -> dict[str, Any]:
        """The data of the next message of that type; others in between are passed over, errors are not."""
        while True:
            message = json.loads(self.socket.recv(timeout=within))
            if message["type"] == type_:
                data: dict[str, Any] = message["data"]
                return data
            assert message["type"] != "error", message

    def ask(self, type_: str, answer: str, **data: Any) -> dict[str, Any]:
        """Say something and hear the answer of that type."""
        self.say(type_, **data)
        return self.hear(answer)


@contextmanager
def calling(address: str) -> Iterator[Caller]:
    """A connection to that address."""
    with connect(address, subprotocols=["sitting.v1"]) as socket:  # type: ignore[list-item]
        yield Caller(socket)


def read_back(url: str, look: Callable[..., Any]) -> Any:
    """What `look(storage)` finds in the database once no server holds it."""

    async def read() -> Any:
        async with running_storage(url) as storage:
            return await look(storage)

    return asyncio.run(read())
