"""The gate `absolute_terms`: sweeping words that only wrong options have (Haladyna 2002, 28 a)."""

from __future__ import annotations

import re

from sitting.questions.gates.item import Item
from sitting.questions.gates.settings import GateSettings
from sitting.questions.gates.text import Text
from sitting.questions.gates.verdict import KEY, OPTIONS, Finding, failed, not_applicable, passed

_SWEEPING = re.compile(
    r"\b(?:always|never|invariably|absolutely|completely|totally|entirely|utterly|impossible|everybody|everyone|"
    r"nobody|no one|undoubtedly|definitely|certainly|inevitably|unconditionally|guaranteed|guarantees|"
    r"without exceptions?|without fail|"
    r"(?:in|under) (?:all|any|no|every) (?:cases?|circumstances?|conditions?|situations?)|"
    r"no (?:[\w'-]+ ){1,3}?ever|not ever|not once|nothing (?:else|but)|no other|whatever happens|"
    r"perfectly|wholly|by no means|in no way|in every way|not a single|without any|"
    r"on every occasion|of any kind|at any time|every possible|all possible|cannot possibly|whatsoever|at all times|"
    r"every time|every single|all (?:of )?the time|each and every|no matter what)\b"
)
_COUNTING = re.compile(
    r"(?<![\w-])(?:(?<!\bat )all|every|only(?! *$)|(?<!.)only|none of|everything|must|exclusively|solely|whenever|"
    r"wherever|whoever|anything|anyone|anybody|anywhere|everywhere|nowhere|forever)(?![\w-])"
)
# The same words where they carry the sentence: “All nodes must …”, “It only …”.
_CLAIMING = re.compile(
    r"^(?:all|every|only)(?: [\w'-]+){1,3}? (?=(?:is|are|was|were|must|has|have|can|will|need|needs|should|may)\b)"
    r"|\b(?:it|they|this|which|can|may|will|is|are) only(?= \w)|\b(?:it|they|you|there|one) must\b|\b(?:they|are) all\b"
)


def absolute_terms(item: Item, settings: GateSettings) -> Finding:
    """Not only distractors have words such as “always” and “never”."""
    if item.key is None or not item.distractors:
        return not_applicable("There is no single key to compare with distractors.", KEY)
    if _found(_SWEEPING, item.key.text) or _found(_COUNTING, item.key.text):
        return passed(OPTIONS)
    sweeping = {
        each.id: words
        for each in item.distractors
        if (words := [*_found(_SWEEPING, each.text), *_found(_CLAIMING, each.text)])
    }
    counting = {each.id: words for each in item.distractors if (words := _found(_COUNTING, each.text))}
    enough = max(settings.telling_absolutes, (len(item.distractors) + 1) // 2)
    found = {
        each.id: [*sweeping.get(each.id, ()), *counting.get(each.id, ())]
        for each in item.distractors
        if each.id in sweeping or each.id in counting
    }
    if not sweeping and len(found) < enough:
        return passed(OPTIONS, options=found)
    words = sorted({word for each in found.values() for word in each})
    listed = ", ".join(f"“{word}”" for word in words)
    sentence = f"Only wrong options say {listed}; who is used to tests strikes such options out."
    return failed(min(found), sentence, options=found)


def _said(text: Text) -> str:
    return " ".join(text.words)


def _found(pattern: re.Pattern[str], text: Text) -> list[str]:
    return pattern.findall(_said(text))
