"""The scripted model on a port of its own, for tests of what asks models."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Self

import uvicorn
import uvloop

from sitting.rehearsal.scripted_model import MODEL, ScriptedModel
from tests.support.eventually import eventually


class ScriptedServer:
    """A thread that serves a ScriptedModel on a free port of this machine, until the end of the `with`."""

    def __init__(self, model: ScriptedModel | None = None) -> None:
        self.model = model or ScriptedModel()
        self._listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            self.model, lifespan="off", ws="none", log_level="critical", access_log=False, timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, daemon=True)

    name = MODEL

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        eventually(self._check_started)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=15)
        self._listener.close()
        assert not self._thread.is_alive(), "the scripted model does not end"

    def _check_started(self) -> None:
        assert self._server.started

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._server.serve(sockets=[self._listener]))
