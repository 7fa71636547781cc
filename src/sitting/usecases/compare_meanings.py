"""Add to a report on the bank what is there twice in other words."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from sitting.questions.gates.lint import Linted, LintReport
from sitting.questions.gates.meaning import SAME_MEANING, MeaningIndex, Meanings, OtherLength, same_meaning
from sitting.questions.gates.verdict import Verdict, not_applicable, verdict
from sitting.questions.provider_calls import ModelFailed, Outcome
from sitting.storage.unit_of_work import Storage
from sitting.usecases.bank_index import THE_BANK


async def compare_meanings(storage: Storage, report: LintReport, *, model: str, least: float) -> LintReport:
    """The report with a verdict of `same_meaning` on each question that this model has made a vector of.

    Args:
        least: cosine from which on two questions mean the same.

    Raises:
        ModelFailed: the vectors are not all of one length, so that several models made them.
    """
    async with storage.reading() as unit:
        digests = await unit.questions.digests()
        vectors = await unit.vectors.of(model, set(digests.values()))
    return await asyncio.to_thread(_compared, report, digests, vectors, model, least)


def _compared(
    report: LintReport, digests: Mapping[str, str], vectors: Mapping[str, bytes], model: str, least: float
) -> LintReport:
    index, missing = MeaningIndex(), len([digest for digest in digests.values() if digest not in vectors])
    among = [Meanings(THE_BANK, index, missing)]

    def said(item: Linted) -> Verdict:
        question_id = item.subject.id
        vector = vectors.get(digests.get(question_id, ""))
        if vector is None:
            return verdict(SAME_MEANING, not_applicable("No vector has been made of it so far."))
        return verdict(SAME_MEANING, same_meaning(vector, among, model=model, least=least, ignore=[question_id]))

    try:
        for question_id, digest in digests.items():
            if digest in vectors:
                index.add(question_id, vectors[digest])
        items = [replace(item, verdicts=[*item.verdicts, said(item)]) for item in report.items]
    except OtherLength as fault:
        raise ModelFailed(Outcome.UNUSABLE, str(fault)) from None
    return replace(report, items=items)
