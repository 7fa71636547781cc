"""What changed, told after the commit to whoever in this process is interested. A notice is a hint, never the truth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from sitting.kit.ids import random_id


@dataclass(frozen=True, slots=True)
class Change:
    """An entry was committed to the log of that assessment."""

    assessment_id: int
    seq: int


@dataclass(frozen=True, slots=True)
class AccessChange:
    """What that person may do, or what lets them in, may be another thing since that commit."""

    user_id: int


class Move(Enum):
    """What a candidate did: they began, went on to another question, or came to the end."""

    BEGIN = auto()
    STEP = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Moved:
    """The candidate of a Test whose questions are written has moved."""

    assessment_id: int
    move: Move


Notice = Change | AccessChange
"""What other nodes are told, too."""
Listener = Callable[[Change], None]
AccessListener = Callable[[AccessChange], None]
MoveListener = Callable[[Moved], None]


class Hub:
    """Listeners by assessment, to changes of access, and to candidates who move on.

    Callbacks run at once, must not block and must not raise.

    Attributes:
        node_id: what this process calls itself before other nodes.
    """

    def __init__(self) -> None:
        self.node_id = random_id("n", 12)
        self._listeners: defaultdict[int, list[Listener]] = defaultdict(list)
        self._access_listeners: list[AccessListener] = []
        self._move_listeners: list[MoveListener] = []

    def subscribe(self, assessment_id: int, listener: Listener) -> Callable[[], None]:
        """Tell `listener` of changes from now on; returns what ends that."""
        self._listeners[assessment_id].append(listener)

        def unsubscribe() -> None:
            listeners = self._listeners.get(assessment_id, [])
            if listener in listeners:
                listeners.remove(listener)
            if not listeners:
                self._listeners.pop(assessment_id, None)

        return unsubscribe

    def subscribe_to_access(self, listener: AccessListener) -> Callable[[], None]:
        """Tell `listener` of changes of anybody's access from now on; returns what ends that."""
        self._access_listeners.append(listener)
        return lambda: self._access_listeners.remove(listener)

    def subscribe_to_moves(self, listener: MoveListener) -> Callable[[], None]:
        """Tell `listener` of whoever moves on from now on; returns what ends that."""
        self._move_listeners.append(listener)
        return lambda: self._move_listeners.remove(listener)

    def subscribed(self) -> list[int]:
        """The assessments that somebody listens to."""
        return list(self._listeners)

    def publish(self, notice: Notice | Moved) -> None:
        """Tell all who listen to that."""
        if isinstance(notice, Moved):
            for move_listener in tuple(self._move_listeners):
                move_listener(notice)
            return
        if isinstance(notice, AccessChange):
            for access_listener in tuple(self._access_listeners):
                access_listener(notice)
            return
        for listener in tuple(self._listeners.get(notice.assessment_id, ())):
            listener(notice)
