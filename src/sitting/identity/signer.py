"""The server's signature under receipts and compliance records."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from sitting.domain.results import ComplianceSeal, Receipt, compliance_text, receipt_text, signed_text


class Signer:
    """Signs with one Ed25519 key, the same on all nodes."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self._public = key.public_key()
        self.key_id = key_id(self._public)

    @classmethod
    def from_text(cls, text: str) -> Signer:
        """Read a key: PEM, or the 32 secret bytes in base64url.

        Raises:
            ValueError: it is neither.
        """
        if "BEGIN" in text:
            key = load_pem_private_key(text.encode(), password=None)
            if not isinstance(key, Ed25519PrivateKey):
                raise ValueError("the signing key is not an Ed25519 key")
            return cls(key)
        try:
            raw = base64.urlsafe_b64decode(text.strip() + "=" * (-len(text.strip()) % 4))
        except ValueError:
            raise ValueError("the signing key is neither PEM nor base64url") from None
        if len(raw) != 32:
            raise ValueError("the signing key needs 32 bytes in base64url")
        return cls(Ed25519PrivateKey.from_private_bytes(raw))

    @classmethod
    def generate(cls) -> Signer:
        """A new random key."""
        return cls(Ed25519PrivateKey.generate())

    def to_pem(self) -> str:
        """The private key as PEM: a secret."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def receipt(self, assessment_id: int, seq: int, head: str) -> Receipt:
        """Sign that the log of that assessment ended at entry `seq` with the hash `head` (hex)."""
        signature = self._key.sign(receipt_text(assessment_id, seq, head))
        return Receipt(assessment_id, seq, head, _base64url(signature), self.key_id)

    def compliance_seal(self, assessment_id: int, seq: int, digest: str) -> ComplianceSeal:
        """Sign the compliance record whose text has the SHA-256 `digest` (hex), as of entry `seq`."""
        signature = self._key.sign(compliance_text(assessment_id, seq, digest))
        return ComplianceSeal(assessment_id, seq, digest, _base64url(signature), self.key_id)

    def verifies(self, proof: Receipt | ComplianceSeal) -> bool:
        """Whether this key signed that."""
        try:
            signature = base64.urlsafe_b64decode(proof.signature + "=" * (-len(proof.signature) % 4))
            self._public.verify(signature, signed_text(proof))
        except (InvalidSignature, ValueError):  # ValueError: not even base64
            return False
        return proof.key_id == self.key_id and proof.signature == _base64url(signature)

    def public_jwk(self) -> dict[str, Any]:
        """The public key in the form of RFC 8037."""
        raw = self._public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": self.key_id, "x": _base64url(raw)}


def key_id(public: Ed25519PublicKey) -> str:
    """The key's name: the first 16 hexadecimal characters of the SHA-256 of its 32 bytes."""
    return hashlib.sha256(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
