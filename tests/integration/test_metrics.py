"""What is measured, who may read it, and that none of it is about anybody."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from sitting.api import create_api
from sitting.domain.errors import Unavailable
from sitting.domain.events import EndReason
from sitting.metrics import CONTENT_TYPE, OTHER, Metrics
from sitting.storage.errors import BadData
from sitting.workers.sweeper import sweep
from tests.support.builders import seated
from tests.support.delivery import Hall, line
from tests.support.delivery import seated as seated_in
from tests.support.eventually import eventually
from tests.support.journals import make_entry, watched_journal
from tests.support.rest import BASE_URL, Rest, refused, unopened_services

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
TOKEN = "a-token-of-the-scraper"
ROW = re.compile(r"^\| `(sitting_\w+)` \| (\w+) \| ([^|]*)\|", re.MULTILINE)
Series = dict[tuple[str, tuple[str, ...]], float]


def series(text: str) -> Series:
    """Name of the sample and values of its labels, by the labels' names → its value."""
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
    return {(each.name, tuple(value for _, value in sorted(each.labels.items()))): each.value for each in samples}


def measured(metrics: Metrics) -> Series:
    return series(metrics.text().decode())


def of(hall: Hall) -> Series:
    response = httpx2.get(f"{hall.server.base_url}/metrics", timeout=30)
    assert response.headers["content-type"] == CONTENT_TYPE
    return series(response.text)


async def ask(app: FastAPI, host: str, **headers: str) -> httpx2.Response:
    """`GET /metrics` by a caller with that address."""
    transport = httpx2.ASGITransport(app, client=(host, 1234))
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    async with httpx2.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        return await client.get("/metrics", headers=sent)


async def test_metrics_without_a_token_are_for_this_machine_and_not_for_what_a_proxy_on_it_passes_on() -> None:
    app = create_api(unopened_services())
    for host in ("127.0.0.1", "127.9.9.9", "::1"):
        response = await ask(app, host)
        assert (response.status_code, response.headers["content-type"]) == (200, CONTENT_TYPE)
    for host in ("10.0.0.7", "203.0.113.7", "2001:db8::1", "testclient"):
        refused(await ask(app, host), 403, "not_allowed")
    for header in ("X_Forwarded_For", "Forwarded", "X_Real_IP", "Via"):
        refused(await ask(app, "127.0.0.1", **{header: "127.0.0.1"}), 403, "not_allowed")


async def test_metrics_with_a_token_are_for_whoever_shows_it_from_wherever() -> None:
    app = create_api(unopened_services(metrics_token=TOKEN))
    assert (await ask(app, "203.0.113.7", Authorization=f"Bearer {TOKEN}")).status_code == 200
    refused(await ask(app, "127.0.0.1"), 401, "not_authenticated")
    for wrong in (f"Bearer {TOKEN}x", TOKEN, "Bearer é", f"Basic {TOKEN}"):
        refused(await ask(app, "127.0.0.1", Authorization=wrong), 401, "not_authenticated")


def test_every_metric_is_documented_with_its_kind_and_labels_and_no_other_is() -> None:
    metrics = Metrics()
    metrics.closed(None)
    with metrics.start() as start:
        start.succeeded(recovered=False)
    families = text_string_to_metric_families(metrics.text().decode())
    found = {}
    for family in families:
        labels = sorted({label for sample in family.samples for label in sample.labels if label != "le"})
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found[name] = (family.type, labels)
    rows = ROW.findall(OPERATIONS.read_text())
    documented = {name: (kind, sorted(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    assert documented == found
    assert len(rows) == len(documented)


def test_two_applications_in_one_process_count_apart() -> None:
    first, second = Metrics(), Metrics()
    first.sign_ins_refused.inc()
    assert measured(first)["sitting_sign_ins_refused_total", ()] == 1
    assert measured(second)["sitting_sign_ins_refused_total", ()] == 0


def test_close_codes_that_clients_make_up_are_one_series() -> None:
    metrics = Metrics()
    for code in range(3000, 5000):
        metrics.closed(code)
    closes = {labels[0] for name, labels in measured(metrics) if name == "sitting_socket_closes_total"}
    assert OTHER in closes
    assert len(closes) < 20


def grown(hall: Hall, before: Series) -> Series:
    now = of(hall)
    return {key: value - before.get(key, 0) for key, value in now.items() if value != before.get(key, 0)}


def test_what_a_candidate_does_is_counted_and_nobody_is_named(hall: Hall) -> None:
    candidate = hall.invite()
    before = of(hall)
    with seated_in(candidate) as (own, _):
        first = {"client_id": "tab", "client_seq": 1}
        own.answer(hall.questions[0], hall.questions[0].right, **first)
        own.answer(hall.questions[0], hall.questions[0].right, **first)
        own.send("submit_answer", question_id=hall.questions[1].question_id, selected_option="nothing of the kind")
        own.refused("invalid_answer")
        during = grown(hall, before)
        own.send("complete_assessment")
        own.expect("assessment_completed")
    assert during["sitting_attached_candidates", ()] == during["sitting_open_sockets", ()] == 1
    assert during["sitting_starts_total", ("started",)] == during["sitting_start_seconds_count", ()] == 1
    assert during["sitting_answers_total", ("saved",)] == during["sitting_answers_total", ("duplicate",)] == 1
    assert during["sitting_answers_total", ("refused",)] == 1
    assert during["sitting_refusals_total", ("invalid_answer", "socket")] == 1
    assert during["sitting_ack_seconds_count", ()] == 2
    assert 0 < during["sitting_ack_seconds_sum", ()] < 20
    assert during["sitting_journal_batch_entries_sum", ()] == during["sitting_journal_commit_seconds_count", ()] == 1
    eventually(lambda: check_closed(hall, before))
    assert of(hall)["sitting_journal_waiting_entries", ()] == 0
    everything = httpx2.get(f"{hall.server.base_url}/metrics", timeout=30).text
    assert "Zoë" not in everything
    assert hall.questions[0].question_id not in everything


def check_closed(hall: Hall, before: Series) -> None:
    after = grown(hall, before)
    assert after["sitting_finalizations_total", ("submitted",)] == 1
    assert after["sitting_socket_closes_total", ("1000",)] == 1
    assert ("sitting_open_sockets", ()) not in after
    assert ("sitting_attached_candidates", ()) not in after
    assert 0 <= of(hall)["sitting_sweep_age_seconds", ()] < 60


def test_refusals_are_counted_over_rest_and_at_the_door_of_the_socket(hall: Hall) -> None:
    before = of(hall)
    body = {"email": "nobody@example.org", "password": "a guess that is wrong"}
    assert httpx2.post(f"{hall.server.base_url}/api/v1/auth/token", json=body, timeout=30).status_code == 401
    assert httpx2.post(f"{hall.server.base_url}/api/v1/auth/token", json={}, timeout=30).status_code == 422
    with line(f"{hall.server.ws_url}?token=none") as own:
        own.closed(4001)
    after = grown(hall, before)
    assert after["sitting_sign_ins_refused_total", ()] == 1
    assert after["sitting_refusals_total", ("not_authenticated", "rest")] == 1
    assert after["sitting_refusals_total", ("invalid_message", "rest")] == 1
    assert after["sitting_refusals_total", ("not_authenticated", "socket")] == 1
    eventually(lambda: check_grown(hall, before, ("sitting_socket_closes_total", ("4001",))))


def check_grown(hall: Hall, before: Series, key: tuple[str, tuple[str, ...]]) -> None:
    assert key in grown(hall, before)


async def test_sweep_says_how_late_it_was(rest: Rest) -> None:
    seat = await seated(rest.storage, time_limit_minutes=10)
    due_at = seat.live.state.schedule.closable_at
    assert due_at is not None
    await sweep(rest.services, due_at)
    found = measured(rest.services.metrics)
    assert found["sitting_sweep_lag_seconds_count", ()] == 1
    assert found["sitting_sweep_lag_seconds_sum", ()] == 0
    assert found["sitting_finalizations_total", (EndReason.TIMEOUT,)] == 1


async def test_commit_of_unknown_outcome_is_counted(rest: Rest) -> None:
    seat = await seated(rest.storage)
    async with watched_journal(rest.storage) as (journal, writer):
        writer.loses_acks = True
        with pytest.raises(Unavailable):
            await seat.answer(1)
        assert journal.has_failed
    found = measured(rest.services.metrics)
    assert found["sitting_journal_outcomes_unknown_total", ()] == 1
    assert found["sitting_journal_commit_seconds_count", ()] == 0


async def test_value_that_the_database_refuses_among_others_is_counted_as_a_split(rest: Rest) -> None:
    bad, good = await seated(rest.storage), await seated(rest.storage)
    async with watched_journal(rest.storage) as (journal, _):
        hostile = make_entry(bad, option="\ud800")
        done = await asyncio.gather(journal.append(hostile), journal.append(make_entry(good)), return_exceptions=True)
    assert [type(each) for each in done] == [BadData, type(None)]
    assert measured(rest.services.metrics)["sitting_journal_bisected_total", ()] == 1
