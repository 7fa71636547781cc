"""How much of the results a candidate sees, by socket and by REST, as the Test says; staff see all."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.delivery import Candidate, Hall, line, seated

NOTHING = {"assessment_id", "status"}
STATUS = NOTHING | {
    *("test_id", "user_id", "application_id", "attempt", "started_at", "end_time", "time_taken_minutes"),
    *("total_questions", "generated_questions", "answered_questions", "scheduler_compliance"),
}
SCORE = STATUS | {"total_score", "max_score", "percentage_score", "passed"}
FULL = SCORE | {"correct_answers", "skills"}
POLICIES = {"nothing": NOTHING, "status": STATUS, "score": SCORE, "full": FULL}
HIDDEN = ("total_score", "percentage_score", "passed")

each_policy = pytest.mark.parametrize(("policy", "fields"), POLICIES.items())


def invited(hall: Hall, policy: str, **rules: Any) -> Candidate:
    [candidate] = hall.invite_many(hall.publish(results=policy, **rules), 1)
    return candidate


def finished(hall: Hall, policy: str, **rules: Any) -> tuple[Candidate, dict[str, Any]]:
    """One right answer of four, handed in; the data of `assessment_completed`."""
    candidate = invited(hall, policy, **rules)
    with seated(candidate) as (own, _):
        own.answer(candidate.questions[0], candidate.questions[0].right)
        return candidate, own.ask("complete_assessment", "assessment_completed")


@each_policy
def test_candidate_is_told_at_the_end_what_the_policy_shows(hall: Hall, policy: str, fields: set[str]) -> None:
    candidate, completed = finished(hall, policy)
    results = completed["results"]
    assert results.keys() == fields
    assert results["status"] == "completed"
    assert completed["receipt"]["assessment_id"] == results["assessment_id"]
    with line(candidate.address) as own:
        own.send("resume_assessment", assessment_id=results["assessment_id"])
        recovered = own.expect("assessment_recovered")
        own.closed(4010)
    assert recovered["results"] == results
    assert recovered["status"] == "completed"


@each_policy
def test_candidate_reads_over_rest_what_the_policy_shows_and_staff_read_all(
    hall: Hall, policy: str, fields: set[str]
) -> None:
    candidate, completed = finished(hall, policy)
    path = f"/assessments/{completed['results']['assessment_id']}"
    own = hall.read(f"{path}/results", token=candidate.token)
    assert (own.status_code, own.json().keys()) == (200, fields)
    everything = hall.look(f"{path}/results")
    assert everything.keys() == FULL
    assert (everything["total_score"], everything["correct_answers"]) == (1.0, 1)
    assert own.json() == {name: everything[name] for name in fields}
    row, full_row = hall.read(path, token=candidate.token).json(), hall.look(path)
    hidden = {} if "passed" in fields else dict.fromkeys(HIDDEN)
    assert row == full_row | hidden
    assert None not in [full_row[name] for name in HIDDEN]
    assert hall.read(f"{path}/receipt", token=candidate.token).status_code == 200


@each_policy
def test_nobody_learns_scores_before_the_end(hall: Hall, policy: str, fields: set[str]) -> None:
    candidate = invited(hall, policy)
    with seated(candidate) as (own, started):
        own.answer(candidate.questions[0], candidate.questions[0].right)
        path = f"/assessments/{started['assessment_id']}"
        refused = hall.read(f"{path}/results", token=candidate.token)
        assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
        seen = hall.look(f"{path}/results")
        assert [seen[name] for name in (*HIDDEN, "correct_answers", "skills")] == [None, None, None, None, []]
    with line(candidate.address) as own:
        recovered = own.ask("resume_assessment", "assessment_recovered", assessment_id=started["assessment_id"])
        assert (recovered["results"], recovered["receipt"]) == (None, None)


@pytest.mark.parametrize(("policy", "points"), [("status", None), ("score", 1.0)])
def test_review_of_answers_keeps_the_points_that_the_results_hide(
    hall: Hall, policy: str, points: float | None
) -> None:
    candidate, completed = finished(hall, policy, feedback="after_end")
    answer = hall.read(f"/assessments/{completed['results']['assessment_id']}/responses", token=candidate.token)
    first = answer.json()["items"][0]
    assert (first["is_correct"], first["points"], first["credit"]) == (True, points, points)


def test_interface_declares_a_schema_for_each_policy_and_requires_nothing_that_one_hides(hall: Hall) -> None:
    description = hall.look("/openapi.json")
    answer = description["paths"]["/api/v1/assessments/{assessment_id}/results"]["get"]["responses"]["200"]
    choices = answer["content"]["application/json"]["schema"]["anyOf"]
    schemas = [description["components"]["schemas"][each["$ref"].rpartition("/")[2]] for each in choices]
    assert [set(schema["properties"]) for schema in schemas] == [FULL, SCORE, STATUS, NOTHING]
    assert [set(schema["required"]) for schema in schemas] == [FULL, SCORE, STATUS, NOTHING]
