"""See what publishing a draft would say."""

from __future__ import annotations

from dataclasses import replace

from sitting.domain.blueprint_check import check_blueprint
from sitting.domain.window import with_window
from sitting.questions.publication import Examination, examine, pilot_warnings, pilots_of
from sitting.storage.unit_of_work import Storage
from sitting.usecases.bank import bank_for


async def check_draft(storage: Storage, test_id: int) -> Examination:
    """Examine the draft against the bank as it stands now. Nothing is stored.

    Raises:
        BlueprintNotFound: there is no such Test. InvalidMessage: no bank could make the draft right.
    """
    async with storage.reading() as unit:
        blueprint = with_window((await unit.blueprints.select(test_id)).draft)
        bank = await bank_for(unit, blueprint)
    check_blueprint(blueprint)
    found = examine(blueprint, bank)
    wanted = pilots_of(found.plan)
    if not wanted:
        return found
    async with storage.reading() as unit:
        responses = await unit.response_counts.of(wanted)
    return replace(found, warnings=[*found.warnings, *pilot_warnings(found.plan, responses)])
