"""`sitting scripted-model`"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import socket

DEFAULT_PORT = 8399


def serve_scripted_model(
    host: Annotated[str, typer.Option(help="The address to listen on.", metavar="HOST")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="The port to listen on; 0 takes a free one.", min=0, max=65535)
    ] = DEFAULT_PORT,
    seed: Annotated[int, typer.Option(help="Answers follow from it: another one chooses and orders otherwise.")] = 0,
    pace: Annotated[
        float, typer.Option(help="Seconds between the pieces of an answer.", min=0, max=10, metavar="SECONDS")
    ] = 0.02,
) -> None:
    """Serve a stand-in for a language model: questions and verdicts from a script, by the API that models speak."""
    import uvicorn

    from sitting.cli.server import bind
    from sitting.rehearsal.scripted_model import MODEL, ScriptedModel

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            print(f"SITTING_MODEL_URL=http://{host}:{listener.getsockname()[1]}/v1")
            print(f"SITTING_MODEL_NAME={MODEL}", flush=True)

    listener = bind(host, port)
    model = ScriptedModel(seed, pace_seconds=pace)
    config = uvicorn.Config(model, lifespan="off", ws="none", loop="uvloop", log_level="critical", access_log=False)
    server = Announcing(config)
    for number in (
        signal.SIGTERM,
        signal.SIGINT,
    ):  # uvicorn raises them again when it is done, and a stop is no failure
        signal.signal(number, server.handle_exit)
    server.run(sockets=[listener])
