"""From the invitation link to the candidate's page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from sitting.domain.application import CandidateApplication
from sitting.domain.attempts import attempts_used
from sitting.domain.deadline import limit_minutes, personal_limit
from sitting.domain.errors import SittingError
from sitting.identity.identify import identify_by_session
from sitting.identity.sessions import COOKIE, LIFETIME
from sitting.storage.unit_of_work import UnitOfWork
from sitting.usecases.open_invitation import open_invitation
from sitting.usecases.services import Services
from sitting.web.guesses import refused_link
from sitting.web.rendering import page, problem_page

WITHDRAWN = ("This invitation was withdrawn", "Please ask whoever invited you.")
UNKNOWN_LINK = ("This link is not valid", "Please check that you copied the whole link, or ask whoever invited you.")
NO_SESSION = ("Please open your invitation link", "This page belongs to an invitation. Open it by the link you got.")


def invitation_routes(services: Services) -> APIRouter:
    """GET shows what is waiting and changes nothing, since mail scanners open links; POST goes in."""
    router = APIRouter(include_in_schema=False)

    @router.get("/i/{secret}")
    async def show(secret: str) -> HTMLResponse:
        async with services.storage.reading() as unit:
            application = await unit.applications.select_optional_by_secret(secret)
            if application is None or not await _is_active(unit, application):
                return problem_page(404, *UNKNOWN_LINK)
            if application.withdrawn_at is not None and not await unit.assessments.attempts(application.application_id):
                return problem_page(404, *WITHDRAWN)
            return page("invitation.html", **await _facts(unit, application))

    @router.post("/i/{secret}")
    async def enter(request: Request, secret: str) -> Response:
        try:
            opened = await open_invitation(services.storage, secret, now=services.clock.now())
        except SittingError:
            return refused_link(services, request, *UNKNOWN_LINK)
        response = RedirectResponse(f"/take/{opened.application.application_id}", 303)
        response.set_cookie(
            COOKIE,
            opened.session_secret,
            max_age=int(LIFETIME.total_seconds()),
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return response

    @router.get("/take/{application_id}")
    async def take(request: Request, application_id: int) -> HTMLResponse:
        try:
            return await _take(services, request.cookies.get(COOKIE, ""), application_id, services.clock.now())
        except SittingError:
            return problem_page(401, *NO_SESSION)

    return router


async def _is_active(unit: UnitOfWork, application: CandidateApplication) -> bool:
    return (await unit.users.select(application.user_id)).deactivated_at is None


async def _take(services: Services, session: str, application_id: int, now: datetime) -> HTMLResponse:
    identity = await identify_by_session(services.storage, session, now=now)
    async with services.storage.reading() as unit:
        application = await unit.applications.select_own(application_id, identity.user_id)
        return page("take.html", **await _facts(unit, application))


async def _facts(unit: UnitOfWork, application: CandidateApplication) -> dict[str, Any]:
    """What both pages say about the Test that is waiting."""
    version = await unit.blueprints.current_version(application.test_id)
    attempts = await unit.assessments.attempts(application.application_id)
    candidate = await unit.users.select(application.user_id)
    blueprint = version.blueprint
    used = 0 if application.is_trial else attempts_used(attempts)
    ends = [end for end in (blueprint.closes_at, application.expires_at) if end is not None]
    return {
        "application_id": application.application_id,
        "test_id": application.test_id,
        "candidate_name": candidate.name,
        "test_name": blueprint.name,
        "description": blueprint.description,
        "total_questions": version.blueprint.total_questions,
        "navigation": blueprint.navigation,
        "feedback": blueprint.feedback,
        "break_minutes": application.accommodation.break_minutes,
        "time_limit_minutes": limit_minutes(personal_limit(blueprint.time_limit, application.accommodation)),
        "max_attempts": blueprint.max_attempts,
        "attempts_left": max(0, blueprint.max_attempts - used),
        "opens_at": None if application.is_trial else blueprint.opens_at,
        "closes_at": None if application.is_trial else min(ends, default=None),
    }
