"""What docs/tokens.md shows works: its programs make tokens, and a key set, that Sitting takes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sitting.identity.public_keys import ALGORITHMS, read_key_set
from sitting.identity.tokens import ALGORITHM, TokenKeys, read, reference
from sitting.kit.clock import SystemClock

PAGE = (Path(__file__).parents[2] / "docs" / "tokens.md").read_text("utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
PRIVATE: dict[str, Any] = {
    "rsa.pem": lambda: rsa.generate_private_key(65537, 2048),
    "ec.pem": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ed.pem": ed25519.Ed25519PrivateKey.generate,
}


def test_examples_make_tokens_of_every_algorithm_that_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, make in PRIVATE.items():
        assert f"-out {name}" in PAGE
        pem: bytes = make().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        Path(name).write_bytes(pem)
    made: dict[str, Any] = {}
    for program in PROGRAMS:
        exec(program, made)
    published = read_key_set(Path("jwks.json").read_bytes())
    keys, now = TokenKeys(made["secret"]), SystemClock().now()
    assert read(keys, made["token"], now=now).subject == "jane.doe"
    used = {ALGORITHM}
    for token in (made["by_rsa"], made["by_ec"], made["by_ed"]):
        needed = reference(token)
        assert needed is not None
        key = published.find(needed.algorithm, needed.kid)
        assert key is not None
        assert read(keys, token, now=now, key=key).subject == "jane.doe"
        used.add(needed.algorithm)
    assert used == {ALGORITHM, *ALGORITHMS}
