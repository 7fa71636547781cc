"""By what somebody was let in, and whether they would be let in by it still."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sitting.domain.user import Role, User


@dataclass(frozen=True, slots=True)
class Proof:
    """A token or a browser session. A ticket has the proof of whoever asked for it.

    Attributes:
        issued_at: since when it is there; None for a token that does not say.
        jti: the token's name for itself, if it has one.
        session_hash: SHA-256, in hex, of the session's secret; None: it is a token.
    """

    issued_at: datetime | None = None
    jti: str | None = None
    session_hash: str | None = None

    def is_void_for(self, user: User) -> bool:
        """Whether the person is shut out, or what was issued to them at that time counts no longer.

        Tokens carry whole seconds, so one issued in the very second of `not_before` still counts.
        """
        if user.deactivated_at is not None or user.not_before is None:
            return user.deactivated_at is not None
        first = user.not_before.replace(microsecond=0) if self.session_hash is None else user.not_before
        return self.issued_at is None or self.issued_at < first

    def roles_of(self, user: User) -> frozenset[Role]:
        """As what the person acts by this: whoever came by an invitation link is a candidate and nothing more."""
        if self.session_hash is None:
            return user.roles
        return frozenset({Role.CANDIDATE}) if user.roles else frozenset()
