"""Tokens that nobody who may has signed, or that say what no token may say: every one of them must open nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

OTHER_SECRET = "somebody else's secret, quite long enough"
HOSTILE_USERS: tuple[Any, ...] = (
    0, -1, 2**53, 2**63, 10**30, 1.5, True, None, "1", "admin", "1 OR 1=1", [], [1], {"$gt": 0},
)  # fmt: skip
HOSTILE_SUBJECTS: tuple[Any, ...] = ("", "no\0body", "\ud800", 1, ["x"], "x" * 6000, "' OR ''='")
HOSTILE_TIMES: tuple[Any, ...] = (0, -1, "tomorrow", None, True, 1e400, 10**20, "9999999999", [])
MALFORMED = ("", ".", "..", "a.b", "a.b.c", "a.b.c.d.e", "null", "Bearer x", "é", "x" * 9000, "eyJhbGciOiJIUzI1NiJ9..")


def forged_tokens(secret: str, user_id: int, now: datetime) -> Iterator[tuple[str, str]]:
    """Kind and token. `secret` is the server's own: some are signed with it, and wrong all the same."""
    claims = {"user_id": user_id, "exp": int((now + timedelta(hours=1)).timestamp())}
    yield from ((f"malformed {number}", text) for number, text in enumerate(MALFORMED))
    yield from _wrongly_signed(secret, claims)
    yield from _with_a_header(secret, claims)
    yield from _wrong_claims(secret, claims, now)


def _sign(secret: str, claims: dict[str, Any], **more: Any) -> str:
    return jwt.encode(claims, secret, algorithm="HS256", **more)


def _part(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def _wrongly_signed(secret: str, claims: dict[str, Any]) -> Iterator[tuple[str, str]]:
    header, body, signature = _sign(secret, claims).split(".")
    other = _sign(OTHER_SECRET, claims)
    admin = _part(claims | {"user_id": 1, "role": "admin"})
    yield "signed by somebody else", other
    yield "signature of another token", f"{header}.{body}.{other.rpartition('.')[2]}"
    yield "body of another token", f"{header}.{admin}.{signature}"
    yield "without its signature", f"{header}.{body}."
    yield "with half its signature", f"{header}.{body}.{signature[:20]}"
    yield "with a longer signature", f"{header}.{body}.{signature}AAAA"
    yield "signature first", f"{signature}.{header}.{body}"
    yield "no JSON", f"{header}.{_part(b'not json')}.{signature}"
    yield "no object", f"{header}.{_part([1, 2])}.{signature}"
    yield "signed by another algorithm", jwt.encode(claims, secret * 2, algorithm="HS512")
    for algorithm in ("none", "None", "nOnE", "hs256", "HS1", "", None, 5, ["HS256"]):
        yield f"algorithm {algorithm!r}", f"{_part({'alg': algorithm, 'typ': 'JWT'})}.{body}."
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    yield "by a key of their own (RSA)", jwt.encode(claims, rsa_key, algorithm="RS256", headers={"kid": "1"})
    edwards = ed25519.Ed25519PrivateKey.generate()
    yield "by a key of their own (Ed25519)", jwt.encode(claims, edwards, algorithm="EdDSA")


def _with_a_header(secret: str, claims: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What the header names is none of the signer's business: the key, where to fetch it, what must be understood."""
    lures: tuple[dict[str, Any], ...] = (
        {"jwk": {"kty": "oct", "k": _part(OTHER_SECRET.encode())}},
        {"jku": "http://127.0.0.1:9/keys"},
        {"x5u": "http://127.0.0.1:9/cert"},
        {"kid": "../../../../dev/null"},
        {"kid": "' UNION SELECT 'x"},
    )
    for lure in lures:
        yield f"with {next(iter(lure))}", _sign(OTHER_SECRET, claims, headers=lure)
    yield "with a critical extension", _sign(secret, claims, headers={"crit": ["exp2"], "exp2": 1})


def _wrong_claims(secret: str, claims: dict[str, Any], now: datetime) -> Iterator[tuple[str, str]]:
    stamp = int(now.timestamp())
    yield from ((f"user {user!r}"[:40], _sign(secret, {**claims, "user_id": user})) for user in HOSTILE_USERS)
    for subject in HOSTILE_SUBJECTS:
        encoded = json.dumps({"exp": claims["exp"], "sub": subject}).encode()
        yield f"subject {subject!r}"[:40], jwt.PyJWS().encode(encoded, secret, algorithm="HS256")
    for end in HOSTILE_TIMES:
        yield f"ends at {end!r}", _sign_raw(secret, {**claims, "exp": end})
    yield "without an end", _sign(secret, {"user_id": claims["user_id"]})
    yield "expired", _sign(secret, claims | {"exp": stamp - 60})
    yield "not yet valid", _sign(secret, claims | {"nbf": stamp + 600})
    yield "of nobody", _sign(secret, claims | {"user_id": 987_654_321})
    yield "without anybody", _sign(secret, {"exp": claims["exp"]})
    yield "with a NUL in its id", _sign(secret, claims | {"jti": "a\0b"})
    yield "with a number as its id", _sign_raw(secret, claims | {"jti": 7})


def _sign_raw(secret: str, claims: dict[str, Any]) -> str:
    """Signed as it is: PyJWT would refuse to make it."""
    return jwt.PyJWS().encode(json.dumps(claims).encode(), secret, algorithm="HS256")
