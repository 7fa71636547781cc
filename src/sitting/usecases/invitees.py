"""Who is to be invited and how, and the applications that come of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sitting.domain.application import NO_ACCOMMODATION, Accommodation, CandidateApplication
from sitting.domain.blueprint import DraftedTest
from sitting.domain.errors import Conflict, InvalidMessage, NotFound
from sitting.domain.user import User
from sitting.kit.ids import random_secret
from sitting.storage.repositories.applications import NewApplication
from sitting.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class NewCandidate:
    """Somebody by normalised address: a user who has it already, or else a new one of that name."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Invitee:
    """Somebody to invite.

    Attributes:
        person: a user by id, or somebody by address.
        again: make a further application even if there is one with this label.
    """

    person: int | NewCandidate
    label: str = ""
    accommodation: Accommodation = NO_ACCOMMODATION
    expires_at: datetime | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class Invitation:
    """An application and whose it is; its secret makes the link. `is_new`: it was made just now."""

    application: CandidateApplication
    candidate: User
    is_new: bool


async def published_test(unit: UnitOfWork, test_id: int, *, for_update: bool = False) -> DraftedTest:
    """The Test, if anybody can take it; `for_update` lets invitations to it wait for each other.

    Raises:
        BlueprintNotFound: there is none. Conflict: it was never published, or it is archived.
    """
    test = await unit.blueprints.select(test_id, for_update=for_update)
    if test.archived_at is not None:
        raise Conflict("This test is archived: nobody can take it.", test_id=test_id)
    if test.current_version is None:
        raise Conflict("Publish this test first: nobody can take a draft.", test_id=test_id)
    return test


async def make_invitations(
    unit: UnitOfWork, test_id: int, invitees: Sequence[Invitee], *, by: int | None, now: datetime
) -> list[Invitation]:
    """An application for each, in the order given: the one that the person has under that label, or a new one.

    The caller holds the Test `for_update`.

    Raises:
        NotFound: there is no such user. Conflict: somebody is deactivated.
        InvalidMessage: somebody stands in the list twice with one label, and not to be invited again.
    """
    users = await _users(unit, [invitee.person for invitee in invitees], now)
    existing = await applications_by_label(unit, test_id, {user.user_id for user in users})
    _refuse_repetition(invitees, users)
    kept = [
        None if invitee.again else existing.get((user.user_id, invitee.label))
        for invitee, user in zip(invitees, users, strict=True)
    ]
    new = [
        NewApplication(user.user_id, random_secret(), invitee.label, invitee.accommodation, invitee.expires_at)
        for invitee, user, found in zip(invitees, users, kept, strict=True)
        if found is None
    ]
    made = iter(await unit.applications.create_many(new, test_id, by=by, now=now))
    return [
        Invitation(found or next(made), user, is_new=found is None) for user, found in zip(users, kept, strict=True)
    ]


async def applications_by_label(
    unit: UnitOfWork, test_id: int, user_ids: Collection[int]
) -> Mapping[tuple[int, str], CandidateApplication]:
    """What these people have to the Test by (user_id, label): of several the oldest that is not withdrawn."""
    found = await unit.applications.of_users(test_id, user_ids)
    usable_last = sorted(found, key=lambda each: (each.withdrawn_at is None, -each.application_id))
    return {(each.user_id, each.label): each for each in usable_last}


async def _users(unit: UnitOfWork, people: Sequence[int | NewCandidate], now: datetime) -> list[User]:
    by_id = await unit.users.select_many(person for person in people if isinstance(person, int))
    names = {person.email: person.name for person in people if isinstance(person, NewCandidate)}
    by_email = await unit.users.ensure_candidates(names, now=now)
    found: list[User] = []
    for person in people:
        user = by_id.get(person) if isinstance(person, int) else by_email[person.email]
        if user is None:
            raise NotFound("There is no such user.", user_id=person)
        if user.deactivated_at is not None:
            raise Conflict("This person is deactivated.", user_id=user.user_id, email=user.email)
        found.append(user)
    return found


def _refuse_repetition(invitees: Sequence[Invitee], users: Sequence[User]) -> None:
    seen: set[tuple[int, str]] = set()
    for invitee, user in zip(invitees, users, strict=True):
        key = (user.user_id, invitee.label)
        if key in seen and not invitee.again:
            raise InvalidMessage(
                "Somebody stands in this list twice.", user_id=user.user_id, email=user.email, label=invitee.label
            )
        seen.add(key)
