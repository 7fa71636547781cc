"""The style sheet of rendered texts, `src/sitting/web/static/code.css`, made by

    python -m sitting.kit.markup.stylesheet > src/sitting/web/static/code.css

Each colour has a contrast of at least 4.5 (WCAG 2.2, AA) against the background of code, on a light and a dark page.
"""

from __future__ import annotations

import sys

from sitting.kit.markup.highlighting import CLASS_PREFIX, KINDS

LIGHT = {
    "background": "#f6f4ee",
    "text": "#1d2430",
    "comment": "#5a6270",
    "keyword": "#8a1c7c",
    "name": "#1f4fa3",
    "builtin": "#0b6270",
    "string": "#1a6640",
    "number": "#8f4100",
    "prompt": "#5a6270",
    "deleted": "#a3261f",
    "inserted": "#1a6640",
    "heading": "#1f4fa3",
    "error": "#a3261f",
}
"""Colours on a light page: of the background, of the text, and of each kind of code."""

DARK = {
    "background": "#12161d",
    "text": "#e7eaf0",
    "comment": "#98a2b3",
    "keyword": "#e5a3e0",
    "name": "#9dbdff",
    "builtin": "#7ad0dd",
    "string": "#7fd3a5",
    "number": "#f2be70",
    "prompt": "#98a2b3",
    "deleted": "#ff9f96",
    "inserted": "#7fd3a5",
    "heading": "#9dbdff",
    "error": "#ff9f96",
}
"""The same on a dark page."""

_RULES = """\
pre.code {
  margin: 0 0 1rem; padding: 0.75rem 0.875rem; border-radius: 0.5rem; background: var(--code-background);
  color: var(--code-text); font-size: 0.9375rem; line-height: 1.5; white-space: pre-wrap; overflow-wrap: anywhere;
  tab-size: 4;
}
pre.code > code { padding: 0; border-radius: 0; background: none; color: inherit; font-size: inherit; }
pre.code span { color: inherit; }
code.formula { white-space: pre-wrap; overflow-wrap: anywhere; }
math { font-size: 1.0625em; }
math[display="block"] { margin-block: 0.75rem; max-width: 100%; overflow-x: auto; overflow-y: hidden; }
mtd[columnalign="left"] { text-align: left; }
mtd[columnalign="right"] { text-align: right; }
menclose[notation="box"] { padding: 0.125em 0.25em; border: 1px solid; }
.align-left { text-align: left; }
.align-center { text-align: center; }
.align-right { text-align: right; }
"""


def stylesheet() -> str:
    """The whole file, as text."""
    kinds = "".join(f"pre.code .{CLASS_PREFIX}{kind} {{ color: var(--code-{kind}); }}\n" for kind in KINDS)
    dark = "".join(f"  {line}\n" for line in _variables(DARK).splitlines())
    return (
        "/* Made by `python -m sitting.kit.markup.stylesheet`: change that, and make this again. */\n"
        f"{_variables(LIGHT)}\n@media (prefers-color-scheme: dark) {{\n{dark}}}\n\n{_RULES}{kinds}"
    )


def _variables(colours: dict[str, str]) -> str:
    lines = "".join(f"  --code-{name}: {colour};\n" for name, colour in colours.items())
    return f":root {{\n{lines}}}\n"


if __name__ == "__main__":
    sys.stdout.write(stylesheet())
