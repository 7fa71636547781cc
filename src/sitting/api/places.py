"""Cursors of lists that are ordered by an instant and an id."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from sitting.domain.errors import InvalidMessage

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CURSOR = re.compile(r"(\d{1,17})\.([\w-]{1,45})", re.ASCII)


def cursor_of(at: datetime, id_: str) -> str:
    """What stands for that place."""
    return f"{(at - _EPOCH) // _MICROSECOND}.{id_}"


def place_of(cursor: str) -> tuple[datetime, str] | None:
    """The place behind which a page begins; None: at the beginning.

    Raises:
        InvalidMessage: it was never given out for such a list.
    """
    if not cursor:
        return None
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise InvalidMessage("This is no cursor of this list.", field="after")
    return _EPOCH + int(found[1]) * _MICROSECOND, found[2]
