"""Somebody else who signs tokens: key pairs, their published halves, and a real HTTP server that shows them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

RSA_BITS = 2048


@dataclass(frozen=True)
class KeyPair:
    """A private key under a name, and the algorithm that its owner signs with."""

    kid: str
    algorithm: str
    private: Any

    @property
    def jwk(self) -> dict[str, Any]:
        """The public half, as a JWKS shows it."""
        kinds: dict[str, Any] = {"R": RSAAlgorithm, "E": ECAlgorithm}
        kind = OKPAlgorithm if self.algorithm == "EdDSA" else kinds[self.algorithm[0]]
        public: dict[str, Any] = json.loads(kind.to_jwk(self.private.public_key()))
        return public | {"kid": self.kid, "use": "sig", "alg": self.algorithm}

    def sign(self, claims: dict[str, Any], **headers: Any) -> str:
        """A token with those claims; headers that are None are left out, `alg` and `kid` too."""
        said = {"kid": self.kid} | headers
        return jwt.encode(
            claims,
            self.private,
            said.pop("alg", self.algorithm),
            headers={name: value for name, value in said.items() if value is not None},
        )


@cache
def rsa_key(kid: str = "rsa-1", bits: int = RSA_BITS, algorithm: str = "RS256") -> KeyPair:
    return KeyPair(kid, algorithm, rsa.generate_private_key(65537, bits))


@cache
def ec_key(kid: str = "ec-1") -> KeyPair:
    return KeyPair(kid, "ES256", ec.generate_private_key(ec.SECP256R1()))


@cache
def p384_key(kid: str = "p384") -> KeyPair:
    return KeyPair(kid, "ES384", ec.generate_private_key(ec.SECP384R1()))


@cache
def ed_key(kid: str = "ed-1") -> KeyPair:
    return KeyPair(kid, "EdDSA", ed25519.Ed25519PrivateKey.generate())


def key_set(*keys: KeyPair | dict[str, Any]) -> bytes:
    """A JWKS document; a dict is taken as it is."""
    return json.dumps({"keys": [key.jwk if isinstance(key, KeyPair) else key for key in keys]}).encode()


@dataclass
class Issuer:
    """What the HTTP server says from now on, and how often it was asked. The rest of `headers` goes out as it is."""

    document: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    port: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.released.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/jwks.json"


@contextmanager
def publishing(*keys: KeyPair | dict[str, Any], port: int = 0) -> Iterator[Issuer]:
    """An HTTP server on the loopback with those keys at `/jwks.json`, in a thread of its own; port 0 takes a free one.

    While `released` is cleared it takes requests and does not answer.
    """
    issuer = Issuer(key_set(*keys))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.requests.append(self.path)
            issuer.released.wait(30)
            self.send_response(issuer.status)
            for name, value in ({"Content-Length": str(len(issuer.document))} | issuer.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(issuer.document)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        allow_reuse_address = True
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Clients may hang up on purpose."""

    with Server(("127.0.0.1", port), Handler) as server:
        issuer.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield issuer
        finally:
            issuer.released.set()
            server.shutdown()
            thread.join()
