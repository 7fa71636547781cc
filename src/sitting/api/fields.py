"""Kinds of fields that several bodies share."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import Path
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from sitting.kit.ids import ID_LIMIT

FIRST_YEAR, LAST_YEAR = 2000, 2999


class Body(BaseModel):
    """A body as it comes in: what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _storable(text: str) -> str:
    """Refuse what one of the databases cannot keep."""
    if "\0" in text:
        raise ValueError("NUL characters are not possible")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("lone surrogates are not possible") from None
    return text


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number is needed")
    return value


def in_known_years(moment: datetime) -> datetime:
    """An instant in UTC, or a wall-clock time as it is; years far away would leave the calendar by any addition.

    Raises:
        ValueError: it lies too far away.
    """
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"the year is not {FIRST_YEAR} to {LAST_YEAR}")
    return moment.astimezone(UTC) if moment.tzinfo else moment


Text = Annotated[str, AfterValidator(_storable)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_storable)]
Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), AfterValidator(_storable)]
ShortProse = Annotated[str, StringConstraints(max_length=4096), AfterValidator(_storable)]
Prose = Annotated[str, StringConstraints(max_length=20_000), AfterValidator(_storable)]
Email = Annotated[str, StringConstraints(max_length=254), AfterValidator(_storable)]
Secret = Annotated[str, StringConstraints(max_length=1024), AfterValidator(_storable)]

EntityId = Annotated[int, Field(ge=1, lt=ID_LIMIT), BeforeValidator(_no_boolean)]
EntityPath = Annotated[int, Path(ge=1, lt=ID_LIMIT)]
QuestionId = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_storable)]
QuestionPath = Annotated[str, Path(min_length=1, max_length=64), AfterValidator(_storable)]

Instant = Annotated[AwareDatetime, AfterValidator(in_known_years)]
Flag = Annotated[bool, Field(strict=True)]
Count = Annotated[int, Field(strict=True, ge=0, lt=2**31)]
# On the wire a number with at most three decimals, inside an integer of thousandths: nothing is ever rounded.
Thousandths = Annotated[
    Decimal,
    Field(decimal_places=3, ge=0, le=1_000_000),
    PlainSerializer(float, return_type=float),
    WithJsonSchema({"type": "number", "minimum": 0, "multipleOf": 0.001}),
]


def to_thousandths(value: Decimal) -> int:
    """The number as an integer of thousandths, exactly."""
    return int(value.scaleb(3))


def from_thousandths(value: int) -> Decimal:
    """The number of so many thousandths, exactly."""
    return Decimal(value).scaleb(-3)


def points(thousandths: int | None) -> float | None:
    """A stored score, or a stored percentage, as the wire shows it."""
    return None if thousandths is None else thousandths / 1000
