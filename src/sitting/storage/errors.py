"""What can go wrong with a write, told apart by what is known of its outcome."""

from __future__ import annotations


class SequenceTaken(Exception):
    """The log already holds an entry of that number: somebody else wrote. Nothing of this write is stored."""


class OutcomeUnknown(Exception):
    """The link or the disk failed: the write may be stored or not. Nobody may be told that it is."""


class LeaseLost(Exception):
    """Another node has the run, or it is over: who held it may not write to it any more. Nothing of it is stored."""


class BadData(Exception):
    """The database refused a value itself. Nothing of this write is stored, and a retry would not help."""


class TryAgain(Exception):
    """Deadlock or serialisation failure: nothing is stored, the same batch may be tried at once."""


class Separately(Exception):
    """This cannot be done together with others: it takes a transaction of its own. Nothing of it is stored."""
