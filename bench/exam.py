"""An exam to measure with: a published Test and people who may take it, made past the server, before it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sitting.identity.tokens import TokenKeys, mint
from sitting.usecases.invitees import Invitee, NewCandidate, make_invitations
from tests.support.builders import make_content, publish_test
from tests.support.server import JWT_SECRET
from tests.support.storage import running_storage

PORTION = 500


@dataclass(frozen=True)
class Exam:
    """A published Test, what its questions offer, and a token for each of its candidates.

    Attributes:
        options: by question_id, the ids of its options; the first is right.
        tokens: of the candidates, who have one usable application each.
    """

    test_id: int
    options: dict[str, list[str]]
    tokens: Sequence[str]


def make_exam(url: str, candidates: int, *, questions: int = 20, minutes: int | None = 600) -> Exam:
    """Fill the database, which no server may hold yet; `minutes` is the time limit, None for no limit."""
    return asyncio.run(_make_exam(url, candidates, questions, minutes))


def tokens_for(user_ids: Sequence[int]) -> list[str]:
    """Tokens as another system would mint them, good for a day."""
    keys, now = TokenKeys(JWT_SECRET), datetime.now(UTC)
    return [mint(keys, user_id, now=now, lifetime=timedelta(days=1)) for user_id in user_ids]


async def _make_exam(url: str, candidates: int, questions: int, minutes: int | None) -> Exam:
    now = datetime.now(UTC)
    async with running_storage(url) as storage:
        test = await publish_test(storage, questions, time_limit_minutes=minutes)
        user_ids: list[int] = []
        for first in range(0, candidates, PORTION):
            numbers = range(first, min(first + PORTION, candidates))
            people = [Invitee(NewCandidate(f"Candidate {n}", f"candidate{n}@example.org")) for n in numbers]
            async with storage.unit_of_work() as unit:
                made = await make_invitations(unit, test.test_id, people, by=None, now=now)
            user_ids += [invitation.candidate.user_id for invitation in made]
    [section] = test.blueprint.sections
    asked = [fixed.question_id for fixed in section.questions]
    options = {question_id: [o.id for o in make_content(n).options] for n, question_id in enumerate(asked, start=1)}
    return Exam(test.test_id, options, tokens_for(user_ids))
