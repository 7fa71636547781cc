"""A network that loses connections at a chosen moment: after what the one side said, before the other side hears it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import chain, repeat
from typing import Any, Self

from tests.support.processes import free_port

Cut = Callable[[str, bytes], bool]
"""Given who speaks (`client` or `server`) and what: whether the connection ends here, with that undelivered."""


def acknowledgement_is_lost(speaker: str, data: bytes) -> bool:
    """A connection that ends with the first answer that the server has saved."""
    return speaker == "server" and b'"answer_saved"' in data


def answer_is_lost() -> Cut:
    """A connection that ends with whatever the client says behind its first question."""
    asked = threading.Event()

    def cut(speaker: str, data: bytes) -> bool:
        if speaker == "server" and b'"type":"question"' in data:
            asked.set()
        return speaker == "client" and asked.is_set()

    return cut


class BadNetwork:
    """Stands before a server and cuts the first connections, each by its own rule. `port` is what clients call."""

    def __init__(self, server_port: int, cuts: Sequence[Cut]) -> None:
        self.port = free_port()
        self._server_port = server_port
        self._cuts = cuts
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_failure: object) -> None:
        _hang_up(self._listener)
        self._threads[0].join()  # from here on nothing is added
        _hang_up(*self._sockets)
        for thread in self._threads:
            thread.join()
        for each in (self._listener, *self._sockets):
            each.close()

    def _accept(self) -> None:
        for cut in chain(self._cuts, repeat(_never)):
            try:
                client, _ = self._listener.accept()
            except OSError:  # hung up
                return
            server = socket.create_connection(("127.0.0.1", self._server_port))
            self._sockets += [client, server]
            self._spawn(_pass_on, "client", client, server, cut)
            self._spawn(_pass_on, "server", server, client, cut)

    def _spawn(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments)
        self._threads.append(thread)
        thread.start()


def _pass_on(speaker: str, source: socket.socket, sink: socket.socket, cut: Cut) -> None:
    with suppress(OSError):
        while (data := source.recv(65536)) and not cut(speaker, data):
            sink.sendall(data)
    _hang_up(source, sink)


def _hang_up(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


def _never(_speaker: str, _data: bytes) -> bool:
    return False
