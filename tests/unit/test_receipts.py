from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sitting.domain.live import receipt_of
from sitting.domain.results import Receipt, receipt_text
from sitting.identity.signer import Signer
from tests.support.samples import assessment

HEAD = "ab" * 32
SIGNER = Signer.from_text(base64.urlsafe_b64encode(bytes(range(32))).decode())


def test_signed_text_is_pinned() -> None:
    """Receipts are kept by candidates: what was signed must stay what is checked."""
    assert receipt_text(42, 7, HEAD) == b"sitting.receipt/1\n42\n7\n" + HEAD.encode() + b"\n"


def test_receipt_can_be_checked_with_the_public_key_alone() -> None:
    receipt = SIGNER.receipt(42, 7, HEAD)
    assert (receipt.assessment_id, receipt.seq, receipt.head, receipt.key_id) == (42, 7, HEAD, SIGNER.key_id)
    raw = base64.urlsafe_b64decode(SIGNER.public_jwk()["x"] + "=")
    signature = base64.urlsafe_b64decode(receipt.signature + "==")
    signed = f"sitting.receipt/1\n42\n7\n{HEAD}\n".encode()
    Ed25519PublicKey.from_public_bytes(raw).verify(signature, signed)
    assert SIGNER.verifies(receipt)


@pytest.mark.parametrize(
    "changes",
    [
        {"assessment_id": 43},
        {"seq": 8},
        {"head": "ba" * 32},
        {"key_id": "0" * 16},
        {"signature": "A" * 86},
        {"signature": ""},
        {"signature": "a"},
        {"signature": "ä"},
    ],
    ids=ascii,
)
def test_changed_receipt_does_not_verify(changes: dict[str, Any]) -> None:
    assert not SIGNER.verifies(replace(SIGNER.receipt(42, 7, HEAD), **changes))


def test_receipt_of_another_key_does_not_verify() -> None:
    assert not SIGNER.verifies(Signer.generate().receipt(42, 7, HEAD))


SIGNED = {"receipt_seq": 7, "receipt_head": bytes.fromhex(HEAD), "receipt_signature": "c2ln", "receipt_key_id": "k"}


def test_receipt_of_an_assessment_is_what_was_signed_at_its_end() -> None:
    row = assessment(**SIGNED, head_seq=9, head_hash=bytes(32))
    assert receipt_of(row) == Receipt(42, 7, HEAD, "c2ln", "k")


@pytest.mark.parametrize("missing", SIGNED)
def test_open_assessment_has_no_receipt(missing: str) -> None:
    assert receipt_of(assessment(**SIGNED | {missing: None})) is None
