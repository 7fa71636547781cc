"""What models cost, as REST spells it: tokens, seconds of waiting, money in the currency of the prices."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from sitting.api.fields import Body
from sitting.api.skill_graph_bodies import Limit
from sitting.domain.spending import Cost, Limits

MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class Spent:
    """What calls of a model took."""

    tokens: int
    seconds: float
    cost: float


@dataclass(frozen=True, slots=True)
class SpendingLimits:
    """What may be spent at most; null: no limit of that kind."""

    tokens: int | None
    seconds: float | None
    cost: float | None


class LimitsBody(Body):
    """What a run may spend at most, if that is less than the server's own limit; null: as much as that allows."""

    tokens: Limit | None = None
    seconds: Limit | None = None
    cost: Annotated[Decimal, Field(decimal_places=6, gt=0, le=1_000_000)] | None = None

    def to_limits(self) -> Limits:
        """The same for the rules."""
        milliseconds = None if self.seconds is None else 1000 * self.seconds
        return Limits(self.tokens, milliseconds, None if self.cost is None else int(self.cost * MICROS))


def shown_cost(cost: Cost) -> Spent:
    """A cost as REST shows it."""
    return Spent(cost.tokens, cost.milliseconds / 1000, cost.micros / MICROS)


def shown_limits(limits: Limits) -> SpendingLimits:
    """Limits as REST shows them."""
    return SpendingLimits(
        limits.tokens,
        None if limits.milliseconds is None else limits.milliseconds / 1000,
        None if limits.micros is None else limits.micros / MICROS,
    )
