"""Pages by cursor: `items`, and in `next` what to send as `after` for those that follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query

from sitting.api.fields import Text
from sitting.domain.errors import InvalidMessage
from sitting.kit.ids import ID_LIMIT

MAX_LIMIT = 200
DEFAULT_LIMIT = 50

Row = TypeVar("Row")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Part of a list. `next` is null on the last page."""

    items: list[Item]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """Which page is asked for. The cursor is the last item's key, as text."""

    after: str
    limit: int

    @property
    def rows(self) -> int:
        """How many rows to read: one more than is shown tells whether a page follows."""
        return self.limit + 1

    @property
    def after_number(self) -> int:
        """The cursor of a list that is ordered by a number.

        Raises:
            InvalidMessage: it was never given out for such a list.
        """
        if not self.after:
            return 0
        if not (self.after.isascii() and self.after.isdigit() and int(self.after) < ID_LIMIT):
            raise InvalidMessage("This is no cursor of this list.", field="after")
        return int(self.after)

    def page(self, rows: Sequence[Row], key: Callable[[Row], object], item: Callable[[Row], Item]) -> Page[Item]:
        """The page that `rows` rows make, each turned into an item."""
        shown = rows[: self.limit]
        following = str(key(shown[-1])) if len(rows) > self.limit else None
        return Page([item(row) for row in shown], following)


async def _window(
    after: Annotated[Text, Query(max_length=64, description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
) -> Window:
    return Window(after, limit)


Paged = Annotated[Window, Depends(_window)]
