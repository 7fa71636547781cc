"""Messages to bytes on the wire."""

from __future__ import annotations

from typing import Any

import msgspec

from sitting.domain.errors import SittingError
from sitting.domain.messages import ErrorMessage, ServerMessage

_ENCODER = msgspec.json.Encoder()


def encode(message: ServerMessage, reply_to: str | None = None) -> str:
    """The text frame of a message; `reply_to` is the id of the message that it answers."""
    envelope: dict[str, Any] = {"type": message.type, "data": message}
    if reply_to is not None:
        envelope["reply_to"] = reply_to
    return _ENCODER.encode(envelope).decode()


def error_message(error: SittingError) -> ErrorMessage:
    """How a refusal goes out."""
    return ErrorMessage(error.code, error.message, error.retryable, error.details)
