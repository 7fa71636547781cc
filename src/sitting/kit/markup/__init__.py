"""Texts of authors: Markdown with code, formulas and images, as safe HTML.

`docs/question-text.md` says what they may write. Nothing here raises on any text, and a text's length is bounded, so
that its rendering is, too.
"""

from __future__ import annotations

from sitting.kit.markup.parsing import MAX_LENGTH
from sitting.kit.markup.rendering import to_html
from sitting.kit.markup.reports import media_of, plain_text, problems

__all__ = ["MAX_LENGTH", "media_of", "plain_text", "problems", "to_html"]
