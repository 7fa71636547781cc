"""Sound single-choice items, and of each one flawed copy per gate (`README.md` beside this file).

Items are plain data as in docs/bank.md, with ids for the options. Whoever gets them may change them: each call makes
new ones. What is drawn is drawn with a seed: all of it is the same at every call.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

Item = dict[str, Any]
Override = dict[str, Any]

HERE = Path(__file__).parent
WRITTEN = (
    "all_or_none",
    "negative_stem",
    "longest_key",
    "absolute_terms",
    "word_repeat",
    "grammatical_cue",
    "numeric_options",
    "stem_form",
    "reading_level",
    "near_duplicate",
)
MADE = ("option_count", "distinct_options", "one_key")
GATES = MADE + WRITTEN
ORDERED = "ordered"
FEWEST_OPTIONS = 3
MOST_OPTIONS = 5


def sound_items() -> list[Item]:
    """All sound items, in the order of their files' names."""
    return deepcopy(_sound())


def flawed_copies(gate: str) -> list[Item]:
    """One copy of each sound item, in the same order, with a flaw that `gate` has to find.

    Its slug is that of the item with the gate's name behind it. A copy for `near_duplicate` is without fault in itself:
    it is a duplicate of its item.

    Raises:
        KeyError: there is no such gate.
    """
    flaw = _MAKERS[gate] if gate in MADE else _written_flaw(gate)
    return [_renamed(flaw(deepcopy(item), _chance(gate, item)), gate) for item in _sound()]


def balanced_bank() -> list[Item]:
    """A bank in which neither the position nor the length of the keys gives them away."""
    return sound_items()


def balanced_banks(count: int) -> Iterator[list[Item]]:
    """Banks of the same items, with the keys balanced over other positions each time."""
    for number in range(count):
        yield _balanced(sound_items(), Random(f"balanced {number}"))


def bank_with_keys_at(position: int, share: float, seed: int = 0) -> list[Item]:
    """A bank in which about `share` of the items have their key at `position` (from 0), or last if they are shorter.

    Items whose options stand in an order of their own stay as they are.
    """
    chosen = Random(f"position {position} {share} {seed}")
    return [
        _with_key_at(item, min(position, len(item["options"]) - 1)) if chosen.random() < share else item
        for item in sound_items()
    ]


def bank_with_longest_keys(share: float, seed: int = 0) -> list[Item]:
    """A bank in which the key is the longest option of at least `share` of the items.

    Where three options are left, those that are as long as the key are taken out, so that the item itself stays sound;
    otherwise the flawed copy for `longest_key` stands in its place.
    """
    chosen = Random(f"length {share} {seed}")
    by_force = flawed_copies("longest_key")
    return [
        _without_longer(item) or forced if chosen.random() < share else item
        for item, forced in zip(sound_items(), by_force, strict=True)
    ]


def key_texts(item: Item) -> list[str]:
    """The texts of the options that are marked as right."""
    return [option["text"] for option in item["options"] if option["correct"]]


def distractor_texts(item: Item) -> list[str]:
    """The texts of the options that are not marked as right."""
    return [option["text"] for option in item["options"] if not option["correct"]]


# --- reading ---


@cache
def _sound() -> list[Item]:
    return [item for path in sorted((HERE / "sound").glob("*.json")) for item in json.loads(path.read_text("utf-8"))]


@cache
def _overrides() -> dict[str, dict[str, Override]]:
    read = [json.loads(path.read_text("utf-8")) for path in sorted((HERE / "flaws").glob("*.json"))]
    return {slug: flaws for file in read for slug, flaws in file.items()}


def _chance(gate: str, item: Item) -> Random:
    return Random(f"{gate} {item['slug']}")


def _renamed(item: Item, gate: str) -> Item:
    slug = f"{item['slug']}-{gate.replace('_', '-')}"
    return item | {"question_id": f"q_{slug}", "slug": slug}


# --- flaws that were written by hand ---


def _written_flaw(gate: str) -> Callable[[Item, Random], Item]:
    def flaw(item: Item, chance: Random) -> Item:
        changed = _overridden(item, _overrides()[item["slug"]][gate])
        return _shuffled(changed, chance) if gate == "near_duplicate" else changed

    return flaw


def _overridden(item: Item, override: Override) -> Item:
    """An override's `options` are all the options, or the texts of some by their ids; an id that is new is added."""
    said = override.get("options", {})
    if isinstance(said, list):
        options = [_option(number, **option) for number, option in enumerate(said, start=1)]
    else:
        texts = {option["id"]: option["text"] for option in item["options"]} | said
        keys = {option["id"] for option in item["options"] if option["correct"]}
        options = [{"id": id_, "text": text, "correct": id_ in keys} for id_, text in texts.items()]
    return item | {"text": override.get("text", item["text"]), "options": options}


def _option(number: int, text: str, correct: bool = False) -> dict[str, Any]:
    return {"id": f"o_{number}", "text": text, "correct": correct}


def _shuffled(item: Item, chance: Random) -> Item:
    if not _is_ordered(item):
        chance.shuffle(item["options"])
    return item


# --- flaws that need no words ---


def _wrong_count(item: Item, chance: Random) -> Item:
    """Two options, or six or seven: the others come from items of the same skill."""
    if _is_ordered(item) or chance.random() < 0.5:
        kept = chance.choice([option for option in item["options"] if not option["correct"]])
        return item | {"options": [option for option in item["options"] if option["correct"] or option is kept]}
    near = [other for other in _sound() if other["skill"] == item["skill"] and other["slug"] != item["slug"]]
    texts = sorted({text for other in near for text in distractor_texts(other)} - set(_texts(item)))
    for text in chance.sample(texts, chance.choice([6, 7]) - len(item["options"])):
        item["options"].append(_option(len(item["options"]) + 1, text))
    return item


def _same_option_twice(item: Item, chance: Random) -> Item:
    """A distractor becomes another spelling of another option, which is the key in about a third of the items."""
    lost, other = chance.sample([option for option in item["options"] if not option["correct"]], 2)
    source = item["options"][_key_position(item)] if chance.random() < 0.35 else other
    lost["text"] = chance.choice(list(_spellings(source["text"])))
    return item


def _spellings(text: str) -> Iterator[str]:
    """Other spellings of one text, as they come about in copying and pasting."""
    yield text + " "
    yield f" {text}"
    yield text[:-1] if text.endswith(".") else f"{text}."
    yield text.removesuffix(".") + ","
    if " " in text:
        yield text.replace(" ", "  ", 1)
        yield text.replace(" ", "\u00a0", 1)
    if "`" in text:
        yield text.replace("`", "")
        return
    if re.search(r"\d", text) is None:
        yield f'"{text}"'
        yield f"“{text}”"
        yield from sorted({text.upper(), text.capitalize(), text.title(), text[0].swapcase() + text[1:]} - {text})


def _other_than_one_key(item: Item, chance: Random) -> Item:
    """No key, or two, or all."""
    options = item["options"]
    more = chance.choice([[], [], *([[wrong] for wrong in options if not wrong["correct"]] * 2), options])
    for option in options:
        option["correct"] = bool(more) and (option["correct"] or option in more)
    return item


_MAKERS: dict[str, Callable[[Item, Random], Item]] = {
    "option_count": _wrong_count,
    "distinct_options": _same_option_twice,
    "one_key": _other_than_one_key,
}


# --- banks ---


def _texts(item: Item) -> list[str]:
    return [option["text"] for option in item["options"]]


def _key_position(item: Item) -> int:
    return [option["correct"] for option in item["options"]].index(True)


def _is_ordered(item: Item) -> bool:
    return ORDERED in item.get("tags", ())


def _balanced(items: list[Item], chance: Random) -> list[Item]:
    """Each item's key goes where fewest are, among the items with as many options; the ordered ones are set before."""
    used = Counter((len(item["options"]), _key_position(item)) for item in items if _is_ordered(item))
    moved = {}
    for item in chance.sample(items, len(items)):
        count = len(item["options"])
        if not _is_ordered(item):
            position = min(range(count), key=lambda place: (used[count, place], chance.random()))
            used[count, position] += 1
            moved[item["slug"]] = _with_key_at(item, position)
    return [moved.get(item["slug"], item) for item in items]


def _with_key_at(item: Item, position: int) -> Item:
    if _is_ordered(item):
        return item
    others = [option for option in item["options"] if not option["correct"]]
    others.insert(position % len(item["options"]), item["options"][_key_position(item)])
    return item | {"options": others}


def _without_longer(item: Item) -> Item | None:
    [key] = key_texts(item)
    kept = [option for option in item["options"] if option["correct"] or len(option["text"]) < len(key)]
    return item | {"options": kept} if len(kept) >= FEWEST_OPTIONS else None
