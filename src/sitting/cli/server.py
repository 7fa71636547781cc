"""Running the application: the socket it listens on, uvicorn around it, and how both end."""

from __future__ import annotations

import gc
import ipaddress
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import FrameType

import uvicorn

from sitting.app import AppConfig, ASGIApplication, create_app
from sitting.cli.errors import Stop
from sitting.cli.gates import gate_settings
from sitting.cli.models import model_config
from sitting.cli.site import Site
from sitting.cli.transport import BoundedHttp, BoundedWebSocket
from sitting.delivery.draining import Drain
from sitting.settings import SocketLayer
from sitting.usecases.services import Capacity

MAX_FRAME_BYTES = 65_536
PING_SECONDS = 20
GRACE_SECONDS = 5
COLLECT_AFTER = (10_000, 10, 10)  # objects more than before; young collections; middle ones


@dataclass(frozen=True, slots=True)
class Node:
    """The application, what empties it before it ends, and the library under its sockets."""

    app: ASGIApplication
    drain: Drain
    layer: SocketLayer


def bind(host: str, port: int) -> socket.socket:
    """A socket with that address, which nobody can connect to yet; port 0 takes a free one.

    Raises:
        Stop: the address is not ours, or in use.
    """
    listener: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except (OSError, UnicodeError) as fault:  # the latter of a name that none can be
        if listener is not None:
            listener.close()
        raise Stop(f"cannot listen on {host} port {port}: {getattr(fault, 'strerror', None) or fault}") from None
    return listener


def base_url(site: Site, listener: socket.socket | None) -> str:
    """Where people reach the server: as set, or by the address that it listens on, without a slash at the end."""
    settings = site.settings
    if settings.public_url is not None:
        return settings.public_url
    port = settings.port if listener is None else listener.getsockname()[1]
    return f"http://{_reachable(settings.host)}:{port}"


def _reachable(host: str) -> str:
    """A host to put into an address: whoever listens everywhere is also to be found here."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"
    return host if address.version == 4 else f"[{host}]"


def application(site: Site, *, setup_secret: str | None) -> Node:
    """The application over the site's database, with its keys.

    Raises:
        Stop: the model that is set cannot be asked, or a threshold of a gate is none.
    """
    token = site.settings.metrics_token
    drain = Drain(site.settings.drain_seconds)
    app = create_app(
        AppConfig(
            database_url=site.url,
            keys=site.token_keys(),
            signer=site.signer(),
            public_url=site.settings.public_url,
            allowed_origins=site.settings.allowed_origins,
            metrics_token=None if token is None else token.get_secret_value(),
            capacity=Capacity(site.settings.max_connections, site.settings.messages_per_second),
            starts_at_once=site.settings.starts_at_once,
            starts_waiting=site.settings.starts_waiting,
            allow_weak_durability=site.settings.allow_weak_durability,
            max_time_credit=timedelta(minutes=site.settings.max_time_credit_minutes),
            setup_secret=setup_secret,
            drain=drain,
            model=model_config(site.settings),
            gates=gate_settings(site.settings),
        )
    )
    return Node(app, drain, site.settings.socket_layer)


def run(
    node: Node, listener: socket.socket, announce: Callable[[], None], *, more: Sequence[socket.socket] = ()
) -> None:
    """Serve until SIGTERM or SIGINT, and end in order; `announce` is called when the first request can come.

    The first signal drains the node, a second one cuts the drain short.

    Raises:
        Stop: the application did not start, or the library of the socket layer is not installed.
    """
    server = _Server(configuration(node.app, node.layer), node.drain, announce)
    _collect_less_often()
    # uvicorn raises the signal that ended it once more when it is done. Ours stay in place for that, so that a stop
    # that was asked for is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)
    try:
        server.run(sockets=[listener, *more])
    except SystemExit:
        raise Stop("the server could not start; its log above says why") from None


def _collect_less_often() -> None:
    """Tell the collector of cycles how this process lives: what it holds, it holds for long, and hardly any is a cycle.

    By default a full collection comes with every quarter by which memory grows, and stops everybody until all that
    thousands of candidates hold has been looked at. Now it comes after a million more objects, and passes over what
    was there from the start. Not later: a connection that ended is a cycle, and stays in memory until then.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def configuration(app: ASGIApplication, layer: SocketLayer) -> uvicorn.Config:
    """How uvicorn serves the application.

    Raises:
        Stop: the library of the socket layer is not installed.
    """
    return uvicorn.Config(
        app,
        interface="asgi3",
        lifespan="on",
        loop="uvloop",
        http=BoundedHttp,
        ws=_socket_class(layer),
        ws_max_size=MAX_FRAME_BYTES,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        ws_per_message_deflate=False,  # it costs 30 to 100 KB a connection, and a quarter of the throughput or more
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _socket_class(layer: SocketLayer) -> type[BoundedWebSocket]:
    if layer == "websockets":
        return BoundedWebSocket
    try:
        from sitting.cli.picows_transport import PicowsWebSocket
    except ImportError as fault:
        raise Stop(f"SITTING_SOCKET_LAYER=picows needs the package picows 2.3: {fault}") from None
    return PicowsWebSocket


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, drain: Drain, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._drain = drain
        self._announce = announce
        self._is_hurried = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce()

    async def main_loop(self) -> None:
        """Serve, and go on listening until everybody was sent elsewhere: whoever asks how we are gets an answer."""
        await super().main_loop()
        await self._drain.run()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit and not self._is_hurried:
            self._is_hurried = True
            self._drain.hurry()
            return
        super().handle_exit(sig, frame)
