"""Say what changed between two versions of a Test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from sitting.domain.blueprint import BankSnapshot, Blueprint
from sitting.domain.question import QuestionContent
from sitting.domain.window import with_window
from sitting.questions.publication import examine
from sitting.storage.unit_of_work import Storage, UnitOfWork
from sitting.usecases.bank import bank_for


@dataclass(frozen=True, slots=True)
class ChangedQuestion:
    """A question that both know, with another content; `fields` are those of QuestionContent that differ."""

    question_id: str
    old_digest: str
    new_digest: str
    fields: Sequence[str]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions, and how the questions that papers may hold differ. All by question_id."""

    old: Blueprint
    new: Blueprint
    added: Sequence[str]
    removed: Sequence[str]
    changed: Sequence[ChangedQuestion]


async def compare_versions(storage: Storage, test_id: int, old: int, new: int | None) -> Comparison:
    """Compare two versions by number; `new` None is the draft, with the bank as it stands now.

    Raises:
        BlueprintNotFound: there is no such Test, or no such version of it.
    """
    async with storage.reading() as unit:
        old_rules, old_digests = await _version(unit, test_id, old)
        new_rules, new_digests = await (_draft(unit, test_id) if new is None else _version(unit, test_id, new))
        both = sorted(old_digests.keys() & new_digests.keys())
        differ = [id_ for id_ in both if old_digests[id_] != new_digests[id_]]
        wanted = [digests[id_] for id_ in differ for digests in (old_digests, new_digests)]
        contents = await unit.frozen.contents(unit.questions, wanted)
    return Comparison(
        old_rules,
        new_rules,
        added=sorted(new_digests.keys() - old_digests.keys()),
        removed=sorted(old_digests.keys() - new_digests.keys()),
        changed=[_changed(id_, old_digests[id_], new_digests[id_], contents) for id_ in differ],
    )


async def _version(unit: UnitOfWork, test_id: int, number: int) -> tuple[Blueprint, dict[str, str]]:
    version = await unit.blueprints.numbered_version(test_id, number)
    return version.blueprint, _digests(version.snapshot)


async def _draft(unit: UnitOfWork, test_id: int) -> tuple[Blueprint, dict[str, str]]:
    draft = with_window((await unit.blueprints.select(test_id)).draft)
    return draft, _digests(examine(draft, await bank_for(unit, draft)).plan.snapshot)


def _digests(snapshot: BankSnapshot) -> dict[str, str]:
    return {question.question_id: question.content_digest for question in snapshot.questions}


def _changed(
    question_id: str, old_digest: str, new_digest: str, contents: Mapping[str, QuestionContent]
) -> ChangedQuestion:
    old, new = contents[old_digest], contents[new_digest]
    names = [field.name for field in fields(QuestionContent) if getattr(old, field.name) != getattr(new, field.name)]
    return ChangedQuestion(question_id, old_digest, new_digest, names)
