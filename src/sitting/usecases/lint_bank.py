"""Ask the gates about questions of the bank."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from functools import partial

from sitting.domain.question import QuestionVersion
from sitting.interchange.reading import shortened
from sitting.questions.gates.lint import LintReport, Subject, lint
from sitting.questions.gates.settings import DEFAULTS, GateSettings
from sitting.storage.repositories.questions import QuestionFilter
from sitting.storage.unit_of_work import Storage


async def lint_bank(
    storage: Storage,
    wanted: QuestionFilter,
    *,
    only: Collection[str],
    language: str | None = None,
    gates: GateSettings = DEFAULTS,
) -> LintReport:
    """What the gates say of the wanted questions, in their current versions; nothing is stored.

    Near-duplicates are looked for in the whole bank.
    """
    async with storage.reading() as unit:
        everything = await unit.questions.list_page(after="", limit=None)
        chosen = {each.question_id for each in await unit.questions.list_page(after="", limit=None, wanted=wanted)}
    subjects = [_subject(version) for version in everything if version.question_id in chosen]
    others = [_subject(version) for version in everything if version.question_id not in chosen]
    judge = partial(lint, subjects, among="the bank", others=others, only=only, language=language, settings=gates)
    return await asyncio.to_thread(judge)


def _subject(version: QuestionVersion) -> Subject:
    return Subject(version.question_id, version.slug or shortened(version.content.text), version.content)
