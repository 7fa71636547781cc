"""A column against many values, as one statement whose text does not depend on how many there are."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, any_, bindparam
from sqlalchemy.ext.asyncio import AsyncConnection


def among(connection: AsyncConnection, column: ColumnElement[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Whether the column has one of these values.

    PostgreSQL gets them as one array: so it plans the statement once, and not again for each number of values.
    """
    wanted = sorted(set(values))
    if connection.dialect.name != "postgresql":
        return column.in_(wanted)
    return column == any_(bindparam(None, wanted, type_=ARRAY(column.type)))
