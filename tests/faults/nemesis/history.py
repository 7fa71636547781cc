"""What the clients did and saw, one line for each moment, in a file that grows as it happens.

A line is a JSON object. `n` is the number of the operation, `at` seconds since the beginning, `s` what happened to it:
`invoked` (with `op` and what was asked for), then `ok`, `failed` (refused for certain) or `unknown` (no answer in time,
a lost link, or an answer that leaves it open). `again` is one more acknowledgement of an answer, `finding` something
that a client saw and that must not be.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode
BUFFER = 1 << 16  # bytes


class History:
    """The file, and the counts of what stands in it.

    Attributes:
        counts: how many operations of each kind came to what.
        acked: answers acknowledged, each pair of client and number once.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=BUFFER)
        self._began = time.monotonic()
        self._number = 0
        self._open: dict[int, str] = {}
        self.counts: Counter[tuple[str, str]] = Counter()
        self.findings: list[str] = []
        self.acked = 0

    def invoked(self, op: str, **asked: Any) -> int:
        """Somebody begins to do that; returns the number under which it ends."""
        self._number += 1
        self._open[self._number] = op
        self._write({"n": self._number, "s": "invoked", "op": op, **asked})
        return self._number

    def ended(self, number: int, outcome: str, **seen: Any) -> None:
        """What became of it; the second end of one operation is passed over."""
        if (op := self._open.pop(number, None)) is None:
            return
        self.counts[op, outcome] += 1
        if op == "answer" and outcome == "ok":
            self.acked += 1
        self._write({"n": number, "s": outcome, **seen})

    def again(self, **seen: Any) -> None:
        """An answer was acknowledged once more."""
        self.counts["answer", "again"] += 1
        self._write({"s": "again", **seen})

    def finding(self, kind: str, what: str) -> None:
        """A client saw what must not be."""
        self.findings.append(f"{kind}: {what}")
        self._write({"s": "finding", "kind": kind, "what": what})

    def close(self) -> None:
        """What has not ended by now is unknown."""
        for number in list(self._open):
            self.ended(number, "unknown")
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        line["at"] = round(time.monotonic() - self._began, 4)
        self._file.write(_encode(line) + b"\n")


def read_history(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a history, in their order."""
    decoder = msgspec.json.Decoder(dict[str, Any])
    with path.open("rb") as lines:
        for line in lines:
            yield decoder.decode(line)
