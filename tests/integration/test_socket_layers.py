"""Either socket layer does what RFC 6455 says, and holds what one peer may cost: byte by byte, over real sockets."""

from __future__ import annotations

import contextlib
import fnmatch
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from sitting.cli.errors import Stop
from sitting.cli.server import configuration
from tests.support.echo_server import BURST, HEAD, SEVERAL, EchoServer
from tests.support.eventually import eventually
from tests.support.rfc6455 import (
    CLOSE,
    CONT,
    END,
    FAMILIES,
    PING,
    PONG,
    TEXT,
    Case,
    close_frame,
    frame,
)

# Where a layer closes with another code than the case says, 1000 if it refuses nothing. Each of them is allowed, or
# harms only whoever sends such frames. One that goes away fails the test, so that this stays true.
DIFFERENCES: Mapping[str, Mapping[str, int | None]] = {
    "websockets": {
        "not minimal: *": 1000,  # it takes them
        "* announced, a bit that must be 0": 1009,
        "cut at *, closed between": 1002,  # no close in the middle of a message, although that is allowed
        "control * announced too long": None,  # it looks at the length when all has come
    },
    "picows": {
        "no code": 1000,  # it does not know that it has closed unless a code was sent
        # It reads one frame ahead, so that a fault behind a close in one write comes first.
        "twice": 1002,
        "and then nonsense": 1002,
    },
}


@pytest.fixture(scope="module", params=["websockets", "picows"])
def layer(request: pytest.FixtureRequest) -> Any:
    if request.param == "picows":
        pytest.importorskip("picows")
    return request.param


@pytest.fixture(scope="module")
def echo(layer: Any) -> Iterator[EchoServer]:
    with EchoServer(layer) as server:
        yield server


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_frames_do_what_the_rfc_says(echo: EchoServer, layer: str, family: Callable[[], Iterator[Case]]) -> None:
    cases = list(family())
    assert len({case.name for case in cases}) == len(cases)
    wrong = [problem for case in cases if (problem := _problem(echo, case, DIFFERENCES[layer]))]
    assert not wrong, f"{len(wrong)} of {len(cases)}:\n" + "\n".join(wrong[:20])


def test_every_difference_is_one_of_a_case() -> None:
    names = [case.name for family in FAMILIES for case in family()]
    patterns = [pattern for layer in DIFFERENCES.values() for pattern in layer]
    assert [pattern for pattern in patterns if not fnmatch.filter(names, pattern)] == []
    assert len(names) > 1000


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (HEAD.replace("Version: 13", "Version: 8"), 400),  # the RFC would rather have 426
        (HEAD.replace("Sec-WebSocket-Version: 13\r\n", ""), 400),
        (HEAD.replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), 400),
        (HEAD.replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), 400),
        (HEAD + "Sec-WebSocket-Protocol: refuse\r\n", 403),
        (HEAD.replace("keep-alive, Upgrade", "Upgrade"), 101),
        (HEAD, 101),
    ],
)
def test_handshake_is_checked(echo: EchoServer, head: str, status: int) -> None:
    with echo.connected() as peer:
        assert peer.shake_hands(head + "\r\n")[0] == status


def test_handshake_chooses_a_subprotocol_and_proves_itself(echo: EchoServer) -> None:
    with echo.connected() as peer:
        _, head = peer.shake_hands(HEAD + "Sec-WebSocket-Protocol: a.v1, b.v1\r\n\r\n")
        lines = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:])
        assert lines["sec-websocket-protocol"] == "b.v1"
        assert lines["sec-websocket-accept"] == "s3pplmbitxaq9kygzzhzrbk+xoo="  # of the key in RFC 6455, 1.3
        assert "sec-websocket-extensions" not in lines
        scope = echo.seen.scopes[-1]
        assert (scope["subprotocols"], scope["query_string"]) == (["a.v1", "b.v1"], b"a=%C3%A9&b")
        assert scope["client"] == peer.socket.getsockname()


def test_no_extension_is_agreed_upon(echo: EchoServer) -> None:
    with echo.connected() as peer:
        _, head = peer.shake_hands(HEAD + "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
        assert "extensions" not in head.lower()


def test_frame_behind_the_handshake_is_not_lost(echo: EchoServer) -> None:
    for _ in range(20):
        with echo.peer() as peer:
            peer.say("at once")
            assert peer.next() == (TEXT, b"at once")


@pytest.mark.parametrize("code", [1000, 1003, 4001, 4999])
def test_application_closes_and_waits_for_the_answer(echo: EchoServer, code: int) -> None:
    with echo.peer() as peer:
        peer.say(f"close {code}")
        assert peer.next() == (CLOSE, code.to_bytes(2, "big") + b"as you wish")
        peer.say("late")
        peer.socket.sendall(frame(PING, b"late") + close_frame(code))
        answers, another = peer.rest()
        assert another is None
        assert answers in ([], [(PONG, b"late")])  # control frames may still come


def test_application_that_ends_ends_the_connection(echo: EchoServer) -> None:
    with echo.peer() as peer:
        peer.say("leave")
        assert peer.rest()[0] == []


def test_application_learns_code_and_reason(echo: EchoServer) -> None:
    echo.seen.disconnects.clear()
    with echo.peer() as peer:
        peer.socket.sendall(close_frame(4321, "tschüß".encode()))
        assert peer.rest() == ([], 4321)
    seen = eventually(lambda: _only(echo.seen.disconnects))
    assert (seen["code"], seen["reason"]) == (4321, "tschüß")


def test_hundred_pings_are_answered_and_more_are_a_flood(echo: EchoServer) -> None:
    with echo.peer() as peer:
        peer.socket.sendall(frame(PING) * 100)
        assert [peer.next() for _ in range(100)] == [(PONG, b"")] * 100
        peer.socket.sendall(frame(PING))
        answers, code = peer.rest()
        assert code == 4029
        assert answers in ([], [(PONG, b"")])


def test_flood_of_pongs_and_empty_messages_leaves_room_for_others(echo: EchoServer) -> None:
    with echo.peer() as noisy, echo.peer() as quiet:
        noisy.socket.sendall(frame(PONG, b"x") * 100_000)
        started = time.monotonic()
        quiet.say("here?")
        assert quiet.next() == (TEXT, b"here?")
        assert time.monotonic() - started < 2
        noisy.say("done")
        assert noisy.next() == (TEXT, b"done")


def test_peer_that_reads_nothing_holds_the_application_back(echo: EchoServer) -> None:
    with echo.peer() as peer:
        echo.seen.sent = 0
        peer.say("flood 20000")  # 20 MB
        held = eventually(lambda: _stands_still(echo))
        assert 0 < held < 15_000
        assert [peer.next() for _ in range(20_000)] == [(TEXT, b"%1000d" % at) for at in range(20_000)]


def test_peer_that_sends_without_end_is_not_read_without_end(echo: EchoServer) -> None:
    """While the application is held up in sending, what comes piles up at the peer."""
    with echo.peer() as peer:
        peer.say("flood 20000")
        eventually(lambda: _stands_still(echo))
        peer.socket.settimeout(1)
        block, sent = frame(TEXT, b"m" * 1000) * 100, 0
        with contextlib.suppress(TimeoutError):
            while sent < 64_000_000:
                sent += peer.socket.send(block)
        assert sent < 32_000_000


def test_large_messages_at_once_come_out_as_they_were(echo: EchoServer) -> None:
    """Also those that have to wait on their way, as most do here: 10 MB, and nobody reads at first."""
    bursts = 60
    wanted = {(TEXT, bytes((97 + size % 26,)) * size): bursts for size in BURST}
    with echo.peer() as peer:
        for _ in range(bursts):
            peer.say("burst")
        time.sleep(0.5)
        assert Counter(peer.next() for _ in range(bursts * len(BURST))) == wanted


def test_several_texts_at_once_come_in_their_order(echo: EchoServer) -> None:
    """Also while nobody reads: 28 MB."""
    bursts = 200
    wanted = [(TEXT, bytes((97 + size % 26,)) * size) for size in SEVERAL]
    with echo.peer() as peer:
        for _ in range(bursts):
            peer.say("several")
        time.sleep(0.5)
        got = [peer.next() for _ in range(2 * bursts * len(SEVERAL))]
    assert got[: len(SEVERAL)] == wanted
    assert Counter(got) == dict.fromkeys(wanted, 2 * bursts)


def test_answer_comes_in_one_frame_of_the_shortest_form(echo: EchoServer) -> None:
    with echo.peer() as peer:
        for size in (125, 126, 65_535):
            peer.say("s" * size)
            head = peer.read(2)
            assert head == bytes((0x81, 125 if size == 125 else 126))
            peer.read(size if size == 125 else size + 2)
        peer.socket.sendall(END)
        assert peer.rest() == ([], 1000)


@pytest.fixture
def quick(layer: Any, request: pytest.FixtureRequest) -> Iterator[EchoServer]:
    """Pings and close handshakes in fractions of a second."""
    server = EchoServer(layer)
    made = server.websocket_class

    class Quick(made):  # type: ignore[misc, valid-type]
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self.ping_interval = self.ping_timeout = 0.3
            self.close_timeout = 0.3

    server.config.ws_protocol_class = Quick
    with server:
        yield server


def test_peer_that_answers_pings_stays(quick: EchoServer) -> None:
    with quick.peer() as peer:
        for _ in range(4):
            ping = peer.next()
            assert ping is not None
            assert ping[0] == PING
            peer.socket.sendall(frame(PONG, ping[1]))
        peer.say("still here")
        assert peer.next() == (TEXT, b"still here")


@pytest.mark.parametrize("answer", [b"", frame(PONG, b"another"), frame(TEXT, b"no pong")])
def test_peer_without_the_right_pong_is_cut_off_with_1011(quick: EchoServer, answer: bytes) -> None:
    with quick.peer() as peer:
        assert (peer.next() or (None,))[0] == PING
        peer.socket.sendall(answer)
        messages, code = peer.rest()
        assert code == 1011
        assert all(kind == TEXT for kind, _ in messages)


def test_peer_that_does_not_answer_a_close_is_hung_up_on(quick: EchoServer) -> None:
    with quick.peer() as peer:
        peer.say("close 4001")
        started = time.monotonic()
        assert peer.rest() == ([], 4001)
        assert 0.2 < time.monotonic() - started < 5


def test_server_that_ends_says_1012(layer: Any) -> None:
    with EchoServer(layer) as server, server.peer() as peer:
        peer.say("there?")
        assert peer.next() == (TEXT, b"there?")
        server.server.should_exit = True
        assert peer.rest() == ([], 1012)


def test_connection_that_ends_is_forgotten(echo: EchoServer) -> None:
    state = echo.server.server_state
    with echo.peer() as one, echo.peer() as other:
        one.socket.sendall(END)
        one.rest()
        other.socket.sendall(frame(3))
        other.rest()
    eventually(lambda: _nothing_left(state))


# --- what only picows' class promises ---


@pytest.fixture(scope="module")
def picows_echo() -> Iterator[EchoServer]:
    pytest.importorskip("picows")
    with EchoServer("picows") as server:
        yield server


def test_wrong_text_with_a_close_behind_it_in_one_read_is_closed_in_order(echo: EchoServer) -> None:
    with echo.peer() as peer:
        peer.socket.sendall(frame(TEXT, b"\x80") + close_frame(1000))
        assert peer.rest() in (([], 1000), ([], 1007))


def test_wrong_text_is_refused_before_its_message_ends(picows_echo: EchoServer) -> None:
    with picows_echo.peer() as peer:
        peer.socket.sendall(frame(TEXT, b"\xce\xba\xf4\x90", fin=False))
        assert peer.rest() == ([], 1007)


def test_whole_messages_before_a_fault_reach_the_application(picows_echo: EchoServer) -> None:
    picows_echo.seen.messages.clear()
    with picows_echo.peer() as peer:
        peer.socket.sendall(frame(TEXT, b"first") + frame(TEXT, b"second") + frame(CONT, b"?") + frame(TEXT, b"third"))
        assert peer.rest()[1] == 1002
    eventually(lambda: _texts(picows_echo, ["first", "second"]))
    with picows_echo.peer() as peer:
        peer.socket.sendall(frame(TEXT, b"fourth") + frame(0xB))
        assert peer.rest()[1] == 1002
    eventually(lambda: _texts(picows_echo, ["first", "second", "fourth"]))


def test_message_says_when_its_last_byte_was_read(picows_echo: EchoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    first, last = datetime(2030, 1, 1, tzinfo=UTC), datetime(2030, 1, 2, tzinfo=UTC)
    clock = _SetClock(first)
    monkeypatch.setattr(picows_echo.websocket_class, "clock", clock)
    picows_echo.seen.messages.clear()
    whole = frame(TEXT, b"in two reads")
    with picows_echo.peer() as peer:
        peer.socket.sendall(whole[:9])
        eventually(lambda: _was_asked(clock))
        clock.time = last
        peer.socket.sendall(whole[9:])
        assert peer.next() == (TEXT, b"in two reads")
    assert [message["arrived_at"] for message in picows_echo.seen.messages] == [last]


def test_missing_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sitting.cli.picows_transport", None)
    with pytest.raises(Stop, match="picows"):
        configuration(_never, "picows")


# --- help ---


class _SetClock:
    def __init__(self, time_: datetime) -> None:
        self.time = time_
        self.asked = 0

    def now(self) -> datetime:
        self.asked += 1
        return self.time


async def _never(*_: Any) -> None:
    raise AssertionError


def _problem(server: EchoServer, case: Case, differences: Mapping[str, int | None]) -> str | None:
    """What is wrong with how the server lived through the case; where a difference is known, only its code counts."""
    with server.peer() as peer:
        try:
            answers, code = peer.live(case)
        except (OSError, AssertionError) as fault:
            return f"{case.name}: {fault!r}"
    for pattern, other in differences.items():
        if fnmatch.fnmatchcase(case.name, pattern):
            return None if code == other else f"{case.name}: {code}, and not the known {other}"
    if server.layer == "websockets" and (case.close, code, answers) == (1007, 1000, []):
        return None  # the client's close may be read together with the wrong text, and is answered first
    wanted = list(case.answers)
    as_wanted = answers == wanted or (case.answers_optional and answers == wanted[: len(answers)])
    if as_wanted and code == case.close:
        return None
    return f"{case.name}: {str(answers)[:100]} and {code}, not {str(wanted)[:100]} and {case.close}"


def _only(items: list[Any]) -> Any:
    assert len(items) == 1, items
    return items[0]


def _texts(server: EchoServer, texts: list[str]) -> None:
    assert [message["text"] for message in server.seen.messages] == texts


def _was_asked(clock: _SetClock) -> None:
    assert clock.asked >= 2, "once when the connection opened, once for what came"


def _stands_still(server: EchoServer) -> int:
    before = server.seen.sent
    time.sleep(0.2)
    assert 0 < before == server.seen.sent
    return before


def _nothing_left(state: Any) -> None:
    assert (state.connections, state.tasks) == (set(), set())
