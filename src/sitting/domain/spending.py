"""What calls of models take, what may be spent on them, and what is: values and arithmetic."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Cost:
    """What calls take: tokens (prompt and answer), milliseconds of waiting, money in millionths of its unit."""

    tokens: int = 0
    milliseconds: int = 0
    micros: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.tokens + other.tokens, self.milliseconds + other.milliseconds, self.micros + other.micros)

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.tokens - other.tokens, self.milliseconds - other.milliseconds, self.micros - other.micros)


NOTHING = Cost()
KINDS = tuple(field.name for field in fields(Cost))
"""What is counted: `tokens`, `milliseconds`, `micros`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """At most so much in all, in the units of Cost; None: as much as it takes."""

    tokens: int | None = None
    milliseconds: int | None = None
    micros: int | None = None

    def lowered(self, other: Limits) -> Limits:
        """Of each kind the lower limit of the two."""
        return Limits(*(_lower(getattr(self, kind), getattr(other, kind)) for kind in KINDS))


def total_limits(each: Iterable[Limits]) -> Limits:
    """What all of them allow together; where one sets no limit, there is none."""
    added = list(each)
    columns = [[getattr(limits, kind) for limits in added] for kind in KINDS]
    return Limits(*(None if None in column else sum(column) for column in columns))


class Overspent(Exception):
    """A call might cost more than is left.

    Attributes:
        account: whose limit (`run`, `test`); kind: of what (one of KINDS).
        needed, left: how much the call may take, and how much there is.
    """

    def __init__(self, account: str, kind: str, needed: int, left: int) -> None:
        self.account, self.kind, self.needed, self.left = account, kind, needed, left
        super().__init__(f"the {account} has {left} {kind} left, the call may take {needed}")


@dataclass(frozen=True, slots=True)
class Account:
    """Spent and reserved under one set of limits; a value, to be kept wherever the limits hold.

    A reservation is an upper estimate. So calls side by side cannot go beyond a limit together, and what was reserved
    by a process that died counts as spent.
    """

    limits: Limits
    spent: Cost = NOTHING
    held: Cost = NOTHING

    def reserve(self, estimate: Cost, name: str = "account") -> Account:
        """With this much more held.

        Raises:
            Overspent: a limit would be exceeded if all that is held were spent.
            ValueError: the estimate is negative.
        """
        _refuse_negative(estimate)
        for kind in KINDS:
            limit, needed = getattr(self.limits, kind), getattr(estimate, kind)
            left = None if limit is None else limit - getattr(self.spent, kind) - getattr(self.held, kind)
            if left is not None and needed > left:
                raise Overspent(name, kind, needed, max(0, left))
        return replace(self, held=self.held + estimate)

    def settle(self, held: Cost, spent: Cost) -> Account:
        """With what was held let go, and what it really took spent: even if that is more, for it is gone.

        Raises:
            ValueError: that much is not held, or a cost is negative.
        """
        _refuse_negative(spent)
        rest = self.held - held
        _refuse_negative(rest)
        return replace(self, held=rest, spent=self.spent + spent)


@dataclass(frozen=True, slots=True)
class ModelCall:
    """The record of one attempt to get an answer from a model, as it is kept.

    Attributes:
        prompt, prompt_digest: name with version (`write_items.v1`), and SHA-256 of the wording.
        model: what was asked for; `answered_by` is what the endpoint says that answered, empty if it did not.
        attempt: from 1, within one question to the model.
        outcome: how it ended; `ok` alone gave an answer.
        prompt_tokens, answer_tokens: 0 where nothing was used up.
        is_reported: whether the endpoint said so; otherwise they are upper estimates.
        milliseconds: it took; micros: what it cost, in millionths of the currency that prices are in.
        began_at: by the clock of the node that asked.
    """

    run_id: str
    prompt: str
    prompt_digest: str
    model: str
    answered_by: str
    attempt: int
    outcome: str
    prompt_tokens: int
    answer_tokens: int
    is_reported: bool
    milliseconds: int
    micros: int
    began_at: datetime


def _lower(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each is not None), default=None)


def _refuse_negative(cost: Cost) -> None:
    if min(cost.tokens, cost.milliseconds, cost.micros) < 0:
        raise ValueError("a cost cannot be negative")
