"""Where an application stands, on both sides of each boundary."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from sitting.domain.application import AttemptRecord, CandidateApplication
from sitting.domain.assessment import Status
from sitting.domain.standing import status_of
from tests.support.clock import NOON

TICK = timedelta(microseconds=1)
APPLICATION = CandidateApplication(1, 2, 3, "secret", NOON)
OPENED = replace(APPLICATION, opened_at=NOON)


def standing(
    application: CandidateApplication, *statuses: Status, closes_at: datetime | None = None, now: datetime = NOON
) -> str:
    attempts = [AttemptRecord(100 + n, n, status) for n, status in enumerate(statuses, start=1)]
    return status_of(application, attempts, closes_at, now)


def test_application_is_invited_until_its_link_is_opened() -> None:
    assert standing(APPLICATION) == "invited"
    assert standing(OPENED) == "opened"


@pytest.mark.parametrize("status", [Status.STARTED, Status.IN_PROGRESS, Status.PAUSED])
def test_open_assessment_means_started_whatever_is_over(status: Status) -> None:
    assert standing(OPENED, status) == standing(OPENED, Status.COMPLETED, status) == "started"


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.TIMEOUT])
def test_assessment_that_is_over_means_finished(status: Status) -> None:
    assert standing(OPENED, status) == standing(APPLICATION, status, Status.VOIDED) == "finished"


def test_voided_attempts_leave_no_trace() -> None:
    assert standing(OPENED, Status.VOIDED) == "opened"
    assert standing(OPENED, Status.VOIDED, closes_at=NOON) == "expired"


@pytest.mark.parametrize("application", [APPLICATION, OPENED])
def test_expiry_and_the_windows_end_are_the_first_instants_of_expired(application: CandidateApplication) -> None:
    unexpired = standing(application)
    assert standing(replace(application, expires_at=NOON), now=NOON - TICK) == unexpired
    assert standing(replace(application, expires_at=NOON), now=NOON) == "expired"
    assert standing(application, closes_at=NOON, now=NOON - TICK) == unexpired
    assert standing(application, closes_at=NOON, now=NOON) == "expired"
    assert standing(replace(application, expires_at=NOON + TICK), closes_at=NOON) == "expired"


def test_what_was_begun_never_expires() -> None:
    expired = replace(OPENED, expires_at=NOON)
    assert standing(expired, Status.IN_PROGRESS, closes_at=NOON, now=NOON + TICK) == "started"
    assert standing(expired, Status.TIMEOUT, closes_at=NOON, now=NOON + TICK) == "finished"


def test_withdrawn_goes_before_all() -> None:
    withdrawn = replace(OPENED, withdrawn_at=NOON, expires_at=NOON)
    assert standing(withdrawn) == standing(withdrawn, Status.STARTED) == standing(withdrawn, Status.COMPLETED)
    assert standing(withdrawn) == "withdrawn"


def test_trial_run_does_not_expire() -> None:
    assert standing(replace(APPLICATION, is_trial=True, expires_at=NOON), closes_at=NOON) == "invited"
