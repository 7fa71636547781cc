"""What RFC 6455 says of frames, as cases: bytes that a client writes, and what an echoing server has to give back."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
MAX_SIZE = 65_536
SPEECH = "Hällo €😀"

Message = tuple[int, bytes]

VALID_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4001, 4999)
INVALID_CODES = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 65_535)
EDGES = (0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFD, 0xFFFE, 0xFFFF, 0x10000, 0x1FFFF, 0x10FFFF)
NO_UTF8 = (
    b"\x80", b"\xbf", b"\xc0\x80", b"\xc1\xbf", b"\xc2", b"\xc3\x28", b"\xe0\x80\x80", b"\xe0\x9f\xbf",
    b"\xe2\x82", b"\xe2\x28\xa1", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\x80\xed\xb0\x80",
    b"\xf0\x80\x80\x80", b"\xf0\x9f\x98", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80",
    b"\xf8\x88\x80\x80\x80", b"\xfe", b"\xff", b"\xff\xfe",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One connection's life.

    Attributes:
        writes: bytes, one write each. answers: the frames that come back, in order, before the close.
        then: what is written when all answers have come.
        close: the code of the server's close frame, 0 if it has none; None: the connection ends without one.
        hang_up: the client's last write is its last word: it ends the connection's one direction.
        answers_optional: they may be left out, since a fault behind them came in the same write.
    """

    name: str
    writes: Sequence[bytes]
    answers: Sequence[Message] = ()
    close: int | None = 1000
    then: bytes = b""
    hang_up: bool = False
    answers_optional: bool = False


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = b"\x12\x34\x56\x78",
    length_bytes: int | None = None,
) -> bytes:
    """One frame; `length_bytes` 0, 2 or 8 says how its length is written, None: as shortly as can be."""
    size = len(payload)
    head = header(opcode, size, fin=fin, rsv=rsv, masked=mask is not None, length_bytes=length_bytes)
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def header(
    opcode: int, size: int, *, fin: bool = True, rsv: int = 0, masked: bool = True, length_bytes: int | None = None
) -> bytes:
    """The first bytes of a frame that says it had `size` bytes."""
    if length_bytes is None:
        length_bytes = 0 if size < 126 else 2 if size < 65_536 else 8
    first = fin << 7 | rsv << 4 | opcode
    if length_bytes == 0:
        return bytes((first, masked << 7 | size))
    if length_bytes == 2:
        return bytes((first, masked << 7 | 126)) + struct.pack("!H", size)
    return bytes((first, masked << 7 | 127)) + struct.pack("!Q", size)


def close_frame(code: int | None, reason: bytes = b"") -> bytes:
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


END = close_frame(1000)


def echoed(name: str, opcode: int, payload: bytes, *writes: bytes) -> Case:
    """A message comes back whole."""
    return Case(name, writes, [(opcode, payload)], then=END)


def closed(name: str, close: int, *writes: bytes) -> Case:
    """The server closes, and gives nothing back."""
    return Case(name, writes, close=close)


def refused(name: str, close: int, *writes: bytes) -> Case:
    """As `closed`; a server that does not is closed by the client, so that the test does not wait for nothing."""
    return Case(name, [*writes, END], close=close)


# --- families ---


def lengths() -> Iterator[Case]:
    """All ways to write all lengths on both sides of each bound."""
    for opcode in (TEXT, BINARY):
        for size in (0, 1, 125, 126, 127, 128, 65_535, 65_536):
            payload = b"x" * size
            yield echoed(f"{size} bytes, opcode {opcode}", opcode, payload, frame(opcode, payload))
        for size in (65_537, 100_000):
            yield refused(f"{size} bytes, opcode {opcode}", 1009, frame(opcode, b"x" * size))
    for size, length_bytes in ((0, 2), (125, 2), (0, 8), (125, 8), (126, 8), (65_535, 8)):
        name = f"not minimal: {size} in {length_bytes} bytes"
        yield refused(name, 1002, frame(TEXT, b"x" * size, length_bytes=length_bytes))
    for size in (1 << 20, 1 << 32, (1 << 63) - 1):
        yield refused(f"{size} announced", 1009, header(BINARY, size))
    for size in (1 << 63, (1 << 64) - 1):
        yield refused(f"{size} announced, a bit that must be 0", 1002, header(BINARY, size))


def fragments() -> Iterator[Case]:
    """A text in two and three fragments, cut at each byte, inside of letters too, with pings and nothing in between."""
    data = SPEECH.encode()
    for cut in range(len(data) + 1):
        first, last = frame(TEXT, data[:cut], fin=False), frame(CONT, data[cut:])
        yield echoed(f"cut at {cut}", TEXT, data, first, last)
        yield echoed(f"cut at {cut}, in one write", TEXT, data, first + last)
        yield echoed(f"cut at {cut}, nothing between", TEXT, data, first, frame(CONT, fin=False), last)
        yield Case(
            f"cut at {cut}, ping between", [first, frame(PING, b"in"), last], [(PONG, b"in"), (TEXT, data)], then=END
        )
        yield echoed(f"cut at {cut}, pong between", TEXT, data, first, frame(PONG, b"in"), last)
        yield closed(f"cut at {cut}, closed between", 1000, first, END)
        yield echoed(f"binary cut at {cut}", BINARY, data, frame(BINARY, data[:cut], fin=False), last)
    single = [frame(CONT, data[at : at + 1], fin=False) for at in range(1, len(data))]
    yield echoed("byte by byte", TEXT, data, frame(TEXT, data[:1], fin=False), *single, frame(CONT))
    yield refused("goes on without a beginning", 1002, frame(CONT, b"x"))
    yield refused("goes on without a beginning or an end", 1002, frame(CONT, b"x", fin=False))
    for opcode in (TEXT, BINARY):
        for fin in (True, False):
            begun = frame(TEXT, b"a", fin=False)
            yield refused(f"{opcode} in the middle, fin {fin}", 1002, begun, frame(opcode, b"b", fin=fin))
    over = frame(TEXT, b"a", fin=False) + frame(CONT, b"b")
    yield Case("goes on after the end", [over, frame(CONT, b"c")], [(TEXT, b"ab")], 1002, answers_optional=True)


def wire_cuts() -> Iterator[Case]:
    """One frame in two writes, cut at each byte of it; all of its bytes alone; and cut for ever."""
    data = b"y" * 130
    for opcode, payload in ((TEXT, SPEECH.encode()), (BINARY, data)):
        whole = frame(opcode, payload)
        for cut in range(1, min(len(whole), 40)):
            yield echoed(f"opcode {opcode}, written up to {cut}", opcode, payload, whole[:cut], whole[cut:])
            yield Case(f"opcode {opcode}, ends at {cut}", [whole[:cut]], close=None, hang_up=True)
        yield echoed(f"opcode {opcode}, each byte alone", opcode, payload, *(bytes((byte,)) for byte in whole))
    yield Case(
        "hangs up between frames", [frame(TEXT, b"a")], [(TEXT, b"a")], None, hang_up=True, answers_optional=True
    )
    yield Case("hangs up at once", [], close=None, hang_up=True)


def texts() -> Iterator[Case]:
    """The edges of UTF-8, and what lies beyond them, whole and cut."""
    for number in EDGES:
        data = chr(number).encode()
        yield echoed(f"U+{number:04X}", TEXT, data, frame(TEXT, data))
        yield echoed(f"U+{number:04X} cut", TEXT, data, frame(TEXT, data[:1], fin=False), frame(CONT, data[1:]))
    for wrong in NO_UTF8:
        for place, data in (("alone", wrong), ("at the end", b"ok" + wrong), ("inside", b"ok" + wrong + b"ok")):
            name = f"{wrong.hex()} {place}"
            yield refused(name, 1007, frame(TEXT, data))
            yield echoed(f"{name}, binary", BINARY, data, frame(BINARY, data))
            for cut in range(len(data)):
                pieces = frame(TEXT, data[:cut], fin=False) + frame(CONT, data[cut:])
                yield refused(f"{name}, cut at {cut}", 1007, pieces)


def closes() -> Iterator[Case]:
    """Each kind of close, and what comes behind it."""
    for code in VALID_CODES:
        yield closed(f"{code}", code, close_frame(code))
        yield closed(f"{code} with a reason", code, close_frame(code, "tschüß".encode()))
    for code in INVALID_CODES:
        yield closed(f"{code}, which must not be", 1002, close_frame(code))
    yield closed("the longest reason", 1000, close_frame(1000, b"r" * 123))
    yield closed("a reason too long", 1002, close_frame(1000, b"r" * 124))
    yield closed("half a code", 1002, frame(CLOSE, b"\x03"))
    yield Case("no code", [close_frame(None)], close=0)
    for wrong in NO_UTF8:
        yield closed(f"reason {wrong.hex()}", 1007, close_frame(1000, wrong))
    yield closed("twice", 1000, END + END)
    yield closed("and then text", 1000, END + frame(TEXT, b"late"))
    yield closed("and then a ping", 1000, END + frame(PING, b"late"))
    yield closed("and then nonsense", 1000, END + b"\xff" * 20)
    yield closed("in pieces", 1002, frame(CLOSE, b"\x03\xe8", fin=False))


def controls() -> Iterator[Case]:
    """Pings and pongs of all lengths, whole and not."""
    for size in (0, 1, 2, 4, 7, 8, 63, 64, 124, 125):
        payload = os.urandom(size)
        yield Case(f"ping of {size}", [frame(PING, payload)], [(PONG, payload)], then=END)
        yield refused(f"pong of {size}", 1000, frame(PONG, payload))
    for opcode in (PING, PONG, CLOSE):
        for size in (126, 127, 65_535, 65_536):
            yield refused(f"control {opcode:x} of {size}", 1002, frame(opcode, b"p" * size))
        announced = header(opcode, 126) + bytes(4)
        yield Case(f"control {opcode:x} announced too long", [announced], close=1002, hang_up=True)
        yield refused(f"control {opcode:x} not final", 1002, frame(opcode, b"", fin=False))
    many = [bytes((number,)) for number in range(50)]
    pings = b"".join(frame(PING, payload) for payload in many)
    yield Case("50 pings in one write", [pings], [(PONG, payload) for payload in many], then=END)
    yield Case("a ping in single bytes", [bytes((byte,)) for byte in frame(PING, b"slow")], [(PONG, b"slow")], then=END)


def reserved() -> Iterator[Case]:
    """Opcodes and bits that nobody has agreed upon."""
    for opcode in (3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF):
        yield refused(f"opcode {opcode:x}", 1002, frame(opcode, b""))
        yield refused(f"opcode {opcode:x} with bytes", 1002, frame(opcode, b"abc"))
        behind = frame(TEXT, b"a") + frame(opcode)
        yield Case(f"opcode {opcode:x} behind a text", [behind], [(TEXT, b"a")], 1002, answers_optional=True)
    for rsv in range(1, 8):
        for opcode in (TEXT, BINARY, PING, PONG, CLOSE):
            payload = b"\x03\xe8" if opcode == CLOSE else b"ab"
            yield refused(f"bits {rsv} on {opcode:x}", 1002, frame(opcode, payload, rsv=rsv))
        yield refused(f"bits {rsv} on a fragment", 1002, frame(TEXT, b"a", fin=False), frame(CONT, b"b", rsv=rsv))


def masks() -> Iterator[Case]:
    """Masks of all sorts on payloads of all alignments; and none, which no client may."""
    for opcode in (TEXT, BINARY, PING, PONG, CLOSE, CONT):
        for payload in (b"", b"\x03\xe8"):
            yield refused(f"opcode {opcode:x} unmasked, {len(payload)}", 1002, frame(opcode, payload, mask=None))
    for mask in (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x80\0\0\x01", b"\0\0\0\xff", os.urandom(4)):
        for size in (*range(1, 20), 31, 32, 33, 63, 64, 65, 127, 1000, 4097):
            payload = bytes(number % 251 for number in range(size))
            name = f"mask {mask.hex()} over {size}"
            yield echoed(name, BINARY, payload, frame(BINARY, payload, mask=mask))


def pipelines() -> Iterator[Case]:
    """Many frames in one write, in their order; and whole messages before a fault."""
    small = [f"message {number}".encode() for number in range(200)]
    together = b"".join(frame(TEXT, payload) for payload in small)
    answers = [(TEXT, payload) for payload in small]
    yield Case("200 in one write", [together], answers, then=END)
    yield Case("200 and the end in one write", [together + END], answers, answers_optional=True)
    shapes = [bytes((size % 256,)) * size for size in range(0, 400, 3)]
    aligned = b"".join(frame(BINARY, payload, mask=os.urandom(4)) for payload in shapes)
    yield Case("all alignments in one write", [aligned], [(BINARY, payload) for payload in shapes], then=END)
    big = [bytes((65 + number,)) * size for number, size in enumerate((8_193, 30_000, 65_536, 8_200, 65_535))]
    at_once = b"".join(frame(TEXT, payload) for payload in big)
    yield Case("large ones in one write", [at_once], [(TEXT, payload) for payload in big], then=END)
    yield Case("a fault behind texts", [together + frame(3)], answers, 1002, answers_optional=True)


def sizes() -> Iterator[Case]:
    """Messages are as large as their fragments together."""
    half = b"h" * (MAX_SIZE // 2)
    begun = frame(TEXT, half, fin=False)
    yield echoed("exactly as large as may be", TEXT, half * 2, begun, frame(CONT, half))
    yield refused("one byte too large", 1009, begun, frame(CONT, half + b"h"))
    yield refused("too large without an end", 1009, begun, begun.replace(b"\x01", b"\x00", 1), frame(CONT, b"h"))
    announced = header(CONT, MAX_SIZE)
    yield refused("announced too large", 1009, begun, announced + bytes(4) + bytes(MAX_SIZE))
    tiny = [frame(CONT, b"", fin=False)] * 3000
    yield refused("fragments without end", 1009, frame(TEXT, b"", fin=False) + b"".join(tiny))
    thousand = b"".join([frame(CONT, b"t", fin=False)] * 1000)
    yield echoed("a thousand fragments", TEXT, b"t" * 1002, frame(TEXT, b"t", fin=False) + thousand + frame(CONT, b"t"))


FAMILIES = (lengths, fragments, wire_cuts, texts, closes, controls, reserved, masks, pipelines, sizes)
