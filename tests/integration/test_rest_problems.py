"""What a caller is told when something is wrong, whoever finds it: our rules, the framework, or nobody."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from sitting.api import create_api
from sitting.api.middleware import MAX_BODY_BYTES
from sitting.api.problems import STATUS
from sitting.domain.errors import ErrorCode, RateLimited
from sitting.domain.user import Role
from tests.support.rest import BASE_URL, Caller, Rest, refused, said, serving, unopened_services
from tests.support.storage import running_storage

SECRET = "hunter2-hunter2"


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    """The API over a database that is not there, with a few routes that go wrong in their own ways."""
    app = create_api(unopened_services())

    @app.get("/boom/{secret}")
    async def boom(secret: str) -> None:
        raise ZeroDivisionError(secret)

    @app.get("/too-fast")
    async def too_fast() -> None:
        raise RateLimited()

    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url=BASE_URL) as opened:
        yield opened


@pytest.fixture
async def admin(rest: Rest) -> Caller:
    return await rest.person(Role.ADMIN)


def test_every_code_has_a_status() -> None:
    assert set(STATUS) == set(ErrorCode)
    assert all(400 <= status < 600 for status in STATUS.values())


async def test_unknown_address_and_method_are_problems(client: httpx2.AsyncClient) -> None:
    refused(await client.get("/api/v1/nothing"), 404, "not_found")
    refused(await client.get("/api/v1/users/"), 404, "not_found")
    response = await client.delete("/api/v1/keys")
    refused(response, 405, "invalid_message")
    assert response.headers["allow"] == "GET"


async def test_documentation_page_does_not_exist(client: httpx2.AsyncClient) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        refused(await client.get(path), 404, "not_found")


async def test_invalid_body_is_described_without_repeating_it(client: httpx2.AsyncClient) -> None:
    body = {"email": "a@example.org", "password": [SECRET], "extra": SECRET}
    response = await client.post("/api/v1/auth/token", json=body)
    problem = refused(response, 422, "invalid_message")
    places = {found["at"] for found in problem["details"]["problems"]}
    assert places == {"body.password", "body.extra"}
    assert SECRET not in response.text
    assert problem["title"] == "Unprocessable Entity"
    assert problem["type"] == "about:blank"
    assert problem["retryable"] is False


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"email": "a@example.org", "password": "\\ud800"}',
        b'{"email": "a@example.org", "password": "a\\u0000"}',
        b'{"email": "a@example.org", "password": "a", "\\ud800": 1}',
        b'{"email": "a@example.org", "password": ' + b"9" * 5000 + b"}",
        b'{"email": "a@example.org", "password": NaN}',
        b"[" * 100_000,
    ],
    ids=lambda content: content[:60].decode("latin-1") or "nothing",
)
async def test_hostile_bodies_are_invalid_messages(client: httpx2.AsyncClient, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    refused(await client.post("/api/v1/auth/token", content=content, headers=headers), 422, "invalid_message")


async def test_body_of_another_type_or_of_none_is_an_invalid_message(client: httpx2.AsyncClient) -> None:
    content = json.dumps({"email": "a@example.org", "password": "x"})
    for media_type in (None, "text/plain", "application/x-www-form-urlencoded"):
        headers = {} if media_type is None else {"Content-Type": media_type}
        refused(await client.post("/api/v1/auth/token", content=content, headers=headers), 422, "invalid_message")


async def test_at_most_twenty_faults_are_listed_and_names_are_cut(client: httpx2.AsyncClient) -> None:
    body: dict[str, Any] = {"email": "a@example.org", "password": "x"} | {f"{n}-" + "x" * 200: 1 for n in range(50)}
    problem = refused(await client.post("/api/v1/auth/token", json=body), 422, "invalid_message")
    found = problem["details"]["problems"]
    assert len(found) == 20
    assert all(len(fault["at"]) <= 80 for fault in found)


async def test_body_at_the_limit_is_read_and_a_larger_one_is_not(client: httpx2.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    fits = b'"' + b"x" * (MAX_BODY_BYTES - 2) + b'"'
    refused(await client.post("/api/v1/auth/token", content=fits, headers=headers), 422, "invalid_message")
    response = await client.post("/api/v1/auth/token", content=fits + b" ", headers=headers)
    refused(response, 413, "invalid_message")


async def test_too_large_a_body_is_read_to_the_limit_or_not_at_all_if_it_says_so(client: httpx2.AsyncClient) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(64):
            sent += 1
            yield b"x" * 65536

    headers = {"Content-Type": "application/json"}
    response = await client.post("/api/v1/auth/token", content=chunks(), headers=headers)
    refused(response, 413, "invalid_message")
    assert sent == MAX_BODY_BYTES // 65536 + 1
    sent = 0
    headers["Content-Length"] = str(64 * 65536)
    refused(await client.post("/api/v1/auth/token", content=chunks(), headers=headers), 413, "invalid_message")
    assert sent == 0


async def test_unforeseen_error_is_told_by_an_id_that_the_log_explains(client: httpx2.AsyncClient) -> None:
    with capture_logs() as logged:
        response = await client.get(f"/boom/{SECRET}")
    problem = refused(response, 500, "internal_error")
    assert problem["detail"] == "Something went wrong on the server."
    assert SECRET not in response.text
    assert "ZeroDivisionError" not in response.text
    (entry,) = logged
    assert problem["details"] == {"error_id": entry["error_id"]}
    assert entry["log_level"] == "error"
    assert isinstance(entry["exc_info"], ZeroDivisionError)
    assert (entry["method"], entry["route"]) == ("GET", "/boom/{secret}")


async def test_unreachable_database_is_unavailable_and_says_when_to_come_back(client: httpx2.AsyncClient) -> None:
    said(await client.get("/healthz"))
    with capture_logs() as logged:
        responses = [
            await client.get("/readyz"),
            await client.post("/api/v1/auth/token", json={"email": "a@example.org", "password": "x"}),
        ]
    for response in responses:
        problem = refused(response, 503, "unavailable")
        assert problem["retryable"] is True
        assert int(response.headers["retry-after"]) > 0
        assert "nowhere" not in response.text
    assert [entry["event"] for entry in logged] == ["not_ready", "unavailable"]


async def test_database_without_our_tables_is_not_ready(empty_database_url: str) -> None:
    async with running_storage(empty_database_url) as storage, serving(storage) as rest:
        refused(await rest.client.get("/readyz"), 503, "unavailable")


async def test_rate_limit_says_when_to_come_back(client: httpx2.AsyncClient) -> None:
    response = await client.get("/too-fast")
    refused(response, 429, "rate_limited")
    assert int(response.headers["retry-after"]) > 0


async def test_process_lives_and_is_ready(rest: Rest) -> None:
    assert said(await rest.client.get("/healthz")) == {"status": "ok"}
    assert said(await rest.client.get("/readyz")) == {"status": "ready"}


# --- the document ---


@pytest.fixture
def document() -> dict[str, Any]:
    return create_api(unopened_services()).openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


async def test_document_is_openapi_3_1_and_served(client: httpx2.AsyncClient, document: dict[str, Any]) -> None:
    served = said(await client.get("/api/v1/openapi.json"))
    assert served["openapi"].startswith("3.1.")
    assert served["info"]["title"] == "Sitting"
    assert set(document["paths"]) < set(served["paths"])


def test_document_names_every_error_code(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert set(schemas["ErrorCode"]["enum"]) == set(ErrorCode)
    assert schemas["Problem"]["properties"]["code"] == {"$ref": "#/components/schemas/ErrorCode"}


def test_every_reference_of_the_document_leads_somewhere(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    references = {part.split('"')[0] for part in text.split('"$ref": "#/components/schemas/')[1:]}
    assert references <= set(document["components"]["schemas"])
    assert "HTTPValidationError" not in text


def test_every_operation_declares_its_problems(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        responses = operation["responses"]
        failures = {status for status in responses if status >= "400"}
        assert failures >= {"422", "500", "503"}, name
        assert ("401" in failures and "403" in failures) == ("security" in operation) or name.endswith("/token"), name
        assert ("413" in failures) == ("requestBody" in operation), name
        for status in failures:
            assert list(responses[status]["content"]) == ["application/problem+json"], name


def test_operations_have_names_of_their_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(names) == len(set(names))


async def test_answers_are_never_cached(admin: Caller) -> None:
    for response in (await admin.get("/users"), await admin.get("/users/999"), await admin.post("/ws-tickets")):
        assert response.headers["cache-control"] == "no-store"
