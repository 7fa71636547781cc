"""Which values checkpoints may hold, and how they become bytes. Imports langgraph, as `checkpoints` does."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

ENCODINGS = frozenset({"null", "bytes", "bytearray", "msgpack"})
"""What is written, and therefore read: neither pickle nor the JSON of old, from which other things can be made."""
_PLAIN = (bool, int, float, str, bytes, bytearray, datetime, date, timedelta, Decimal, UUID)
_HOLDING = (list, tuple, set, frozenset, deque)


class RunSerializer(JsonPlusSerializer):
    """LangGraph's serializer, strict in both directions.

    By itself it writes any dataclass, gives back a dictionary for one that it must not make, and None for one that it
    cannot make any more: a run that was taken up would go on with other values than one that never stopped. Here
    what could not come back is refused when it is written.
    """

    def __init__(self, types: Collection[type] = ()) -> None:
        super().__init__(pickle_fallback=False, allowed_msgpack_modules=tuple(types) or None)
        self._types = frozenset(types)

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """How the value is encoded, and its bytes.

        Raises:
            TypeError: it holds something that could not be made again.
        """
        self._refuse_strangers(obj)
        return super().dumps_typed(obj)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """The value.

        Raises:
            ValueError: it is encoded in a way that is never written.
        """
        if data[0] not in ENCODINGS:
            raise ValueError(f"checkpoints are not read as {data[0]}")
        return super().loads_typed(data)

    def _refuse_strangers(self, value: Any) -> None:
        known = type(value) in self._types
        if isinstance(value, Enum) and not known:
            raise TypeError(_complaint(value))
        for part in self._parts(value, known):
            self._refuse_strangers(part)

    def _parts(self, value: Any, known: bool) -> Iterable[Any]:
        if value is None or isinstance(value, (*_PLAIN, BaseException)):  # of an exception its repr is kept
            return ()
        if type(value) is dict:
            return (*value.keys(), *value.values())
        if type(value) in _HOLDING:
            return tuple(value)
        if known and dataclasses.is_dataclass(value):
            return tuple(getattr(value, field.name) for field in dataclasses.fields(value))
        if known or type(value).__module__.partition(".")[0] == "langgraph":  # what it keeps of itself
            return ()
        raise TypeError(_complaint(value))


def _complaint(value: Any) -> str:
    return f"checkpoints hold plain values and types that the saver was told, and no {type(value).__qualname__}"
