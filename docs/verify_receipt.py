#!/usr/bin/env python3
"""Check a receipt of Sitting offline: who signed it, and whether a log leads to what was signed.

    verify_receipt.py RECEIPT KEYS [--log PAGE ...] [--compliance FILE]

RECEIPT     the receipt as JSON: by itself, or the whole message `assessment_completed` that holds it
KEYS        what GET /api/v1/keys answered, best saved on the day of the test
--log       the pages of GET /api/v1/assessments/{id}/events, in any order
--compliance  what GET /api/v1/assessments/{id}/compliance answered

Exit codes: 0 everything holds, 1 something does not, 2 a file cannot be read, 3 the key is unknown: nothing is proved.

One file, Python 3.9 or newer, standard library only, no network. The signature is Ed25519 as RFC 8032, section 5.1,
describes it; the bytes that are signed and hashed are described in docs/receipts.md.
"""

# ruff: noqa: T201, UP017 - it talks to people, and runs on older Pythons than Sitting does

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
from datetime import datetime, timedelta, timezone

# --- Ed25519 (RFC 8032, 5.1). Points are (x, y, z, t) with affine x/z, y/z and t = xy/z, as in 5.1.4. ---

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def decode_point(encoded):
    """The point that 32 bytes stand for (5.1.3), or None if they stand for none, or not in the one way allowed."""
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= P:
        return None
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if (v * x * x + u) % P == 0:
        x = x * ROOT_OF_MINUS_ONE % P
    if (v * x * x - u) % P != 0 or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def encode_point(point):
    x, y, z, _ = point
    inverse = pow(z, P - 2, P)
    return ((x * inverse % P & 1) << 255 | y * inverse % P).to_bytes(32, "little")


def add(p, q):
    """The sum of two points (5.1.4); the formula also holds where they are equal."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(number, point):
    result = (0, 1, 1, 0)
    while number:
        if number & 1:
            result = add(result, point)
        point, number = add(point, point), number >> 1
    return result


BASE = decode_point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def signature_holds(public_key, message, signature):
    """Whether `signature` (64 bytes) is one of the holder of `public_key` (32 bytes) under `message` (5.1.7)."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    key, s = decode_point(public_key), int.from_bytes(signature[32:], "little")
    if key is None or s >= ORDER:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % ORDER
    minus_key = (P - key[0], key[1], 1, P - key[3])
    return encode_point(add(times(s, BASE), times(k, minus_key))) == signature[:32]


# --- what is signed ---


class Unreadable(Exception):
    """A file does not hold what it should."""


class Report:
    """Says what was found, line by line, and remembers the worst."""

    def __init__(self):
        self.code = 0

    def good(self, text):
        print("good     " + text)

    def note(self, text):
        print("note     " + text)

    def bad(self, text):
        print("BAD      " + text)
        self.code = 1

    def unknown(self, text):
        print("UNKNOWN  " + text)
        self.code = self.code or 3


def from_base64url(text):
    """The bytes that an unpadded base64url text stands for; None if there is another way to write the same."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, TypeError):
        return None
    return data if base64.urlsafe_b64encode(data).rstrip(b"=").decode() == text else None


def check_signature(report, what, keys, key_id, message, signature):
    if key_id not in keys:
        report.unknown(f"{what}: signed by key {key_id}, which is not among the keys given")
    elif signature_holds(keys[key_id], message, from_base64url(signature) or b""):
        report.good(f"{what}: the signature by key {key_id} holds")
    else:
        report.bad(f"{what}: the signature by key {key_id} does not hold")


def check_receipt(report, receipt, keys):
    text = f"sitting.receipt/1\n{receipt['assessment_id']}\n{receipt['seq']}\n{receipt['head']}\n"
    what = f"receipt of assessment {receipt['assessment_id']}, entry {receipt['seq']}"
    check_signature(report, what, keys, receipt["key_id"], text.encode(), receipt["signature"])


def check_compliance(report, compliance, receipt, keys):
    text, record = compliance["text"], compliance["record"]
    if not text:
        report.note("compliance: it is not signed")
        return
    inner = json.loads(text)
    if inner != record:
        report.bad("compliance: the record that is shown is not the one in the signed text")
    if any(inner[name] != receipt[name] for name in ("assessment_id", "seq", "head")):
        report.bad("compliance: it belongs to another end than the receipt")
    digest = hashlib.sha256(text.encode()).hexdigest()
    signed = f"sitting.compliance/1\n{inner['assessment_id']}\n{inner['seq']}\n{digest}\n"
    check_signature(report, "compliance", keys, compliance["key_id"], signed.encode(), compliance["signature"])


# --- the log ---


def field(data):
    return len(data).to_bytes(4, "big") + data


def microseconds(instant):
    moment = datetime.fromisoformat(instant.replace("Z", "+00:00"))
    return (moment - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(microseconds=1)


def entry_hash(previous, assessment_id, entry):
    numbers = (assessment_id, entry["seq"], microseconds(entry["occurred_at"]))
    assessment, seq, at = (field(number.to_bytes(8, "big")) for number in numbers)
    head = field(b"sitting.event/1") + field(previous) + assessment + seq + field(entry["type"].encode()) + at
    return hashlib.sha256(head + field(bytes.fromhex(entry["inner_digest"]))).digest()


def erased_up_to(entries):
    """The last entry that a later one says was erased; 0 if none does."""
    told = 0
    for entry in entries:
        if entry["type"] == "erased" and entry["payload_text"] is not None:
            told = max(told, min(json.loads(entry["payload_text"])["last"], entry["seq"] - 1))
    return told


def fault_of(entry, seq, previous, assessment_id, told):
    """What is wrong with an entry that should have that number; None if nothing is."""
    if entry["seq"] != seq:
        return "is missing"
    salt, payload = entry["salt"], entry["payload_text"]
    if salt is None or payload is None:
        if seq > told or entry["type"] == "erased":
            return "has no content, and no later entry says that it was erased"
    elif hashlib.sha256(bytes.fromhex(salt) + payload.encode()).hexdigest() != entry["inner_digest"]:
        return "has another content than the one that was hashed"
    elif json.loads(payload) != entry["payload"]:
        return "shows another content than its exact text"
    hashed = entry_hash(previous, assessment_id, entry)
    return None if hashed.hex() == entry["hash"] else "does not follow from the entry before it"


def check_log(report, entries, receipt):
    """Walk the chain from its beginning; the entry that the receipt signs must carry the head that it signs."""
    entries = sorted(entries, key=lambda entry: entry["seq"])
    previous, told, erased = bytes(32), erased_up_to(entries), 0
    for seq, entry in enumerate(entries, start=1):
        fault = fault_of(entry, seq, previous, receipt["assessment_id"], told)
        if fault is None and seq == receipt["seq"] and entry["hash"] != receipt["head"]:
            fault = "is not the one that the receipt signs"
        if fault is not None:
            report.bad(f"log: entry {seq} is the first that does not fit: it {fault}")
            return
        previous, erased = bytes.fromhex(entry["hash"]), erased + (entry["salt"] is None)
    if len(entries) < receipt["seq"]:
        report.bad(f"log: entry {len(entries) + 1} is the first that does not fit: it is missing")
        return
    report.good(f"log: {receipt['seq']} entries lead to the head that the receipt signs")
    if len(entries) > receipt["seq"]:
        report.note(f"log: {len(entries) - receipt['seq']} entries stand behind the signed one; they are not signed")
    if erased:
        report.note(f"log: the content of {erased} entries was erased, as a later entry says; their hashes are whole")


# --- reading ---


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as fault:
        raise Unreadable(f"{path}: {fault}") from None


def read_receipt(path):
    found = read(path)
    for name in ("data", "receipt"):
        if isinstance(found, dict) and isinstance(found.get(name), dict):
            found = found[name]
    kinds = {"assessment_id": int, "seq": int, "head": str, "signature": str, "key_id": str}
    if not isinstance(found, dict) or any(type(found.get(name)) is not kind for name, kind in kinds.items()):
        raise Unreadable(f"{path}: there is no receipt in it")
    if found["seq"] < 1 or found["assessment_id"] < 1:
        raise Unreadable(f"{path}: numbers of a receipt count from 1")
    return found


def read_keys(path):
    """Keys by their names, each of which is the beginning of the key's own SHA-256."""
    try:
        raw = [from_base64url(key["x"]) for key in read(path)["keys"] if key.get("crv") == "Ed25519"]
    except (KeyError, TypeError, AttributeError):
        raise Unreadable(f"{path}: there is no key set in it") from None
    return {hashlib.sha256(key).hexdigest()[:16]: key for key in raw if key is not None}


def read_log(paths):
    entries = []
    for path in paths:
        page = read(path)
        items = page.get("items") if isinstance(page, dict) else page
        if not isinstance(items, list):
            raise Unreadable(f"{path}: there is no page of a log in it")
        entries += items
    return entries


def main(arguments=None):
    summary = __doc__.split("\n\n")[0]
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("receipt")
    parser.add_argument("keys")
    parser.add_argument("--log", nargs="+", metavar="PAGE")
    parser.add_argument("--compliance", metavar="FILE")
    chosen = parser.parse_args(arguments)
    report = Report()
    try:
        receipt, keys = read_receipt(chosen.receipt), read_keys(chosen.keys)
        check_receipt(report, receipt, keys)
        if chosen.log:
            check_log(report, read_log(chosen.log), receipt)
        if chosen.compliance:
            check_compliance(report, read(chosen.compliance), receipt, keys)
    except Unreadable as fault:
        print(f"cannot be read: {fault}", file=sys.stderr)
        return 2
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as fault:
        print(f"cannot be read: a file does not have the form that it should have: {fault!r}", file=sys.stderr)
        return 2
    return report.code


if __name__ == "__main__":
    sys.exit(main())
