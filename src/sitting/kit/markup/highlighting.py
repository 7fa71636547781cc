"""Code in colours: spans with a class that says what a piece of code is. The colours are in `stylesheet`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pygments.lexer import Lexer  # type: ignore[import-untyped]

MAX_CODE = 4_000
"""Characters of code in one text that are coloured; what comes after them is shown without colours."""

_UNUSUAL = re.compile(r"\s{80}|[^\n]{500}")
"""Nobody's code looks like this, and it is where the lexers' patterns take time beyond all proportion."""

_LANGUAGES = (
    "bash c console cpp css diff docker go haskell html http ini java javascript json kotlin lua make nginx perl"
    " php powershell python python-console r ruby rust scala sql swift toml typescript xml yaml"
)
_ALIASES = {
    "c++": "cpp",
    "dockerfile": "docker",
    "js": "javascript",
    "makefile": "make",
    "py": "python",
    "pycon": "python-console",
    "python3": "python",
    "rb": "ruby",
    "rs": "rust",
    "sh": "bash",
    "shell": "bash",
    "shell-session": "console",
    "ts": "typescript",
    "yml": "yaml",
}
LANGUAGES = {name: name for name in _LANGUAGES.split()} | _ALIASES
"""What an author may write after the opening of a code block, and the lexer it stands for."""

PLAIN = frozenset({"", "text", "txt", "plain", "output"})
"""Also allowed, without colours."""

KINDS = {
    "comment": "Comment",
    "keyword": "Keyword Operator.Word",
    "name": "Name.Function Name.Class Name.Decorator Name.Tag",
    "builtin": "Name.Builtin Name.Exception Name.Constant Name.Variable Name.Attribute Keyword.Type Keyword.Constant",
    "string": "Literal.String Literal.Date",
    "number": "Literal.Number",
    "prompt": "Generic.Prompt",
    "deleted": "Generic.Deleted",
    "inserted": "Generic.Inserted",
    "heading": "Generic.Heading Generic.Subheading",
    "error": "Generic.Error Generic.Traceback",
}
"""Kinds of code that have a colour, each with the types of Pygments that it stands for, and what is below these."""

CLASS_PREFIX = "code-"


def highlight(code: str, language: str) -> str:
    """The code as HTML: text with spans; only text if the language has none, or the code is unlike code."""
    if language not in LANGUAGES or _UNUSUAL.search(code):
        return escape(code, quote=False)
    pieces = _pieces(code, LANGUAGES[language])
    if "".join(value for _, value in pieces) != code:
        return escape(code, quote=False)
    grouped = groupby(pieces, key=lambda piece: piece[0])
    return "".join(_span(kind, "".join(value for _, value in group)) for kind, group in grouped)


def _pieces(code: str, name: str) -> list[tuple[str, str]]:
    """Kinds and pieces of the code; none if the lexer fails. Some lexers also lose characters of odd code."""
    try:
        return [(_kind(type_), value) for _, type_, value in _lexer(name).get_tokens_unprocessed(code)]
    except Exception:  # of whatever kind: colours are not worth a question that cannot be shown
        return []


def _span(kind: str, code: str) -> str:
    text = escape(code, quote=False)
    return f'<span class="{CLASS_PREFIX}{kind}">{text}</span>' if kind else text


@cache
def _lexer(name: str) -> Lexer:
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]  # noqa: PLC0415 - slow

    if name == "http":
        return _http_lexer()
    return get_lexer_by_name(name, **({"startinline": True} if name == "php" else {}))


def _http_lexer() -> Lexer:
    """Without what Pygments does for a body: to load whatever lexer its content type names."""
    from pygments.lexers.textfmts import HttpLexer  # type: ignore[import-untyped]  # noqa: PLC0415 - slow
    from pygments.token import Text  # type: ignore[import-untyped]  # noqa: PLC0415 - slow

    class _HttpHead(HttpLexer):  # type: ignore[misc]  # Pygments has no types
        tokens = HttpLexer.tokens | {"content": [(r".+", Text)]}

    return _HttpHead()


@cache
def _types() -> dict[Any, str]:
    from pygments.token import string_to_tokentype  # noqa: PLC0415 - slow

    return {string_to_tokentype(type_): kind for kind, types in KINDS.items() for type_ in types.split()}


def _kind(type_: Any) -> str:
    """The kind of a type of Pygments: its own, or that of the nearest one above it; empty if none has any."""
    return next((_types()[ancestor] for ancestor in _upwards(type_) if ancestor in _types()), "")


def _upwards(type_: Any) -> Iterator[Any]:
    while type_ is not None:
        yield type_
        type_ = type_.parent
