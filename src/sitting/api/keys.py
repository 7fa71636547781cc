"""The public keys that receipts are checked with."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter

from sitting.api.problems import refusals
from sitting.api.security import PUBLIC, Parts

router = APIRouter(prefix="/keys", tags=["keys"])


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """A key set; each key in the form of RFC 8037."""

    keys: list[dict[str, str]]


@router.get("", dependencies=[PUBLIC], responses=refusals(public=True))
async def list_keys(services: Parts) -> PublicKeys:
    """The server's public signing keys."""
    return PublicKeys([services.signer.public_jwk()])
