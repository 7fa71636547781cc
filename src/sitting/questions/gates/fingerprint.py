"""What a question says, as weighted words: alike for one that was reworded a little, not for one with other numbers.

Taken are the stem and what is right; distractors can be others and the question still the same. Words are stemmed, and
the small ones count little. Numbers, negations and the operators of code are kept apart, as `hard` ones, and so are
opposites: where they differ, the questions differ, however much else is alike.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

from sitting.domain.question import QuestionContent, QuestionType
from sitting.questions.gates.english import COMMON_WORDS, FUNCTION_WORDS, NEGATIONS, stem
from sitting.questions.gates.option_set import spellings
from sitting.questions.gates.text import Kind, Piece, Text, Token, read_text
from sitting.questions.gates.word_list import in_order, listed

_FUNCTION, _COMMON, _TERM = 1, 3, 8
_IN_CODE = re.compile(r"[A-Za-z_]\w*|\d+(?:\.\d+)?|[^\w\s()\[\]{},;:.'\"`]+|[^\W\d]+")
_IN_NAME = re.compile(r"(?<=\w\w)[-/](?=[A-Za-z_]\w)|(?<!\w)/(?=[A-Za-z]\w)")
"""Hyphens and slashes in names such as Content-Type and /srv/box, which calculate nothing."""
_OPERATOR = re.compile(r"[+\-*/×·÷=<>≤≥≠^%−]")
_SAME = {"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-"}
_CODE_WORDS = listed("not and or in is")
_NUMERALS = {
    word: str(number)
    for number, word in enumerate(in_order("zero one two three four five six seven eight nine ten eleven twelve"))
    if word != "one"
} | {word: f"{number}." for number, word in enumerate(in_order("second third fourth fifth sixth seventh eighth"), 2)}
_ROMAN = re.compile(r"(?=[IVX]{2})X{0,3}(?:IX|IV|V?I{0,3})")
_SIDES = (
    (
        "largest biggest greatest highest maximum max most longest fastest best latest newest last final",
        "smallest least lowest minimum min fewest shortest slowest worst earliest oldest first initial",
    ),
    (
        "increase increases increased increasing rise rises grow grows more above over higher larger greater longer",
        "decrease decreases decreased decreasing fall falls shrink shrinks fewer less below under lower smaller",
    ),
    ("before", "after"),
    ("left leftmost", "right rightmost"),
    ("ascending", "descending"),
    (
        "true correct valid allowed possible legal safe",
        "false incorrect invalid forbidden impossible illegal unsafe wrong",
    ),
    ("always", "never"),
    ("with", "without"),
    ("input", "output"),
    ("advantage benefit", "disadvantage drawback"),
    ("encrypt encryption encode", "decrypt decryption decode"),
    ("mean", "median"),
    ("north northern", "south southern"),
    ("east eastern", "west western"),
    ("internal", "external"),
    ("read", "write"),
    ("add", "remove"),
)
_OPPOSITES = {
    word: (number, is_first)
    for number, sides in enumerate(_SIDES)
    for is_first, words in zip((True, False), sides, strict=True)
    for word in in_order(words)
}


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A question as weighted words.

    Attributes:
        weights: of the stem and the right options, by word; `total` is their sum.
        stem: check sum of the stem's words.
        hard: numbers, negations and operators of the stem, each as often as it stands there.
        answers: the same of what is right.
        sides: of each pair of opposites, whether the stem leans to the first; a stem that leans to none has no entry.
        right, wrong: check sums of the options, without what makes no difference to a reader.
    """

    weights: dict[str, int]
    total: int
    stem: int
    hard: tuple[tuple[str, int], ...]
    answers: tuple[tuple[str, int], ...]
    sides: dict[int, bool]
    right: frozenset[int]
    wrong: frozenset[int]


def fingerprint(content: QuestionContent) -> Fingerprint:
    """The fingerprint of a question; the order of its options does not matter."""
    asked = read_text(content.text, inline=False)
    right, wrong = right_and_wrong(content)
    said, hard = Counter[str](), Counter[str]()
    for word, is_hard in _features(asked):
        said[word] += 1
        hard[word] += is_hard
    stem_sum = crc32(repr(sorted(said.items())).encode("utf-8", "replace"))
    answers = Counter[str]()
    for option in right if content.type is not QuestionType.TRUE_FALSE else ():
        features = set(_features(option))
        said.update({word for word, _ in features})
        answers.update({word for word, is_hard in features if is_hard})
    weights = {word: _weight(word) * min(times, 2) for word, times in said.items()}
    return Fingerprint(
        weights=weights,
        total=sum(weights.values()),
        stem=stem_sum,
        hard=_kept(hard),
        answers=_kept(answers),
        sides=_sides(asked),
        right=_sums(right),
        wrong=_sums(wrong),
    )


def _kept(hard: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((word, times) for word, times in hard.items() if times))


def right_and_wrong(content: QuestionContent) -> tuple[list[Text], list[Text]]:
    """The right and the wrong options; of a question without options, what is accepted."""
    right = {content.key, *content.keys}
    read = [(option.id in right, read_text(option.text, inline=True)) for option in content.options]
    accepted = [each.text for each in content.accepted[:1]] + [each.value for each in content.numbers[:1]]
    given = [read_text(text, inline=True) for text in accepted]
    return [text for is_right, text in read if is_right] + given, [text for is_right, text in read if not is_right]


def _sums(texts: Sequence[Text]) -> frozenset[int]:
    return frozenset(crc32(min(spellings(text)).encode("utf-8", "replace")) for text in texts)


def _sides(asked: Text) -> dict[int, bool]:
    names = [name for piece in asked.pieces if piece.kind is not Kind.WORD for name in _names(piece)]
    leaning: Counter[int] = Counter()
    for word in (*asked.words, *names):
        side = _OPPOSITES.get(word)
        if side is not None:
            leaning[side[0]] += 1 if side[1] else -1
    return {side: lean > 0 for side, lean in leaning.items() if lean}


def _names(piece: Piece) -> list[str]:
    return [name.lower() for name in re.findall(r"[A-Za-z]+", piece.text)]


def similarity(one: Fingerprint, other: Fingerprint) -> float:
    """The weight that both have in common, as a share of what either has.

    0 where hard words differ or sides are opposed, and where the right option of one is a wrong one of the other or is
    another number, unless they ask the same (then one of them has the wrong key).
    """
    if one.hard != other.hard or any(other.sides.get(side, sign) != sign for side, sign in one.sides.items()):
        return 0.0
    if one.stem != other.stem and _contradict(one, other):
        return 0.0
    small, large = (one, other) if len(one.weights) <= len(other.weights) else (other, one)
    known = large.weights
    common = sum(min(weight, known[word]) for word, weight in small.weights.items() if word in known)
    either = one.total + other.total - common
    return common / either if either else 1.0


def _contradict(one: Fingerprint, other: Fingerprint) -> bool:
    """Whether what is right in one cannot be right in the other, were they the same question."""
    return one.answers != other.answers or bool(
        (one.right & other.wrong or other.right & one.wrong) and not one.right & other.right
    )


def _features(text: Text) -> Iterator[tuple[str, bool]]:
    """Each word with whether it is a hard one."""
    for piece in text.pieces:
        if piece.kind is not Kind.WORD:
            yield from _of_code(piece.text)
    tokens = text.tokens
    for place, token in enumerate(tokens):
        if token.kind is Kind.WORD:
            yield (token.text, True) if _ROMAN.fullmatch(token.text) else _of_word(token.folded)
        elif token.kind is Kind.MARK and _OPERATOR.match(token.text) and _calculates(tokens, place):
            yield _SAME.get(token.text, token.text), True


def _calculates(tokens: Sequence[Token], place: int) -> bool:
    """Whether a mark stands beside a number, a single letter or a formula: otherwise it is a dash or a slash."""
    around = (*tokens[max(0, place - 1) : place], *tokens[place + 1 : place + 2])
    return any(
        token.kind is Kind.FORMULA or token.text[0].isdigit() or (token.kind is Kind.WORD and len(token.text) == 1)
        for token in around
    )


def _of_code(code: str) -> Iterator[tuple[str, bool]]:
    for found in _IN_CODE.findall(_IN_NAME.sub(" ", code)):
        if found[0].isalpha() or found[0] == "_":
            yield found, found in _CODE_WORDS
        else:
            yield _SAME.get(found, found), True


def _of_word(word: str) -> tuple[str, bool]:
    if word[0].isdigit():
        return word.replace(",", ""), True
    if word in _NUMERALS:
        return _NUMERALS[word], True
    if word in NEGATIONS or word.endswith("n't"):
        return "not", True
    return (word if word in FUNCTION_WORDS else stem(word)), False


def _weight(word: str) -> int:
    if word in FUNCTION_WORDS:
        return _FUNCTION
    return _COMMON if word in _COMMON_STEMS or not word[0].isalpha() else _TERM


_COMMON_STEMS = frozenset(stem(word) for word in COMMON_WORDS)
