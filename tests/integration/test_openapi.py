"""REST against what it declares: no answer that OpenAPI does not know, and none that is the server's fault.

Schemathesis makes the requests, right and wrong ones, from `/api/v1/openapi.json`, against a server that runs. Half of
the identifiers are of things that exist, so that more than "not found" is answered.
"""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.delivery import Hall, opened_hall, place_for_a_hall, seated
from tests.support.eventually import eventually
from tests.support.scripted_model import ScriptedServer

EXAMPLES = int(os.environ.get("SITTING_TEST_EXAMPLES", "8"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# What would end the session of the caller, or take away the rights by which everything else is tried.
LEFT_ALONE = {("POST", "/api/v1/auth/logout")}

# RFC 9110, section 5.6.2: what the name of a header is made of.
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
FRAMING = {"content-length", "transfer-encoding", "connection", "host", "upgrade", "expect"}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def own_hall(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    """A server of this test's own, with a model: what is tried here archives and ends whatever there is."""
    place = place_for_a_hall(request, tmp_path_factory, "openapi")
    with ScriptedServer() as model:
        env = {"SITTING_MODEL_URL": model.base_url, "SITTING_MODEL_NAME": model.name}
        with opened_hall(*place, env=env) as opened:
            yield opened


@pytest.fixture(scope="module")
def world(own_hall: Hall) -> dict[str, list[Any]]:
    """Identifiers of things that exist, by the name of the path parameter."""
    candidate = own_hall.invite()
    with seated(candidate) as (own, started):
        own.answer(own_hall.questions[0], own_hall.questions[0].right)
    graph = {"skills": [{"name": "Containers", "depth": 1, "questions": 3}]}
    run_id = own_hall.post("/runs", {"graph": graph})["run_id"]
    return {
        "test_id": [own_hall.test_id, own_hall.publish(name="Another")],
        "application_id": [candidate.application_id],
        "assessment_id": [started["assessment_id"]],
        "question_id": [*(asked.question_id for asked in own_hall.questions), *_written(own_hall, run_id)],
        "user_id": [candidate.user_id],
        "run_id": [run_id],
    }


def _written(hall: Hall, run_id: str) -> list[str]:
    """The questions that a run hands in, once it is over."""

    def check() -> None:
        run = hall.look(f"/runs/{run_id}")
        assert run["status"] == "done", run

    eventually(check, within=60)
    return [each["question_id"] for each in hall.look(f"/proposals?run_id={run_id}")["items"]]


@pytest.fixture(scope="module")
def operations(own_hall: Hall) -> list[Any]:
    """All operations that the running server declares."""
    schema = schemathesis.openapi.from_url(f"{own_hall.server.base_url}/api/v1/openapi.json")
    found: list[Any] = [cast(Any, operation).ok() for operation in schema.get_all_operations()]
    return [each for each in found if (each.method.upper(), each.path) not in LEFT_ALONE]


def test_no_answer_is_undeclared_and_none_is_the_servers_fault(
    own_hall: Hall, world: dict[str, list[Any]], operations: list[Any]
) -> None:
    statuses: Counter[str] = Counter()
    for operation in operations:
        statuses.update(_try(own_hall, world, operation))
    own_hall.check_output()
    # Requests that all failed would prove little.
    assert statuses["2xx"] > len(operations) / 4, statuses


def _try(hall: Hall, world: dict[str, list[Any]], operation: Any) -> Iterator[str]:
    seen: list[str] = []
    headers = {"Authorization": f"Bearer {hall.tokens[0]}"}

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=st.one_of([operation.as_strategy(generation_mode=mode) for mode in GenerationMode]),
        chance=st.randoms(use_true_random=False),
    )
    def run(case: Any, chance: random.Random) -> None:
        _aim(case, world, chance)
        _leave_http_whole(case)
        response = case.call(headers=headers)
        seen.append(f"{response.status_code // 100}xx")
        case.validate_response(response, checks=CHECKS)

    run()
    return iter(seen)


def _leave_http_whole(case: Any) -> None:
    """Without headers that make it no request of HTTP: the server's parser refuses those before any route is known."""
    for name in list(case.headers or {}):
        if not TOKEN.fullmatch(name) or name.lower() in FRAMING:
            del case.headers[name]


def _aim(case: Any, world: dict[str, list[Any]], chance: random.Random) -> None:
    """Let half of the identifiers be of things that exist."""
    for name in list(case.path_parameters or {}):
        if name in world and chance.random() < 0.5:
            case.path_parameters[name] = chance.choice(world[name])
