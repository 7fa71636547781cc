"""Have questions written for a skill graph."""

from __future__ import annotations

from datetime import datetime

import msgspec

from sitting.domain.errors import InvalidMessage
from sitting.domain.run import RUN_ID_LENGTH, Run, RunKind
from sitting.domain.skill_graph import walk
from sitting.domain.spending import Limits
from sitting.kit.ids import random_id
from sitting.questions.wishes import AuthoringWish
from sitting.storage.repositories.runs import NewRun
from sitting.storage.unit_of_work import Storage
from sitting.usecases.graph_checks import require_graph
from sitting.usecases.services import ModelAccess, require_model


async def begin_authoring_run(
    storage: Storage,
    model: ModelAccess | None,
    wish: AuthoringWish,
    *,
    limits: Limits,
    test_id: int | None,
    by: int | None,
    now: datetime,
) -> Run:
    """Queue a run, which a node takes up within seconds. It writes what the bank has not got of what the graph wants.

    Args:
        limits: less than what every run may spend; what is above that counts as that.
        test_id: the Test that it is for, whose limit then counts, too.

    Raises:
        Conflict: no model is set. BlueprintNotFound: there is no such Test.
        InvalidMessage: it is no skill graph, or `about` names a skill that is not in it.
    """
    access = require_model(model)
    require_graph(wish.graph)
    unknown = sorted(set(wish.about) - {skill.name for skill, _ in walk(wish.graph.skills)})
    if unknown:
        raise InvalidMessage("The skill graph has no such skill.", skills=unknown)
    new = NewRun(
        run_id=random_id("r", RUN_ID_LENGTH),
        kind=RunKind.AUTHORING,
        wish=msgspec.json.encode(wish).decode(),
        limits=limits.lowered(access.run_limits),
        test_id=test_id,
        created_by=by,
    )
    async with storage.unit_of_work() as unit:
        if test_id is not None:
            await unit.blueprints.select(test_id)
        return await unit.runs.insert(new, now=now)
