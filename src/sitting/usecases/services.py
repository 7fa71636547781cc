"""What app hands to every way in."""

from __future__ import annotations

from dataclasses import dataclass, field

from sitting.identity.signer import Signer
from sitting.identity.tokens import TokenKeys
from sitting.kit.clock import Clock
from sitting.storage.unit_of_work import Storage


@dataclass(frozen=True, slots=True)
class Services:
    """The parts that the ways in work with.

    Attributes:
        public_url: scheme and host under which candidates reach us, without a slash at the end; None: as requested.
        allowed_origins: exact origins that may use a browser's cookie beside our own.
    """

    storage: Storage
    keys: TokenKeys
    signer: Signer
    clock: Clock
    public_url: str | None = None
    allowed_origins: frozenset[str] = field(default_factory=frozenset)
