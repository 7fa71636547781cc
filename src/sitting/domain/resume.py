"""The résumé of an application: what candidates say of themselves, for questions that are written for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

MAX_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Resume:
    """A résumé as it is stored; `text` is plain, of 1 to MAX_CHARACTERS characters."""

    application_id: int
    text: str
    updated_at: datetime
