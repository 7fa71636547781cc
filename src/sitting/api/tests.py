"""Tests: drafts and published versions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response, status
from pydantic import Field

from sitting.api.coverage_bodies import TestCoverage, shown_coverage
from sitting.api.draft import Draft
from sitting.api.fields import Body, EntityPath, Name, Text
from sitting.api.idempotency import IdempotentRoute
from sitting.api.pagination import Page, Paged
from sitting.api.problems import refusals
from sitting.api.security import Now, Parts, require
from sitting.api.version_bodies import (
    EditedTest,
    ShownPaper,
    TestCheck,
    TestVersion,
    shown_check,
    shown_paper,
    shown_test,
    shown_version,
)
from sitting.api.version_diff import VersionDiff, shown_diff
from sitting.domain.errors import BlueprintNotFound, Conflict, PublicationRefused
from sitting.identity.access import Action
from sitting.identity.identify import Identity
from sitting.usecases.archive_blueprint import archive_blueprint
from sitting.usecases.check_draft import check_draft
from sitting.usecases.clone_blueprint import clone_blueprint
from sitting.usecases.compare_versions import compare_versions
from sitting.usecases.cover_test import cover_test
from sitting.usecases.create_blueprint import create_blueprint
from sitting.usecases.publish_blueprint import publish_blueprint
from sitting.usecases.replace_draft import replace_draft
from sitting.usecases.sample_paper import sample_paper

router = APIRouter(prefix="/tests", tags=["tests"], route_class=IdempotentRoute)

Reader = Annotated[Identity, require(Action.READ_TESTS)]
BankReader = Annotated[Identity, require(Action.READ_BANK)]
Editor = Annotated[Identity, require(Action.EDIT_TESTS)]
NumberPath = Annotated[int, Path(ge=1, lt=2**31)]
DRAFT = "draft"


class SampleOf(Body):
    """Which paper to draw: the same seed gives the same paper; without one it is a paper of chance."""

    seed: Annotated[Text, Field(min_length=1, max_length=200)] | None = None


class CloneOf(Body):
    """What to call the copy; null says whose copy it is."""

    name: Name | None = None


@router.get("", responses=refusals())
async def list_tests(
    services: Parts,
    window: Paged,
    _who: Reader,
    archived: Annotated[bool, Query(description="those that are archived, instead of those in use")] = False,
) -> Page[EditedTest]:
    """Tests by id."""
    async with services.storage.reading() as unit:
        rows = await unit.blueprints.list_page(after=window.after_number, limit=window.rows, archived=archived)
    return window.page(rows, lambda test: test.test_id, shown_test)


@router.post("", status_code=status.HTTP_201_CREATED, responses=refusals())
async def add_test(services: Parts, now: Now, who: Editor, body: Draft) -> EditedTest:
    """Begin a Test with a draft. Nobody can take it before it is published."""
    return shown_test(await create_blueprint(services.storage, body.to_blueprint(), by=who.user_id, now=now))


@router.get("/{test_id}", responses=refusals(BlueprintNotFound))
async def read_test(services: Parts, response: Response, test_id: EntityPath, _who: Reader) -> EditedTest:
    """A Test with its draft."""
    async with services.storage.reading() as unit:
        return _tagged(shown_test(await unit.blueprints.select(test_id)), response)


@router.put("/{test_id}", responses=refusals(BlueprintNotFound, Conflict))
async def replace_test_draft(
    services: Parts,
    now: Now,
    response: Response,
    test_id: EntityPath,
    _who: Editor,
    body: Draft,
    if_match: Annotated[str | None, Header(max_length=1000, description="the ETag of the draft to replace")] = None,
) -> EditedTest:
    """Replace the draft, with If-Match only if it is still that one; published versions do not change."""
    draft, replaces = body.to_blueprint(), _tags(if_match)
    test = await replace_draft(services.storage, test_id, draft, now=now, replaces=replaces)
    return _tagged(shown_test(test), response)


@router.delete("/{test_id}", status_code=status.HTTP_204_NO_CONTENT, responses=refusals(BlueprintNotFound))
async def archive_test(services: Parts, now: Now, test_id: EntityPath, _who: Editor) -> None:
    """Archive a Test: nobody can start it any more; whoever has begun goes on, and versions stay."""
    await archive_blueprint(services.storage, test_id, now=now)


@router.post(
    "/{test_id}/publish",
    status_code=status.HTTP_201_CREATED,
    responses=refusals(BlueprintNotFound, PublicationRefused),
)
async def publish_test(services: Parts, now: Now, test_id: EntityPath, who: Editor) -> TestVersion:
    """Make an immutable version of the draft and of its questions as they stand now; new assessments use it."""
    return shown_version(await publish_blueprint(services.storage, test_id, by=who.user_id, now=now))


@router.post("/{test_id}/check", responses=refusals(BlueprintNotFound))
async def check_test(services: Parts, test_id: EntityPath, _who: Editor) -> TestCheck:
    """What publishing would say now; nothing changes."""
    return shown_check(await check_draft(services.storage, test_id))


@router.get("/{test_id}/coverage", responses=refusals(BlueprintNotFound))
async def read_coverage(services: Parts, test_id: EntityPath, _who: BankReader) -> TestCoverage:
    """What the draft needs, skill by skill where it has skill graphs, and what the bank has for it."""
    sections = await cover_test(services.storage, test_id)
    return shown_coverage(test_id, sections, await check_draft(services.storage, test_id))


@router.post("/{test_id}/sample-paper", responses=refusals(BlueprintNotFound, PublicationRefused))
async def draw_sample_paper(
    services: Parts, test_id: EntityPath, _who: Editor, body: SampleOf | None = None
) -> ShownPaper:
    """A paper as the draft would give it, with keys; nothing changes."""
    return shown_paper(await sample_paper(services.storage, test_id, body.seed if body else None))


@router.post("/{test_id}/clone", status_code=status.HTTP_201_CREATED, responses=refusals(BlueprintNotFound))
async def clone_test(
    services: Parts, now: Now, test_id: EntityPath, who: Editor, body: CloneOf | None = None
) -> EditedTest:
    """Begin another Test with the same draft."""
    name = body.name if body else None
    return shown_test(await clone_blueprint(services.storage, test_id, name=name, by=who.user_id, now=now))


@router.get("/{test_id}/versions", responses=refusals(BlueprintNotFound))
async def list_versions(services: Parts, test_id: EntityPath, _who: Reader) -> Page[TestVersion]:
    """All versions of a Test, oldest first."""
    async with services.storage.reading() as unit:
        await unit.blueprints.select(test_id)
        return Page([shown_version(version) for version in await unit.blueprints.versions(test_id)])


@router.get("/{test_id}/versions/{number}", responses=refusals(BlueprintNotFound))
async def read_version(services: Parts, test_id: EntityPath, number: NumberPath, _who: Reader) -> TestVersion:
    """One version of a Test."""
    async with services.storage.reading() as unit:
        return shown_version(await unit.blueprints.numbered_version(test_id, number))


@router.get("/{test_id}/diff", responses=refusals(BlueprintNotFound))
async def compare_test_versions(
    services: Parts,
    test_id: EntityPath,
    _who: Reader,
    from_: Annotated[int, Query(alias="from", ge=1, lt=2**31)],
    to: Annotated[Text, Query(pattern=r"^(draft|[1-9][0-9]{0,8})$")] = DRAFT,
) -> VersionDiff:
    """What changed from one version to another, or to the draft."""
    return shown_diff(await compare_versions(services.storage, test_id, from_, None if to == DRAFT else int(to)))


def _tagged(test: EditedTest, response: Response) -> EditedTest:
    response.headers["ETag"] = f'"{test.draft_digest}"'
    return test


def _tags(if_match: str | None) -> list[str] | None:
    """The digests of an If-Match header (RFC 9110); None where any draft will do."""
    if if_match is None or if_match.strip() == "*":
        return None
    return [tag.strip().removeprefix("W/").strip('"') for tag in if_match.split(",")]
