"""Let candidates take a Test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sitting.domain.application import CandidateApplication
from sitting.domain.errors import Conflict, InvalidMessage
from sitting.domain.user import Role, User, normalised_email
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
    async with storage.unit_of_work() as unit:
        test = await unit.blueprints.select(test_id)
        if test.current_version is None:
            raise Conflict("Publish this test first: nobody can take a draft.", test_id=test_id)
        users = [await _user(unit, candidate, now) for candidate in candidates]
        _refuse_repetition(users)
        return [
            Invitation(
                await unit.applications.create(user.user_id, test_id, random_secret(), by=by, now=now),
                user,
            )
            for user in users
        ]


async def _user(unit: UnitOfWork, candidate: int | NewCandidate, now: datetime) -> User:
    if isinstance(candidate, int):
        return await unit.users.select(candidate)
    email = normalised_email(candidate.email)
    known = await unit.users.select_optional_by_email(email)
    if known is not None:
        return known
    return await unit.users.create(name=candidate.name, email=email, roles=frozenset({Role.CANDIDATE}), now=now)


def _refuse_repetition(users: Sequence[User]) -> None:
    seen: set[int] = set()
    for user in users:
        if user.user_id in seen:
            raise InvalidMessage("Somebody stands in this list twice.", user_id=user.user_id, email=user.email)
        seen.add(user.user_id)
