"""Take the questions of a file into the bank."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sitting.domain.errors import InvalidMessage
from sitting.domain.question import Option, QuestionContent, QuestionVersion
from sitting.interchange.formats import Format, read_bank
from sitting.interchange.reading import Defaults, ReadItem
from sitting.interchange.report import ItemReport, Outcome, Remark, Report, report_of
from sitting.interchange.shape import WrittenQuestion
from sitting.kit.ids import random_id
from sitting.storage.repositories.questions import Identity, shown_media
from sitting.storage.unit_of_work import Storage, UnitOfWork
from sitting.usecases.create_question import QUESTION_ID_LENGTH
from sitting.usecases.question_draft import DraftedOption, QuestionDraft, content_of

OUTCOMES = (Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED, Outcome.REFUSED)


async def import_questions(
    storage: Storage,
    data: bytes,
    format_: Format,
    *,
    defaults: Defaults,
    dry_run: bool,
    by: int | None,
    now: datetime,
) -> Report:
    """Create what is new, revise what differs, leave what is equal; what cannot be taken is refused and nothing else.

    All of it comes in one transaction. A question is known by its question_id or else by its slug. With `dry_run`
    nothing is stored, and the report is the one that there would be.

    Raises:
        Conflict: somebody else has just added a question of the same name; nothing was stored.
    """
    file = await asyncio.to_thread(read_bank, data, format_, defaults)
    if dry_run:
        async with storage.reading() as unit:
            plan = await _planned(unit, file.items, locking=False)
    else:
        async with storage.unit_of_work() as unit:
            plan = await _planned(unit, file.items, locking=True)
            await unit.questions.write(plan.new, plan.revised, by=by, now=now)
    reports = plan.reports
    if dry_run:
        reports = [_foreseen(report, item) for report, item in zip(reports, file.items, strict=True)]
    return report_of(format_, reports, outcomes=OUTCOMES, remarks=file.remarks, dry_run=dry_run)


def _foreseen(report: ItemReport, item: ReadItem) -> ItemReport:
    """As in a dry run: an id that would be made up is none yet."""
    given = item.question.question_id if item.question is not None else None
    return replace(report, question_id=given) if report.outcome is Outcome.CREATED else report


@dataclass(slots=True)
class _Plan:
    """What is to be stored, and what is to be told."""

    new: list[QuestionVersion] = field(default_factory=list)
    revised: list[QuestionVersion] = field(default_factory=list)
    reports: list[ItemReport] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Bank:
    """The part of the bank that a file speaks of."""

    by_id: Mapping[str, Identity]
    by_slug: Mapping[str | None, Identity]
    current: Mapping[str, QuestionVersion]


class _Refused(Exception):
    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = reasons
        super().__init__(*reasons)


async def _planned(unit: UnitOfWork, items: Sequence[ReadItem], *, locking: bool) -> _Plan:
    bank = await _bank(unit, items, locking=locking)
    plan = _Plan()
    judged = [(item, _judged(item, bank, plan)) for item in items]
    contents = [version.content for version in (*plan.new, *plan.revised)]
    missing = await unit.questions.missing_media(sha256 for content in contents for sha256 in shown_media(content))
    lacking = {version.digest for version in (*plan.new, *plan.revised) if shown_media(version.content) & missing}
    plan.new = [version for version in plan.new if version.digest not in lacking]
    plan.revised = [version for version in plan.revised if version.digest not in lacking]
    for item, (report, content) in judged:
        images = sorted(shown_media(content) & missing) if content is not None and missing else []
        reasons = [f"the image media:{sha256} is not stored" for sha256 in images]
        plan.reports.append(_refusal(item, reasons) if reasons else report)
    return plan


async def _bank(unit: UnitOfWork, items: Sequence[ReadItem], *, locking: bool) -> _Bank:
    written = [item.question for item in items if item.question is not None]
    known = await unit.questions.identities(
        [question.question_id for question in written if question.question_id],
        [question.slug for question in written if question.slug],
    )
    current = await unit.questions.select_many([each.question_id for each in known], for_update=locking)
    return _Bank({each.question_id: each for each in known}, {each.slug: each for each in known if each.slug}, current)


def _judged(item: ReadItem, bank: _Bank, plan: _Plan) -> tuple[ItemReport, QuestionContent | None]:
    """What is to become of an item; what is to be stored is added to the plan."""
    question = item.question
    if question is None:
        return _report(item, Outcome.REFUSED), None
    try:
        changes: list[str] = []
        known = _known(question, bank, changes)
        content = _content(question, known)
    except _Refused as fault:
        return _refusal(item, fault.reasons), None
    if known is None:
        id_ = question.question_id or random_id("q", QUESTION_ID_LENGTH)
        version = QuestionVersion(id_, question.slug, 1, content, content.digest())
        plan.new.append(version)
        return _report(item, Outcome.CREATED, version, changes), content
    if content.digest() == known.digest:
        return _report(item, Outcome.UNCHANGED, known, changes), None
    version = replace(known, version=known.version + 1, content=content, digest=content.digest())
    if any(known.question_id == other.question_id for other in plan.revised):
        return _refusal(item, [f"another item of this file is the question {known.question_id} as well"]), None
    plan.revised.append(version)
    return _report(item, Outcome.UPDATED, version, changes), content


def _known(question: WrittenQuestion, bank: _Bank, changes: list[str]) -> QuestionVersion | None:
    """The question that the item is about, if the bank has it.

    Raises:
        _Refused: it is archived, or its id and its slug belong to two questions.
    """
    by_id = bank.by_id.get(question.question_id or "")
    by_slug = bank.by_slug.get(question.slug) if question.slug else None
    if by_id is not None and by_slug is not None and by_id != by_slug:
        raise _Refused([f"the slug {question.slug} belongs to another question, {by_slug.question_id}"])
    known = by_id or by_slug
    if known is None:
        return None
    if known.is_archived:
        raise _Refused([f"the question {known.question_id} is archived; restore it first"])
    if question.slug is not None and question.slug != known.slug:
        changes.append(f"the slug {question.slug} is not kept: the question keeps {known.slug or 'none'}")
    if question.question_id is not None and question.question_id != known.question_id:
        changes.append(f"the question_id {question.question_id} is not kept: by its slug it is {known.question_id}")
    return bank.current[known.question_id]


def _content(question: WrittenQuestion, known: QuestionVersion | None) -> QuestionContent:
    try:
        return content_of_item(question, known.content.options if known is not None else ())
    except InvalidMessage as fault:
        raise _Refused(fault.details.get("problems") or [fault.message]) from None


def content_of_item(question: WrittenQuestion, known: Sequence[Option]) -> QuestionContent:
    """The content of an item; ids of options are those of the file, else those of the `known` options.

    Raises:
        InvalidMessage: it cannot be used; `details.problems` lists why.
    """
    given = [Option(option.id, option.text) for option in question.options if option.id]
    return content_of(_draft(question), [*known, *given])


def _draft(question: WrittenQuestion) -> QuestionDraft:
    assert question.skill is not None
    assert question.difficulty is not None
    return QuestionDraft(
        type=question.type,
        skill=question.skill,
        difficulty=question.difficulty,
        text=question.text,
        explanation=question.explanation,
        tags=question.tags,
        options=[DraftedOption(option.text, option.correct, option.feedback) for option in question.options],
        correct=question.correct,
        numbers=question.numbers,
        unit=question.unit,
        unit_required=question.unit_required,
        other_units=question.other_units,
        accepted=question.accepted,
        case_sensitive=question.case_sensitive,
    )


def _refusal(item: ReadItem, reasons: Sequence[str]) -> ItemReport:
    remarks = [Remark(reason, item.line, item.column) for reason in reasons]
    return replace(_report(item, Outcome.REFUSED), reasons=(*item.reasons, *remarks))


def _report(
    item: ReadItem, outcome: Outcome, version: QuestionVersion | None = None, changes: Sequence[str] = ()
) -> ItemReport:
    said = [Remark(change, item.line, item.column) for change in changes]
    return ItemReport(
        item=item.number,
        line=item.line,
        column=item.column,
        name=item.name,
        outcome=outcome,
        question_id=version.question_id if version else None,
        slug=version.slug if version else None,
        version=version.version if version else None,
        changes=(*item.changes, *said),
        reasons=item.reasons,
    )
