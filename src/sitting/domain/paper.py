"""The paper: one candidate's questions, frozen before they are shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from msgspec import structs

from sitting.domain.answer import CLEARED, GivenAnswer
from sitting.domain.errors import InvalidAnswer, QuestionNotFound
from sitting.domain.events import SlotQuestion
from sitting.domain.matching import MAX_VALUE_CHARACTERS, read_number
from sitting.domain.messages import QuestionMessage, ShownOption, ShownQuestion
from sitting.domain.question import QuestionContent, QuestionType
from sitting.kit.canonical import canonical_json, is_storable, sha256_hex
from sitting.kit.markup import to_html
from sitting.kit.value import Value


def media_address(sha256: str) -> str:
    """Where a client fetches an image, below the server's own address."""
    return f"/api/v1/media/{sha256}"


class PaperQuestion(Value, frozen=True):
    """One slot of a paper.

    Attributes:
        position: from 1.
        option_order: the options' ids in the order in which this candidate sees them.
        points: integer thousandths, weight included; what the candidate is told.
        is_pilot: it is answered and counted so that something is known of it, and is worth nothing to the candidate,
            who is not told before the end.
    """

    position: int
    question_id: str
    section: str
    points: int
    option_order: tuple[str, ...]
    content_digest: str
    content: QuestionContent
    is_pilot: bool = False

    @property
    def worth(self) -> int:
        """What it counts for, in thousandths."""
        return 0 if self.is_pilot else self.points

    def resolve(self, given: GivenAnswer) -> GivenAnswer:
        """The answer in its stored form: options by id, given their ids or exact texts (an id wins), in order.

        An empty choice or text clears, like all three being None.

        Raises:
            InvalidAnswer: it is no possible answer to this kind of question; `details.reason` says why.
        """
        said = (given.selected_option, given.selected_options, given.value)
        self._require(said.count(None) >= 2, "it takes one answer")
        if given.is_cleared or given.selected_options == () or (given.value is not None and not given.value.strip()):
            return CLEARED
        match self.content.type:
            case QuestionType.MULTIPLE_RESPONSE:
                return GivenAnswer(selected_options=self._options(given))
            case QuestionType.NUMERIC | QuestionType.SHORT_TEXT:
                return self._typed(given)
            case _:
                self._require(given.selected_option is not None, "it takes selected_option")
                return GivenAnswer(selected_option=self._option(given.selected_option or ""))

    def _options(self, given: GivenAnswer) -> tuple[str, ...]:
        self._require(given.value is None, "it takes selected_options")
        ids = {self._option(each) for each in given.selected_options or (given.selected_option or "",)}
        return tuple(option.id for option in self.content.options if option.id in ids)

    def _option(self, named: str) -> str:
        if named in self.option_order:
            return named
        texts = {option.text: option.id for option in self.content.options if option.id in self.option_order}
        self._require(named in texts, "it has no such option")
        return texts[named]

    def _typed(self, given: GivenAnswer) -> GivenAnswer:
        # A front end that knows only selected_option puts what was typed there.
        typed = given.selected_option if given.value is None else given.value
        self._require(typed is not None, "it takes value")
        if typed is None or not typed.strip():
            return CLEARED
        self._require(is_storable(typed), "NUL and lone surrogates are not possible")
        self._require(len(typed) <= MAX_VALUE_CHARACTERS, f"it takes at most {MAX_VALUE_CHARACTERS} characters")
        if self.content.type is QuestionType.NUMERIC:
            self._check_number(typed)
        return GivenAnswer(value=typed)

    def _check_number(self, typed: str) -> None:
        try:
            _, unit = read_number(typed)
        except InvalidAnswer as refusal:
            refusal.details["question_id"] = self.question_id
            raise
        self._require(not unit or bool(self.content.unit), "it takes a number without a unit")

    def _require(self, condition: bool, reason: str) -> None:
        if not condition:
            raise InvalidAnswer(question_id=self.question_id, reason=reason)

    def as_slot(self, *, points: int | None = None) -> SlotQuestion:
        """What stands here, as the log tells it; `points` in thousandths where it has to say them."""
        return SlotQuestion(self.question_id, self.content_digest, self.option_order, points)

    def shown(self) -> QuestionMessage:
        """What the candidate may see of it: never the key or the explanation."""
        content = self.content
        texts = {option.id: option.text for option in content.options}
        media: dict[str, str] = {}

        def address(sha256: str) -> str:
            return media.setdefault(sha256, media_address(sha256))

        html = to_html(content.text, image_url=address)
        options = tuple(
            ShownOption(id_, texts[id_], to_html(texts[id_], inline=True, image_url=address))
            for id_ in self.option_order
        )
        return QuestionMessage(
            question_id=self.question_id,
            position=self.position,
            question=ShownQuestion(
                text=content.text,
                html=html,
                type=content.type,
                options=options,
                difficulty=content.difficulty,
                skill=content.skill,
                points=self.points / 1000,
                media=tuple(media.values()),
                unit=content.unit if content.unit and not content.unit_required else None,
            ),
        )


def _replaced(
    question: PaperQuestion, slot: SlotQuestion | None, contents: Mapping[str, QuestionContent]
) -> PaperQuestion:
    if slot is None:
        return question
    return PaperQuestion(
        position=question.position,
        question_id=slot.question_id,
        section=question.section,
        points=question.points if slot.points is None else slot.points,
        option_order=slot.option_order,
        content_digest=slot.content_digest,
        content=contents[slot.content_digest],
    )


_PILOT = "pilot"


def _vouched(question: PaperQuestion, slot: SlotQuestion | None) -> list[object]:
    """What the paper's digest covers of a slot, with that question in it."""
    q = question
    if slot is None:
        kept = [q.position, q.question_id, q.section, q.points, list(q.option_order), q.content_digest]
        return [*kept, _PILOT] if q.is_pilot else kept  # so that papers from before there were pilots keep their digest
    points = q.points if slot.points is None else slot.points
    return [q.position, slot.question_id, q.section, points, list(slot.option_order), slot.content_digest]


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
        """The sum of what all questions count for, in thousandths."""
        return sum(question.worth for question in self.questions)

    @property
    def told_score(self) -> int:
        """The sum of the points that the candidate is told of, in thousandths."""
        return sum(question.points for question in self.questions)

    @property
    def pilots(self) -> frozenset[int]:
        """The positions of the questions that count for nothing yet."""
        return frozenset(question.position for question in self.questions if question.is_pilot)

    def with_pilots(self, positions: Collection[int]) -> Paper:
        """The same with pilots in these positions, and nowhere else."""
        if not positions and not self.pilots:
            return self
        return Paper(tuple(structs.replace(q, is_pilot=q.position in positions) for q in self.questions))

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

    def with_slots(self, slots: Mapping[int, SlotQuestion], contents: Mapping[str, QuestionContent]) -> Paper:
        """The same with other questions in some slots, by position.

        Args:
            contents: by digest.
        """
        return Paper(tuple(_replaced(q, slots.get(q.position), contents) for q in self.questions))

    def digest(self, slots: Mapping[int, SlotQuestion] | None = None) -> str:
        """SHA-256, in hex, over order, points and content of all slots: what the log's first entry vouches for.

        Args:
            slots: by position, what is thought to stand there instead.
        """
        others = slots or {}
        return sha256_hex(canonical_json([_vouched(q, others.get(q.position)) for q in self.questions]))
