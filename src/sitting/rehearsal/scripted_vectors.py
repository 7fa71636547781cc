"""The vectors that the scripted model makes of texts: alike where the words are, whatever their order and endings."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from zlib import crc32

from sitting.rehearsal.scripted_answers import Asked, Json
from sitting.rehearsal.scripted_faults import Fault

TASK = "embed"
LENGTH = 256
_WORD = re.compile(r"\w+")
_ENDING = re.compile(r"(?:ing|ed|es?|s|ly)\Z")
_SMALL = re.compile(
    r"(?:an?|and|are|as|at|be|by|can|do|does|for|from|how|in|is|it|of|on|or|that|the|this|to|was|what|when|which|who"
    r"|why|will|with|you|your)\Z"
)


def understand_texts(request: Json) -> Asked:
    """A request for vectors, as the script understands it; the material are the texts, by number.

    Raises:
        TypeError, KeyError: it is none.
    """
    texts = request["input"]
    texts = [texts] if isinstance(texts, str) else texts
    if not texts or not all(isinstance(text, str) for text in texts):
        raise TypeError("the input must be texts")
    return Asked(TASK, {}, {str(number): text for number, text in enumerate(texts)}, 0)


def vector(text: str) -> list[float]:
    """The vector of a text, always the same."""
    numbers = [0.0] * LENGTH
    for word in _WORD.findall(text.lower()):
        if not _SMALL.match(word):
            hashed = crc32((_ENDING.sub("", word) or word).encode())
            numbers[hashed % LENGTH] += 1 if hashed & LENGTH else -1
    if not any(numbers):
        numbers[0] = 1.0
    length = math.hypot(*numbers)
    return [round(number / length, 6) for number in numbers]


def vectors(model: str, asked: Asked, same: Mapping[str, str], fault: Fault | None) -> Json:
    """The whole answer. `same`: a text that holds the key means what the value does."""
    data = [
        {"object": "embedding", "index": n, "embedding": vector(text)} for n, text in enumerate(_meant(asked, same))
    ]
    tokens = max(1, sum(len(text.encode()) for text in asked.material.values()) // 4)
    said: Json = {"object": "list", "model": model, "data": data}
    said["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
    if fault is Fault.BROKEN_SCHEMA:
        said["data"] = [{"vector": each["embedding"]} for each in data]
    elif fault is Fault.DUPLICATES:
        said["data"] = [data[0]] * len(data) + [data[0]]
    elif fault is Fault.ABSURD_USAGE:
        said["usage"] = {"prompt_tokens": -tokens, "total_tokens": -tokens}
    elif fault is Fault.NO_USAGE:
        del said["usage"]
    elif fault is Fault.TEN_MEGABYTES:
        said["filling"] = "word " * 2_000_000
    return said


def _meant(asked: Asked, same: Mapping[str, str]) -> Sequence[str]:
    return [next((other for key, other in same.items() if key in text), text) for text in asked.material.values()]
