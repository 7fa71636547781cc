"""The question bank, keys included: for staff alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, status
from pydantic import Field, StringConstraints

from sitting.api.fields import Body, Name, Prose, QuestionPath, ShortProse, Text
from sitting.api.pagination import Page, Paged
from sitting.api.problems import refusals
from sitting.api.security import Now, Parts, require
from sitting.domain.errors import Conflict, QuestionNotFound
from sitting.domain.question import Difficulty, QuestionType, QuestionVersion
from sitting.identity.access import Action
from sitting.identity.identify import Identity
from sitting.usecases.archive_question import archive_question
from sitting.usecases.create_question import create_question
from sitting.usecases.question_draft import DraftedOption, QuestionDraft
from sitting.usecases.revise_question import revise_question

router = APIRouter(prefix="/questions", tags=["questions"])

Reader = Annotated[Identity, require(Action.READ_BANK)]
Editor = Annotated[Identity, require(Action.EDIT_BANK)]


class OptionBody(Body):
    """A choice, and whether it is the right one."""

    text: ShortProse
    correct: Annotated[bool, Field(strict=True)]


class QuestionBody(Body):
    """What a question says. Exactly one option is correct."""

    skill: Name
    difficulty: Difficulty
    text: Prose
    options: Annotated[list[OptionBody], Field(min_length=2, max_length=20)]
    explanation: Prose = ""

    def to_draft(self) -> QuestionDraft:
        """The same for the use cases."""
        options = [DraftedOption(option.text, option.correct) for option in self.options]
        return QuestionDraft(self.skill, self.difficulty, self.text, options, self.explanation)


class NewQuestion(QuestionBody):
    """A question for the bank. `slug` is a name for people and files, unique in the bank."""

    slug: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,99}$")] | None = None


@dataclass(frozen=True, slots=True)
class BankOption:
    """A choice under its id."""

    id: str
    text: str
    correct: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BankQuestion:
    """The current version of a question, with its key."""

    question_id: str
    slug: str | None
    version: int
    type: QuestionType
    skill: str
    difficulty: Difficulty
    text: str
    options: list[BankOption]
    explanation: str


@router.get("", responses=refusals())
async def list_questions(
    services: Parts,
    window: Paged,
    _who: Reader,
    skill: Annotated[Text | None, Query(max_length=200)] = None,
    difficulty: Difficulty | None = None,
) -> Page[BankQuestion]:
    """Questions by id."""
    async with services.storage.reading() as unit:
        rows = await unit.questions.list_page(after=window.after, limit=window.rows, skill=skill, difficulty=difficulty)
    return window.page(rows, lambda version: version.question_id, _bank_question)


@router.post("", status_code=status.HTTP_201_CREATED, responses=refusals(Conflict))
async def add_question(services: Parts, now: Now, who: Editor, body: NewQuestion) -> BankQuestion:
    """Add a question, as version 1."""
    draft = body.to_draft()
    return _bank_question(await create_question(services.storage, draft, slug=body.slug, by=who.user_id, now=now))


@router.get("/{question_id}", responses=refusals(QuestionNotFound))
async def read_question(services: Parts, question_id: QuestionPath, _who: Reader) -> BankQuestion:
    """The current version of a question."""
    async with services.storage.reading() as unit:
        return _bank_question(await unit.questions.select(question_id))


@router.put("/{question_id}", responses=refusals(QuestionNotFound))
async def replace_question(
    services: Parts, now: Now, question_id: QuestionPath, who: Editor, body: QuestionBody
) -> BankQuestion:
    """Make a new version; papers and published Tests keep theirs. Options whose text stays keep their ids."""
    draft = body.to_draft()
    return _bank_question(await revise_question(services.storage, question_id, draft, by=who.user_id, now=now))


@router.delete("/{question_id}", status_code=status.HTTP_204_NO_CONTENT, responses=refusals(QuestionNotFound))
async def remove_question(services: Parts, now: Now, question_id: QuestionPath, _who: Editor) -> None:
    """Archive a question: it leaves the bank, and what was published with it goes on."""
    await archive_question(services.storage, question_id, now=now)


def _bank_question(version: QuestionVersion) -> BankQuestion:
    content = version.content
    return BankQuestion(
        question_id=version.question_id,
        slug=version.slug,
        version=version.version,
        type=content.type,
        skill=content.skill,
        difficulty=content.difficulty,
        text=content.text,
        options=[BankOption(option.id, option.text, option.id == content.key) for option in content.options],
        explanation=content.explanation,
    )
