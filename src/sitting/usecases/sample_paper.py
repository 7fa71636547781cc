"""Look at a paper before anybody gets one."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sitting.domain.blueprint_check import check_blueprint
from sitting.domain.paper import Paper
from sitting.domain.window import with_window
from sitting.questions.chance import SEED_BYTES
from sitting.questions.drawing import draw_slots, make_paper, make_plan
from sitting.questions.publication import publish
from sitting.storage.unit_of_work import Storage
from sitting.usecases.bank import bank_for


@dataclass(frozen=True, slots=True)
class SamplePaper:
    """A paper that nobody takes, and the seed that gives it again as long as draft and bank stay as they are."""

    seed: str
    paper: Paper


async def sample_paper(storage: Storage, test_id: int, seed: str | None = None) -> SamplePaper:
    """The paper that the draft would give for that seed, or for one of chance. Nothing is stored.

    Raises:
        BlueprintNotFound: there is no such Test. PublicationRefused: the bank has no full paper for it.
        InvalidMessage: no bank could make the draft right.
    """
    async with storage.reading() as unit:
        blueprint = with_window((await unit.blueprints.select(test_id)).draft)
        bank = await bank_for(unit, blueprint)
    check_blueprint(blueprint)
    seed = seed or secrets.token_hex(SEED_BYTES)
    plan = make_plan(blueprint, publish(blueprint, bank).snapshot)
    contents = {version.digest: version.content for version in bank.values()}
    return SamplePaper(seed, make_paper(plan, draw_slots(plan, seed), contents, seed))
