"""How the scripted model's answers look on the wire, and the line on which they go out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from sitting.rehearsal.scripted_answers import Json
from sitting.rehearsal.scripted_faults import Fault

PIECE_CHARACTERS = 24
MAX_REQUEST_BYTES = 4 * 1024 * 1024


class Line:
    """One request's line to its client.

    Attributes:
        sent: bytes of the answer so far. is_gone: whether the client has hung up.
    """

    def __init__(
        self,
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        self._receive, self._send = receive, send
        self._leaving: asyncio.Task[None] | None = None
        self.sent = 0

    @property
    def is_gone(self) -> bool:
        return self._leaving is not None and self._leaving.done()

    async def read(self) -> bytes:
        """The request's body; from then on it is noticed when the client hangs up."""
        body = bytearray()
        while (message := await self._receive())["type"] == "http.request":
            body += message.get("body", b"")[: MAX_REQUEST_BYTES - len(body)]
            if not message.get("more_body", False):
                break
        self._leaving = asyncio.create_task(self._wait_for_leaving())
        return bytes(body)

    async def wait_until_gone(self, seconds: float) -> None:
        """Say nothing until the client has hung up, or for so long."""
        assert self._leaving is not None
        await asyncio.wait({self._leaving}, timeout=seconds)

    async def send_json(self, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
        await self.send(status, json.dumps(value).encode(), {"content-type": "application/json", **(headers or {})})

    async def send(self, status: int, data: bytes, headers: Mapping[str, str]) -> None:
        """A whole answer."""
        await self.begin(status, {"content-length": str(len(data)), **headers})
        await self.more(data)
        await self.end()

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        spelled = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": spelled})

    async def more(self, data: bytes) -> None:
        self.sent += len(data)
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        if self._leaving is not None and not self._leaving.done():
            self._leaving.cancel()
            self._leaving = None

    async def _wait_for_leaving(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


def completion(model: str, text: str, fault: Fault | None, prompt_bytes: int) -> Json:
    """A whole answer. A token is taken for four bytes."""
    message: Json = {"role": "assistant", "content": text}
    if fault is Fault.REFUSAL:
        message |= {"content": None, "refusal": "I cannot help with that."}
    tokens = (prompt_bytes // 4, max(1, len(text.encode()) // 4))
    usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
    said: Json = {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": _reason(fault)}],
        "usage": usage,
    }
    if fault is Fault.ABSURD_USAGE:
        said["usage"] = {"prompt_tokens": -tokens[0], "completion_tokens": -tokens[1]}
    elif fault is Fault.NO_USAGE:
        del said["usage"]
    return said


def pieces(whole: Json, fault: Fault | None) -> list[bytes]:
    """The answer as server-sent events: role, text, reason of the end, usage, and the word that it is done."""
    choice = whole["choices"][0]
    text, refusal = choice["message"]["content"] or "", choice["message"].get("refusal")
    deltas: list[Json] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": text[at : at + PIECE_CHARACTERS]} for at in range(0, len(text), PIECE_CHARACTERS)]
    deltas += [{"refusal": refusal}] if refusal else []
    common = {"id": whole["id"], "object": "chat.completion.chunk", "created": 0, "model": whole["model"]}
    events = [_event(common | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}) for delta in deltas]
    if fault is Fault.ERROR_IN_STREAM:
        return [*events[:2], _event({"error": {"message": "The engine failed.", "code": 500}})]
    events.append(_event(common | {"choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]}))
    if "usage" in whole:
        events.append(_event(common | {"choices": [], "usage": whole["usage"]}))
    return [b": scripted\n\n", *events, b"data: [DONE]\n\n"]


def _event(data: Json) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()


def _reason(fault: Fault | None) -> str:
    return "length" if fault is Fault.TRUNCATED else "stop"
