"""The gate `longest_key`: the key stands out by its length (Haladyna 2002, 24 and 28)."""

from __future__ import annotations

import re

from sitting.questions.gates.item import Item
from sitting.questions.gates.settings import GateSettings
from sitting.questions.gates.text import Kind, Piece, Text
from sitting.questions.gates.verdict import KEY, Finding, failed, not_applicable, passed

_COMMAND = re.compile(r"\\[A-Za-z]+\s*|\\.")
_INVISIBLE = re.compile(r"[{}^_\s]")


def longest_key(item: Item, settings: GateSettings) -> Finding:
    """The key is not longer than every distractor by far."""
    if item.key is None or not item.distractors:
        return not_applicable("There is no single key to compare with distractors.", KEY)
    key = length(item.key.text)
    others = [length(choice.text) for choice in item.distractors]
    longest, evidence = max(others), {"key": key, "distractors": others}
    if key < settings.longest_ratio * longest or key - longest < settings.longest_excess:
        return passed(KEY, **evidence)
    sentence = (
        f"The key has {key} characters, the longest other option {longest}: whoever knows nothing takes the longest. "
        "Shorten it, or say as much in the others."
    )
    return failed(KEY, sentence, **evidence)


def length(text: Text) -> int:
    """Characters as they are seen: of a formula its symbols, without the LaTeX around them."""
    return sum(_length(piece) for piece in text.pieces)


def _length(piece: Piece) -> int:
    if piece.kind is not Kind.FORMULA:
        return len(" ".join(piece.text.split())) + (piece.text[:1].isspace() + piece.text[-1:].isspace())
    return len(_INVISIBLE.sub("", _COMMAND.sub("x", piece.text)))
