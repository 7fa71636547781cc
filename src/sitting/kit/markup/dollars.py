"""Where formulas begin and end in Markdown: two rules for the parser, for `$…$` and `$$…$$`.

A single opening dollar is followed by something other than white space; the next dollar closes it if it comes after
something other than white space and no digit follows. So "$5 and $10" stays text. A formula holds no back-tick: what
looks like code stays code.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_left
from functools import lru_cache
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

INLINE = "formula"
BLOCK = "formula_block"
_MOST_LINES = 60  # of a block; so that texts full of openings cost no more than their length

_UNIT = re.compile(r"\\.|\$|`", re.DOTALL)
_DOUBLE = re.compile(r"(?<!\\)\$\$")


class _Marks(NamedTuple):
    """Positions in one text, each ascending, of what matters to formulas."""

    dollars: list[int]
    pairs: list[int]
    ticks: list[int]


def add_formulas(parser: MarkdownIt) -> None:
    """Teach the parser the tokens `formula` and `formula_block`: `content` is LaTeX, `markup` the dollars."""
    parser.inline.ruler.before("escape", INLINE, _inline)
    parser.block.ruler.before("fence", BLOCK, _block, {"alt": ["paragraph", "reference", "blockquote", "list"]})


def _inline(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "$":
        return False
    markup = "$$" if state.src.startswith("$$", state.pos) else "$"
    start = state.pos + len(markup)
    end = _end(state.src, start, state.posMax, markup)
    if end is None:
        return markup == "$$" and _as_text(state, silent)
    if not silent:
        token = state.push(INLINE, "math", 0)
        token.content, token.markup = state.src[start:end], markup
    state.pos = end + len(markup)
    return True


def _as_text(state: StateInline, silent: bool) -> bool:
    """Take two dollars as text, so that the second one opens nothing."""
    if not silent:
        state.append_pending("$$")
    state.pos += 2
    return True


def _end(text: str, start: int, limit: int, markup: str) -> int | None:
    """Where the formula ends whose content begins at `start`; None if it is none."""
    marks = _marks(text)
    if markup == "$" and (start >= limit or text[start].isspace()):
        return None
    end = _first(marks.pairs if markup == "$$" else marks.dollars, start + 1)
    if end is None or end + len(markup) > limit or not text[start:end].strip() or _first(marks.ticks, start, end):
        return None
    return end if markup == "$$" or _closes(text, end) else None


def _closes(text: str, dollar: int) -> bool:
    return not text[dollar - 1].isspace() and not text[dollar + 1 : dollar + 2].isdigit()


def _first(positions: list[int], least: int, limit: int = sys.maxsize) -> int | None:
    index = bisect_left(positions, least)
    return positions[index] if index < len(positions) and positions[index] < limit else None


@lru_cache(maxsize=4)
def _marks(text: str) -> _Marks:
    marks = _Marks([], [], [])
    for unit in _UNIT.finditer(text):
        start = unit.start()
        if unit[0] == "`":
            marks.ticks.append(start)
        elif unit[0] == "$":
            marks.dollars.append(start)
            if text.startswith("$$", start):
                marks.pairs.append(start)
    return marks


def _block(state: StateBlock, first: int, end: int, silent: bool) -> bool:
    if state.is_code_block(first) or not _line(state, first).startswith("$$"):
        return False
    lines = _block_lines(state, first, min(end, first + _MOST_LINES))
    content = "\n".join(lines)[2:-2] if lines else ""
    if not content.strip() or _DOUBLE.search(content):
        return False
    if not silent:
        state.line = first + len(lines)
        token = state.push(BLOCK, "math", 0)
        token.content, token.markup, token.map, token.block = content, "$$", [first, state.line], True
    return True


def _block_lines(state: StateBlock, first: int, end: int) -> list[str]:
    """The lines from the opening dollars to the closing ones, without indentation; empty if they do not close."""
    lines: list[str] = []
    for number in range(first, end):
        line = _line(state, number)
        if not line or (number > first and state.sCount[number] < state.blkIndent):
            return []
        lines.append(line)
        if line.endswith("$$") and (number > first or len(line) > len("$$$$")):
            return lines
    return []


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]].rstrip()
