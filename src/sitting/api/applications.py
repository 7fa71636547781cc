"""Applications of candidates to a Test, with their invitation links."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request, status

from sitting.api.application_bodies import (
    Application,
    Changes,
    Invited,
    PersonList,
    SheetReport,
    base_url_of,
    sheet_report,
    shown,
)
from sitting.api.fields import EntityPath, Text
from sitting.api.idempotency import IdempotentRoute
from sitting.api.pagination import Page, Paged
from sitting.api.problems import refusals
from sitting.api.security import Now, Parts, require
from sitting.domain.application import ApplicationStatus
from sitting.domain.application_sheet import read_sheet
from sitting.domain.errors import ApplicationNotFound, BlueprintNotFound, Conflict, InvalidMessage, NotFound
from sitting.identity.access import Action
from sitting.identity.identify import Identity
from sitting.usecases.change_application import change_application
from sitting.usecases.import_applications import import_applications
from sitting.usecases.invite_candidates import invite_candidates
from sitting.usecases.list_applications import list_applications
from sitting.usecases.read_application import read_application
from sitting.usecases.renew_link import renew_link
from sitting.usecases.try_test import try_test
from sitting.usecases.withdraw_application import withdraw_application

router = APIRouter(tags=["applications"], route_class=IdempotentRoute)

Inviter = Annotated[Identity, require(Action.INVITE)]
Reader = Annotated[Identity, require(Action.READ_APPLICATIONS)]
Switch = Annotated[bool, Query()]
SHEET: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}}}
}


class InvitationOutcome(StrEnum):
    """`existing`: the person had an application with this label, and it was left as it is."""

    CREATED = "created"
    EXISTING = "existing"


@dataclass(frozen=True, slots=True)
class Invitation(Application):
    """An application, and whether it was made by this request."""

    outcome: InvitationOutcome


@router.post(
    "/tests/{test_id}/applications",
    status_code=status.HTTP_201_CREATED,
    responses=refusals(BlueprintNotFound, NotFound, Conflict),
)
async def add_applications(
    request: Request, services: Parts, now: Now, test_id: EntityPath, who: Inviter, body: Invited
) -> Page[Invitation]:
    """Invite one candidate or many; returns their links."""
    people = body.candidates if isinstance(body, PersonList) else [body]
    invitees = [person.to_invitee() for person in people]
    views = await invite_candidates(services.storage, test_id, invitees, by=who.user_id, now=now)
    base_url = base_url_of(request, services)
    return Page([_invitation(shown(made.view, who, base_url), is_new=made.is_new) for made in views])


@router.post(
    "/tests/{test_id}/applications/import", responses=refusals(BlueprintNotFound, Conflict), openapi_extra=SHEET
)
async def import_sheet(
    request: Request,
    services: Parts,
    now: Now,
    test_id: EntityPath,
    who: Inviter,
    dry_run: Switch = False,
    all_or_none: Switch = False,
) -> SheetReport:
    """Invite the people of a CSV sheet; says of every row what became of it."""
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    if kind.strip().lower() != "text/csv" or parameters.strip().lower() not in ("", "charset=utf-8"):
        raise InvalidMessage("Send the sheet as text/csv in UTF-8.", field="content-type")
    sheet = await to_thread.run_sync(read_sheet, await request.body())
    reports = await import_applications(
        services.storage, test_id, sheet, all_or_none=all_or_none, dry_run=dry_run, by=who.user_id, now=now
    )
    return sheet_report(reports, base_url_of(request, services), dry_run=dry_run)


@router.get("/tests/{test_id}/applications", responses=refusals(BlueprintNotFound))
async def list_applications_of_test(
    request: Request,
    services: Parts,
    now: Now,
    window: Paged,
    test_id: EntityPath,
    who: Reader,
    status: ApplicationStatus | None = None,
    query: Annotated[Text | None, Query(max_length=200)] = None,
    label: Annotated[Text | None, Query(max_length=200)] = None,
    trials: Switch = False,
) -> Page[Application]:
    """Applications by id; `query` narrows to names and addresses that contain it, `trials` adds staff's trial runs."""
    rows = await list_applications(
        services.storage,
        test_id,
        after=window.after_number,
        limit=window.rows,
        status=status,
        query=query,
        label=label,
        trials=trials,
        now=now,
    )
    base_url = base_url_of(request, services)
    return window.page(rows, lambda row: row.application.application_id, lambda row: shown(row, who, base_url))


@router.get("/tests/{test_id}/applications/{application_id}", responses=refusals(ApplicationNotFound))
async def read_application_of_test(
    request: Request, services: Parts, now: Now, test_id: EntityPath, application_id: EntityPath, who: Reader
) -> Application:
    """One application to that Test."""
    view = await read_application(services.storage, application_id, test_id=test_id, now=now)
    return shown(view, who, base_url_of(request, services))


@router.post("/tests/{test_id}/trial", responses=refusals(BlueprintNotFound, Conflict))
async def try_test_out(
    request: Request,
    services: Parts,
    now: Now,
    test_id: EntityPath,
    who: Annotated[Identity, require(Action.TRY_TESTS)],
) -> Application:
    """The caller's own trial run, with its link: no window, no limit of attempts, and nothing counts."""
    view = await try_test(services.storage, test_id, user_id=who.user_id, now=now)
    return shown(view, who, base_url_of(request, services))


@router.get("/applications/{application_id}", responses=refusals(ApplicationNotFound))
async def read_one_application(
    request: Request, services: Parts, now: Now, application_id: EntityPath, who: Reader
) -> Application:
    """One application."""
    return shown(await read_application(services.storage, application_id, now=now), who, base_url_of(request, services))


@router.patch("/applications/{application_id}", responses=refusals(ApplicationNotFound))
async def edit_application(
    request: Request, services: Parts, now: Now, application_id: EntityPath, who: Inviter, body: Changes
) -> Application:
    """Change label, accommodation or expiry, for attempts that start later."""
    view = await change_application(services.storage, application_id, body.to_changes(), now=now)
    return shown(view, who, base_url_of(request, services))


@router.post("/applications/{application_id}/withdraw", responses=refusals(ApplicationNotFound))
async def withdraw(
    request: Request, services: Parts, now: Now, application_id: EntityPath, who: Inviter
) -> Application:
    """Let no attempt start any more; an open one goes on."""
    view = await withdraw_application(services.storage, application_id, withdrawn=True, now=now)
    return shown(view, who, base_url_of(request, services))


@router.post("/applications/{application_id}/restore", responses=refusals(ApplicationNotFound))
async def restore(request: Request, services: Parts, now: Now, application_id: EntityPath, who: Inviter) -> Application:
    """Take a withdrawal back."""
    view = await withdraw_application(services.storage, application_id, withdrawn=False, now=now)
    return shown(view, who, base_url_of(request, services))


@router.post("/applications/{application_id}/new-link", responses=refusals(ApplicationNotFound))
async def make_new_link(
    request: Request, services: Parts, now: Now, application_id: EntityPath, who: Inviter
) -> Application:
    """Another link; the old one and the candidate's browser sessions are void."""
    view = await renew_link(services.storage, application_id, now=now)
    return shown(view, who, base_url_of(request, services))


def _invitation(application: Application, *, is_new: bool) -> Invitation:
    outcome = InvitationOutcome.CREATED if is_new else InvitationOutcome.EXISTING
    return Invitation(outcome=outcome, **{each.name: getattr(application, each.name) for each in fields(application)})
