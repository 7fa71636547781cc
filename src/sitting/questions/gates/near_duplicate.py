"""The gate `near_duplicate`, and the index of questions that it searches.

An inverted index: a question whose similarity to another is at least t has a share t of that one's weight in common
with it. So, of the words in the order of how few questions have them, one of the first few must occur in both (the
prefix filter of Chaudhuri, Ganti and Kaushik 2006), and only questions that have one of those are compared.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection
from dataclasses import dataclass

from sitting.domain.question import QuestionContent
from sitting.questions.gates.fingerprint import Fingerprint, fingerprint, similarity
from sitting.questions.gates.settings import DEFAULTS, GateSettings
from sitting.questions.gates.verdict import STEM, Finding, failed, passed

_SLACK = 1e-6  # weights are whole numbers: this only keeps rounding from losing a question


@dataclass(frozen=True, slots=True)
class Match:
    """A question that says nearly the same; `similarity` is from 0 to 1."""

    question_id: str
    similarity: float


class QuestionIndex:
    """Questions to search for near-duplicates; deterministic, and changed question by question."""

    def __init__(self) -> None:
        self._prints: dict[str, Fingerprint] = {}
        self._numbers: dict[str, int] = {}
        self._ids: list[str | None] = []
        self._totals = array("I")
        self._postings: dict[str, array[int]] = {}
        self._dead = 0

    def __len__(self) -> int:
        return len(self._prints)

    def __contains__(self, question_id: str) -> bool:
        return question_id in self._prints

    def add(self, question_id: str, content: QuestionContent) -> None:
        """Take a question in, or in another version."""
        self.remove(question_id)
        print_ = fingerprint(content)
        number = len(self._ids)
        self._ids.append(question_id)
        self._totals.append(print_.total)
        self._prints[question_id], self._numbers[question_id] = print_, number
        for word in print_.weights:
            self._postings.setdefault(word, array("I")).append(number)

    def remove(self, question_id: str) -> None:
        """Forget a question, if it is there."""
        if self._prints.pop(question_id, None) is None:
            return
        self._ids[self._numbers.pop(question_id)] = None
        self._dead += 1
        if self._dead > len(self._prints) + 100:
            self._tidy()

    def search(
        self, content: QuestionContent, *, least: float = DEFAULTS.duplicate_similarity, ignore: Collection[str] = ()
    ) -> list[Match]:
        """All questions that are similar by `least` or more, the most similar first; not those to `ignore`."""
        wanted = fingerprint(content)
        found = [
            Match(question_id, round(share, 4))
            for question_id in self._candidates(wanted, least)
            if question_id not in ignore and (share := similarity(wanted, self._prints[question_id])) >= least
        ]
        return sorted(found, key=lambda match: (-match.similarity, match.question_id))

    def _candidates(self, wanted: Fingerprint, least: float) -> list[str]:
        """The questions that may be similar enough.

        With T and U for the weights of both and c for what is common, c / (T + U - c) >= least is
        c >= least / (1 + least) * (T + U); c is at most what the prefix has in common, and all of the rest.
        """
        postings, common = self._postings, dict[int, int]()
        left = wanted.total
        for word in sorted(wanted.weights, key=lambda word: (len(postings.get(word, ())), word)):
            if left < least * wanted.total:
                break
            weight = wanted.weights[word]
            left -= weight
            for number in postings.get(word, ()):
                common[number] = common.get(number, 0) + weight
        share, totals, ids = least / (1 + least), self._totals, self._ids
        numbers = [
            number
            for number, found in common.items()
            if found + left >= share * (wanted.total + totals[number]) - _SLACK
        ]
        return [question_id for number in sorted(numbers) if (question_id := ids[number]) is not None]

    def _tidy(self) -> None:
        """Write the postings anew, without the questions that were removed."""
        kept = [question_id for question_id in self._ids if question_id is not None]
        self._ids, self._dead, self._postings = list(kept), 0, {}
        self._numbers = {question_id: number for number, question_id in enumerate(kept)}
        self._totals = array("I", (self._prints[question_id].total for question_id in kept))
        for number, question_id in enumerate(kept):
            for word in self._prints[question_id].weights:
                self._postings.setdefault(word, array("I")).append(number)


@dataclass(frozen=True, slots=True)
class Others:
    """The questions that an item must differ from.

    Attributes:
        name: what they are, for the author: the bank, this paper, what the candidate has had.
        ignore: ids that do not count; the item's own, above all.
    """

    name: str
    index: QuestionIndex
    ignore: Collection[str] = ()


def near_duplicate(content: QuestionContent, others: Others, settings: GateSettings) -> Finding:
    """Nothing among the others says nearly the same."""
    matches = others.index.search(content, least=settings.duplicate_similarity, ignore=others.ignore)
    if not matches:
        return passed(STEM, among=others.name, compared=len(others.index))
    best = matches[0]
    sentence = f"{best.question_id} ({others.name}) says nearly the same: {best.similarity:.0%} of it."
    listed = [{"question_id": match.question_id, "similarity": match.similarity} for match in matches[:5]]
    return failed(STEM, sentence, among=others.name, matches=listed)
