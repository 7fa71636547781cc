"""What a fault is, and what all of them work on."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.faults.nemesis.candidates import Hall
from tests.faults.nemesis.places import Node, Places
from tests.faults.nemesis.workload import Workload


@dataclass(frozen=True)
class Scene:
    """Where faults happen, and whose luck decides how."""

    places: Places
    hall: Hall
    workload: Workload
    chance: random.Random

    def some_node(self) -> Node:
        """One of the nodes."""
        return self.chance.choice(self.places.nodes)


Inject = Callable[[Scene], Awaitable[str]]
"""Injects and heals; returns what it did, in a few words."""


class NotReached(Exception):
    """It was prepared, and what it waited for did not happen."""


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        is_gentle: it leaves processes and database alone, and may happen beside another one.
        cannot: why this machine does not allow it; empty if it does.
    """

    name: str
    inject: Inject
    is_gentle: bool = False
    cannot: str = ""
