"""The review queue over REST: looked at with evidence and lineage, and decided once."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sitting.domain.proposal import NewProposal
from sitting.domain.question import Option
from sitting.domain.run import RunKind
from sitting.domain.user import Role
from sitting.questions.gates.registry import ITEM_GATES
from sitting.storage.tables import questions
from sitting.storage.unit_of_work import Storage
from tests.support.builders import make_content, seated
from tests.support.clock import NOON
from tests.support.rest import Caller, Rest, refused, said
from tests.support.runs import queue_run
from tests.support.storage import rows

LINEAGE = {"model": "m-2", "prompt": "write_items.v1", "prompt_digest": "d" * 64, "repairs": 1}
VERDICT = {"gate": "one_key", "outcome": "passed", "sentence": "", "place": "key", "evidence": {"keys": 1}}
STEM = "Which command shows who changed each line of a file?"
TEXTS = ("`git blame`", "`git bisect`", "`git reflog`", "`git stash`")


def proposal(run_id: str, number: int = 1, **changes: Any) -> NewProposal:
    options = tuple(Option(f"o_{number}{letter}", text) for letter, text in zip("abcd", TEXTS, strict=True))
    content = make_content(number, **{"text": STEM, "options": options, "skill": "Git", **changes})
    return NewProposal(f"q_new{number}", run_id, content, json.dumps(LINEAGE), json.dumps([VERDICT]))


async def hand_in(storage: Storage, number: int = 1, **changes: Any) -> str:
    """A question that waits; its id."""
    run = await queue_run(storage)
    async with storage.unit_of_work() as unit:
        await unit.proposals.insert_many([proposal(run.run_id, number, **changes)], now=NOON)
    return f"q_new{number}"


@pytest.fixture
async def reviewer(rest: Rest) -> Caller:
    return await rest.person(Role.REVIEWER)


async def test_proposal_shows_the_question_its_evidence_and_its_lineage(rest: Rest, reviewer: Caller) -> None:
    question_id = await hand_in(rest.storage)
    shown = said(await reviewer.get(f"/proposals/{question_id}"))
    assert (shown["state"], shown["lineage"]) == ("waiting", LINEAGE)
    assert shown["evidence"] == [{**VERDICT, "wording": "written"}]
    question = shown["question"]
    assert (question["text"], question["skill"], question["difficulty"]) == (STEM, "Git", "easy")
    assert [(each["text"], each["correct"]) for each in question["options"]] == [
        (text, text == TEXTS[0]) for text in TEXTS
    ]
    refused(await reviewer.get("/proposals/q_nowhere"), 404, "not_found")


async def test_queue_comes_in_pages_the_oldest_first_as_it_is_wanted(rest: Rest, reviewer: Caller) -> None:
    run, other = await queue_run(rest.storage), await queue_run(rest.storage)
    async with rest.storage.unit_of_work() as unit:
        for number, at in ((3, NOON), (1, NOON + timedelta(seconds=1)), (2, NOON + timedelta(seconds=1))):
            await unit.proposals.insert_many([proposal(run.run_id, number)], now=at)
        await unit.proposals.insert_many([proposal(other.run_id, 4, skill="SQL")], now=NOON + timedelta(hours=1))
    said(await reviewer.post("/proposals/q_new2/reject"))

    async def ids(**wanted: Any) -> list[str]:
        found, after = [], ""
        while True:
            page = said(await reviewer.get("/proposals", limit=1, after=after, **wanted))
            found += [each["question_id"] for each in page["items"]]
            if page["next"] is None:
                return found
            after = page["next"]

    assert await ids() == ["q_new3", "q_new1", "q_new2", "q_new4"]
    assert await ids(state="waiting") == ["q_new3", "q_new1", "q_new4"]
    assert await ids(state="rejected", run_id=run.run_id) == ["q_new2"]
    assert await ids(run_id=other.run_id) == ["q_new4"]
    assert await ids(skill="SQL") == ["q_new4"]
    assert await ids(test_id=1) == []
    assert await ids(kind="live") == []


async def test_reviewer_sees_what_was_written_for_one_candidate(rest: Rest, reviewer: Caller) -> None:
    await hand_in(rest.storage)
    seat = await seated(rest.storage)
    live = await queue_run(rest.storage, kind=RunKind.LIVE, assessment_id=seat.assessment_id)
    async with rest.storage.unit_of_work() as unit:
        await unit.proposals.insert_many([proposal(live.run_id, 2)], now=NOON)
    shown = said(await reviewer.get("/proposals"))["items"]
    assert [(each["question_id"], each["kind"]) for each in shown] == [("q_new1", "authoring"), ("q_new2", "live")]
    assert [each["question_id"] for each in said(await reviewer.get("/proposals", kind="live"))["items"]] == ["q_new2"]


async def test_accepted_question_is_in_the_bank_under_its_id_and_keeps_where_it_comes_from(
    rest: Rest, reviewer: Caller
) -> None:
    question_id = await hand_in(rest.storage)
    accepted = said(await reviewer.post(f"/proposals/{question_id}/accept", {"note": "a good one"}))
    assert reviewer.user is not None
    assert (accepted["state"], accepted["note"], accepted["decided_by"]) == (
        "accepted", "a good one", reviewer.user.user_id,
    )  # fmt: skip
    assert (accepted["lineage"], accepted["evidence"]) == (LINEAGE, [{**VERDICT, "wording": "written"}])
    in_bank = said(await reviewer.get(f"/questions/{question_id}"))
    assert (in_bank["text"], in_bank["version"], in_bank["skill"]) == (STEM, 1, "Git")
    [entry] = said(await reviewer.get(f"/questions/{question_id}/versions"))
    assert entry["created_by"] == reviewer.user.user_id
    for verb, body in (("accept", None), ("reject", None), ("edit", {"question": accepted["question"]})):
        problem = refused(await reviewer.post(f"/proposals/{question_id}/{verb}", body), 409, "conflict")
        assert problem["details"]["state"] == "accepted"


async def test_two_reviewers_at_once_make_one_question(rest: Rest, reviewer: Caller) -> None:
    question_id = await hand_in(rest.storage)
    both = await asyncio.gather(*(reviewer.post(f"/proposals/{question_id}/accept") for _ in range(4)))
    assert sorted(response.status_code for response in both) == [200, 409, 409, 409]
    assert len(await rows(rest.storage, questions)) == 1


async def test_rejected_question_never_reaches_the_bank(rest: Rest, reviewer: Caller) -> None:
    question_id = await hand_in(rest.storage)
    rejected = said(await reviewer.post(f"/proposals/{question_id}/reject", {"note": "trivia"}))
    assert (rejected["state"], rejected["note"]) == ("rejected", "trivia")
    assert await rows(rest.storage, questions) == []
    assert (await reviewer.post(f"/proposals/{question_id}/accept")).status_code == 409


async def test_what_the_bank_has_got_meanwhile_is_not_taken_again(rest: Rest, reviewer: Caller) -> None:
    first, second = await hand_in(rest.storage, 1), await hand_in(rest.storage, 2)
    said(await reviewer.post(f"/proposals/{first}/accept"))
    problem = refused(await reviewer.post(f"/proposals/{second}/accept"), 409, "conflict")
    assert problem["details"]["matches"] == [{"question_id": first, "similarity": 1.0}]
    assert said(await reviewer.get(f"/proposals/{second}"))["state"] == "waiting"


async def edited(reviewer: Caller, question_id: str, **changes: Any) -> Any:
    question = said(await reviewer.get(f"/proposals/{question_id}"))["question"]
    return await reviewer.post(f"/proposals/{question_id}/edit", {"question": question | changes, "note": "clearer"})


async def test_edited_question_passes_the_gates_again_and_the_verdicts_are_kept(rest: Rest, reviewer: Caller) -> None:
    question_id = await hand_in(rest.storage)
    text = "Which command names the last commit that touched each line of a file?"
    shown = said(await edited(reviewer, question_id, text=text))
    assert (shown["state"], shown["question"]["text"], shown["note"]) == ("edited", STEM, "clearer")
    again = {each["gate"] for each in shown["evidence"] if each["wording"] == "edited"}
    assert again == {*ITEM_GATES, "near_duplicate"}
    assert shown["evidence"][0] == {**VERDICT, "wording": "written"}
    in_bank = said(await reviewer.get(f"/questions/{question_id}"))
    assert in_bank["text"] == text
    assert [option["id"] for option in in_bank["options"]] == ["o_1a", "o_1b", "o_1c", "o_1d"]


async def test_p26_edited_question_that_fails_a_gate_is_refused_with_the_verdict_and_goes_on_waiting(
    rest: Rest, reviewer: Caller
) -> None:
    question_id = await hand_in(rest.storage)
    options = [{"text": text, "correct": text == TEXTS[0]} for text in (*TEXTS[:3], "None of the above")]
    problem = refused(await edited(reviewer, question_id, options=options), 422, "invalid_message")
    assert [each["gate"] for each in problem["details"]["verdicts"]] == ["all_or_none"]
    assert "None of the above" in problem["details"]["verdicts"][0]["sentence"]
    assert said(await reviewer.get(f"/proposals/{question_id}"))["state"] == "waiting"
    assert await rows(rest.storage, questions) == []

    overruled = said(await edited(reviewer, question_id, options=options, tags=["gate-ok:all_or_none"]))
    assert overruled["state"] == "edited"
    assert [each["gate"] for each in overruled["evidence"] if each["outcome"] == "failed"] == ["all_or_none"]
    assert said(await reviewer.get(f"/questions/{question_id}"))["tags"] == ["gate-ok:all_or_none"]


async def test_edit_into_what_the_bank_has_is_refused(rest: Rest, reviewer: Caller) -> None:
    # What the process remembers of the bank is from before the question that counts.
    said(await edited(reviewer, await hand_in(rest.storage, 3), text="Which file lists paths that are not tracked?"))
    said(await reviewer.post(f"/proposals/{await hand_in(rest.storage, 1)}/accept"))
    other = await hand_in(rest.storage, 2, text="What is shown by the command that walks back through history?")
    problem = refused(await edited(reviewer, other, text=STEM, skill="Version control"), 422, "invalid_message")
    assert [each["gate"] for each in problem["details"]["verdicts"]] == ["near_duplicate"]


async def test_edit_that_changes_nothing_is_an_acceptance(rest: Rest, reviewer: Caller) -> None:
    shown = said(await edited(reviewer, await hand_in(rest.storage)))
    assert (shown["state"], len(shown["evidence"])) == ("accepted", 1)


async def test_question_that_could_not_be_answered_is_refused_whatever_a_reviewer_says(
    rest: Rest, reviewer: Caller
) -> None:
    question_id = await hand_in(rest.storage)
    nothing_right = [{"text": text, "correct": False} for text in TEXTS]
    problem = refused(await edited(reviewer, question_id, options=nothing_right), 422, "invalid_message")
    assert problem["details"]["problems"] == ["exactly one option must be correct"]


async def test_acceptance_under_a_key_is_answered_again_as_before(rest: Rest, reviewer: Caller) -> None:
    question_id = await hand_in(rest.storage)
    keyed = replace(reviewer, headers={**reviewer.headers, "Idempotency-Key": "once"})
    first = said(await keyed.post(f"/proposals/{question_id}/accept"))
    assert said(await keyed.post(f"/proposals/{question_id}/accept")) == first
