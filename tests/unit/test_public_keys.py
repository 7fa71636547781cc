"""Tokens by published keys: which keys of a JWKS count, and every forgery that we know of is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sitting.domain.errors import NotAuthenticated
from sitting.identity.public_keys import MAX_KEYS, KeySet, read_key_set
from sitting.identity.tokens import LEEWAY, Claims, TokenKeys, read, reference
from tests.support.clock import NOON
from tests.support.issuer import KeyPair, ec_key, ed_key, key_set, p384_key, rsa_key

KEYS = TokenKeys("a secret of a good deal more than thirty-two bytes, which is what they need to have")
SECONDS = int(NOON.timestamp())
CLAIMS: dict[str, Any] = {"user_id": 7, "exp": SECONDS + 3600}
PAIRS = [rsa_key(), ec_key(), ed_key()]
TRUSTED = read_key_set(key_set(*PAIRS))
by_algorithm = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.algorithm)


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def check(token: str, keys: KeySet = TRUSTED, settings: TokenKeys = KEYS) -> Claims:
    """What identify does with a token, the fetching left out."""
    needed = reference(token)
    if needed is None:
        return read(settings, token, now=NOON)
    key = keys.find(needed.algorithm, needed.kid)
    if key is None:
        raise NotAuthenticated
    return read(settings, token, now=NOON, key=key)


def is_refused(token: str, keys: KeySet = TRUSTED, settings: TokenKeys = KEYS) -> bool:
    try:
        check(token, keys, settings)
    except NotAuthenticated as refusal:
        return not refusal.details
    return False


def usable(*jwks: dict[str, Any]) -> list[str]:
    return [key.algorithm for key in read_key_set(key_set(*jwks)).keys]


def hmac_token(secret: bytes, header: dict[str, Any]) -> str:
    """Signed by hand: the library refuses to use such a secret."""
    signed = ".".join(base64url(json.dumps(part).encode()) for part in (header, CLAIMS))
    return f"{signed}.{base64url(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


# --- what counts ---


@by_algorithm
def test_token_of_each_algorithm_counts_under_its_key(pair: KeyPair) -> None:
    assert check(pair.sign(CLAIMS)).user_id == 7
    said = check(pair.sign({"sub": "somebody", "exp": SECONDS + 1, "iat": SECONDS, "jti": "j"}))
    assert (said.user_id, said.subject, said.jti, said.issued_at) == (None, "somebody", "j", NOON)


def test_token_by_the_secret_counts_beside_published_keys() -> None:
    assert check(jwt.encode(CLAIMS, KEYS.secret, "HS256")).user_id == 7
    assert check(jwt.encode(CLAIMS, KEYS.secret, "HS256", headers={"kid": "rsa-1"})).user_id == 7


@by_algorithm
def test_token_without_a_key_name_counts_if_one_key_of_its_algorithm_is_there(pair: KeyPair) -> None:
    nameless = pair.sign(CLAIMS, kid=None)
    assert check(nameless).user_id == 7
    assert check(nameless, read_key_set(key_set({**pair.jwk, "kid": None}))).user_id == 7
    twin = replace(pair, kid="another name")
    assert is_refused(nameless, read_key_set(key_set(pair, twin)))


def test_key_without_alg_takes_the_algorithm_of_its_kind() -> None:
    bare = [{name: value for name, value in pair.jwk.items() if name not in ("alg", "use")} for pair in PAIRS]
    assert usable(*bare) == ["RS256", "ES256", "EdDSA"]


# --- forgeries ---


@by_algorithm
def test_token_signed_by_another_key_is_refused_whatever_its_header_offers(pair: KeyPair) -> None:
    stranger = {"RS256": rsa_key("x"), "ES256": ec_key("x"), "EdDSA": ed_key("x")}[pair.algorithm]
    for header in (
        {"kid": pair.kid},
        {"kid": "x"},
        {"kid": None},
        {"kid": ""},
        {"kid": pair.kid, "jwk": stranger.jwk},
        {"kid": pair.kid, "jku": "http://127.0.0.1:9/jwks.json"},
        {"kid": pair.kid, "x5u": "http://127.0.0.1:9/x", "x5c": ["AAAA"]},
    ):
        assert is_refused(stranger.sign(CLAIMS, **header)), header


@by_algorithm
def test_public_key_is_no_secret_to_sign_with(pair: KeyPair) -> None:
    public = pair.private.public_key()
    forms = [
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).strip(),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(pair.jwk).encode(),
        b"",
    ]
    for secret in forms:
        for algorithm in ("HS256", pair.algorithm):
            assert is_refused(hmac_token(secret, {"alg": algorithm, "typ": "JWT", "kid": pair.kid}))


@by_algorithm
def test_unsigned_and_cut_tokens_are_refused(pair: KeyPair) -> None:
    head, body, signature = pair.sign(CLAIMS).split(".")
    nothings: list[Any] = ["none", "None", "NONE", "", None, 7, ["none"], {}]
    for alg in nothings:
        unsigned = base64url(json.dumps({"alg": alg, "kid": pair.kid}).encode())
        assert is_refused(f"{unsigned}.{body}.")
        assert is_refused(f"{unsigned}.{body}.{signature}")
    for cut in (f"{head}.{body}.", f"{head}.{body}", f"{head}.{body}.{signature[:-4]}", f"{head}..{signature}"):
        assert is_refused(cut)


@by_algorithm
def test_tampered_claims_and_header_are_refused(pair: KeyPair) -> None:
    head, body, signature = pair.sign(CLAIMS).split(".")
    other_body = base64url(json.dumps({**CLAIMS, "user_id": 8}).encode())
    other_head = base64url(json.dumps({"alg": pair.algorithm, "kid": pair.kid, "typ": "JWT", "x": 1}).encode())
    assert is_refused(f"{head}.{other_body}.{signature}")
    assert is_refused(f"{other_head}.{body}.{signature}")
    middle = len(signature) // 2
    flipped = signature[:middle] + ("A" if signature[middle] != "A" else "B") + signature[middle + 1 :]
    assert is_refused(f"{head}.{body}.{flipped}")
    assert not is_refused(f"{head}.{body}.{signature}")


@by_algorithm
def test_key_name_of_another_algorithm_is_refused(pair: KeyPair) -> None:
    for other in PAIRS:
        if other is not pair:
            assert is_refused(pair.sign(CLAIMS, kid=other.kid))
    for kid in ("unknown", "", 1, ["rsa-1"], {"kid": "rsa-1"}):
        header = base64url(json.dumps({"alg": pair.algorithm, "kid": kid}).encode())
        assert is_refused(header + pair.sign(CLAIMS)[pair.sign(CLAIMS).index(".") :])


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256", "PS512"])
def test_other_algorithm_of_the_same_key_is_refused(algorithm: str) -> None:
    pair = rsa_key()
    assert is_refused(pair.sign(CLAIMS, alg=algorithm))
    assert usable({**pair.jwk, "alg": algorithm}) == []


def test_other_algorithms_are_refused_even_if_their_keys_are_published() -> None:
    p384, plain = p384_key(), {name: value for name, value in p384_key().jwk.items() if name != "alg"}
    keys = read_key_set(key_set(p384, plain, ec_key()))
    assert [key.kid for key in keys.keys] == ["ec-1"]
    assert is_refused(p384.sign(CLAIMS), keys)
    assert is_refused(p384.sign(CLAIMS, kid="ec-1"), keys)
    assert usable({**plain, "alg": "ES256"}) == []


def test_token_that_no_key_could_prove_is_refused_before_a_key_is_looked_for() -> None:
    unprovable: list[Any] = ["RS384", "ES384", "HS512", "none", "", None, [], {}]
    for alg in unprovable:
        header = base64url(json.dumps({"alg": alg, "kid": "rsa-1"}).encode())
        with pytest.raises(NotAuthenticated):
            reference(f"{header}.e30.AAAA")


def test_key_proves_nothing_but_its_own_algorithm_whatever_was_looked_for() -> None:
    key = TRUSTED.find("RS256", "rsa-1")
    others = [rsa_key().sign(CLAIMS, alg="RS384"), rsa_key().sign(CLAIMS, alg="PS256"), ec_key().sign(CLAIMS)]
    for token in (*others, jwt.encode(CLAIMS, KEYS.secret, "HS256")):
        with pytest.raises(NotAuthenticated):
            read(KEYS, token, now=NOON, key=key)
    with pytest.raises(NotAuthenticated):
        read(KEYS, rsa_key().sign(CLAIMS), now=NOON)
    assert read(KEYS, rsa_key().sign(CLAIMS), now=NOON, key=key).user_id == 7


@by_algorithm
@pytest.mark.parametrize(
    "wrong",
    [
        {"exp": SECONDS - LEEWAY.seconds},
        {"exp": None},
        {"exp": "soon"},
        {"nbf": SECONDS + LEEWAY.seconds + 1},
        {"nbf": "later"},
        {"user_id": "7"},
        {"user_id": True},
        {"user_id": 2**53},
        {"user_id": None},
        {"user_id": None, "sub": ""},
        {"user_id": None, "sub": "\0"},
        {"iss": "them"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
    ],
    ids=repr,
)
def test_claims_are_checked_behind_a_good_signature(pair: KeyPair, wrong: dict[str, Any]) -> None:
    strict = replace(KEYS, issuer="us", audience="sitting")
    good = CLAIMS | {"iss": "us", "aud": ["other", "sitting"]}
    assert not is_refused(pair.sign(good), settings=strict)
    claims = {name: value for name, value in (good | wrong).items() if value is not None}
    assert is_refused(pair.sign(claims), settings=strict)


# --- documents ---


@pytest.mark.parametrize(
    "change",
    [
        {"use": "enc"},
        {"use": None},
        {"key_ops": ["sign"]},
        {"key_ops": "verify"},
        {"alg": "HS256"},
        {"alg": "none"},
        {"alg": None},
        {"kty": "oct", "k": "AAAA"},
        {"kty": "RSA", "n": "!", "e": "AQAB"},
        {"kty": "RSA", "n": 5},
        {"kty": None},
        {"kid": 5},
        {"x": "AAAA"},
        {"x": None},
        {"d": "AAAA"},
    ],
    ids=repr,
)
def test_key_that_is_not_for_checking_our_tokens_is_left_out_and_the_others_stay(change: dict[str, Any]) -> None:
    assert usable({**ec_key().jwk, **change}, ed_key().jwk) == ["EdDSA"]


def test_shared_secret_in_a_key_set_signs_nothing() -> None:
    secret = {"kty": "oct", "kid": "s", "use": "sig", "k": base64url(b"x" * 40)}
    assert usable(secret, {**secret, "alg": "HS256"}) == []
    assert is_refused(jwt.encode(CLAIMS, "x" * 40, "HS256", headers={"kid": "s"}))


def test_short_and_monstrous_rsa_keys_are_left_out() -> None:
    assert usable(rsa_key("short", bits=1024).jwk) == []
    modulus = base64url(((1 << 16384) + 1).to_bytes(2049, "big"))
    assert usable({"kty": "RSA", "n": modulus, "e": "AQAB"}) == []
    assert usable(rsa_key().jwk) == ["RS256"]


def test_private_key_in_a_key_set_is_nobodys() -> None:
    published = {**rsa_key().jwk, "d": "AAAA"}
    assert usable(published) == []


def test_two_keys_under_one_name_are_never_guessed_between() -> None:
    keys = read_key_set(key_set(ec_key("twin"), {**ec_key("other").jwk, "kid": "twin"}, rsa_key("twin")))
    assert is_refused(ec_key("twin").sign(CLAIMS), keys)
    assert not is_refused(rsa_key("twin").sign(CLAIMS), keys)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html>",
        b"[]",
        b"7",
        b'"keys"',
        b"null",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": null}',
        b"\xff",
        b'{"keys": ' + b"[" * 100_000,
        json.dumps({"keys": [{}] * (MAX_KEYS + 1)}).encode(),
    ],
    ids=lambda document: repr(document[:20]),
)
def test_what_is_no_key_set_is_an_error_and_no_empty_set(document: bytes) -> None:
    with pytest.raises(ValueError, match=r"key set|Key Set"):
        read_key_set(document)


def test_empty_key_set_and_strange_members_are_no_error() -> None:
    assert read_key_set(b'{"keys": []}') == KeySet()
    assert read_key_set(b'{"keys": [1, null, "x", []], "more": 1}') == KeySet()
