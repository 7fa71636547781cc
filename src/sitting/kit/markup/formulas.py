"""LaTeX to MathML, from latex2mathml's tree and never from its text.

That library writes whatever an author puts into `\\href`, `\\class` or `\\text` without escaping, and MathML is where
sanitisers of HTML are known to fail. So its tree is written out anew: known elements, known attributes with known
values, text escaped. What does not fit is refused, and the author sees the formula as it was typed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from sitting.kit.markup.mathml import Inconvertible, to_mathml

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_FORMULA = 1000
"""Characters of one formula."""

_COMMAND = re.compile(r"\\(?:[a-zA-Z]+|.)", re.DOTALL)
_ENVIRONMENT = re.compile(r"\\begin\s*\{([^}]*)\}")
_ENVIRONMENTS = frozenset(
    {"matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "Vmatrix", "smallmatrix", "array", "cases", "split"}
    | {"align", "align*", "aligned"}
)
_FORBIDDEN = frozenset(
    {
        # attributes from the author
        *(r"\href", r"\class", r"\style", r"\unicode"),
        # colours that vanish on a dark page, and lines that not every browser draws
        *(r"\color", r"\textcolor", r"\colorbox", r"\fcolorbox", r"\rule"),
        *(r"\cancel", r"\bcancel", r"\xcancel", r"\sout"),
        # definitions, which could double themselves without end
        *(r"\newcommand", r"\renewcommand", r"\newenvironment", r"\def", r"\let", r"\DeclareMathOperator"),
        # reads on whatever is around it
        r"\verb",
    }
)


class Formula(NamedTuple):
    """A formula as `<math>…</math>`, or the reason why it has none: a clause without capital and full stop."""

    mathml: str | None
    problem: str | None


@lru_cache(maxsize=1024)
def formula(latex: str, *, display: bool) -> Formula:
    """Convert one formula without its dollars; `display` sets it in a line of its own, with large sums."""
    try:
        return Formula(to_mathml(_tree(latex, display)), None)
    except Inconvertible as error:
        return Formula(None, str(error))


def _tree(latex: str, display: bool) -> Element:
    _check(latex)
    from latex2mathml.converter import convert_to_element  # noqa: PLC0415 - slow: it reads a table of all symbols

    try:
        return convert_to_element(_without_aligned(latex), display="block" if display else "inline")
    except RecursionError as error:
        raise Inconvertible("it is nested too deeply") from error
    except Exception as error:  # the library's own have no common base, and it raises StopIteration and KeyError, too
        raise Inconvertible("it is not complete, or not LaTeX") from error


def _without_aligned(latex: str) -> str:
    """Its one name for columns that meet at an `&`, without numbers, is `align*`."""
    return latex.replace("{aligned}", "{align*}")


def _check(latex: str) -> None:
    if len(latex) > MAX_FORMULA:
        raise Inconvertible(f"it is longer than {MAX_FORMULA} characters")
    unknown = set(_ENVIRONMENT.findall(latex)) - _ENVIRONMENTS
    if unknown:
        raise Inconvertible(f"the environment {min(unknown)} is not known")
    for command in _COMMAND.findall(latex):
        if command in _FORBIDDEN:
            raise Inconvertible(f"{command} cannot be used here")
    braces = _COMMAND.sub("", latex)
    if braces.count("{") != braces.count("}"):
        raise Inconvertible("its braces do not match")
