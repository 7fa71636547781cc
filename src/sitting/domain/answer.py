"""What a candidate can give as an answer, whatever the kind of question."""

from __future__ import annotations

from sitting.kit.value import Value


class GivenAnswer(Value, frozen=True):
    """One of the three is set, or none: then the answer is cleared.

    Attributes:
        selected_option: the id of the one chosen option (single choice, true/false).
        selected_options: the ids of all chosen options, in the order of the question (multiple response).
        value: the text as typed (numeric, short text).
    """

    selected_option: str | None = None
    selected_options: tuple[str, ...] | None = None
    value: str | None = None

    @property
    def is_cleared(self) -> bool:
        """Whether nothing is answered."""
        return self.selected_option is None and self.selected_options is None and self.value is None

    def __str__(self) -> str:
        """For people: what was chosen or typed."""
        if self.selected_options is not None:
            return ", ".join(self.selected_options) or "no option"
        return next((said for said in (self.selected_option, self.value) if said is not None), "nothing")


CLEARED = GivenAnswer()
