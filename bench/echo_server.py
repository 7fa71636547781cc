"""Servers that send back what they get: what WebSockets cost without an application.

`python -m bench.echo_server PORT picows` is a bare picows server; `sansio` is uvicorn with `websockets`, as it comes,
and an ASGI application of four lines.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import uvicorn
import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server


def serve_picows(port: int) -> None:
    """Serve until the end of the process."""

    class Echo(WSListener):
        def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            if frame.msg_type is WSMsgType.CLOSE:
                transport.send_close(frame.get_close_code())
                transport.disconnect()
            else:
                transport.send(frame.msg_type, frame.get_payload_as_bytes())

    async def run() -> None:
        server = await ws_create_server(lambda _: Echo(), "127.0.0.1", port, backlog=2048)
        print("ready", flush=True)
        await server.serve_forever()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def serve_sansio(port: int) -> None:
    """Serve until the end of the process."""

    async def echo(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})

    serve_asgi(echo, port)


def serve_asgi(app: Any, port: int) -> None:
    """Serve an ASGI application as Sitting is served, until the end of the process."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
    )

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            print("ready", flush=True)

    Server(config).run()


if __name__ == "__main__":
    {"picows": serve_picows, "sansio": serve_sansio}[sys.argv[2]](int(sys.argv[1]))
