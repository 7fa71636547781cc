"""Three nodes on one PostgreSQL: what one does is known on the others at once, and in seconds if notices are lost."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
from websockets.exceptions import ConnectionClosed

from sitting.storage.notices import CHANNEL
from sitting.storage.tables import assessments
from tests.support.cluster import NODES, Cluster, opened_cluster
from tests.support.delivery import Candidate, Line, line, now, place_for_a_hall, seated
from tests.support.eventually import eventually
from tests.support.one_way_sitting import BY_LOOKING, BY_NOTICES

AT_ONCE = 3.0  # seconds; a notice takes milliseconds, and the machine may be busy
IN_A_WHILE = 8.0  # of which the poll waits 5 at the most
REASON = {"reason": "The fire alarm went off."}
STARTS, SOCKETS = 100, 18
GRACE = timedelta(seconds=1)


def opened(request: pytest.FixtureRequest, factory: pytest.TempPathFactory, way: str) -> Iterator[Cluster]:
    with opened_cluster(*place_for_a_hall(request, factory, f"nodes_{way}"), way=way) as cluster:
        yield cluster


@pytest.fixture(scope="module", params=["postgresql"])
def by_notices(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Nodes that never look by themselves whether others did something: what they know, they were told."""
    yield from opened(request, tmp_path_factory, BY_NOTICES)


@pytest.fixture(scope="module", params=["postgresql"])
def by_looking(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Nodes to which every notice is lost."""
    yield from opened(request, tmp_path_factory, BY_LOOKING)


# --- what another node did ---


@dataclass(frozen=True)
class News:
    """Something done on another node, and what the socket must hear of it.

    Attributes:
        before: done first, on the socket's own node, and heard.
    """

    act: Callable[[Cluster, int, Candidate, int], object]
    hear: Callable[[Line], object]
    before: Callable[[Cluster, Line, int], object] | None = None


def take_over(cluster: Cluster, node: int, candidate: Candidate, _assessment_id: int) -> None:
    with line(cluster.address(candidate, node)) as elsewhere:
        elsewhere.start(candidate)


def take_over_by_rest(cluster: Cluster, node: int, candidate: Candidate, assessment_id: int) -> None:
    assert cluster.of(candidate, node, f"/assessments/{assessment_id}/resume").status_code == 200


def staff(what: str, body: Any = None) -> Callable[[Cluster, int, Candidate, int], object]:
    return lambda cluster, node, _, id_: cluster.staff(node, "POST", f"/assessments/{id_}/{what}", body)


def person(method: str, path: str, body: Any = None) -> Callable[[Cluster, int, Candidate, int], object]:
    return lambda cluster, node, who, _: cluster.staff(node, method, f"/users/{who.user_id}{path}", body)


def expect(*types: str, close: int | None = None) -> Callable[[Line], None]:
    """These messages, and then the end with that code, if one is given."""

    def hear(own: Line) -> None:
        if close is None:
            for type_ in types:
                own.expect(type_)
            own.check_alive()
        else:
            assert tuple(message["type"] for message in own.closed(close)) == types

    return hear


def paused_here(cluster: Cluster, own: Line, assessment_id: int) -> None:
    cluster.staff(0, "POST", f"/assessments/{assessment_id}/pause", REASON)
    expect("paused", "deadline_changed")(own)


TAKEOVERS = {
    "socket": News(take_over, expect("system_message", close=4009)),
    "rest": News(take_over_by_rest, expect("system_message", close=4009)),
}
STAFF = {
    "extension": News(staff("extend", {"minutes": 5, **REASON}), expect("deadline_changed")),
    "pause": News(staff("pause", REASON), expect("paused", "deadline_changed")),
    "unpause": News(staff("unpause"), expect("unpaused", "deadline_changed"), paused_here),
    "end": News(staff("end", REASON), expect("assessment_completed", close=4010)),
    "void": News(staff("void", REASON), expect("system_message", close=4010)),
}
ACCESS = {
    "revocation": News(person("POST", "/revoke"), expect("error", close=4001)),
    "deactivation": News(person("POST", "/deactivate"), expect("error", close=4001)),
    "roles": News(person("PATCH", "", {"roles": ["candidate", "reviewer"]}), expect("error", close=4001)),
}


def check_told_by_notice(cluster: Cluster, news: News) -> None:
    for node in range(1, NODES):
        candidate = cluster.hall.invite()
        with seated(candidate) as (own, started):
            assessment_id = started["assessment_id"]
            if news.before is not None:
                news.before(cluster, own, assessment_id)
            news.act(cluster, node, candidate, assessment_id)
            done_at = time.monotonic()
            news.hear(own)
            assert time.monotonic() - done_at < AT_ONCE
    assert cluster.metric(0, "sitting_head_polls_total") == 0


@pytest.mark.parametrize("how", TAKEOVERS)
def test_p20_takeover_on_another_node_is_told_at_once(by_notices: Cluster, how: str) -> None:
    check_told_by_notice(by_notices, TAKEOVERS[how])


@pytest.mark.parametrize("what", STAFF)
def test_what_staff_do_on_another_node_is_told_at_once(by_notices: Cluster, what: str) -> None:
    check_told_by_notice(by_notices, STAFF[what])


@pytest.mark.parametrize("what", ACCESS)
def test_p23_loss_of_access_on_another_node_closes_at_once(by_notices: Cluster, what: str) -> None:
    check_told_by_notice(by_notices, ACCESS[what])


def test_p20_lost_notices_cost_seconds_and_nothing_else(by_looking: Cluster) -> None:
    everything = [*TAKEOVERS.values(), *STAFF.values(), *ACCESS.values()]
    with ExitStack() as stack:
        at_work = []
        for news in everything:
            candidate = by_looking.hall.invite()
            own, started = stack.enter_context(seated(candidate))
            at_work.append((news, candidate, own, started["assessment_id"]))
            if news.before is not None:
                news.before(by_looking, own, started["assessment_id"])
        for place, (news, candidate, _, assessment_id) in enumerate(at_work):
            news.act(by_looking, 1 + place % 2, candidate, assessment_id)
        done_at = time.monotonic()
        for news, _, own, _ in at_work:
            news.hear(own)
        assert time.monotonic() - done_at < IN_A_WHILE
    assert by_looking.metric(0, "sitting_notices_received_total") == 0
    assert by_looking.metric(0, "sitting_head_polls_total", outcome="done") > 0


# --- hints, and no more ---


def say(cluster: Cluster, *payloads: str) -> None:
    """As somebody with a database shell could."""

    async def notify() -> None:
        connection = await asyncpg.connect(cluster.hall.url)
        for payload in payloads:
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, payload)
        await connection.close()

    asyncio.run(notify())


def test_forged_notices_change_nothing(by_notices: Cluster) -> None:
    candidate = by_notices.hall.invite()
    asked, second = candidate.questions[:2]
    with seated(candidate) as (own, started):
        saved, assessment_id = own.answer(asked, asked.right), started["assessment_id"]
        before = by_notices.metric(0, "sitting_notices_received_total")
        forged = [f"n_forged assessment {assessment_id} {seq}" for seq in (1, 2, 1000, 2_147_483_648, 9_999_999_999)]
        forged += [f"n_forged user {user_id}" for user_id in (candidate.user_id, 9_999_999_999_999_999)]
        say(by_notices, *forged, "", "nonsense", "x" * 7000, f"n_forged assessment {2**63} 1")
        eventually(lambda: check_received(by_notices, before + len(forged)))
        own.check_alive()
        again = own.answer(second, second.right)
        assert again["seq"] == saved["seq"] + 1
        take_over(by_notices, 1, candidate, assessment_id)
        expect("system_message", close=4009)(own)
    log = by_notices.hall.log_of(assessment_id)
    assert [entry.seq for entry in log] == list(range(1, len(log) + 1))


def check_received(cluster: Cluster, number: float) -> None:
    assert cluster.metric(0, "sitting_notices_received_total") == number


# --- everything on any node ---


def check_clock(said: dict[str, Any], deadline_at: str) -> None:
    """The deadline is that one, and the remaining time is right within a second."""
    assert said.get("deadline_at", deadline_at) == deadline_at
    remaining = (datetime.fromisoformat(deadline_at) - now()).total_seconds()
    assert abs(said["remaining_seconds"] - remaining) < 1


def test_p16_reconnect_to_any_node_finds_answers_and_time(by_notices: Cluster) -> None:
    candidate = by_notices.hall.invite()
    with seated(candidate) as (own, started):
        saved = {own.answer(asked, asked.right)["seq"] for asked in candidate.questions[:1]}
    deadline_at, claim = started["deadline_at"], {"assessment_id": started["assessment_id"]}
    for turn in range(1, 7):
        asked = candidate.questions[turn % 4]
        with line(by_notices.address(candidate, turn % NODES)) as own:
            again = own.ask("resume_assessment", "assessment_recovered", **claim)
            assert {each["seq"] for each in again["responses"]} == saved
            check_clock(again, deadline_at)
            check_clock(own.ask("heartbeat", "pong"), deadline_at)
            own.answer(asked, asked.wrong)
            by_notices.staff((turn + 1) % NODES, "POST", f"/assessments/{claim['assessment_id']}/extend", EXTENSION)
            deadline_at = own.expect("deadline_changed")["deadline_at"]
            check_clock(own.ask("heartbeat", "pong"), deadline_at)
        rows = by_notices.hall.look(f"/assessments/{claim['assessment_id']}/responses")["items"]
        saved = {row["seq"] for row in rows if row["seq"] is not None}


EXTENSION = {"minutes": 1, **REASON}


def test_p12_sweepers_of_three_nodes_make_one_end_of_each(by_notices: Cluster) -> None:
    hall, nodes = by_notices.hall, range(NODES)
    deadline = now() + timedelta(seconds=6)
    rules = {"time_limit_minutes": None, "grace_seconds": GRACE.seconds, "closes_at": deadline.isoformat()}
    people = hall.invite_many(hall.publish(**rules), 12)
    before = [by_notices.metric(node, "sitting_finalizations_total") for node in nodes]
    with ExitStack() as stack:
        at_work = []
        for place, candidate in enumerate(people):
            own = stack.enter_context(line(by_notices.address(candidate, place % NODES)))
            at_work.append((own, own.start(candidate)["assessment_id"]))
        for own, _ in at_work:
            assert [message["type"] for message in own.closed(4010, within=30)] == ["assessment_completed"]
    for _, assessment_id in at_work:
        assert [entry.type for entry in hall.log_of(assessment_id)] == ["started", "attached", "finalized"]
        [row] = hall.rows(assessments, id=assessment_id)
        assert (row.status, row.end_time) == ("timeout", deadline)
    ended = [by_notices.metric(node, "sitting_finalizations_total") - before[node] for node in nodes]
    assert sum(ended) == len(people)


# --- starts ---


def storm(cluster: Cluster, candidate: Candidate) -> Counter[tuple[str, int]]:
    """A hundred starts at one moment, over sockets and REST, on all nodes: what each came to, and which assessment."""
    gate = threading.Barrier(STARTS)

    def by_socket(node: int) -> tuple[str, int]:
        with line(cluster.address(candidate, node)) as own:
            gate.wait(60)
            with suppress(ConnectionClosed):
                own.send("start_assessment", test_id=candidate.test_id)
                message = own.read(within=30)
                return message["data"].get("code", "started"), message["data"].get("assessment_id", 0)
        raise AssertionError("it was closed without an answer")

    def by_rest(node: int) -> tuple[str, int]:
        gate.wait(60)
        said = cluster.of(candidate, node, "/assessments", {"test_id": candidate.test_id}).json()
        return said.get("code", "started"), said.get("assessment_id", 0)

    with ThreadPoolExecutor(STARTS) as pool:
        ways = [by_socket] * SOCKETS + [by_rest] * (STARTS - SOCKETS)
        return Counter(pool.map(lambda way, number: way(number % NODES), ways, range(STARTS)))


def test_p08_hundred_starts_on_three_nodes_never_exceed_the_attempts(by_notices: Cluster) -> None:
    hall = by_notices.hall
    [candidate] = hall.invite_many(hall.publish(max_attempts=2), 1)
    for attempt in (1, 2):
        [(came_to, number)] = storm(by_notices, candidate).items()
        rows = hall.rows(assessments, user_id=candidate.user_id)
        assert [row.attempt for row in rows] == list(range(1, attempt + 1))
        assert (came_to, number) == (("started", rows[-1].id), STARTS)
        log = hall.log_of(rows[-1].id)
        assert [entry.body["how"] for entry in log if entry.type == "attached"].count("start") == 1
        by_notices.staff(attempt, "POST", f"/assessments/{rows[-1].id}/end", REASON)
    assert storm(by_notices, candidate) == {("attempts_exhausted", 0): STARTS}
    assert len(hall.rows(assessments, user_id=candidate.user_id)) == 2
