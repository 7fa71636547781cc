"""What the gates find of the flawed copies, and how often they stop a sound item: `python -m tests.quality.measured`.

Prints the table, or with `--publish` writes it into docs/question-quality.md; with a gate's name it lists what that
gate missed and what it stopped.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from sitting.domain.question import Difficulty, Option, QuestionContent, QuestionType
from sitting.questions.gates import judge_item
from sitting.questions.gates.near_duplicate import Others, QuestionIndex
from tests.quality.flaw_set import GATES, Item, flawed_copies, sound_items
from tests.support.tables_in_docs import ROOT, table, write_between

PAGE = ROOT / "docs" / "question-quality.md"
TABLE = "flaws-found"
HEADS = ("gate", "flawed copies", "found", "recall", "sound items stopped", "false alarms")


@dataclass(frozen=True)
class Measured:
    """What one gate did.

    Attributes:
        flawed: how many flawed copies there were.
        sound: how many sound items there were.
        missed: slugs of flawed copies that got through.
        stopped: slugs of sound items that did not.
    """

    gate: str
    flawed: int
    sound: int
    missed: Sequence[str]
    stopped: Sequence[str]

    @property
    def recall(self) -> float:
        """The share of flawed copies that was found."""
        return 1 - len(self.missed) / self.flawed

    @property
    def false_alarms(self) -> float:
        """The share of sound items that was stopped."""
        return len(self.stopped) / self.sound


def content_of(item: Item) -> QuestionContent:
    """The item as the bank keeps it, whether or not the bank would take it."""
    options = tuple(Option(option["id"], option["text"]) for option in item["options"])
    right = [option["id"] for option in item["options"] if option["correct"]]
    return QuestionContent(
        type=QuestionType.SINGLE_CHOICE,
        text=item["text"],
        options=options,
        key=right[0] if len(right) == 1 else "",
        keys=() if len(right) == 1 else tuple(right),
        explanation=item.get("explanation", ""),
        skill=item["skill"],
        difficulty=Difficulty(item["difficulty"]),
        tags=tuple(item.get("tags", ())),
    )


def measured(gate: str) -> Measured:
    """What that gate of one item says of all copies that were made for it, and of all sound items."""
    sound, index = sound_items(), QuestionIndex()
    for item in sound:
        index.add(item["slug"], content_of(item))

    def stops(item: Item, excepted: str) -> bool:
        others = [Others("the bank", index, frozenset({excepted}))]
        return any(verdict.failed for verdict in judge_item(content_of(item), only=[gate], others=others))

    # A near-duplicate is one of its own item, which stays in the index for it alone.
    missed = [item["slug"] for item in flawed_copies(gate) if not stops(item, "")]
    stopped = [item["slug"] for item in sound if stops(item, item["slug"])]
    return Measured(gate, len(sound), len(sound), missed, stopped)


def all_measured() -> list[Measured]:
    """Every gate of one item, in the order of the set."""
    return [measured(gate) for gate in GATES]


def rows(found: Sequence[Measured]) -> list[tuple[object, ...]]:
    """The table, a row for each gate."""
    return [
        (
            f"`{each.gate}`",
            each.flawed,
            each.flawed - len(each.missed),
            f"{each.recall:.3f}",
            len(each.stopped),
            f"{each.false_alarms:.1%}",
        )
        for each in found
    ]


def main(arguments: Sequence[str]) -> None:
    """Print or write the table, or list what one gate got wrong."""
    if arguments and arguments[0] in GATES:
        one = measured(arguments[0])
        print("missed:", *one.missed, "", "stopped:", *one.stopped, sep="\n")
        return
    text = table(HEADS, rows(all_measured()))
    if arguments == ["--publish"]:
        write_between(PAGE, TABLE, text)
    print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
