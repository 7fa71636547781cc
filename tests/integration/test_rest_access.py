"""Who may call which route, found by walking the routes themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from sitting.api import create_api
from sitting.api.security import Access, anybody, operators
from sitting.domain.user import STAFF_ROLES, Role
from sitting.identity.access import MATRIX, Action
from tests.support.rest import Caller, Rest, refused, unopened_services

_ID = re.compile(r"{\w+}")


@dataclass(frozen=True, slots=True)
class Declared:
    """A route with what it says about its callers; `/api/v1` is left out of the path."""

    method: str
    path: str
    actions: tuple[Action, ...]
    public: bool
    for_operators: bool

    async def call(self, caller: Caller) -> Any:
        """Call the route about things that do not exist."""
        address = _ID.sub("1", self.path)
        return await caller.client.request(self.method, f"/api/v1{address}", headers=caller.headers)


def declared(app: FastAPI) -> Iterator[Declared]:
    for context in iter_route_contexts(app.routes):
        if not isinstance(context.original_route, APIRoute):
            continue
        calls = list(_calls(context.dependant))
        actions = tuple(call.action for call in calls if isinstance(call, Access))
        for method in context.methods or ():
            path = (context.path or "").removeprefix("/api/v1")
            yield Declared(method, path, actions, anybody in calls, operators in calls)


def _calls(dependant: Dependant) -> Iterator[Any]:
    for dependency in dependant.dependencies:
        yield dependency.call
        yield from _calls(dependency)


@pytest.fixture
def routes() -> list[Declared]:
    return list(declared(create_api(unopened_services())))


def test_every_route_has_one_action_or_is_public_on_purpose(routes: list[Declared]) -> None:
    assert len(routes) > 25
    undeclared = [route for route in routes if len(route.actions) + route.public + route.for_operators != 1]
    assert undeclared == []


def test_only_these_routes_are_public(routes: list[Declared]) -> None:
    public = {(route.method, route.path) for route in routes if route.public}
    assert public == {("POST", "/auth/token"), ("GET", "/keys"), ("GET", "/healthz"), ("GET", "/readyz")}


def test_only_metrics_are_for_operators(routes: list[Declared]) -> None:
    assert [(route.method, route.path) for route in routes if route.for_operators] == [("GET", "/metrics")]


def test_candidates_reach_only_what_is_their_own(routes: list[Declared]) -> None:
    own = {
        (route.method, route.path)
        for route in routes
        if any(Role.CANDIDATE in MATRIX[action] for action in route.actions)
    }
    assert own == {
        ("POST", "/auth/logout"),
        ("GET", "/me"),
        ("GET", "/me/applications"),
        ("GET", "/assessments/{assessment_id}"),
        ("GET", "/assessments/{assessment_id}/responses"),
        ("GET", "/assessments/{assessment_id}/results"),
        ("GET", "/assessments/{assessment_id}/receipt"),
        ("POST", "/assessments"),
        ("POST", "/assessments/{assessment_id}/resume"),
        ("POST", "/assessments/{assessment_id}/answers"),
        ("POST", "/assessments/{assessment_id}/question"),
        ("POST", "/assessments/{assessment_id}/flags"),
        ("POST", "/assessments/{assessment_id}/integrity-events"),
        ("GET", "/assessments/{assessment_id}/progress"),
        ("GET", "/assessments/{assessment_id}/clock"),
        ("POST", "/assessments/{assessment_id}/break/start"),
        ("POST", "/assessments/{assessment_id}/break/end"),
        ("POST", "/assessments/{assessment_id}/complete"),
        ("POST", "/ws-tickets"),
        ("GET", "/media/{sha256}"),
    }


async def test_nobody_in_particular_is_turned_away_everywhere(rest: Rest, routes: list[Declared]) -> None:
    for route in routes:
        if route.actions:
            refused(await route.call(rest.anonymous), 401, "not_authenticated")


async def test_matrix_of_roles_and_routes_holds(rest: Rest, routes: list[Declared]) -> None:
    for role in Role:
        caller = await rest.person(role)
        for route in routes:
            if not route.actions or route.path == "/auth/logout":
                continue
            response = await route.call(caller)
            allowed = role in MATRIX[route.actions[0]]
            assert (response.status_code != 403) == allowed, (role, route, response.text)
            assert response.status_code != 500, (role, route, response.text)


async def test_user_without_a_role_may_do_nothing(rest: Rest, routes: list[Declared]) -> None:
    caller = await rest.person()
    for route in routes:
        if route.actions:
            refused(await route.call(caller), 403, "not_allowed")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/questions", {Role.AUTHOR, Role.REVIEWER, Role.ADMIN}),
        ("POST", "/questions", {Role.AUTHOR, Role.ADMIN}),
        ("POST", "/tests", {Role.AUTHOR, Role.ADMIN}),
        ("POST", "/tests/{test_id}/publish", {Role.AUTHOR, Role.ADMIN}),
        ("GET", "/tests/{test_id}/coverage", {Role.AUTHOR, Role.REVIEWER, Role.ADMIN}),
        ("POST", "/skill-graphs/propose", {Role.AUTHOR, Role.ADMIN}),
        ("POST", "/runs", {Role.AUTHOR, Role.ADMIN}),
        ("POST", "/runs/{run_id}/cancel", {Role.AUTHOR, Role.ADMIN}),
        ("GET", "/runs/{run_id}/events", {Role.AUTHOR, Role.REVIEWER, Role.ADMIN}),
        ("GET", "/proposals/{question_id}", {Role.AUTHOR, Role.REVIEWER, Role.ADMIN}),
        ("POST", "/proposals/{question_id}/accept", {Role.AUTHOR, Role.REVIEWER, Role.ADMIN}),
        ("POST", "/proposals/{question_id}/edit", {Role.AUTHOR, Role.REVIEWER, Role.ADMIN}),
        ("POST", "/proposals/{question_id}/reject", {Role.AUTHOR, Role.REVIEWER, Role.ADMIN}),
        ("GET", "/tests/{test_id}/applications", set(STAFF_ROLES)),
        ("POST", "/tests/{test_id}/applications", {Role.AUTHOR, Role.ADMIN}),
        ("POST", "/tests/{test_id}/applications/import", {Role.AUTHOR, Role.ADMIN}),
        ("PATCH", "/applications/{application_id}", {Role.AUTHOR, Role.ADMIN}),
        ("POST", "/applications/{application_id}/withdraw", {Role.AUTHOR, Role.ADMIN}),
        ("GET", "/applications/{application_id}/resume", {Role.AUTHOR, Role.ADMIN}),
        ("PUT", "/applications/{application_id}/resume", {Role.AUTHOR, Role.ADMIN}),
        ("POST", "/applications/{application_id}/new-link", {Role.AUTHOR, Role.ADMIN}),
        ("POST", "/tests/{test_id}/trial", {Role.AUTHOR, Role.REVIEWER, Role.ADMIN}),
        ("POST", "/users", {Role.ADMIN}),
        ("PATCH", "/users/{user_id}", {Role.ADMIN}),
        ("PUT", "/users/{user_id}/password", {Role.ADMIN}),
        ("POST", "/users/{user_id}/erase", {Role.ADMIN}),
        ("GET", "/assessments", set(STAFF_ROLES)),
        ("POST", "/assessments/{assessment_id}/extend", {Role.INVIGILATOR, Role.ADMIN}),
        ("POST", "/assessments/{assessment_id}/void", {Role.INVIGILATOR, Role.ADMIN}),
        ("GET", "/assessments/{assessment_id}/events", set(STAFF_ROLES)),
    ],
)
def test_sensitive_routes_are_for_these_roles(
    routes: list[Declared], method: str, path: str, allowed: set[Role]
) -> None:
    (route,) = [route for route in routes if (route.method, route.path) == (method, path)]
    assert MATRIX[route.actions[0]] == allowed
