"""Runs over REST: begun within limits, listed, watched while they go on, cancelled."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from sitting.api import run_events
from sitting.domain.run import Lease, RunKind
from sitting.domain.spending import Limits
from sitting.domain.user import Role
from sitting.questions.wishes import AuthoringWish
from sitting.storage.graph_tables import runs
from sitting.storage.unit_of_work import Storage
from sitting.usecases.spend import model_call
from tests.support.builders import make_user, publish_test, seated
from tests.support.clock import NOON
from tests.support.eventually import eventually_async
from tests.support.models import access_to
from tests.support.rest import Rest, refused, said, serving
from tests.support.runs import claim, make_call, queue_run, run_at_work, stored
from tests.support.scripted_model import ScriptedServer
from tests.support.storage import rows

WISH = '{"graph": {"skills": [{"name": "SQL"}]}, "about": {}, "accept": false}'
GRAPH = {"skills": [{"name": "SQL", "priority": "H", "depth": 2, "questions": 3}]}


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as started:
        yield started


@pytest.fixture
async def modelled(storage: Storage, server: ScriptedServer) -> AsyncIterator[Rest]:
    """A server that has a model, and nobody who drives runs."""
    limits = Limits(tokens=10_000, milliseconds=60_000)
    async with access_to(server, run_limits=limits) as model, serving(storage, model=model) as rest:
        yield rest


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_events, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(run_events, "ACCESS_SECONDS", 0.1)


def events(text: str) -> list[tuple[str, Any]]:
    """Kind and data of each event of a stream."""
    parts = [part.split("\n") for part in text.split("\n\n") if part.startswith("event: ")]
    return [(kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for kind, data in parts]


async def test_p26_run_is_queued_with_the_wish_and_within_both_limits(modelled: Rest) -> None:
    author = await modelled.person(Role.AUTHOR)
    test = await publish_test(modelled.storage)
    body = {
        "graph": GRAPH,
        "about": {"SQL": "reads query plans"},
        "accept": True,
        "test_id": test.test_id,
        "limits": {"tokens": 400, "seconds": 90, "cost": 0.25},
    }
    shown = said(await author.post("/runs", body), 201)
    assert (shown["status"], shown["kind"], shown["test_id"]) == ("queued", "authoring", test.test_id)
    assert (shown["graph"]["skills"][0]["name"], shown["about"], shown["accept"]) == ("SQL", body["about"], True)
    assert shown["limits"] == {"tokens": 400, "seconds": 60.0, "cost": 0.25}
    assert author.user is not None
    assert shown["created_by"] == author.user.user_id
    run = await stored(modelled.storage, shown["run_id"])
    wish = msgspec.json.decode(run.wish, type=AuthoringWish)
    assert (wish.graph.skills[0].questions, wish.about, wish.accept) == (3, body["about"], True)
    assert run.limits == Limits(400, 60_000, 250_000)
    assert said(await author.get(f"/runs/{run.run_id}")) == shown


async def test_what_cannot_be_begun_leaves_no_run(modelled: Rest) -> None:
    author = await modelled.person(Role.AUTHOR)
    refused(await author.post("/runs", {"graph": {"skills": []}}), 422, "invalid_message")
    unknown = await author.post("/runs", {"graph": GRAPH, "about": {"Git": "daily"}})
    assert refused(unknown, 422, "invalid_message")["details"] == {"skills": ["Git"]}
    refused(await author.post("/runs", {"graph": GRAPH, "test_id": 99}), 404, "test_not_found")
    async with serving(modelled.storage) as without:
        problem = refused(await without.caller(await make_user(modelled.storage, roles=[Role.AUTHOR])).post(
            "/runs", {"graph": GRAPH}
        ), 409, "conflict")  # fmt: skip
        assert "SITTING_MODEL_URL" in problem["detail"]
    assert await rows(modelled.storage, runs) == []


async def test_run_that_is_begun_again_under_the_same_key_is_the_same_run(modelled: Rest) -> None:
    author = (await modelled.person(Role.AUTHOR)).holding(**{"Idempotency-Key": "one"})
    first = said(await author.post("/runs", {"graph": GRAPH}), 201)
    assert said(await author.post("/runs", {"graph": GRAPH}), 201) == first
    assert len(await rows(modelled.storage, runs)) == 1


async def test_runs_come_in_pages_the_newest_first_as_they_are_wanted(rest: Rest) -> None:
    test = await publish_test(rest.storage)
    made = [
        await queue_run(rest.storage, wish=WISH, at=NOON + timedelta(microseconds=number // 2), run_id=f"r_{number}")
        for number in range(5)
    ]
    await queue_run(rest.storage, wish=WISH, test_id=test.test_id, at=NOON - timedelta(hours=1), run_id="r_test")
    async with rest.storage.unit_of_work() as unit:
        await unit.runs.cancel(made[0].run_id, now=NOON)
    reviewer = await rest.person(Role.REVIEWER)

    async def ids(**wanted: Any) -> list[str]:
        found, after = [], ""
        while True:
            page = said(await reviewer.get("/runs", limit=2, after=after, **wanted))
            found += [each["run_id"] for each in page["items"]]
            if page["next"] is None:
                return found
            after = page["next"]

    assert await ids() == ["r_4", "r_3", "r_2", "r_1", "r_0", "r_test"]
    assert await ids(status="cancelled") == ["r_0"]
    assert await ids(test_id=test.test_id) == ["r_test"]
    assert await ids(kind="live") == []
    for cursor in ("r_4", "99999999999999999999.r_4", "1.", "1.r_4;"):
        refused(await reviewer.get("/runs", after=cursor), 422, "invalid_message")


async def test_cancelled_run_stays_cancelled_and_one_that_has_ended_does_not_become_so(rest: Rest) -> None:
    author = await rest.person(Role.AUTHOR)
    lease = await run_at_work(rest.storage, wish=WISH)
    for _ in range(2):
        assert said(await author.post(f"/runs/{lease.run_id}/cancel"))["status"] == "cancelled"
    done = await run_at_work(rest.storage, wish=WISH)
    async with rest.storage.unit_of_work() as unit:
        await unit.runs.finish(done, now=NOON)
    problem = refused(await author.post(f"/runs/{done.run_id}/cancel"), 409, "conflict")
    assert problem["details"]["status"] == "done"
    refused(await author.post("/runs/r_nowhere/cancel"), 404, "not_found")


async def test_live_run_shows_its_assessment_and_nothing_of_the_slots(rest: Rest) -> None:
    seat = await seated(rest.storage)
    wish = '{"assessment_id": 1, "slots": []}'
    live = await queue_run(rest.storage, kind=RunKind.LIVE, wish=wish, assessment_id=seat.assessment_id)
    shown = said(await (await rest.person(Role.AUTHOR)).get(f"/runs/{live.run_id}"))
    assert (shown["kind"], shown["assessment_id"]) == ("live", seat.assessment_id)
    assert (shown["graph"], shown["about"], shown["accept"]) == (None, None, None)


async def note(storage: Storage, lease: Lease, progress: dict[str, Any]) -> None:
    async with storage.unit_of_work() as unit:
        await unit.runs.note_progress(lease, json.dumps(progress), now=NOON)


async def test_events_tell_each_step_of_a_run_that_another_node_drives_and_end_with_it(rest: Rest) -> None:
    author = await rest.person(Role.AUTHOR)
    run = await queue_run(rest.storage, wish=WISH)
    watching = asyncio.create_task(author.get(f"/runs/{run.run_id}/events"))
    await asyncio.sleep(0.2)
    [claimed] = await claim(rest.storage)
    for number in (1, 2):
        await note(rest.storage, claimed.lease, {"node": "write", "handed_in": number})
        await asyncio.sleep(0.2)
    async with rest.storage.unit_of_work() as unit:
        await unit.runs.finish(claimed.lease, now=NOON, failure="the model is away")
    response = await asyncio.wait_for(watching, 10)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert (response.headers["cache-control"], response.headers["x-accel-buffering"]) == ("no-store", "no")
    told = events(response.text)
    steps = [(kind, run["status"], run["progress"].get("handed_in")) for kind, run in told]
    assert steps[0] == ("run", "queued", None)
    assert [step for step in steps if step[2]] == [("run", "running", 1), ("run", "running", 2), ("end", "failed", 2)]
    assert len(set(map(str, steps))) == len(steps), "something was told twice"
    assert told[-1][1]["failure"] == "the model is away"


async def test_events_of_a_run_that_is_over_are_its_end_alone(rest: Rest) -> None:
    author = await rest.person(Role.AUTHOR)
    run = await queue_run(rest.storage, wish=WISH)
    said(await author.post(f"/runs/{run.run_id}/cancel"))
    response = await author.get(f"/runs/{run.run_id}/events")
    assert [(kind, shown["status"]) for kind, shown in events(response.text)] == [("end", "cancelled")]
    refused(await author.get("/runs/r_nowhere/events"), 404, "not_found")


async def test_events_stop_for_whoever_lost_the_role_and_when_the_node_stops(rest: Rest) -> None:
    author, other = await rest.person(Role.AUTHOR), await rest.person(Role.REVIEWER)
    run = await queue_run(rest.storage, wish=WISH)
    theirs, others = (asyncio.create_task(who.get(f"/runs/{run.run_id}/events")) for who in (author, other))
    await asyncio.sleep(0.3)
    assert not theirs.done()
    assert not others.done()
    assert author.user is not None
    admin = await rest.person(Role.ADMIN)
    said(await admin.patch(f"/users/{author.user.user_id}", {"roles": ["candidate"]}))
    told = events((await asyncio.wait_for(theirs, 10)).text)
    assert [kind for kind, _ in told] == ["run"]
    assert not others.done()
    rest.services.node.is_draining = True
    await eventually_async(lambda: _done(others))


async def _done(task: asyncio.Task[Any]) -> None:
    assert task.done()


async def test_model_calls_of_a_run_are_listed_with_what_each_took(rest: Rest) -> None:
    run = await queue_run(rest.storage, wish=WISH)
    async with rest.storage.unit_of_work() as unit:
        await unit.model_calls.insert_many([model_call(run.run_id, make_call(number)) for number in (1, 2, 3)])
    author = await rest.person(Role.AUTHOR)
    first = said(await author.get(f"/runs/{run.run_id}/model-calls", limit=2))
    rest_of = said(await author.get(f"/runs/{run.run_id}/model-calls", limit=2, after=first["next"]))
    calls = first["items"] + rest_of["items"]
    assert ([call["attempt"] for call in calls], rest_of["next"]) == ([1, 2, 3], None)
    assert (calls[0]["outcome"], calls[0]["prompt_tokens"], calls[0]["answer_tokens"]) == ("unusable", 7, 2)
    assert calls[0]["spent"] == {"tokens": 9, "seconds": 0.09, "cost": 0.0009}
    assert "Zelda Quux" not in json.dumps(calls)
    refused(await author.get("/runs/r_nowhere/model-calls"), 404, "not_found")
