"""What changed, told after the commit to whoever in this process is interested. A notice is a hint, never the truth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """An entry was committed to the log of that assessment."""

    assessment_id: int
    seq: int


Listener = Callable[[Change], None]


class Hub:
    """Listeners by assessment. Callbacks run at once, must not block and must not raise."""

    def __init__(self) -> None:
        self._listeners: defaultdict[int, list[Listener]] = defaultdict(list)

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

    def publish(self, change: Change) -> None:
        """Tell all who listen to that assessment."""
        for listener in tuple(self._listeners.get(change.assessment_id, ())):
            listener(change)
