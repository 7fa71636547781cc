"""Lets faults happen, on a schedule that a seed decides: a hard one after the other, and gentle ones beside them."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, TextIO

from tests.faults.nemesis.faults import Fault, NotReached, Scene


class EventLog:
    """A line for each event, as it happens."""

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("w", buffering=1)
        self._began = time.monotonic()

    def say(self, event: str, **facts: Any) -> None:
        self._file.write(json.dumps({"at": round(time.monotonic() - self._began, 2), "event": event, **facts}) + "\n")

    def close(self) -> None:
        self._file.close()


class Nemesis:
    """Faults of all kinds, each kind once before any comes again.

    Attributes:
        injected: how often each was. missed: prepared, and not reached. broken: faults whose injection failed.
    """

    def __init__(self, faults: Sequence[Fault], scene: Scene, log: EventLog) -> None:
        self.scene, self._log = scene, log
        self._lanes = [
            [fault for fault in faults if not fault.cannot and fault.is_gentle == is_gentle]
            for is_gentle in (False, True)
        ]
        self.cannot = {fault.name: fault.cannot for fault in faults if fault.cannot}
        self.injected: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        self.broken: list[str] = []

    async def run(self, seconds: float, pause: tuple[float, float]) -> None:
        """For so long; `pause` is the least and the most time between two faults of one lane."""
        await asyncio.sleep(min(3, seconds / 5))  # nobody has begun yet
        ends_at = time.monotonic() + seconds
        await asyncio.gather(
            *(self._lane(lane, ends_at, pause, Random(f"{self.scene.chance.random()}")) for lane in self._lanes)
        )

    async def _lane(self, lane: Sequence[Fault], ends_at: float, pause: tuple[float, float], chance: Random) -> None:
        deck: list[Fault] = []
        while lane:
            await asyncio.sleep(chance.uniform(*pause))
            if time.monotonic() >= ends_at:
                return
            if not deck:
                deck = chance.sample(lane, len(lane))
            await self._inject(deck.pop())

    async def _inject(self, fault: Fault) -> None:
        begun = time.monotonic()
        self._log.say("fault begins", fault=fault.name)
        try:
            what = await fault.inject(self.scene)
        except NotReached:
            self.missed[fault.name] += 1
            self._log.say("fault not reached", fault=fault.name)
        except Exception as problem:
            self.broken.append(f"{fault.name}: {problem!r}"[:2000])
            self._log.say("fault failed", fault=fault.name, problem=repr(problem)[:2000])
        else:
            self.injected[fault.name] += 1
            self._log.say("fault over", fault=fault.name, what=what, seconds=round(time.monotonic() - begun, 1))
