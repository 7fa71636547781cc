"""Write questions of the bank into a file."""

from __future__ import annotations

import asyncio

from sitting.interchange.formats import Format, write_bank
from sitting.interchange.report import Report
from sitting.storage.repositories.questions import QuestionFilter
from sitting.storage.unit_of_work import Storage


async def export_questions(storage: Storage, format_: Format, wanted: QuestionFilter) -> tuple[str, Report]:
    """The file with the current version of every question that is wanted, and what became of each."""
    async with storage.reading() as unit:
        questions = await unit.questions.list_page(after="", limit=None, wanted=wanted)
    return await asyncio.to_thread(write_bank, questions, format_)
