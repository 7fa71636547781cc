"""Public keys that others sign tokens with, out of a JSON Web Key Set (RFC 7517). Each key has one algorithm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import InvalidKeyError
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

ALGORITHMS = frozenset({"RS256", "ES256", "EdDSA"})
MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192  # beyond it a signature costs more to check than it is worth
MAX_KEYS = 100


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key with the one algorithm that it is good for; `kid` is its name, where it has one."""

    kid: str | None
    algorithm: str
    key: RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys that may sign tokens."""

    keys: tuple[PublicKey, ...] = ()

    def find(self, algorithm: str, kid: str | None) -> PublicKey | None:
        """The one key of that algorithm with that name; without a name, the only one of that algorithm.

        None where there is none, or where more than one would do: nobody shall have to guess.
        """
        found = [key for key in self.keys if key.algorithm == algorithm and kid in (None, key.kid)]
        return found[0] if len(found) == 1 else None


def read_key_set(document: bytes) -> KeySet:
    """The usable keys of a JWKS document; what is no public key for our signatures is left out.

    Raises:
        ValueError: it is no such document.
    """
    try:
        keys = msgspec.json.decode(document)["keys"]
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError, KeyError, IndexError, RecursionError):
        raise ValueError("this is no JSON Web Key Set") from None
    if not isinstance(keys, list) or len(keys) > MAX_KEYS:
        raise ValueError(f"a key set has a list of at most {MAX_KEYS} keys")
    read = (_public_key(jwk) for jwk in keys if isinstance(jwk, dict))
    return KeySet(tuple(key for key in read if key is not None))


def _public_key(jwk: Mapping[str, Any]) -> PublicKey | None:
    kid, operations = jwk.get("kid"), jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return None
    if "d" in jwk or not isinstance(kid, str | None):  # a private key that is published is everybody's
        return None
    try:
        algorithm, key = _key(jwk)
    except (InvalidKeyError, ValueError, TypeError, KeyError):
        return None
    return PublicKey(kid, algorithm, key) if jwk.get("alg", algorithm) == algorithm else None


def _key(jwk: Mapping[str, Any]) -> tuple[str, RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey]:
    """The key, and the algorithm that its kind means.

    Raises:
        ValueError, KeyError, TypeError, InvalidKeyError: it is of another kind, or broken, or too short.
    """
    match jwk.get("kty"), jwk.get("crv"):
        case "RSA", _:
            return "RS256", _rsa({"kty": "RSA", "n": jwk["n"], "e": jwk["e"]})
        case "EC", "P-256":
            curve = ECAlgorithm.from_jwk({"kty": "EC", "crv": "P-256", "x": jwk["x"], "y": jwk["y"]})
            assert isinstance(curve, EllipticCurvePublicKey)
            return "ES256", curve
        case "OKP", "Ed25519":
            edwards = OKPAlgorithm.from_jwk({"kty": "OKP", "crv": "Ed25519", "x": jwk["x"]})
            assert isinstance(edwards, Ed25519PublicKey)
            return "EdDSA", edwards
        case _:
            raise ValueError("tokens are not signed with such a key")


def _rsa(jwk: dict[str, Any]) -> RSAPublicKey:
    key = RSAAlgorithm.from_jwk(jwk)
    assert isinstance(key, RSAPublicKey)
    if not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        raise ValueError(f"an RSA key has {MIN_RSA_BITS} to {MAX_RSA_BITS} bits")
    return key
