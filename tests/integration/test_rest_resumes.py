"""Résumés of applications: kept for questions that are written, shown to those who invite, gone with the person."""

from __future__ import annotations

from typing import Any

from sitting.domain.resume import MAX_CHARACTERS
from sitting.domain.user import STAFF_ROLES, Role
from sitting.storage.graph_tables import application_resumes
from sitting.usecases.void_assessment import void_assessment
from tests.support.builders import begin, invite, publish_test
from tests.support.clock import NOON
from tests.support.rest import Rest, refused, said
from tests.support.storage import rows

TEXT = "Ten years of SQL at Quux Ltd."


async def an_application(rest: Rest) -> Any:
    return await invite(rest.storage, await publish_test(rest.storage))


async def test_resume_is_kept_replaced_read_and_dropped(rest: Rest) -> None:
    application = await an_application(rest)
    author, address = await rest.person(Role.AUTHOR), f"/applications/{application.application_id}/resume"
    refused(await author.get(address), 404, "not_found")
    first = said(await author.put(address, {"text": "An earlier one."}))
    assert (first["application_id"], first["text"]) == (application.application_id, "An earlier one.")
    kept = said(await author.put(address, {"text": TEXT}))
    assert said(await author.get(address)) == kept
    assert kept["text"] == TEXT
    for _ in range(2):
        assert (await author.delete(address)).status_code == 204
    refused(await author.get(address), 404, "not_found")


async def test_resume_is_shown_to_those_who_invite_and_to_nobody_else(rest: Rest) -> None:
    application = await an_application(rest)
    address = f"/applications/{application.application_id}/resume"
    said(await (await rest.person(Role.ADMIN)).put(address, {"text": TEXT}))
    for role in STAFF_ROLES | {Role.CANDIDATE}:
        response = await (await rest.person(role)).get(address)
        allowed = role in (Role.AUTHOR, Role.ADMIN)
        assert (response.status_code, TEXT in response.text) == ((200, True) if allowed else (403, False)), role


async def test_what_is_no_resume_is_refused(rest: Rest) -> None:
    application = await an_application(rest)
    author, address = await rest.person(Role.AUTHOR), f"/applications/{application.application_id}/resume"
    for body in (None, {}, {"text": ""}, {"text": " \n"}, {"text": 1}, {"text": "a\0"}, {"text": TEXT, "more": 1}):
        refused(await author.put(address, body), 422, "invalid_message")
    refused(await author.put(address, {"text": "é" * (MAX_CHARACTERS + 1)}), 422, "invalid_message")
    assert len(said(await author.put(address, {"text": "é" * MAX_CHARACTERS}))["text"]) == MAX_CHARACTERS
    for method in (author.get, author.delete):
        refused(await method("/applications/9999/resume"), 404, "application_not_found")
    refused(await author.put("/applications/9999/resume", {"text": TEXT}), 404, "application_not_found")


async def test_run_reads_the_resume_of_the_application_that_its_assessment_belongs_to(rest: Rest) -> None:
    application, other = await an_application(rest), await an_application(rest)
    author = await rest.person(Role.AUTHOR)
    seat, neighbour = await begin(rest.storage, application), await begin(rest.storage, other)
    said(await author.put(f"/applications/{application.application_id}/resume", {"text": TEXT}))
    async with rest.storage.reading() as unit:
        assert await unit.resumes.of_assessment(seat.assessment_id) == TEXT
        assert await unit.resumes.of_assessment(neighbour.assessment_id) == ""


async def test_p27_resume_goes_with_the_person_and_does_not_come_back(rest: Rest) -> None:
    application, other = await an_application(rest), await an_application(rest)
    admin = await rest.person(Role.ADMIN)
    seat = await begin(rest.storage, application)
    for each in (application, other):
        said(await admin.put(f"/applications/{each.application_id}/resume", {"text": TEXT}))
    await void_assessment(rest.storage, seat.assessment_id, reason="asked for it", by=1, now=NOON)
    user_id = application.user_id
    said(await admin.post(f"/users/{user_id}/erase", {"user_id": user_id, "reason": "asked for it"}))
    left = await rows(rest.storage, application_resumes)
    assert [row.application_id for row in left] == [other.application_id]
    refused(await admin.put(f"/applications/{application.application_id}/resume", {"text": TEXT}), 409, "conflict")
