"""Sign out: what was shown as proof counts no longer."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.errors import Conflict
from sitting.identity.identify import Identity
from sitting.identity.tokens import LEEWAY
from sitting.storage.unit_of_work import Storage


async def sign_out(storage: Storage, identity: Identity, *, session_secret: str | None, now: datetime) -> None:
    """End the browser session, or, without one, revoke the token; sockets that were opened by it are closed.

    Raises:
        Conflict: the token has no `jti`: nothing tells it from others of the same user.
    """
    jti, expires_at = identity.proof.jti, identity.expires_at
    if session_secret is None and (jti is None or expires_at is None):
        raise Conflict("This token has no jti, so it cannot be revoked; it ends when it expires.")
    async with storage.unit_of_work() as unit:
        if session_secret is not None:
            await unit.credentials.delete_session(session_secret)
        elif jti is not None and expires_at is not None:
            # Remembered for as long as the token would be accepted, which is a little longer than it says.
            until = expires_at + LEEWAY
            await unit.credentials.revoke_token(jti, identity.user_id, now=now, expires_at=until)
        unit.access_changed(identity.user_id)
