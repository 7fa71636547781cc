"""Let candidates take a Test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sitting.domain.application import CandidateApplication
from sitting.domain.errors import Conflict, InvalidMessage, NotFound
from sitting.domain.user import User, normalised_email
from sitting.kit.ids import random_secret
from sitting.storage.unit_of_work import Storage, UnitOfWork


@dataclass(frozen=True, slots=True)
class NewCandidate:
    """Somebody by address: a user who has it already, or else a new one of that name."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Invitation:
    """An application and whose it is; its secret makes the link."""

    application: CandidateApplication
    candidate: User


async def invite_candidates(
    storage: Storage, test_id: int, candidates: Sequence[int | NewCandidate], *, by: int | None, now: datetime
) -> list[Invitation]:
    """Make an application for each candidate, all or none, in the order given.

    Args:
        candidates: users by id, or people by address.

    Raises:
        BlueprintNotFound, NotFound: there is no such Test or user. Conflict: the Test was never published.
        InvalidMessage: an address is none, or somebody stands in the list twice.
    """
    people = [c if isinstance(c, int) else replace(c, email=normalised_email(c.email)) for c in candidates]
    async with storage.unit_of_work() as unit:
        test = await unit.blueprints.select(test_id)
        if test.current_version is None:
            raise Conflict("Publish this test first: nobody can take a draft.", test_id=test_id)
        users = await _users(unit, people, now)
        _refuse_repetition(users)
        secrets = {user.user_id: random_secret() for user in users}
        applications = await unit.applications.create_many(secrets, test_id, by=by, now=now)
    return [Invitation(application, user) for application, user in zip(applications, users, strict=True)]


async def _users(unit: UnitOfWork, people: Sequence[int | NewCandidate], now: datetime) -> list[User]:
    by_id = await unit.users.select_many(person for person in people if isinstance(person, int))
    names = {person.email: person.name for person in people if isinstance(person, NewCandidate)}
    by_email = await unit.users.ensure_candidates(names, now=now)
    found: list[User] = []
    for person in people:
        user = by_id.get(person) if isinstance(person, int) else by_email[person.email]
        if user is None:
            raise NotFound("There is no such user.", user_id=person)
        found.append(user)
    return found


def _refuse_repetition(users: Sequence[User]) -> None:
    seen: set[int] = set()
    for user in users:
        if user.user_id in seen:
            raise InvalidMessage("Somebody stands in this list twice.", user_id=user.user_id, email=user.email)
        seen.add(user.user_id)
