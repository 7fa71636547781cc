"""The bank as files: JSON, CSV and GIFT, in and out. What a file says stands in docs/bank.md and docs/gift.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from sitting.api.fields import Text
from sitting.api.problems import refusals
from sitting.api.questions import Editor, Reader, Wanted
from sitting.api.security import Now, Parts
from sitting.domain.errors import Conflict
from sitting.domain.question import Difficulty
from sitting.interchange.formats import MEDIA_TYPES, Format
from sitting.interchange.reading import Defaults
from sitting.interchange.report import Outcome, Report
from sitting.usecases.export_questions import export_questions
from sitting.usecases.import_questions import import_questions

router = APIRouter(prefix="/questions", tags=["questions"])

_TEXT = {"schema": {"type": "string"}}
_FILE: dict[str, Any] = {"required": True, "content": dict.fromkeys([*MEDIA_TYPES.values()], _TEXT)}
_EXPORTED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file; with `report`, what became of each question instead.",
        "content": {"text/csv": _TEXT, "text/plain": _TEXT},
    }
}


@dataclass(frozen=True, slots=True)
class BankFile:
    """A file of the format `json`: which version of it, and the questions (docs/bank.md)."""

    sitting_questions: int
    questions: list[dict[str, Any]]


FormatQuery = Annotated[Format, Query(alias="format")]


@router.post("/import", responses=refusals(Conflict), openapi_extra={"requestBody": _FILE})
async def import_bank(
    request: Request,
    services: Parts,
    now: Now,
    who: Editor,
    format_: FormatQuery,
    dry_run: bool = False,
    skill: Annotated[Text | None, Query(min_length=1, max_length=200, description="for items that say none")] = None,
    difficulty: Annotated[Difficulty | None, Query(description="for items that say none")] = None,
) -> Report:
    """Take the questions of a file (UTF-8, 8 MiB at most), and say of each what became of it.

    With `dry_run` nothing is stored, and the report is the one that there would be.
    """
    return await import_questions(
        services.storage,
        await request.body(),
        format_,
        defaults=Defaults((skill or "").strip() or None, difficulty),
        dry_run=dry_run,
        by=who.user_id,
        now=now,
    )


@router.get("/export", response_model=Report | BankFile, responses={**_EXPORTED, **refusals()})
async def export_bank(services: Parts, _who: Reader, wanted: Wanted, format_: FormatQuery, report: bool = False) -> Any:
    """The questions that are wanted as a file; `report` gives what the format can say of each, instead.

    The headers Sitting-Left-Out and Sitting-Changed count the questions that the file does not hold, or not exactly.
    """
    text, said = await export_questions(services.storage, format_, wanted)
    if report:
        return said
    headers = {
        "Content-Disposition": f'attachment; filename="questions.{format_}"',
        "Cache-Control": "no-store",
        "Sitting-Left-Out": str(said.counts[Outcome.LEFT_OUT]),
        "Sitting-Changed": str(said.changed),
    }
    return Response(text.encode(), headers=headers, media_type=f"{MEDIA_TYPES[format_]}; charset=utf-8")
