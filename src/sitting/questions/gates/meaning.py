"""The gate `same_meaning`: near-duplicates in other words, by the vectors that a model makes of texts.

A vector is normalised, as float32 numbers, the lowest byte first. So the cosine of the angle between two is their dot
product, and all of a bank are compared at once, exactly. That takes numpy, of the extra `llm`, loaded with the first
vector.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sitting.domain.question import QuestionContent
from sitting.questions.gates.fingerprint import right_and_wrong
from sitting.questions.gates.near_duplicate import Match
from sitting.questions.gates.text import read_text
from sitting.questions.gates.verdict import STEM, Finding, failed, passed

if TYPE_CHECKING:
    import numpy

SAME_MEANING = "same_meaning"
MEANING_SIMILARITY = 0.9
"""Cosine from which on two questions are taken for one. It depends on the model, and no model is known here: this one
is chosen high, so that a model that finds all texts of a subject alike does not refuse all of them."""
LONGEST_TEXT = 2000
"""Characters of a question that are compared: models of vectors read a few hundred words at most."""
_NUMBER_BYTES = 4


def load() -> None:
    """Load numpy, which takes a moment: whoever serves people does it before."""
    import numpy  # noqa: F401, PLC0415


class OtherLength(ValueError):
    """Vectors of different lengths were made by different models, and cannot be compared."""


def meaning_text(content: QuestionContent) -> str:
    """What a vector is made of: the stem and what is right, as they are shown. The skill says nothing about it."""
    right, _ = right_and_wrong(content)
    lines = [read_text(content.text, inline=False).shown, *sorted(text.shown for text in right)]
    return "\n".join(lines)[:LONGEST_TEXT]


class MeaningIndex:
    """Vectors by question, to be searched for those that point the same way; changed question by question."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._ids: list[str | None] = []
        self._free: list[int] = []
        self._rows: numpy.ndarray[Any, Any] | None = None

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, question_id: str) -> bool:
        return question_id in self._places

    def add(self, question_id: str, vector: bytes) -> None:
        """Take a question in, or in another version.

        Raises:
            OtherLength: the other vectors are longer, or shorter.
        """
        import numpy  # noqa: PLC0415  an extra

        row = numpy.frombuffer(vector, "<f4")
        if self._rows is None:
            self._rows = numpy.zeros((64, len(row)), "<f4")
        self._require_length(vector)
        self.remove(question_id)
        if not self._free:
            if len(self._ids) == len(self._rows):
                self._rows = numpy.concatenate([self._rows, numpy.zeros_like(self._rows)])
            self._free.append(len(self._ids))
            self._ids.append(None)
        place = self._free.pop()
        self._rows[place], self._ids[place], self._places[question_id] = row, question_id, place

    def remove(self, question_id: str) -> None:
        """Forget a question, if it is there."""
        place = self._places.pop(question_id, None)
        if place is not None:
            self._ids[place] = None
            self._free.append(place)

    def nearest(self, vector: bytes, ignore: Collection[str] = ()) -> Match | None:
        """The question with the highest cosine; None if there is none but those to `ignore`.

        Raises:
            OtherLength: the vectors here are longer, or shorter.
        """
        import numpy  # noqa: PLC0415

        out = [self._places[question_id] for question_id in ignore if question_id in self._places]
        if self._rows is None or len(self._places) <= len(out):
            return None
        self._require_length(vector)
        cosines = self._rows[: len(self._ids)] @ numpy.frombuffer(vector, "<f4")
        cosines[self._free + out] = -2.0  # below all that there are
        place = int(cosines.argmax())
        question_id = self._ids[place]
        assert question_id is not None
        return Match(question_id, round(min(1.0, float(cosines[place])), 4))

    def _require_length(self, vector: bytes) -> None:
        assert self._rows is not None
        numbers, wanted = len(vector) // _NUMBER_BYTES, self._rows.shape[1]
        if numbers != wanted:
            raise OtherLength(f"a vector has {numbers} numbers, and those before it have {wanted}")


@dataclass(frozen=True, slots=True)
class Meanings:
    """The questions that an item must differ from.

    Attributes:
        name: what they are, for the author. missing: how many of them have no vector so far, and are not compared.
    """

    name: str
    index: MeaningIndex
    missing: int = 0


def same_meaning(
    vector: bytes, among: Sequence[Meanings], *, model: str, least: float, ignore: Collection[str] = ()
) -> Finding:
    """None of the others says the same in other words.

    Args:
        model: that made the vectors.

    Raises:
        OtherLength: not all vectors are of one length.
    """
    counts = {
        "compared": {each.name: len(each.index) for each in among},
        "without_vector": sum(each.missing for each in among),
    }
    basis = {"model": model, "least": least, **counts}
    found = [(match, each.name) for each in among if (match := each.index.nearest(vector, ignore)) is not None]
    if not found:
        return passed(STEM, **basis)
    best, name = max(found, key=lambda one: one[0].similarity)
    nearest = {"question_id": best.question_id, "similarity": best.similarity, "among": name}
    if best.similarity < least:
        return passed(STEM, nearest=nearest, **basis)
    sentence = f"{best.question_id} ({name}) means the same: a cosine of {best.similarity:.2f}, by {model}."
    return failed(STEM, sentence, nearest=nearest, **basis)
