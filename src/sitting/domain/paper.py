"""The paper: one candidate's questions, frozen before they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from sitting.domain.errors import InvalidAnswer, QuestionNotFound
from sitting.domain.messages import QuestionMessage, ShownOption, ShownQuestion
from sitting.domain.question import QuestionContent
from sitting.kit.canonical import canonical_json, sha256_hex


@dataclass(frozen=True, slots=True)
class PaperQuestion:
    """One slot of a paper.

    Attributes:
        position: from 1.
        option_order: the options' ids in the order in which this candidate sees them.
        points: integer thousandths, weight included.
    """

    position: int
    question_id: str
    section: str
    points: int
    option_order: tuple[str, ...]
    content_digest: str
    content: QuestionContent

    def resolve(self, selected_option: str | None) -> str | None:
        """The id of the chosen option, given its id or its exact text; an id wins. None stays None (clears).

        Raises:
            InvalidAnswer: the question has no such option.
        """
        if selected_option is None or selected_option in self.option_order:
            return selected_option
        for option in self.content.options:
            if option.text == selected_option:
                return option.id
        raise InvalidAnswer(question_id=self.question_id)

    def shown(self) -> QuestionMessage:
        """What the candidate may see of it: never the key or the explanation."""
        texts = {option.id: option.text for option in self.content.options}
        return QuestionMessage(
            question_id=self.question_id,
            position=self.position,
            question=ShownQuestion(
                text=self.content.text,
                type=self.content.type,
                options=tuple(ShownOption(id=id_, text=texts[id_]) for id_ in self.option_order),
                difficulty=self.content.difficulty,
                skill=self.content.skill,
                points=self.points / 1000,
                media=(),
            ),
        )


@dataclass(frozen=True)
class Paper:
    """All slots of one assessment, by position."""

    questions: tuple[PaperQuestion, ...]

    @cached_property
    def by_id(self) -> Mapping[str, PaperQuestion]:
        """The slots by question_id."""
        return {question.question_id: question for question in self.questions}

    @property
    def max_score(self) -> int:
        """The sum of all points, in thousandths."""
        return sum(question.points for question in self.questions)

    def question(self, question_id: str) -> PaperQuestion:
        """The slot of that question.

        Raises:
            QuestionNotFound: this paper does not hold it.
        """
        found = self.by_id.get(question_id)
        if found is None:
            raise QuestionNotFound(question_id=question_id)
        return found

    def at_position(self, position: int) -> PaperQuestion:
        """The slot at `position`, counted from 1.

        Raises:
            QuestionNotFound: the paper is shorter, or the position below 1.
        """
        if not 1 <= position <= len(self.questions):
            raise QuestionNotFound(position=position)
        return self.questions[position - 1]

    def digest(self) -> str:
        """SHA-256, in hex, over order, points and content of all slots: what the log's first entry vouches for."""
        slots = [
            [q.position, q.question_id, q.section, q.points, list(q.option_order), q.content_digest]
            for q in self.questions
        ]
        return sha256_hex(canonical_json(slots))
