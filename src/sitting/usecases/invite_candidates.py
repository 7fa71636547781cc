"""Let candidates take a Test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sitting.domain.user import normalised_email
from sitting.storage.unit_of_work import Storage
from sitting.usecases.application_view import ApplicationView, views_of
from sitting.usecases.invitees import Invitee, NewCandidate, make_invitations, published_test


@dataclass(frozen=True, slots=True)
class InvitedCandidate:
    """The application that somebody has now; `is_new`: it was made by this invitation."""

    view: ApplicationView
    is_new: bool


async def invite_candidates(
    storage: Storage, test_id: int, invitees: Sequence[Invitee], *, by: int | None, now: datetime
) -> list[InvitedCandidate]:
    """Give everybody an application, all or none, in the order given.

    Whoever has one with the same label keeps it as it is, unless they are to be invited again.

    Raises:
        BlueprintNotFound, NotFound: there is no such Test or user.
        Conflict: the Test was never published, or somebody is deactivated.
        InvalidMessage: an address is none, or somebody stands in the list twice.
    """
    people = [replace(invitee, person=_normalised(invitee.person)) for invitee in invitees]
    async with storage.unit_of_work() as unit:
        await published_test(unit, test_id, for_update=True)
        made = await make_invitations(unit, test_id, people, by=by, now=now)
        blueprint = (await unit.blueprints.current_version(test_id)).blueprint
        views = await views_of(unit, blueprint, [each.application for each in made], now)
    return [InvitedCandidate(view, each.is_new) for view, each in zip(views, made, strict=True)]


def _normalised(person: int | NewCandidate) -> int | NewCandidate:
    return person if isinstance(person, int) else replace(person, email=normalised_email(person.email))
