"""People: candidates and staff."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypedDict

from sitting.domain.errors import Conflict, InvalidMessage


class Role(StrEnum):
    CANDIDATE = "candidate"
    AUTHOR = "author"
    REVIEWER = "reviewer"
    INVIGILATOR = "invigilator"
    ADMIN = "admin"


STAFF_ROLES = frozenset(Role) - {Role.CANDIDATE}


@dataclass(frozen=True, slots=True)
class User:
    """One person.

    Attributes:
        email: unique, lower case.
        external_id: what another system calls this person (the `sub` of its tokens).
        not_before: tokens issued before this instant are void.
        deactivated_at: since when nothing that stands for this person works; None while it does.
        erased_at: since when nothing is known of this person but the number.
    """

    user_id: int
    name: str
    email: str
    external_id: str | None
    roles: frozenset[Role]
    not_before: datetime | None
    created_at: datetime
    deactivated_at: datetime | None = None
    erased_at: datetime | None = None

    def require_known(self) -> None:
        """Refuse to give an erased person anything back.

        Raises:
            Conflict: this person was erased.
        """
        if self.erased_at is not None:
            raise Conflict("This person was erased.", user_id=self.user_id)


class UserChanges(TypedDict, total=False):
    """What an administrator changes of a person; what is absent stays."""

    name: str
    email: str
    roles: frozenset[Role]
    external_id: str | None


def first_valid_instant(revoked_at: datetime) -> datetime:
    """The `not_before` that voids all tokens issued until then: they carry whole seconds, so the next full one."""
    return revoked_at.replace(microsecond=0) + timedelta(seconds=1)


def normalised_email(text: str) -> str:
    """The one spelling of an address.

    Raises:
        InvalidMessage: it cannot be an address.
    """
    email = text.strip().lower()
    local, at, domain = email.partition("@")
    if not (at and local and "." in domain) or any(c.isspace() or c == "\0" for c in email):
        raise InvalidMessage("This is not an e-mail address.", field="email")
    return email


def roles_of(names: Iterable[str]) -> frozenset[Role]:
    """The roles of these names.

    Raises:
        InvalidMessage: one of them is no role.
    """
    known = {role.value for role in Role}
    wrong = sorted(set(names) - known)
    if wrong:
        raise InvalidMessage("There is no such role.", roles=wrong, known=sorted(known))
    return frozenset(Role(name) for name in names)
