"""The question bank, keys included: for staff alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, status
from pydantic import Field, StringConstraints

from sitting.api.fields import (
    Body,
    Name,
    Prose,
    QuestionPath,
    ShortProse,
    Text,
    Thousandths,
    to_thousandths,
)
from sitting.api.idempotency import IdempotentRoute
from sitting.api.pagination import Page, Paged
from sitting.api.problems import refusals
from sitting.api.security import Now, Parts, require
from sitting.domain.errors import Conflict, QuestionNotFound
from sitting.domain.piloting import Wording
from sitting.domain.question import (
    AcceptedNumber,
    AcceptedText,
    Difficulty,
    OtherUnit,
    QuestionType,
    QuestionVersion,
    TextMatch,
)
from sitting.domain.question_check import MAX_ACCEPTED, MAX_OPTIONS, MAX_TAGS
from sitting.identity.access import Action
from sitting.identity.identify import Identity
from sitting.storage.repositories.questions import QuestionFilter
from sitting.storage.unit_of_work import UnitOfWork
from sitting.usecases.archive_question import archive_question
from sitting.usecases.create_question import create_question
from sitting.usecases.question_draft import DraftedOption, QuestionDraft
from sitting.usecases.restore_question import restore_question
from sitting.usecases.revise_question import revise_question

router = APIRouter(prefix="/questions", tags=["questions"], route_class=IdempotentRoute)

Tag = Annotated[Text, StringConstraints(min_length=1, max_length=50)]
Decimal_ = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,30}(\.[0-9]{1,30})?$")]
Share = Annotated[Thousandths, Field(gt=0, le=1, json_schema_extra={"default": 1})]
Reader = Annotated[Identity, require(Action.READ_BANK)]
Editor = Annotated[Identity, require(Action.EDIT_BANK)]


class OptionBody(Body):
    """A choice, whether it is (one of) the right one(s), and what is said to whoever chose it."""

    text: ShortProse
    correct: Annotated[bool, Field(strict=True)]
    feedback: Prose = ""


class NumberBody(Body):
    """A right number with its tolerance, as decimal texts; `credit` is the share of the points, 0 to 1."""

    value: Decimal_
    tolerance: Decimal_ = "0"
    credit: Share = Decimal(1)


class UnitBody(Body):
    """A unit that is taken as well: one of it is `factor` of the question's own."""

    name: Name
    factor: Decimal_


class AcceptedBody(Body):
    """A right text: `exact`, `wildcard` (`*` is any run of characters) or `pattern` (a regular expression, RE2)."""

    text: ShortProse
    match: TextMatch = TextMatch.EXACT
    credit: Share = Decimal(1)


class QuestionBody(Body):
    """What a question says; its key stands in the fields of its type.

    single_choice: `options`, exactly one correct. multiple_response: `options`, one or more correct. true_false:
    `correct`. numeric: `numbers`, `unit`, `unit_required`, `other_units`. short_text: `accepted`, `case_sensitive`.
    """

    type: QuestionType = QuestionType.SINGLE_CHOICE
    skill: Name
    difficulty: Difficulty
    text: Prose
    options: Annotated[tuple[OptionBody, ...], Field(max_length=MAX_OPTIONS)] = ()
    correct: Annotated[bool, Field(strict=True)] | None = None
    numbers: Annotated[tuple[NumberBody, ...], Field(max_length=MAX_ACCEPTED)] = ()
    unit: Annotated[Text, Field(max_length=50)] = ""
    unit_required: Annotated[bool, Field(strict=True)] = False
    other_units: Annotated[tuple[UnitBody, ...], Field(max_length=MAX_ACCEPTED)] = ()
    accepted: Annotated[tuple[AcceptedBody, ...], Field(max_length=MAX_ACCEPTED)] = ()
    case_sensitive: Annotated[bool, Field(strict=True)] = False
    tags: Annotated[tuple[Tag, ...], Field(max_length=MAX_TAGS)] = ()
    explanation: Prose = ""

    def to_draft(self) -> QuestionDraft:
        """The same for the use cases."""
        return QuestionDraft(
            type=self.type,
            skill=self.skill,
            difficulty=self.difficulty,
            text=self.text,
            explanation=self.explanation,
            tags=self.tags,
            options=[DraftedOption(option.text, option.correct, option.feedback) for option in self.options],
            correct=self.correct,
            numbers=[AcceptedNumber(n.value, n.tolerance, to_thousandths(n.credit)) for n in self.numbers],
            unit=self.unit,
            unit_required=self.unit_required,
            other_units=[OtherUnit(unit.name, unit.factor) for unit in self.other_units],
            accepted=[AcceptedText(each.text, each.match, to_thousandths(each.credit)) for each in self.accepted],
            case_sensitive=self.case_sensitive,
        )


class NewQuestion(QuestionBody):
    """A question for the bank. `slug` is a name for people and files, unique in the bank."""

    slug: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,99}$")] | None = None


@dataclass(frozen=True, slots=True)
class BankOption:
    """A choice under its id."""

    id: str
    text: str
    correct: bool
    feedback: str


@dataclass(frozen=True, slots=True)
class BankNumber:
    """A right number; `credit` is the share of the points."""

    value: str
    tolerance: str
    credit: float


@dataclass(frozen=True, slots=True)
class BankText:
    """A right text; `credit` is the share of the points."""

    text: str
    match: TextMatch
    credit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BankQuestion:
    """The current version of a question, with its key.

    `responses` says how often it was answered as it is worded, in assessments that are over, trial runs left out.
    """

    question_id: str
    slug: str | None
    version: int
    type: QuestionType
    skill: str
    difficulty: Difficulty
    text: str
    options: list[BankOption]
    numbers: list[BankNumber]
    unit: str
    unit_required: bool
    other_units: list[OtherUnit]
    accepted: list[BankText]
    case_sensitive: bool
    tags: list[str]
    explanation: str
    responses: int


@dataclass(frozen=True, slots=True)
class QuestionVersionEntry:
    """A line of a question's history; `created_by` is a user_id, null where no user did it.

    `responses`: as of the question. Two versions of the same content share theirs.
    """

    version: int
    content_digest: str
    created_by: int | None
    created_at: datetime
    responses: int


async def _wanted(
    skill: Annotated[Text | None, Query(max_length=200)] = None,
    difficulty: Difficulty | None = None,
    type_: Annotated[QuestionType | None, Query(alias="type")] = None,
    tag: Annotated[list[Tag] | None, Query(max_length=20)] = None,
    q: Annotated[Text | None, Query(max_length=200, description="words that must all occur")] = None,
    archived: Annotated[bool, Query(description="those that were taken out of the bank, instead")] = False,
) -> QuestionFilter:
    return QuestionFilter(skill, difficulty, type_, tag or (), (q or "").split(), archived)


Wanted = Annotated[QuestionFilter, Depends(_wanted)]


@router.get("", responses=refusals())
async def list_questions(services: Parts, window: Paged, _who: Reader, wanted: Wanted) -> Page[BankQuestion]:
    """Questions by id, narrowed by whatever is given."""
    async with services.storage.reading() as unit:
        rows = await unit.questions.list_page(after=window.after, limit=window.rows, wanted=wanted)
        responses = await unit.response_counts.of([(row.question_id, row.digest) for row in rows])
    return window.page(rows, lambda version: version.question_id, lambda version: _bank_question(version, responses))


@router.post("", status_code=status.HTTP_201_CREATED, responses=refusals(Conflict))
async def add_question(services: Parts, now: Now, who: Editor, body: NewQuestion) -> BankQuestion:
    """Add a question, as version 1."""
    draft = body.to_draft()
    return _bank_question(await create_question(services.storage, draft, slug=body.slug, by=who.user_id, now=now), {})


@router.get("/{question_id}", responses=refusals(QuestionNotFound))
async def read_question(services: Parts, question_id: QuestionPath, _who: Reader) -> BankQuestion:
    """The current version of a question."""
    async with services.storage.reading() as unit:
        return await _counted(unit, await unit.questions.select(question_id))


@router.put("/{question_id}", responses=refusals(QuestionNotFound))
async def replace_question(
    services: Parts, now: Now, question_id: QuestionPath, who: Editor, body: QuestionBody
) -> BankQuestion:
    """Make a new version; papers and published Tests keep theirs. Options whose text stays keep their ids."""
    draft = body.to_draft()
    version = await revise_question(services.storage, question_id, draft, by=who.user_id, now=now)
    async with services.storage.reading() as unit:
        return await _counted(unit, version)


@router.delete("/{question_id}", status_code=status.HTTP_204_NO_CONTENT, responses=refusals(QuestionNotFound))
async def remove_question(services: Parts, now: Now, question_id: QuestionPath, _who: Editor) -> None:
    """Archive a question: it leaves the bank, and what was published with it goes on."""
    await archive_question(services.storage, question_id, now=now)


@router.post("/{question_id}/restore", responses=refusals(QuestionNotFound))
async def bring_question_back(services: Parts, now: Now, question_id: QuestionPath, _who: Editor) -> BankQuestion:
    """Put an archived question back into the bank, in the version that it had."""
    version = await restore_question(services.storage, question_id, now=now)
    async with services.storage.reading() as unit:
        return await _counted(unit, version)


@router.get("/{question_id}/versions", responses=refusals(QuestionNotFound))
async def list_question_versions(
    services: Parts, question_id: QuestionPath, _who: Reader
) -> list[QuestionVersionEntry]:
    """All versions of a question, the first one first; archived questions have theirs, too."""
    async with services.storage.reading() as unit:
        found = await unit.questions.history(question_id)
        responses = await unit.response_counts.of([(question_id, v.digest) for v in found])
    return [
        QuestionVersionEntry(v.version, v.digest, v.created_by, v.created_at, responses.get((question_id, v.digest), 0))
        for v in found
    ]


@router.get("/{question_id}/versions/{number}", responses=refusals(QuestionNotFound))
async def read_question_version(
    services: Parts, question_id: QuestionPath, number: Annotated[int, Path(ge=1, lt=2**31)], _who: Reader
) -> BankQuestion:
    """One version of a question, whether or not it is archived."""
    async with services.storage.reading() as unit:
        return await _counted(unit, await unit.questions.select_version(question_id, number))


async def _counted(unit: UnitOfWork, version: QuestionVersion) -> BankQuestion:
    return _bank_question(version, await unit.response_counts.of([(version.question_id, version.digest)]))


def _bank_question(version: QuestionVersion, responses: Mapping[Wording, int]) -> BankQuestion:
    content = version.content
    return BankQuestion(
        question_id=version.question_id,
        slug=version.slug,
        version=version.version,
        type=content.type,
        skill=content.skill,
        difficulty=content.difficulty,
        text=content.text,
        options=[BankOption(o.id, o.text, o.id in content.right_options, o.feedback) for o in content.options],
        numbers=[BankNumber(n.value, n.tolerance, n.credit / 1000) for n in content.numbers],
        unit=content.unit,
        unit_required=content.unit_required,
        other_units=list(content.other_units),
        accepted=[BankText(each.text, each.match, each.credit / 1000) for each in content.accepted],
        case_sensitive=content.case_sensitive,
        tags=list(content.tags),
        explanation=content.explanation,
        responses=responses.get((version.question_id, version.digest), 0),
    )
