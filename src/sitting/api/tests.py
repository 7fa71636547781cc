"""Tests: drafts and published versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, status
from pydantic import Field

from sitting.api.fields import (
    Body,
    Count,
    EntityPath,
    Instant,
    Name,
    Prose,
    QuestionId,
    Thousandths,
    from_thousandths,
    to_thousandths,
)
from sitting.api.pagination import Page, Paged
from sitting.api.problems import refusals
from sitting.api.security import Now, Parts, require
from sitting.domain.blueprint import MAX_QUESTIONS, Blueprint, DraftedTest, FixedQuestion, PublishedVersion
from sitting.domain.errors import BlueprintNotFound, PublicationRefused
from sitting.identity.access import Action
from sitting.identity.identify import Identity
from sitting.usecases.create_blueprint import create_blueprint
from sitting.usecases.publish_blueprint import publish_blueprint
from sitting.usecases.replace_draft import replace_draft

router = APIRouter(prefix="/tests", tags=["tests"])

Reader = Annotated[Identity, require(Action.READ_TESTS)]
Editor = Annotated[Identity, require(Action.EDIT_TESTS)]


class DraftQuestion(Body):
    """A question that every candidate gets, and what it is worth."""

    question_id: QuestionId
    points: Annotated[Thousandths, Field(json_schema_extra={"default": 1})] = Decimal(1)


class Draft(Body):
    """The rules of a Test.

    A null time limit or end of the window leaves that side open; `pass_mark` is a percentage; after
    `abandon_after_days` an assessment without a deadline is closed.
    """

    name: Name
    description: Prose = ""
    questions: Annotated[tuple[DraftQuestion, ...], Field(max_length=MAX_QUESTIONS)] = ()
    time_limit_minutes: Count | None = None
    grace_seconds: Count = 5
    opens_at: Instant | None = None
    closes_at: Instant | None = None
    max_attempts: Count = 1
    pass_mark: Annotated[Thousandths, Field(json_schema_extra={"default": 50})] = Decimal(50)
    abandon_after_days: Count = 30

    def to_blueprint(self) -> Blueprint:
        """The same for the rules, its decimals as integer thousandths."""
        return Blueprint(
            name=self.name,
            description=self.description,
            questions=tuple(FixedQuestion(q.question_id, to_thousandths(q.points)) for q in self.questions),
            time_limit_minutes=self.time_limit_minutes,
            grace_seconds=self.grace_seconds,
            opens_at=self.opens_at,
            closes_at=self.closes_at,
            max_attempts=self.max_attempts,
            pass_mark=to_thousandths(self.pass_mark),
            abandon_after_days=self.abandon_after_days,
        )


@dataclass(frozen=True, slots=True)
class EditedTest:
    """A Test as its authors see it; `current_version` is the number of the newest version, null before the first."""

    test_id: int
    current_version: int | None
    draft: Draft
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class VersionQuestion:
    """A question with the content that it had at publication; `content_digest` is that content's SHA-256 in hex."""

    question_id: str
    points: float
    content_digest: str


@dataclass(frozen=True, slots=True)
class TestVersion:
    """An immutable version of a Test; `number` counts from 1."""

    version_id: int
    test_id: int
    number: int
    blueprint: Draft
    questions: list[VersionQuestion]
    published_at: datetime


@router.get("", responses=refusals())
async def list_tests(services: Parts, window: Paged, _who: Reader) -> Page[EditedTest]:
    """Tests by id."""
    async with services.storage.reading() as unit:
        rows = await unit.blueprints.list_page(after=window.after_number, limit=window.rows)
    return window.page(rows, lambda test: test.test_id, _edited)


@router.post("", status_code=status.HTTP_201_CREATED, responses=refusals())
async def add_test(services: Parts, now: Now, who: Editor, body: Draft) -> EditedTest:
    """Begin a Test with a draft. Nobody can take it before it is published."""
    return _edited(await create_blueprint(services.storage, body.to_blueprint(), by=who.user_id, now=now))


@router.get("/{test_id}", responses=refusals(BlueprintNotFound))
async def read_test(services: Parts, test_id: EntityPath, _who: Reader) -> EditedTest:
    """A Test with its draft."""
    async with services.storage.reading() as unit:
        return _edited(await unit.blueprints.select(test_id))


@router.put("/{test_id}", responses=refusals(BlueprintNotFound))
async def replace_test_draft(services: Parts, now: Now, test_id: EntityPath, _who: Editor, body: Draft) -> EditedTest:
    """Replace the draft; published versions do not change."""
    return _edited(await replace_draft(services.storage, test_id, body.to_blueprint(), now=now))


@router.post(
    "/{test_id}/publish",
    status_code=status.HTTP_201_CREATED,
    responses=refusals(BlueprintNotFound, PublicationRefused),
)
async def publish_test(services: Parts, now: Now, test_id: EntityPath, who: Editor) -> TestVersion:
    """Make an immutable version of the draft and of its questions as they stand now; new assessments use it."""
    return _version(await publish_blueprint(services.storage, test_id, by=who.user_id, now=now))


@router.get("/{test_id}/versions", responses=refusals(BlueprintNotFound))
async def list_versions(services: Parts, test_id: EntityPath, _who: Reader) -> Page[TestVersion]:
    """All versions of a Test, oldest first."""
    async with services.storage.reading() as unit:
        await unit.blueprints.select(test_id)
        return Page([_version(version) for version in await unit.blueprints.versions(test_id)])


def _edited(test: DraftedTest) -> EditedTest:
    return EditedTest(test.test_id, test.current_version, _draft(test.draft), test.created_at, test.updated_at)


def _version(version: PublishedVersion) -> TestVersion:
    questions = [VersionQuestion(q.question_id, q.points / 1000, q.content_digest) for q in version.questions]
    return TestVersion(
        version.version_id,
        version.test_id,
        version.number,
        _draft(version.blueprint),
        questions,
        version.published_at,
    )


def _draft(blueprint: Blueprint) -> Draft:
    """Stored drafts were checked when they came in, by the rules of their time: they are shown as they are."""
    questions = tuple(
        DraftQuestion.model_construct(question_id=q.question_id, points=from_thousandths(q.points))
        for q in blueprint.questions
    )
    return Draft.model_construct(
        name=blueprint.name,
        description=blueprint.description,
        questions=questions,
        time_limit_minutes=blueprint.time_limit_minutes,
        grace_seconds=blueprint.grace_seconds,
        opens_at=blueprint.opens_at,
        closes_at=blueprint.closes_at,
        max_attempts=blueprint.max_attempts,
        pass_mark=from_thousandths(blueprint.pass_mark),
        abandon_after_days=blueprint.abandon_after_days,
    )
