"""The Ed25519 of docs/verify_receipt.py against the vectors of RFC 8032 and against `cryptography`."""

from __future__ import annotations

import random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.receipt_script import load_script

SCRIPT = load_script()
# RFC 8032, 7.1: TEST 1 to 3 and TEST SHA(abc): secret key, public key, message, signature.
VECTORS = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
        "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]


def holds(public: bytes, message: bytes, signature: bytes) -> bool:
    answer = SCRIPT.signature_holds(public, message, signature)
    assert isinstance(answer, bool)
    return answer


@pytest.mark.parametrize(("secret", "public", "message", "signature"), VECTORS)
def test_vectors_of_the_rfc_hold(secret: str, public: str, message: str, signature: str) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
    assert key.public_key().public_bytes_raw().hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    assert holds(bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature))


def test_signatures_of_random_keys_hold_and_under_no_other_key() -> None:
    draw = random.Random(8032)
    for _ in range(40):
        key, other = (Ed25519PrivateKey.from_private_bytes(draw.randbytes(32)) for _ in range(2))
        message = draw.randbytes(draw.randrange(200))
        signature = key.sign(message)
        assert holds(key.public_key().public_bytes_raw(), message, signature)
        assert not holds(other.public_key().public_bytes_raw(), message, signature)


def test_bit_flipped_in_any_byte_of_signature_key_or_message_is_refused() -> None:
    draw = random.Random(1)
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    sound = [key.public_key().public_bytes_raw(), b"sitting.receipt/1\n7\n9\nabcdef\n", b""]
    sound[2] = key.sign(sound[1])
    for part in range(3):
        for place in range(len(sound[part])):
            changed = bytearray(sound[part])
            changed[place] ^= 1 << draw.randrange(8)
            assert not holds(*(bytes(changed) if n == part else sound[n] for n in range(3)))


def test_other_spelling_of_a_good_signature_is_refused() -> None:
    """S + L satisfies the equation as well; RFC 8032 refuses it, so that a signature has one form."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    public, signature = key.public_key().public_bytes_raw(), key.sign(b"text")
    s = int.from_bytes(signature[32:], "little") + SCRIPT.ORDER
    assert not holds(public, b"text", signature[:32] + s.to_bytes(32, "little"))
    for wrong in (signature[:63], signature + b"\0", b""):
        assert not holds(public, b"text", wrong)
    assert not holds(public[:31], b"text", signature)


@pytest.mark.parametrize(
    "encoded",
    [
        (2**255 - 19 + 3).to_bytes(32, "little"),  # y = p + 3, in a form that is too large
        (2**255 | 1).to_bytes(32, "little"),  # x = 0 with a sign
        (2).to_bytes(32, "little"),  # no point has y = 2
    ],
)
def test_key_that_stands_for_no_point_is_refused(encoded: bytes) -> None:
    assert SCRIPT.decode_point(encoded) is None
    assert not holds(encoded, b"", bytes(64))


def test_signature_text_has_one_form() -> None:
    assert SCRIPT.from_base64url("-_8") == b"\xfb\xff"
    for wrong in ("-_9", "-_8=", "+/8", "-_8\n", "ä"):
        assert SCRIPT.from_base64url(wrong) is None
