"""An item as the gates see it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sitting.domain.question import QuestionContent, QuestionType
from sitting.questions.gates.language import language_of
from sitting.questions.gates.text import Text, read_text


@dataclass(frozen=True, slots=True)
class Choice:
    """An option, read."""

    id: str
    text: Text
    is_key: bool


@dataclass(frozen=True)
class Item:
    """A question's content, read once for all gates. It need not be one that the bank would take.

    Attributes:
        said_language: a code such as `en`, if somebody knows it; None to find out.
    """

    content: QuestionContent
    said_language: str | None = None

    @property
    def type(self) -> QuestionType:
        """The kind of question."""
        return self.content.type

    @cached_property
    def stem(self) -> Text:
        """What is asked."""
        return read_text(self.content.text, inline=False)

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        """The options in their order."""
        right = {self.content.key, *self.content.keys}
        return tuple(
            Choice(option.id, read_text(option.text, inline=True), option.id in right)
            for option in self.content.options
        )

    @cached_property
    def key(self) -> Choice | None:
        """The one right option; None if there is not exactly one."""
        right = [choice for choice in self.choices if choice.is_key]
        return right[0] if len(right) == 1 else None

    @cached_property
    def distractors(self) -> tuple[Choice, ...]:
        """The wrong options."""
        return tuple(choice for choice in self.choices if not choice.is_key)

    @cached_property
    def language(self) -> str:
        """A code such as `en`; empty for a language that is not known."""
        if self.said_language is not None:
            return self.said_language.lower().partition("-")[0]
        return language_of([*self.stem.words, *(word for choice in self.choices for word in choice.text.words)])
