"""Closes assessments whose time is over, and ends pauses that ran out. A sweep may be lost, or run twice."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime

import structlog

from sitting.domain.assessment import Status
from sitting.domain.errors import DeadlinePassed, SittingError
from sitting.domain.events import EndReason
from sitting.storage.repositories.assessments import Due
from sitting.usecases.end_pause_that_ran_out import end_pause_that_ran_out
from sitting.usecases.finalize_assessment import finalize_assessment
from sitting.usecases.services import Services

INTERVAL_SECONDS = 1.0
BATCH = 500

log = structlog.get_logger(__name__)


async def run_sweeper(services: Services) -> None:
    """Sweep every second, for ever; a failure is logged and the next sweep makes up for it.

    Nobody is closed by a deadline that an outage may yet move.
    """
    finished = time.monotonic()
    services.metrics.sweep_age_seconds.set_function(lambda: time.monotonic() - finished)
    while True:
        try:
            while services.node.knows_the_time and await sweep(services, services.clock.now()) == BATCH:
                pass
            if services.node.knows_the_time:
                finished = time.monotonic()
        except SittingError as error:
            log.warning("sweep_failed", code=error.code)
        except Exception as fault:
            log.error("sweep_failed", exc_info=fault)
        await asyncio.sleep(INTERVAL_SECONDS)


async def sweep(services: Services, now: datetime) -> int:
    """Deal with what is due at `now`, at most BATCH; returns how many were closed or go on."""
    async with services.storage.reading() as unit:
        due = await unit.assessments.due_for_sweep(now, BATCH)
    return sum(await asyncio.gather(*(_deal_with(services, each, now) for each in due)))


async def _deal_with(services: Services, due: Due, now: datetime) -> bool:
    """True if that changed anything. Many at once: `finalize_assessment` closes them together."""
    assessment_id = due.assessment_id
    try:
        if due.status is Status.PAUSED and await end_pause_that_ran_out(services.storage, assessment_id, now=now):
            log.info("pause_ran_out", assessment_id=assessment_id)
            return True  # behind a long outage the next sweep finds that the time is over too
        reason = EndReason.ABANDONED if due.deadline_at is None else EndReason.TIMEOUT
        closed = await finalize_assessment(
            services.storage, services.signer, assessment_id=assessment_id, reason=reason, now=now
        )
    except DeadlinePassed:  # its deadline grew since we looked
        return False
    except Exception as fault:  # one that cannot be closed must not keep the others open
        log.error("closing_failed", assessment_id=assessment_id, exc_info=fault)
        return False
    due_at = closed.state.schedule.closable_at
    if due_at is not None:
        services.metrics.sweep_lag_seconds.observe(max(0.0, (now - due_at).total_seconds()))
    log.info("assessment_closed", assessment_id=assessment_id, reason=reason)
    return True
