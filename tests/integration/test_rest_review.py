"""When a candidate may read what was right, over REST, on a clock that the test moves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sitting.domain.blueprint import FeedbackPolicy, ResultsPolicy
from sitting.domain.user import Role
from tests.support.builders import Seat, seated
from tests.support.clock import NOON
from tests.support.rest import Caller, Rest, refused, said

CLOSES = NOON + timedelta(hours=2)


async def owner_of(rest: Rest, seat: Seat) -> Caller:
    """The candidate at that seat, by token."""
    async with rest.storage.reading() as unit:
        return rest.caller(await unit.users.select(seat.live.assessment.user_id))


async def worked(rest: Rest, **rules: Any) -> Seat:
    """Two questions, of which the first is answered wrong; handed in after a minute."""
    seat = await seated(rest.storage, 2, **rules)
    await seat.answer(1, right=False)
    await seat.finish(at=NOON + timedelta(minutes=1))
    return seat


def path_of(seat: Seat) -> str:
    return f"/assessments/{seat.assessment_id}/responses"


@pytest.mark.parametrize("policy", [FeedbackPolicy.AFTER_END, FeedbackPolicy.AFTER_ANSWER])
async def test_p21_candidate_reads_what_was_right_after_the_end_and_not_before(
    rest: Rest, policy: FeedbackPolicy
) -> None:
    seat = await seated(rest.storage, 2, feedback=policy)
    await seat.answer(1, right=False)
    owner = await owner_of(rest, seat)
    refused(await owner.get(path_of(seat)), 403, "not_allowed")
    await seat.finish()
    first, second = said(await owner.get(path_of(seat)))["items"]
    right = seat.live.paper.at_position(1).content
    assert (first["is_correct"], first["correct_option"], first["explanation"]) == (False, right.key, right.explanation)
    assert first["selected_option"] not in (None, right.key)
    assert (second["is_correct"], second["selected_option"]) == (None, None)
    assert second["correct_text"] == "4"
    assert (second["correct_html"], second["selected_html"]) == (["4"], [])
    assert first["explanation_html"].startswith("<p>")


async def test_p21_candidate_reads_what_was_right_from_the_end_of_the_window_on(rest: Rest) -> None:
    seat = await worked(rest, feedback=FeedbackPolicy.AFTER_WINDOW, closes_at=CLOSES)
    rest.clock.set(CLOSES - timedelta(milliseconds=1))
    owner = await owner_of(rest, seat)
    refused(await owner.get(path_of(seat)), 403, "not_allowed")
    rest.clock.set(CLOSES)
    assert [item["is_correct"] for item in said(await owner.get(path_of(seat)))["items"]] == [False, None]


@pytest.mark.parametrize("policy", [FeedbackPolicy.NONE, FeedbackPolicy.AFTER_WINDOW])
async def test_p21_candidate_never_reads_what_was_right_without_a_policy_or_a_window(
    rest: Rest, policy: FeedbackPolicy
) -> None:
    seat = await worked(rest, feedback=policy)
    rest.clock.advance(minutes=60 * 24 * 365)
    owner = await owner_of(rest, seat)
    problem = refused(await owner.get(path_of(seat)), 403, "not_allowed")
    assert problem["detail"] == "The answers to this test are not shown, or not yet."


async def test_p22_nobody_elses_answers_can_be_read(rest: Rest) -> None:
    seat = await worked(rest, feedback=FeedbackPolicy.AFTER_END)
    stranger = await rest.person(Role.CANDIDATE)
    refused(await stranger.get(path_of(seat)), 404, "assessment_not_found")


async def test_staff_read_answers_whatever_the_policy_and_before_the_end(rest: Rest) -> None:
    seat = await seated(rest.storage, 2, feedback=FeedbackPolicy.NONE)
    staff = await rest.person(Role.INVIGILATOR)
    assert len(said(await staff.get(path_of(seat)))["items"]) == 2


@pytest.mark.parametrize(
    ("results", "points"),
    [
        (ResultsPolicy.NOTHING, None),
        (ResultsPolicy.STATUS, None),
        (ResultsPolicy.SCORE, 0.0),
        (ResultsPolicy.FULL, 0.0),
    ],
)
async def test_answers_are_shown_without_points_where_results_hide_the_score(
    rest: Rest, results: ResultsPolicy, points: float | None
) -> None:
    seat = await worked(rest, feedback=FeedbackPolicy.AFTER_END, results=results)
    owner = await owner_of(rest, seat)
    first, _ = said(await owner.get(path_of(seat)))["items"]
    assert (first["points"], first["is_correct"]) == (points, False)
