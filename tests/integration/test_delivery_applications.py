"""What was granted or taken back over REST, as the candidate meets it on the socket and at the link."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx2

from tests.support.delivery import Candidate, Hall, line, now, seated

MINUTE = 60


def changed(hall: Hall, candidate: Candidate, **changes: Any) -> None:
    """Change the application as staff do."""
    asked(hall, "PATCH", candidate, "", changes)


def asked(hall: Hall, method: str, candidate: Candidate, verb: str, body: Any = None) -> dict[str, Any]:
    path = f"{hall.server.base_url}/api/v1/applications/{candidate.application_id}{verb}"
    response = httpx2.request(
        method, path, json=body, headers={"Authorization": f"Bearer {hall.tokens[0]}"}, timeout=30
    )
    assert response.status_code == 200, response.text
    told: dict[str, Any] = response.json()
    return told


def trial_of(hall: Hall, test_id: int) -> Candidate:
    """The administrator, with the trial run of that Test."""
    headers = {"Authorization": f"Bearer {hall.tokens[0]}"}
    response = httpx2.post(f"{hall.server.base_url}/api/v1/tests/{test_id}/trial", headers=headers)
    assert response.status_code == 200, response.text
    made = response.json()
    return Candidate(
        hall.server.ws_url, made["user_id"], made["application_id"], test_id, hall.tokens[0], hall.questions
    )


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_granted_time_is_in_assessment_started(hall: Hall) -> None:
    candidate = hall.invite()
    changed(hall, candidate, extra_time_factor=1.5, extra_minutes=10)
    with seated(candidate) as (_, started):
        assert started["time_limit_minutes"] == 55
        assert instant(started["deadline_at"]) - instant(started["started_at"]) == timedelta(minutes=55)
        assert 54 * MINUTE < started["remaining_seconds"] <= 55 * MINUTE


def test_time_granted_later_leaves_the_running_assessment_as_it_is(hall: Hall) -> None:
    candidate = hall.invite()
    with seated(candidate) as (_, started):
        changed(hall, candidate, extra_minutes=60)
    with line(candidate.address) as again:
        resumed = again.ask("resume_assessment", "assessment_recovered", assessment_id=started["assessment_id"])
        assert resumed["deadline_at"] == started["deadline_at"]


def test_withdrawn_candidate_cannot_start_and_restored_one_can(hall: Hall) -> None:
    candidate = hall.invite()
    asked(hall, "POST", candidate, "/withdraw")
    with line(candidate.address) as own:
        own.send("start_assessment", test_id=candidate.test_id)
        own.refused("not_allowed")
        asked(hall, "POST", candidate, "/restore")
        own.start(candidate)


def test_withdrawal_lets_the_open_assessment_go_on(hall: Hall) -> None:
    candidate = hall.invite()
    with seated(candidate) as (own, started):
        asked(hall, "POST", candidate, "/withdraw")
        first = candidate.questions[0]
        own.answer(first, first.right)
    with line(candidate.address) as again:
        assert again.start(candidate)["assessment_id"] == started["assessment_id"]


def test_expired_application_cannot_start(hall: Hall) -> None:
    candidate = hall.invite()
    changed(hall, candidate, expires_at=(now() - timedelta(seconds=1)).isoformat())
    with line(candidate.address) as own:
        own.send("start_assessment", test_id=candidate.test_id)
        own.refused("test_not_open")


def test_trial_run_starts_outside_the_window_again_and_again_and_counts_nowhere(hall: Hall) -> None:
    test_id = hall.publish(opens_at=(now() + timedelta(days=1)).isoformat(), max_attempts=1)
    [candidate] = hall.invite_many(test_id, 1)
    with line(candidate.address) as own:
        own.send("start_assessment", test_id=test_id)
        own.refused("test_not_open")
    tester = trial_of(hall, test_id)
    made = []
    for _ in range(2):
        with seated(tester) as (own, started):
            done = own.ask("complete_assessment", "assessment_completed")
        made.append(started["assessment_id"])
        assert done["results"]["status"] == "completed"
    assert len(set(made)) == 2
    listed = httpx2.get(
        f"{hall.server.base_url}/api/v1/tests/{test_id}/assessments",
        headers={"Authorization": f"Bearer {hall.tokens[0]}"},
    ).json()
    assert listed["items"] == []


def test_stranger_can_use_no_id_of_another_candidate(hall: Hall) -> None:
    victim, stranger = hall.invite_many(hall.test_id, 2)
    with seated(victim) as (_, started), line(stranger.address) as other:
        for id_ in (started["assessment_id"], 999_999):
            other.send("resume_assessment", assessment_id=id_)
            foreign = other.refused("assessment_not_found")["data"]
            assert foreign["details"] == {"assessment_id": id_}
        for id_ in (victim.application_id, 999_999):
            other.send("start_assessment", test_id=stranger.test_id, application_id=id_)
            assert other.refused("application_not_found")["data"]["details"] == {"application_id": id_}
        other.check_alive()


def test_link_is_opened_by_its_button_and_by_no_scanner(hall: Hall) -> None:
    candidate = hall.invite()
    link = asked(hall, "GET", candidate, "")["link"]
    for _ in range(3):
        assert httpx2.get(link).status_code == 200
    assert asked(hall, "GET", candidate, "")["status"] == "invited"
    pressed = httpx2.post(link)
    assert (pressed.status_code, pressed.headers["location"]) == (303, f"/take/{candidate.application_id}")
    assert asked(hall, "GET", candidate, "")["status"] == "opened"


def test_page_tells_the_candidates_own_time(hall: Hall) -> None:
    candidate = hall.invite()
    changed(hall, candidate, extra_time_factor=1.5)
    page = httpx2.get(asked(hall, "GET", candidate, "")["link"]).text
    assert "45 minutes" in page
    assert "30 minutes" not in page


def test_link_of_a_withdrawn_or_deactivated_candidate_and_a_replaced_one_lead_nowhere(hall: Hall) -> None:
    withdrawn, deactivated, replaced = hall.invite_many(hall.test_id, 3)
    links = [asked(hall, "GET", each, "")["link"] for each in (withdrawn, deactivated, replaced)]
    asked(hall, "POST", withdrawn, "/withdraw")
    path = f"{hall.server.base_url}/api/v1/users/{deactivated.user_id}/deactivate"
    assert httpx2.post(path, headers={"Authorization": f"Bearer {hall.tokens[0]}"}).status_code == 200
    fresh = asked(hall, "POST", replaced, "/new-link")["link"]
    for link in links:
        assert httpx2.get(link).status_code == httpx2.post(link).status_code == 404
    assert httpx2.get(fresh).status_code == 200
    with line(deactivated.address) as own:
        own.refused("not_authenticated")
        own.closed(4001)
