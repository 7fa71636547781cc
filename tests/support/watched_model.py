"""The scripted model, told how to treat each call by what is asked, and with somebody who hears of each at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sitting.rehearsal.scripted_answers import Asked, Json
from sitting.rehearsal.scripted_faults import Fault
from sitting.rehearsal.scripted_model import Scope, ScriptedModel
from sitting.rehearsal.scripted_sending import Line

ASKED, ANSWERED = "asked", "answered"
_TASK = re.compile(rb"Task: (\w+)")
Faults = Callable[[Asked], Fault | None]
Watch = Callable[[str, "Heard"], None]


@dataclass(slots=True)
class Heard:
    """One call.

    Attributes:
        number: from 1. task: of the prompt; empty if nobody understands it.
        began_at: when the request was there. is_answered: whether all of the answer was sent to somebody.
    """

    number: int
    task: str
    began_at: datetime
    is_answered: bool = False


class WatchedModel(ScriptedModel):
    """An ASGI application.

    Attributes:
        faults: what goes wrong with a call; the same request gets the same, however often it comes.
        reads: what the model makes of a request before it answers.
        watch: hears when a call comes (`asked`) and when it has been dealt with (`answered`). It must not wait.
        heard: all calls so far.
    """

    def __init__(self, *, seed: int = 0, pace_seconds: float = 0.0) -> None:
        super().__init__(seed, pace_seconds=pace_seconds, drip_seconds=0.01, retry_after=0)
        self.heard: list[Heard] = []
        self.watch: Watch = lambda moment, heard: None
        self.well()

    def well(self) -> None:
        """From now on nothing goes wrong."""
        self.faults: Faults = lambda asked: None
        self.reads: Callable[[Asked], Asked] = lambda asked: asked

    async def _complete(self, scope: Scope, body: bytes, line: Line) -> None:
        task = _TASK.search(body)
        heard = Heard(len(self.heard) + 1, task[1].decode() if task else "", datetime.now(UTC))
        self.heard.append(heard)
        self.watch(ASKED, heard)
        await super()._complete(scope, body, line)
        heard.is_answered = not line.is_gone
        self.watch(ANSWERED, heard)

    def _fault(self, asked: Asked, body: Json) -> Fault | None:
        return self.faults(asked) or super()._fault(asked, body)

    async def _answer(self, asked: Asked, request: Json, fault: Fault | None, line: Line) -> None:
        await super()._answer(self.reads(asked), request, fault, line)
