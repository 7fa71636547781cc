"""What the deterministic gates say of a question on its way into the bank."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from sitting.domain.errors import Conflict
from sitting.domain.question import QuestionContent, QuestionVersion
from sitting.questions.gates.lint import OVERRULED
from sitting.questions.gates.near_duplicate import Others, QuestionIndex
from sitting.questions.gates.registry import NEAR_DUPLICATE, judge_item
from sitting.questions.gates.settings import GateSettings
from sitting.questions.gates.verdict import Verdict
from sitting.storage.repositories.questions import QuestionFilter
from sitting.storage.unit_of_work import Storage
from sitting.usecases.bank_index import THE_BANK

EDITED = "edited"


async def require_new(storage: Storage, content: QuestionContent, gates: GateSettings) -> None:
    """Refuse what the bank has got since it was judged; looked for among the questions of its skill.

    Raises:
        Conflict: there is one that says nearly the same; `details.matches` names it.
    """
    async with storage.reading() as unit:
        bank = await unit.questions.list_page(after="", limit=None, wanted=QuestionFilter(skill=content.skill))
    (found,) = await asyncio.to_thread(_judged, content, bank, gates)
    if found.failed:
        raise Conflict("The bank has a question that says nearly the same.", matches=found.evidence["matches"])


def failures(content: QuestionContent, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """What failed, and is not overruled by a tag of the question."""
    return [each for each in verdicts if each.failed and f"{OVERRULED}{each.gate}" not in content.tags]


def with_verdicts(evidence: str, verdicts: Sequence[Verdict]) -> str:
    """The evidence of a proposal, JSON, with what the gates say of an edited wording."""
    before: list[Any] = read_evidence(evidence)
    return json.dumps([*before, *({**each.as_data(), "wording": EDITED} for each in verdicts)])


def read_evidence(evidence: str) -> list[Any]:
    """The verdicts of a stored evidence, as JSON holds them; none if it is of another form."""
    found = json.loads(evidence)
    return found if isinstance(found, list) else []


def _judged(content: QuestionContent, bank: Sequence[QuestionVersion], gates: GateSettings) -> list[Verdict]:
    index = QuestionIndex()
    for version in bank:
        index.add(version.question_id, version.content)
    return judge_item(content, settings=gates, others=[Others(THE_BANK, index)], only=[NEAR_DUPLICATE])
