"""What a model wrote, as an item; what it is told about the skill; and the gates for what people would not write."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sitting.domain.errors import InvalidMessage
from sitting.domain.question import Option, QuestionContent, QuestionType
from sitting.domain.question_check import check_content
from sitting.kit.ids import random_id
from sitting.questions.gates.item import Item
from sitting.questions.gates.registry import judge_item
from sitting.questions.gates.text import Kind, Text, read_text
from sitting.questions.gates.verdict import ITEM, Finding, Outcome, Verdict, failed, passed, verdict
from sitting.questions.graph.state import Order
from sitting.questions.prompt_answers import WrittenItem

USABLE = "usable"
PLAIN_MARKDOWN = "plain_markdown"
MOST_AVOIDED = 40
LONGEST_AVOIDED = 300
"""Stems that a model is told not to write again, and characters of each."""
_NUMERIC = "numeric_options"
_TAG = re.compile(r"</?[a-z][^<>]*>|<!--|<![a-z]|javascript:", re.IGNORECASE)


def content_of(item: WrittenItem, order: Order) -> QuestionContent:
    """The item as a question, right or wrong: how many keys it has is for the gates to find.

    The options are mixed, since models like to put the key first, unless they are numbers in an order.
    """
    options = [(Option(random_id("o", 10), option.text, option.why), option.correct) for option in item.options]
    right = tuple(option.id for option, is_right in options if is_right)
    content = QuestionContent(
        type=QuestionType.SINGLE_CHOICE,
        text=item.stem,
        options=tuple(option for option, _ in options),
        key=right[0] if len(right) == 1 else "",
        keys=right if len(right) > 1 else (),
        explanation=item.explanation,
        skill=order.skill,
        difficulty=order.difficulty,
    )
    return content if _are_numbers(content) else _mixed(content)


def _are_numbers(content: QuestionContent) -> bool:
    (found,) = judge_item(content, only=[_NUMERIC])
    return found.outcome is not Outcome.NOT_APPLICABLE


def _mixed(content: QuestionContent) -> QuestionContent:
    """In the order of the ids, which are random."""
    options = tuple(sorted(content.options, key=lambda option: option.id))
    places = {option.id: place for place, option in enumerate(options)}
    keys = tuple(sorted(content.keys, key=places.__getitem__))
    return QuestionContent(
        content.type,
        content.text,
        options,
        content.key,
        content.explanation,
        content.skill,
        content.difficulty,
        keys,
    )


def judge_written(content: QuestionContent) -> list[Verdict]:
    """What is wrong with an item only if a program wrote it: the bank would refuse it, or it holds HTML."""
    return [verdict(USABLE, _usable(content)), verdict(PLAIN_MARKDOWN, _plain(content))]


def _usable(content: QuestionContent) -> Finding:
    try:
        check_content(content)
    except InvalidMessage as refusal:
        problems = [str(problem) for problem in refusal.details["problems"]]
        return failed(ITEM, f"The bank refuses it: {'; '.join(problems)}.", problems=problems)
    return passed(ITEM)


def _plain(content: QuestionContent) -> Finding:
    """No HTML outside of code; it would be shown as it is written."""
    item = Item(content)
    notes = [content.explanation, *(option.feedback for option in content.options)]
    texts = [item.stem, *(choice.text for choice in item.choices), *(read_text(note, inline=False) for note in notes)]
    found = [tag for text in texts for tag in _tags(text)]
    if not found:
        return passed(ITEM)
    return failed(ITEM, f"It holds HTML: {found[0][:80]}. Texts are Markdown.", tags=[tag[:80] for tag in found[:5]])


def _tags(text: Text) -> list[str]:
    prose = "".join(piece.text if piece.kind is Kind.WORD else " " for piece in text.pieces)
    return _TAG.findall(prose)


def skill_material(order: Order) -> str:
    """The skill as models are told of it; its name is the first line."""
    depth = {1: "to recognise and use it", 2: "independent daily work with it", 3: "what goes wrong with it, and why"}
    lines = [
        order.skill,
        f"Part of: {' > '.join(order.parents)}" if order.parents else "",
        f"Asked for: {depth.get(order.depth, '')}" if order.depth in depth else "",
        order.about.strip()[:2000],
    ]
    return "\n".join(line for line in lines if line)


def avoid_material(stems: Sequence[str]) -> str:
    """The stems to keep away from, one in a line."""
    return "\n".join(f"- {' '.join(stem.split())[:LONGEST_AVOIDED]}" for stem in stems[:MOST_AVOIDED]) or "(none)"
