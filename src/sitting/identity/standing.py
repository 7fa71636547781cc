"""Whether those who were let in would be let in again."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

from sitting.domain.errors import NotAllowed, NotAuthenticated, SittingError
from sitting.domain.user import User
from sitting.identity.access import Action, may
from sitting.identity.identify import Identity
from sitting.storage.unit_of_work import Storage

CHUNK = 100
BREATH_SECONDS = 0.005
ENDED = "You are signed out. Please sign in again."
CHANGED = "What you may do has changed. Please connect again."


async def lost_access(
    storage: Storage, identities: Collection[Identity], action: Action
) -> dict[Identity, SittingError]:
    """Those who may not go on with `action` on what they showed, and what they are told.

    NotAuthenticated: the token, the session or the person counts no longer, or the person has other roles since, and
    has to be judged anew. NotAllowed: the roles of now do not allow the action. The end of a token or of a session by
    its own time is none of these. CHUNK identities are looked at in one transaction, with three queries; between two of
    them others have their turn, since answers wait while thousands of rows are read.

    Raises:
        Unavailable: the database cannot be reached; nothing is known of anybody.
    """
    lost: dict[Identity, SittingError] = {}
    everybody = list(identities)
    for first in range(0, len(everybody), CHUNK):
        if first:
            await asyncio.sleep(BREATH_SECONDS)
        chunk = everybody[first : first + CHUNK]
        async with storage.reading() as unit:
            users = await unit.users.select_many(identity.user_id for identity in chunk)
            ended = await unit.credentials.ended([identity.proof for identity in chunk])
        lost |= _judged([each for each in chunk if each.proof not in ended], users, action)
        lost |= {each: NotAuthenticated(ENDED) for each in chunk if each.proof in ended}
    return lost


def _judged(identities: Sequence[Identity], users: Mapping[int, User], action: Action) -> dict[Identity, SittingError]:
    refusals = {identity: _refusal(identity, users.get(identity.user_id), action) for identity in identities}
    return {identity: refusal for identity, refusal in refusals.items() if refusal is not None}


def _refusal(known: Identity, user: User | None, action: Action) -> SittingError | None:
    if user is None or known.proof.is_void_for(user):
        return NotAuthenticated(ENDED)
    roles = known.proof.roles_of(user)
    if not may(Identity(user.user_id, roles), action):
        return NotAllowed()
    return None if roles == known.roles else NotAuthenticated(CHANGED)
