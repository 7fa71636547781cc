"""The gates of one item, and the search for near-duplicates in a large bank: `python -m bench.gates --help`.

The bank is of made-up words, and of what is looked for, half is of the bank and reworded, half is new. The naive search
compares with every question, by the same measure, and must find the same.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.results import Result, Table, command_line, make_parser, save
from bench.servers import leave_the_servers_core
from bench.stage import resident_bytes
from sitting.cli.sample import read_sample
from sitting.domain.question import QuestionContent
from sitting.questions.gates import DEFAULTS, Others, QuestionIndex, judge_item
from sitting.questions.gates.fingerprint import Fingerprint, fingerprint, similarity
from sitting.questions.graph.written import judge_written
from sitting.usecases.question_draft import content_of
from tests.quality import measured
from tests.quality.flaw_set import sound_items
from tests.support.items import item

NAME = "gates"
_VOCABULARY = 4_000
_STEM_WORDS = 18
_OPTION_WORDS = 4
_ROUNDS = 5
_REACH = {"gates": "≤ 5", "search": "≤ 20"}

Figures = dict[str, float]


class Author:
    """Writes questions of made-up words; as in any language a few are in most questions, most are rare (Zipf 1949)."""

    def __init__(self, rng: random.Random) -> None:
        syllables = [consonant + vowel for consonant in "bcdfghjklmnprst" for vowel in "aeiou"]
        self._rng = rng
        self._words = ["".join(rng.choices(syllables, k=3)) for _ in range(_VOCABULARY)]
        self._weights = [1 / (rank + 5) for rank in range(_VOCABULARY)]

    def write(self, count: int) -> list[QuestionContent]:
        """So many questions, each with four options."""
        return [self._question() for _ in range(count)]

    def _question(self) -> QuestionContent:
        options = [self._some(_OPTION_WORDS) for _ in range(4)]
        return item(f"Which of these is {self._some(_STEM_WORDS)}?", *options)

    def _some(self, count: int) -> str:
        return " ".join(self._rng.choices(self._words, self._weights, k=count))


def reworded(bank: Sequence[QuestionContent], count: int, rng: random.Random) -> list[QuestionContent]:
    """Some of the questions in other words: another beginning, and one word in six exchanged."""
    return [_reworded(content, rng) for content in rng.sample(bank, min(count, len(bank)))]


def _reworded(content: QuestionContent, rng: random.Random) -> QuestionContent:
    words = content.text.removeprefix("Which of these is ").removesuffix("?").split()
    for place in rng.sample(range(len(words)), len(words) // 6):
        words[place] = "another"
    return replace(content, text=f"Which is the {' '.join(words)}?")


@dataclass(frozen=True)
class Bank:
    """A bank with its index, and what the naive search needs.

    Attributes:
        index: has each question under its place in `prints`, as text.
        seconds, megabytes: that making the index took.
    """

    index: QuestionIndex
    prints: Sequence[Fingerprint]
    seconds: float
    megabytes: float

    def naive(self, content: QuestionContent) -> set[str]:
        """Which questions say nearly the same, by comparing with each."""
        own, least = fingerprint(content), DEFAULTS.duplicate_similarity
        return {str(place) for place, other in enumerate(self.prints) if similarity(own, other) >= least}

    def search(self, content: QuestionContent) -> set[str]:
        """The same by the index."""
        return {match.question_id for match in self.index.search(content)}


def make_bank(contents: Sequence[QuestionContent]) -> Bank:
    """Index the questions."""
    held, began, index = resident_bytes(os.getpid()), time.perf_counter(), QuestionIndex()
    for place, content in enumerate(contents):
        index.add(str(place), content)
    seconds = time.perf_counter() - began
    grown = resident_bytes(os.getpid()) - held
    return Bank(index, [fingerprint(content) for content in contents], seconds, grown / 1e6)


def timed(work: Callable[[QuestionContent], object], asked: Sequence[QuestionContent]) -> Figures:
    """How long each took: median, 99th percentile and maximum, in milliseconds."""
    took = []
    for content in asked:
        before = time.perf_counter()
        work(content)
        took.append(time.perf_counter() - before)
    took.sort()
    at = {"p50_ms": len(took) // 2, "p99_ms": len(took) * 99 // 100, "max_ms": len(took) - 1}
    return {name: round(took[place] * 1e3, 3) for name, place in at.items()}


def agreement(bank: Bank, asked: Sequence[QuestionContent]) -> Figures:
    """Whether the index finds what the naive search finds: how many hits each has, and the share that both have."""
    naive = [bank.naive(content) for content in asked]
    found = [bank.search(content) for content in asked]
    hits, both = sum(map(len, naive)), sum(len(one & other) for one, other in zip(naive, found, strict=True))
    wrong = sum(map(len, found)) - both
    return {"naive_hits": hits, "recall": round(both / hits, 4) if hits else 1.0, "false_hits": wrong}


def english_items() -> list[QuestionContent]:
    """The questions of the bundled bank, and the sound items that gates are measured by."""
    bundled = [content_of(draft) for draft in read_sample({}).questions.values()]
    return [*bundled, *map(measured.content_of, sound_items())]


def measure(bank: Bank, wanted: Sequence[QuestionContent], compared: int) -> dict[str, Figures]:
    """All that is measured by time, by what it is."""

    def gates(content: QuestionContent) -> object:
        return judge_written(content), judge_item(content)

    def gates_and_search(content: QuestionContent) -> object:
        return judge_written(content), judge_item(content, others=[Others("the bank", bank.index)])

    size = f"{len(bank.prints):,}"
    return {
        "the gates of one item, in English": timed(gates, english_items() * _ROUNDS),
        f"the same with the search among {size}": timed(gates_and_search, wanted),
        f"the search alone, among {size}": timed(bank.search, wanted),
        "the same, comparing with each": timed(bank.naive, wanted[:compared]),
    }


def tables(found: dict[str, Figures], of_index: dict[str, Any]) -> list[Table]:
    """What people read of it."""
    reach = (_REACH["gates"], "", _REACH["search"], "")
    rows = [
        (name, *(f"{each:.2f}" for each in figures.values()), goal)
        for (name, figures), goal in zip(found.items(), reach, strict=True)
    ]
    about = [(name.replace("_", " "), f"{value:,}") for name, value in of_index.items()]
    return [
        Table(NAME, ("", "p50 ms", "p99 ms", "max ms", "to reach"), rows),
        Table(f"{NAME}_index", ("the index", ""), about),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, say what was seen, and write it down."""
    parser = make_parser("bench.gates", __doc__)
    parser.add_argument("--bank", type=int, default=20_000, help="questions")
    parser.add_argument("--searches", type=int, default=1_000)
    parser.add_argument("--compared", type=int, default=100, help="searches that are done naively, too")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    leave_the_servers_core()
    rng = random.Random(asked.seed)
    author = Author(rng)
    contents = author.write(asked.bank)
    wanted = reworded(contents, asked.searches // 2, rng)
    wanted += author.write(asked.searches - len(wanted))
    rng.shuffle(wanted)
    bank = make_bank(contents)
    found = measure(bank, wanted, asked.compared)
    searched, naive = list(found.values())[2:]
    of_index: dict[str, Any] = {
        "questions": len(contents),
        "seconds_to_make": round(bank.seconds, 2),
        "megabytes": round(bank.megabytes, 1),
        "times_as_fast_as_comparing_with_each": round(naive["p50_ms"] / searched["p50_ms"], 1),
        "searches_done_both_ways": len(wanted[: asked.compared]),
        **agreement(bank, wanted[: asked.compared]),
    }
    shown = tables(found, of_index)
    for row in (row for table in shown for row in table.rows):
        print(*row)
    figures = {**found, "index": of_index}
    print(save(Result(NAME, command_line("bench.gates"), asked.seed, figures, shown), asked.into))


if __name__ == "__main__":
    main()
