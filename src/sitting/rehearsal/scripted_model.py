"""A server that speaks the APIs of OpenAI for chats and vectors, answers from a script, and misbehaves when told to.

`POST /v1/chat/completions` (streamed or whole), `POST /v1/embeddings` and `GET /v1/models` are the API.
`POST /scripted/misbehave` with `fault`, `times` (null: from now on) and `task` (null: any; `embed`: those for vectors)
tells it how to treat the next calls; `GET /scripted/seen` lists the calls so far.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import asdict, dataclass
from typing import Any

from sitting.rehearsal.scripted_answers import Asked, Json, answer, understand
from sitting.rehearsal.scripted_faults import Fault, spelled, spoiled
from sitting.rehearsal.scripted_sending import Line, completion, pieces
from sitting.rehearsal.scripted_vectors import TASK, understand_texts, vectors

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MODEL = "scripted-1"
LONGEST_HANG_SECONDS = 120.0
_STATUSES = {
    Fault.TOO_MANY: (429, "Rate limit reached for this key."),
    Fault.ERROR_500: (500, "The server had an error while processing your request."),
    Fault.ERROR_503: (503, "The engine is overloaded."),
    Fault.NO_SCHEMA: (400, "Invalid parameter: 'response_format' of type 'json_schema' is not supported."),
}


@dataclass(slots=True)
class Rule:
    """How the next `times` calls for a task are treated."""

    fault: Fault
    times: int | None = 1
    task: str | None = None

    def applies(self, asked: Asked, body: Json) -> bool:
        if self.times == 0 or self.task not in (None, asked.task):
            return False
        return self.fault is not Fault.NO_SCHEMA or "response_format" in body


@dataclass(slots=True)
class Seen:
    """One call. `sent` counts the bytes of its answer; `finished` whether the client stayed to the end of it."""

    task: str
    seed: int
    fault: Fault | None
    streamed: bool
    schema: bool
    material: dict[str, str]
    sent: int = 0
    finished: bool = False


class ScriptedModel:
    """An ASGI application.

    Attributes:
        same: a text that holds the key means what the value does, in whatever words: their vectors are the same.

    Args:
        seed: with it, and that of the request, all answers follow.
        key: who does not show it is refused; None lets everybody in.
        pace_seconds: between the pieces of a streamed answer; drip_seconds: between the bytes of a dripping one.
        retry_after: what a 429 says, in seconds.
    """

    def __init__(
        self,
        seed: int = 0,
        key: str | None = None,
        *,
        pace_seconds: float = 0.0,
        drip_seconds: float = 0.02,
        retry_after: int = 1,
    ) -> None:
        self.seed, self.key, self.retry_after = seed, key, retry_after
        self.pace_seconds, self.drip_seconds = pace_seconds, drip_seconds
        self.seen: list[Seen] = []
        self.same: dict[str, str] = {}
        self._rules: list[Rule] = []

    def misbehave(self, fault: Fault, times: int | None = 1, task: str | None = None) -> None:
        """Treat the next calls so, once all that was told before is done."""
        self._rules.append(Rule(fault, times, task))

    def behave(self) -> None:
        """Forget all faults that were told, and what means the same."""
        self._rules.clear()
        self.same.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        line = Line(receive, send)
        body = await line.read()
        match scope["method"], scope["path"]:
            case "POST", "/v1/chat/completions":
                await self._complete(scope, body, line)
            case "POST", "/v1/embeddings":
                await self._embed(scope, body, line)
            case "GET", "/v1/models":
                await line.send_json(200, {"object": "list", "data": [{"id": MODEL, "object": "model"}]})
            case "POST", "/scripted/misbehave":
                await self._take_order(body, line)
            case "GET", "/scripted/seen":
                await line.send_json(200, [asdict(seen) for seen in self.seen])
            case _:
                await line.send_json(404, _error("There is nothing here."))

    async def _take_order(self, body: bytes, line: Line) -> None:
        try:
            order = json.loads(body)
            self.misbehave(Fault(order["fault"]), order.get("times", 1), order.get("task"))
        except (ValueError, KeyError, TypeError, AttributeError):
            faults = ", ".join(Fault)
            await line.send_json(
                400, _error(f'Wanted is {{"fault": …, "times": 1, "task": null}} with one of {faults}.')
            )
        else:
            await line.send_json(200, {"ok": True})

    async def _complete(self, scope: Scope, body: bytes, line: Line) -> None:
        try:
            request = json.loads(body)
            texts = {message["role"]: str(message["content"]) for message in request["messages"]}
            seed = int(request.get("seed") or 0)
        except (ValueError, KeyError, TypeError, AttributeError):
            await line.send_json(400, _error("This is no request for a chat completion."))
            return
        asked = understand(texts.get("system", ""), texts.get("user", ""), self.seed * 1_000_003 + seed)
        await self._serve(scope, asked, request, line, seed=seed)

    async def _embed(self, scope: Scope, body: bytes, line: Line) -> None:
        try:
            request = json.loads(body)
            asked = understand_texts(request)
        except (ValueError, KeyError, TypeError):
            await line.send_json(400, _error("This is no request for vectors."))
            return
        await self._serve(scope, asked, request, line)

    async def _serve(self, scope: Scope, asked: Asked, request: Json, line: Line, *, seed: int = 0) -> None:
        fault = self._fault(asked, request)
        streamed, schema = bool(request.get("stream")), "response_format" in request
        call = Seen(asked.task, seed, fault, streamed, schema, dict(asked.material))
        self.seen.append(call)
        shown = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1").removeprefix("Bearer ")
        if fault is Fault.UNAUTHORIZED or (self.key is not None and shown != self.key):
            await line.send_json(401, _error(f"Incorrect API key provided: {shown}."))
        elif fault in _STATUSES:
            status, said = _STATUSES[fault]
            headers = {"retry-after": str(self.retry_after)} if fault is Fault.TOO_MANY else {}
            await line.send_json(status, _error(said), headers)
        elif fault is Fault.HANG:
            await line.wait_until_gone(LONGEST_HANG_SECONDS)
        else:
            await self._answer(asked, request, fault, line)
        call.sent, call.finished = line.sent, not line.is_gone

    def _fault(self, asked: Asked, body: Json) -> Fault | None:
        rule = next((rule for rule in self._rules if rule.applies(asked, body)), None)
        if rule is None:
            return None
        if rule.times is not None:
            rule.times -= 1
        return rule.fault

    async def _answer(self, asked: Asked, request: Json, fault: Fault | None, line: Line) -> None:
        if fault is Fault.NOT_JSON:
            await line.send(200, b"<!doctype html><title>Welcome</title>", {"content-type": "text/html"})
        elif fault is Fault.PACKED:
            await line.send(200, b"\x1f\x8b\x08", {"content-type": "application/json", "content-encoding": "gzip"})
        elif asked.task == TASK:
            said = json.dumps(vectors(str(request.get("model", MODEL)), asked, self.same, fault)).encode()
            await self._send_whole(said[: len(said) // 2] if fault is Fault.CUT_JSON else said, fault, line)
        else:
            await self._answer_chat(asked, request, fault, line)

    async def _answer_chat(self, asked: Asked, request: Json, fault: Fault | None, line: Line) -> None:
        text = spelled(spoiled(answer(asked), asked, fault), fault)
        whole = completion(str(request.get("model", MODEL)), text, fault, prompt_bytes=len(str(request["messages"])))
        if request.get("stream"):
            await self._stream(pieces(whole, fault), fault, line)
        elif fault is Fault.TEN_MEGABYTES:
            whole["choices"][0]["message"]["content"] = "word " * 2_000_000
            await line.send_json(200, whole)
        else:
            await self._send_whole(json.dumps(whole).encode(), fault, line)

    async def _send_whole(self, data: bytes, fault: Fault | None, line: Line) -> None:
        """Whole, unless the fault is about the way."""
        if fault not in (Fault.CUT, Fault.STALL, Fault.DRIP):
            await line.send(200, data, {"content-type": "application/json"})
            return
        await line.begin(200, {"content-type": "application/json"})
        await self._send_badly([data], fault, line)

    async def _stream(self, events: list[bytes], fault: Fault | None, line: Line) -> None:
        await line.begin(200, {"content-type": "text/event-stream; charset=utf-8"})
        if fault in (Fault.CUT, Fault.STALL, Fault.DRIP):
            await self._send_badly(events, fault, line)
        elif fault in (Fault.TEN_MEGABYTES, Fault.LONG_LINE):
            await _flood(events[2] if fault is Fault.TEN_MEGABYTES else b"data: {", line, fault)
        else:
            for event in events:
                await line.more(event)
                await asyncio.sleep(self.pace_seconds)
            await line.end()

    async def _send_badly(self, events: list[bytes], fault: Fault, line: Line) -> None:
        data = b"".join(events)
        if fault is Fault.DRIP:
            for byte in data:
                if line.is_gone:
                    return
                await line.more(bytes((byte,)))
                await asyncio.sleep(self.drip_seconds)
            await line.end()
            return
        await line.more(data[: len(data) // 2])
        if fault is Fault.STALL:
            await line.wait_until_gone(LONGEST_HANG_SECONDS)
        # CUT: the server hangs up on whoever returns before the end.


async def _flood(event: bytes, line: Line, fault: Fault) -> None:
    """Ten megabytes, or as many as the client waits for."""
    filling = event if fault is Fault.TEN_MEGABYTES else b"x" * 4096
    await line.more(event)
    block = filling * (65_536 // len(filling) + 1)
    while line.sent < 10_000_000 and not line.is_gone:
        await line.more(block)
        await asyncio.sleep(0)
    if not line.is_gone:
        await line.end()


def _error(message: str) -> Json:
    return {"error": {"message": message, "type": "scripted"}}
