"""Staff who prepare Tests over REST for the tests that look at pages, and questions of every kind to put into them."""

from __future__ import annotations

import json
import struct
import urllib.request
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

CODE = """What does this program print?

```python
row = [0] * 3
row[1] += 1
print(row)  # a list
```
"""
FORMULA = r"Whose running time is $O(n \log n)$, since $$\sum_{i=1}^{n} \log i = \Theta(n \log n)$$ is one?"
WHY = "Two steps, see `range`:\n\n```python\nfor i in range(2):\n    step(i)\n```"


class Staff:
    """A member of staff with a token. Paths are those behind /api/v1."""

    def __init__(self, base_url: str, token: str) -> None:
        self.base_url, self._token = base_url, token

    @classmethod
    def admin_of(cls, announcement: Mapping[str, Any]) -> Staff:
        """The demo's administrator."""
        token = next(who["token"] for who in announcement["staff"] if who["role"] == "admin")
        return cls(announcement["base_url"], token)

    def get(self, path: str) -> Any:
        return self._send(urllib.request.Request(self._url(path)))

    def post(self, path: str, body: Any = None) -> Any:
        data = json.dumps({} if body is None else body).encode()
        return self._send(urllib.request.Request(self._url(path), data, {"Content-Type": "application/json"}))

    def add_image(self, png: bytes) -> str:
        """Store an image; returns its SHA-256."""
        request = urllib.request.Request(self._url("/media"), png, {"Content-Type": "image/png"})
        sha256: str = self._send(request)["sha256"]
        return sha256

    def publish(self, questions: Sequence[Mapping[str, Any]], **rules: Any) -> int:
        """Put these questions into a new Test of these rules, in their order, and publish it; returns its id."""
        ids = [self.post("/questions", question)["question_id"] for question in questions]
        sections = [{"questions": [{"question_id": id_} for id_ in ids]}]
        test_id: int = self.post("/tests", {"sections": sections, **rules})["test_id"]
        self.post(f"/tests/{test_id}/publish")
        return test_id

    def invite(self, test_id: int, **grants: Any) -> str:
        """Invite somebody new; returns the link."""
        email = f"candidate-{test_id}@example.org"
        invited = self.post(f"/tests/{test_id}/applications", {"name": "Nadia Karimi", "email": email, **grants})
        link: str = invited["items"][0]["link"]
        return link

    def stored(self, test_id: int) -> list[dict[str, Any]]:
        """The responses of the newest assessment of a Test, by position."""
        newest = self.get(f"/tests/{test_id}/assessments")["items"][-1]
        items: list[dict[str, Any]] = self.get(f"/assessments/{newest['assessment_id']}/responses")["items"]
        return items

    def _url(self, path: str) -> str:
        return f"{self.base_url}/api/v1{path}"

    def _send(self, request: urllib.request.Request) -> Any:
        request.add_header("Authorization", f"Bearer {self._token}")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


def every_kind(image: str) -> list[dict[str, Any]]:
    """One question of each kind, with code, formulas and an image (its SHA-256)."""
    kinds: list[dict[str, Any]] = [
        {
            "type": "single_choice",
            "text": CODE,
            "options": [
                {"text": "`[0, 1, 0]`", "correct": True, "feedback": "*Exactly.*"},
                {"text": "`[1, 1, 1]`", "correct": False, "feedback": "That needs `row = [0]` and **aliasing**."},
                {"text": "`[0, 0, 0]`", "correct": False},
                {"text": "Nothing: it raises a `TypeError`", "correct": False},
            ],
            "explanation": WHY,
        },
        {
            "type": "multiple_response",
            "text": FORMULA,
            "options": [
                {"text": "Merge sort", "correct": True},
                {"text": "Heap sort", "correct": True},
                {"text": "Bubble sort, $O(n^2)$", "correct": False},
            ],
        },
        {
            "type": "true_false",
            "text": f"The bar in this picture is wider than high.\n\n![A grey bar](media:{image})",
            "correct": True,
        },
        {
            "type": "numeric",
            "text": "How long does light take for 3,000 km, in milliseconds?",
            "numbers": [{"value": "10", "tolerance": "0.5"}],
            "unit": "ms",
            "other_units": [{"name": "s", "factor": "1000"}],
        },
        {
            "type": "short_text",
            "text": "Which command shows the head of a file?",
            "accepted": [{"text": "head"}],
        },
    ]
    common = {"skill": "Kinds", "difficulty": "easy", "explanation": WHY}
    return [{**common, **kind} for kind in kinds]


def grey_bar(width: int = 240, height: int = 60) -> bytes:
    """A PNG of one grey area."""
    rows = b"".join(b"\0" + b"\x80" * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
