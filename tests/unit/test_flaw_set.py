"""The set that the gates are measured by is what it says: sound items, and copies that differ in what they should."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections import Counter

import pytest

from sitting.domain.errors import InvalidMessage
from sitting.domain.question import QuestionContent, QuestionType
from sitting.interchange.shape import SLUG, to_question
from sitting.kit.markup import problems
from sitting.usecases.question_draft import DraftedOption, QuestionDraft, content_of
from tests.quality.flaw_set import (
    GATES,
    HERE,
    MADE,
    MOST_OPTIONS,
    ORDERED,
    WRITTEN,
    Item,
    balanced_bank,
    balanced_banks,
    bank_with_keys_at,
    bank_with_longest_keys,
    distractor_texts,
    flawed_copies,
    key_texts,
    sound_items,
)

SOUND = sound_items()
COPIES = {gate: flawed_copies(gate) for gate in GATES}
each_gate = pytest.mark.parametrize("gate", GATES)
LONGEST_FILE = 600


def content(item: Item) -> QuestionContent:
    """As the bank takes it in from a file, with its checks."""
    question = to_question(item)
    assert question.skill is not None
    assert question.difficulty is not None
    return content_of(
        QuestionDraft(
            type=question.type,
            skill=question.skill,
            difficulty=question.difficulty,
            text=question.text,
            tags=question.tags,
            options=[DraftedOption(option.text, option.correct) for option in question.options],
        )
    )


def texts(item: Item) -> list[str]:
    return [option["text"] for option in item["options"]]


def folded(text: str) -> str:
    """Letters and digits; a text without quotes around it, or code without back-ticks, is the same."""
    return re.sub(r"[\s.,\"“”`]", "", text).casefold()


def key_position(item: Item) -> int:
    return [option["correct"] for option in item["options"]].index(True)


def is_key_longest(item: Item) -> bool:
    [key] = key_texts(item)
    return all(len(key) > len(text) for text in distractor_texts(item))


def share_of_longest(bank: list[Item]) -> float:
    return sum(map(is_key_longest, bank)) / len(bank)


# --- the sound items ---


def test_there_are_enough_sound_items_of_many_skills_and_shapes() -> None:
    assert len(SOUND) >= 120
    skills = Counter(item["skill"] for item in SOUND)
    assert len(skills) >= 12
    assert max(skills.values()) <= 0.12 * len(SOUND)
    assert {len(item["options"]) for item in SOUND} == {3, 4, 5}
    assert {item["difficulty"] for item in SOUND} == {"easy", "medium", "hard"}
    asked = sum("?" in item["text"] for item in SOUND)
    assert len(SOUND) - asked >= 20, "too few that the options complete"
    assert sum("```" in item["text"] for item in SOUND) >= 5
    assert sum("**" in item["text"] for item in SOUND) >= 8
    assert sum(ORDERED in item.get("tags", ()) for item in SOUND) >= 20


@pytest.mark.parametrize("item", SOUND, ids=lambda item: item["slug"])
def test_sound_item_is_taken_by_the_bank_as_it_is(item: Item) -> None:
    taken = content(item)
    assert taken.type is QuestionType.SINGLE_CHOICE
    assert [option.text for option in taken.options] == texts(item)
    assert all(text.strip() == text for text in [item["text"], *texts(item)])
    told = [problems(item["text"]), *(problems(text, inline=True) for text in texts(item))]
    assert not any(told), told


@pytest.mark.parametrize("item", [item for item in SOUND if "program print?" in item["text"]], ids=lambda i: i["slug"])
def test_python_itself_prints_the_key_of_a_program(item: Item) -> None:
    [program] = re.findall(r"(?ms)^```python\n(.*?)^```$", item["text"])
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(program, item["slug"], "exec"), {})
    assert [printed.getvalue().strip()] == [text.strip("`") for text in key_texts(item)]


def test_no_id_slug_or_stem_stands_there_twice() -> None:
    everything = SOUND + [copy for copies in COPIES.values() for copy in copies]
    for field in ("question_id", "slug"):
        assert [name for name, times in Counter(item[field] for item in everything).items() if times > 1] == []
    assert all(re.fullmatch(SLUG, item["slug"]) for item in everything)
    assert len({item["text"] for item in SOUND}) == len(SOUND)
    assert all(len({option["id"] for option in item["options"]}) == len(item["options"]) for item in everything)


def test_keys_are_spread_over_the_positions() -> None:
    for count in (3, 4, 5):
        positions = Counter(key_position(item) for item in SOUND if len(item["options"]) == count)
        assert set(positions) == set(range(count))
        assert max(positions.values()) - min(positions.values()) <= 1, positions


def test_key_is_the_longest_or_shortest_no_more_often_than_by_chance() -> None:
    by_chance = sum(1 / len(item["options"]) for item in SOUND)
    shortest = sum(all(len(key_texts(i)[0]) < len(text) for text in distractor_texts(i)) for i in SOUND)
    assert sum(map(is_key_longest, SOUND)) <= by_chance
    assert shortest <= by_chance


# --- the copies ---


def test_each_gate_has_one_copy_of_each_item() -> None:
    assert len(GATES) == len(set(GATES)) == len(MADE) + len(WRITTEN) == 13
    for gate, copies in COPIES.items():
        assert [copy["slug"] for copy in copies] == [f"{item['slug']}-{gate.replace('_', '-')}" for item in SOUND]


@each_gate
def test_every_copy_differs_from_its_item_and_keeps_its_subject(gate: str) -> None:
    for item, copy in zip(SOUND, COPIES[gate], strict=True):
        assert (copy["text"], copy["options"]) != (item["text"], item["options"]), item["slug"]
        assert [copy[field] for field in ("skill", "difficulty", "type")] == [
            item[field] for field in ("skill", "difficulty", "type")
        ]


@pytest.mark.parametrize("gate", [gate for gate in GATES if gate != "one_key"])
def test_copy_could_stand_in_a_bank_so_that_only_a_gate_finds_it(gate: str) -> None:
    for copy in COPIES[gate]:
        content(copy)
        assert len(key_texts(copy)) == 1


@pytest.mark.parametrize("gate", [gate for gate in GATES if gate != "option_count"])
def test_copy_has_no_wrong_number_of_options_beside_its_flaw(gate: str) -> None:
    assert [copy["slug"] for copy in COPIES[gate] if not 3 <= len(copy["options"]) <= MOST_OPTIONS] == []


@pytest.mark.parametrize("gate", [gate for gate in WRITTEN if gate != "longest_key"])
def test_key_of_a_copy_is_seldom_much_the_longest_beside_its_flaw(gate: str) -> None:
    longest = [copy for copy in COPIES[gate] if len(key_texts(copy)[0]) > 1.6 * max(map(len, distractor_texts(copy)))]
    assert len(longest) <= 0.1 * len(SOUND), [copy["slug"] for copy in longest]


def test_copies_with_a_wrong_count_have_two_options_or_more_than_five() -> None:
    counts = Counter(len(copy["options"]) for copy in COPIES["option_count"])
    assert set(counts) == {2, 6, 7}
    assert min(counts.values()) >= 20


def test_copies_with_one_option_twice_have_it_in_two_spellings() -> None:
    for item, copy in zip(SOUND, COPIES["distinct_options"], strict=True):
        assert len(set(map(folded, texts(copy)))) < len(texts(copy)), copy["slug"]
        assert len(set(texts(copy))) == len(texts(copy)) == len(texts(item))
        assert key_texts(copy) == key_texts(item)


def test_copies_without_one_key_have_none_or_several_and_the_bank_refuses_them() -> None:
    counts = Counter(len(key_texts(copy)) for copy in COPIES["one_key"])
    assert counts[1] == 0
    assert counts[0] >= 20
    assert counts[2] >= 60
    for copy in COPIES["one_key"]:
        with pytest.raises(InvalidMessage):
            content(copy)


def test_copies_with_the_longest_key_have_it_by_half_at_least() -> None:
    for item, copy in zip(SOUND, COPIES["longest_key"], strict=True):
        assert len(key_texts(copy)[0]) >= 1.5 * max(map(len, distractor_texts(copy))), copy["slug"]
        assert copy["text"] == item["text"]
        assert distractor_texts(copy) == distractor_texts(item)


def test_copies_for_reading_say_the_same_at_much_greater_length() -> None:
    lengths = [
        (len(item["text"]), len(copy["text"])) for item, copy in zip(SOUND, COPIES["reading_level"], strict=True)
    ]
    assert sum(copied >= 1.2 * length for length, copied in lengths) >= 0.95 * len(SOUND)


@pytest.mark.parametrize("gate", ["stem_form", "reading_level"])
def test_copies_with_another_stem_keep_their_options(gate: str) -> None:
    assert [copy["options"] for copy in COPIES[gate]] == [item["options"] for item in SOUND]


def test_duplicates_are_in_other_words_and_ask_for_the_same() -> None:
    kept = 0
    for item, copy in zip(SOUND, COPIES["near_duplicate"], strict=True):
        assert copy["text"] != item["text"]
        kept += set(texts(copy)) == set(texts(item))
        assert len(texts(copy)) >= len(texts(item)) - 1
    assert 0.5 * len(SOUND) <= kept < len(SOUND)


@each_gate
def test_wordings_of_a_flaw_are_many(gate: str) -> None:
    """No phrase makes up the flaw: what the copies add to their items differs."""
    added = Counter[str]()
    for item, copy in zip(SOUND, COPIES[gate], strict=True):
        added.update({copy["text"], *texts(copy)} - {item["text"], *texts(item)})
    assert not added or max(added.values()) <= 0.1 * len(SOUND), added.most_common(3)


def test_copies_are_the_same_at_every_call_and_belong_to_the_caller() -> None:
    mine = flawed_copies("near_duplicate")
    assert mine == COPIES["near_duplicate"]
    mine[0]["options"].clear()
    sound_items()[0]["options"].clear()
    assert flawed_copies("near_duplicate") == COPIES["near_duplicate"]
    assert sound_items() == SOUND


def test_every_override_belongs_to_an_item_and_files_stay_readable() -> None:
    for path in sorted(HERE.glob("sound/*.json")):
        slugs = [item["slug"] for item in json.loads(path.read_text("utf-8"))]
        flaws = json.loads((HERE / "flaws" / path.name).read_text("utf-8"))
        assert list(flaws) == slugs
        assert all(tuple(overrides) == WRITTEN for overrides in flaws.values())
    assert len(list(HERE.glob("flaws/*"))) == len(list(HERE.glob("sound/*")))
    assert all(len(path.read_text("utf-8").splitlines()) <= LONGEST_FILE for path in HERE.glob("*/*.json"))


def test_a_gate_that_there_is_not_is_refused() -> None:
    with pytest.raises(KeyError):
        flawed_copies("no_such_gate")


# --- banks ---


def test_balanced_banks_have_the_same_items_with_their_keys_spread() -> None:
    assert balanced_bank() == SOUND
    for bank in balanced_banks(5):
        assert [sorted(texts(item)) for item in bank] == [sorted(texts(item)) for item in SOUND]
        of_four = [key_position(item) for item in bank if len(item["options"]) == 4]
        assert max(Counter(of_four).values()) <= 0.26 * len(of_four)
        assert bank != SOUND


@pytest.mark.parametrize("position", range(4))
def test_bank_with_keys_at_one_position_has_them_there(position: int) -> None:
    bank = bank_with_keys_at(position, 0.6)
    of_four = [key_position(item) for item in bank if len(item["options"]) == 4]
    assert Counter(of_four)[position] >= 0.5 * len(of_four)
    assert [sorted(texts(item)) for item in bank] == [sorted(texts(item)) for item in SOUND]
    assert [key_texts(item) for item in bank] == [key_texts(item) for item in SOUND]


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_bank_with_longest_keys_has_them_mostly(share: float) -> None:
    assert share_of_longest(bank_with_longest_keys(share)) >= share > share_of_longest(balanced_bank()) + 0.2
