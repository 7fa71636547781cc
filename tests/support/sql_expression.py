"""Conditions in SQL, in one spelling: PostgreSQL gives back another text than the one that it was told."""

from __future__ import annotations

import re
from collections.abc import Callable

_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|\w[\w.]*|::|<>|>=|<=|\|\||[-+*/%=<>(),\[\]])")
_COMPARISONS = ("=", "<>", "<", ">", "<=", ">=")
_BINDS = {"or": 1, "and": 2, "not": 3}  # how tightly; what stands alone binds tightest
_ALONE = 9

Part = tuple[str, int]
"""A piece of text, and how tightly it binds."""


def canonical(text: str) -> str:
    """The condition in lower case, without casts, with the parentheses that it needs, and lists as `in (…)`.

    Raises:
        ValueError: it holds something that this reader does not know.
    """
    parser = _Parser(text)
    condition, _ = parser.disjunction()
    parser.expect_end()
    return condition


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[str] = [found if found.startswith("'") else found.lower() for found in _TOKEN.findall(text)]
        if _TOKEN.sub("", text).strip():
            raise ValueError(f"cannot be read: {_TOKEN.sub('', text).strip()!r} in {text!r}")

    def disjunction(self) -> Part:
        return self._chain("or", self._conjunction)

    def _conjunction(self) -> Part:
        return self._chain("and", self._negation)

    def _chain(self, word: str, part: Callable[[], Part]) -> Part:
        parts = [part()]
        while self._take(word):
            parts.append(part())
        if len(parts) == 1:
            return parts[0]
        # `or` and `and` are associative: (a or b) or c needs none of its parentheses.
        return f" {word} ".join(_inside(text, binds, _BINDS[word]) for text, binds in parts), _BINDS[word]

    def _negation(self) -> Part:
        if self._take("not"):
            return f"not {_inside(*self._negation(), _BINDS['not'])}", _BINDS["not"]
        return self._comparison()

    def _comparison(self) -> Part:
        left = self._operand()
        if self._take("is"):
            negated = "not " if self._take("not") else ""
            self._expect("null")
            return f"{left[0]} is {negated}null", _ALONE
        if self._take("not"):
            self._expect("in")
            return f"{left[0]} not in ({self._list('(', ')')})", _ALONE
        if self._take("in"):
            return f"{left[0]} in ({self._list('(', ')')})", _ALONE
        for sign in _COMPARISONS:
            if self._take(sign):
                return self._compared(left[0], sign), _ALONE
        return left

    def _compared(self, left: str, sign: str) -> str:
        for word, meant, spelling in (("any", "=", "in"), ("all", "<>", "not in")):
            if sign == meant and self._take(word):
                return f"{left} {spelling} ({self._array()})"
        return f"{left} {sign} {self._operand()[0]}"

    def _array(self) -> str:
        self._expect("(")
        if self._peek() == "(":
            found = self._array()
        else:
            self._expect("array")
            found = self._list("[", "]")
        self._cast()
        self._expect(")")
        self._cast()
        return found

    def _list(self, opening: str, closing: str) -> str:
        self._expect(opening)
        found = [self._operand()[0]]
        while self._take(","):
            found.append(self._operand()[0])
        self._expect(closing)
        return ", ".join(found)

    def _operand(self) -> Part:
        part = self._primary()
        while self._take("||"):
            part = f"{part[0]} || {self._primary()[0]}", _ALONE
        return part

    def _primary(self) -> Part:
        if self._take("("):
            part = self.disjunction()
            self._expect(")")
        else:
            part = self._next(), _ALONE
        self._cast()
        return part

    def _cast(self) -> None:
        while self._take("::"):
            self._next()
            while self._peek() in ("varying", "with", "without", "time", "zone", "precision"):
                self._next()
            for opening, closing in ("()", "[]"):
                if self._take(opening):
                    while not self._take(closing):
                        self._next()

    def _peek(self) -> str:
        return self._tokens[0] if self._tokens else ""

    def _next(self) -> str:
        if not self._tokens:
            raise ValueError(f"ends too early: {self._text!r}")
        return self._tokens.pop(0)

    def _take(self, token: str) -> bool:
        if self._peek() != token:
            return False
        self._next()
        return True

    def _expect(self, token: str) -> None:
        if not self._take(token):
            raise ValueError(f"{token!r} expected, not {self._peek()!r}, in {self._text!r}")

    def expect_end(self) -> None:
        if self._tokens:
            raise ValueError(f"cannot be read from {self._peek()!r} on: {self._text!r}")


def _inside(text: str, binds: int, outer: int) -> str:
    return text if binds >= outer else f"({text})"
