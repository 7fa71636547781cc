"""Has vectors made of the bank's questions, so that new ones can be compared with them by meaning.

It belongs to no run, so none pays for it: each content is read by the model once, and that is all it can cost.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import structlog

from sitting.domain.errors import SittingError
from sitting.questions.embedding import MOST_AT_ONCE
from sitting.questions.gates.meaning import meaning_text
from sitting.questions.provider import Listener
from sitting.questions.provider_budget import Ledger
from sitting.questions.provider_calls import Call, ModelFailed
from sitting.storage.turns import Urgency
from sitting.storage.unit_of_work import Storage
from sitting.usecases.services import MeaningAccess, Services

LOOK_SECONDS = 30.0
"""Between two looks for questions without a vector; after a failure, too."""
ROUND = 64
"""Contents that are taken before it is looked again what is missing; AMONG of that are looked up."""
AMONG = 1024

log = structlog.get_logger(__name__)


async def run_bank_vectors(services: Services) -> None:
    """Make what is missing, for ever; a failure is logged, and the next look makes up for it."""
    if services.model is None or services.model.meaning is None:
        return
    while True:
        try:
            await make_bank_vectors(services.storage, services.model.meaning)
        except ModelFailed as fault:
            log.warning("bank_vectors_not_made", outcome=fault.outcome.value)
        except SittingError as error:
            log.warning("bank_vectors_not_made", code=error.code)
        except Exception as fault:
            log.error("bank_vectors_not_made", exc_info=fault)
        await asyncio.sleep(LOOK_SECONDS)


async def make_bank_vectors(storage: Storage, meaning: MeaningAccess) -> int:
    """Make a vector of each question of the bank that has none, and store them as they come; returns how many.

    Several nodes that do it take others each, by chance, so that hardly any text is read twice.

    Raises:
        ModelFailed: the endpoint gave none. Unavailable: the database failed.
    """
    calls: list[Call] = []
    made = 0
    try:
        while missing := await _missing(storage, meaning.embedder.model):
            chosen = random.sample(missing, min(ROUND, len(missing)))
            for first in range(0, len(chosen), MOST_AT_ONCE):
                made += await _make(storage, meaning, chosen[first : first + MOST_AT_ONCE], calls)
    finally:
        if calls:
            tokens, micros = (sum(getattr(call.cost, kind) for call in calls) for kind in ("tokens", "micros"))
            log.info("bank_vectors_made", vectors=made, tokens=tokens, micros=micros)
    return made


async def _missing(storage: Storage, model: str) -> list[str]:
    async with storage.reading() as unit:
        return await unit.vectors.missing(model, AMONG)


async def _make(storage: Storage, meaning: MeaningAccess, digests: Sequence[str], calls: list[Call]) -> int:
    async with storage.reading() as unit:
        contents = await unit.questions.contents(digests)
    texts = await asyncio.to_thread(lambda: [meaning_text(content) for content in contents.values()])
    vectors = await meaning.embedder.embed(texts, Ledger({}).purse(), Listener(calls.append))
    async with storage.unit_of_work(Urgency.LATER) as unit:
        await unit.vectors.put(meaning.embedder.model, dict(zip(contents, vectors, strict=True)))
    return len(contents)
