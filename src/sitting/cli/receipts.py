"""Checking receipts and compliance records with whatever keys are at hand."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sitting.cli.errors import Stop
from sitting.cli.site import Site
from sitting.domain.audit import Verifies
from sitting.domain.results import ComplianceSeal, Receipt, signed_text
from sitting.identity.signer import key_id


def receipt_verifier(site: Site, public_keys: Sequence[str]) -> Verifies | None:
    """What says whether a receipt holds: by these keys and the site's own; None if there is no key at all.

    Raises:
        Stop: one of them is no key.
    """
    signer = site.optional_signer()
    texts = [*public_keys, *([] if signer is None else [signer.public_jwk()["x"]])]
    keys = {key_id(key): key for key in map(_public_key, texts)}
    return (lambda proof: _holds(proof, keys)) if keys else None


def _holds(proof: Receipt | ComplianceSeal, keys: Mapping[str, Ed25519PublicKey]) -> bool:
    try:
        keys[proof.key_id].verify(_decoded(proof.signature), signed_text(proof))
    except (KeyError, ValueError, InvalidSignature):
        return False
    return True


def _public_key(text: str) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(_decoded(text))
    except ValueError:
        raise Stop(f"{text} is not a public key: those are 32 bytes in base64url") from None


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
