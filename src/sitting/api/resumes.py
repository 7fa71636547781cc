"""Résumés of applications, for those who invite: nobody else is shown what a candidate says of themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, status
from pydantic import Field

from sitting.api.fields import Body, EntityPath, Text
from sitting.api.problems import refusals
from sitting.api.security import Now, Parts, require
from sitting.domain.errors import ApplicationNotFound, Conflict, NotFound
from sitting.domain.resume import MAX_CHARACTERS, Resume
from sitting.identity.access import Action
from sitting.identity.identify import Identity
from sitting.usecases.drop_resume import drop_resume
from sitting.usecases.keep_resume import keep_resume
from sitting.usecases.read_resume import read_resume

router = APIRouter(prefix="/applications", tags=["applications"])

Inviter = Annotated[Identity, require(Action.INVITE)]


class ResumeText(Body):
    """A résumé as plain text."""

    text: Annotated[Text, Field(min_length=1, max_length=MAX_CHARACTERS)]


@dataclass(frozen=True, slots=True)
class ApplicationResume:
    """What the candidate says of themselves, as it was last sent."""

    application_id: int
    text: str
    updated_at: datetime


@router.get("/{application_id}/resume", responses=refusals(ApplicationNotFound, NotFound))
async def read_resume_of_application(services: Parts, application_id: EntityPath, _who: Inviter) -> ApplicationResume:
    """The résumé."""
    return _shown(await read_resume(services.storage, application_id))


@router.put("/{application_id}/resume", responses=refusals(ApplicationNotFound, Conflict))
async def put_resume_of_application(
    services: Parts, now: Now, application_id: EntityPath, _who: Inviter, body: ResumeText
) -> ApplicationResume:
    """Keep a résumé, in the place of an earlier one. Questions that are written from now on go by it."""
    return _shown(await keep_resume(services.storage, application_id, body.text, now=now))


@router.delete(
    "/{application_id}/resume", status_code=status.HTTP_204_NO_CONTENT, responses=refusals(ApplicationNotFound)
)
async def drop_resume_of_application(services: Parts, application_id: EntityPath, _who: Inviter) -> None:
    """Drop the résumé. What was written in view of it stays."""
    await drop_resume(services.storage, application_id)


def _shown(resume: Resume) -> ApplicationResume:
    return ApplicationResume(resume.application_id, resume.text, resume.updated_at)
