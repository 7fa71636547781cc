"""Watching a run from the terminal: through streams that break, and no longer than there is something to watch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from sitting.cli import author_run
from sitting.cli.author_run import follow
from sitting.cli.errors import Stop
from sitting.cli.remote import Refusal, Remote
from sitting.cli.terminal import Terminal

Stream = list[Any]


def run(node: str = "", status: str = "running", tokens: int = 0, **progress: Any) -> dict[str, Any]:
    told = {"node": node, "skill": "SQL", **progress} if node else {}
    return {"status": status, "progress": told, "spent": {"tokens": tokens}}


class Streams:
    """A server whose streams are those, one after the other; an exception in one is raised there."""

    def __init__(self, *streams: Stream) -> None:
        self.left = list(streams)

    def events(self, path: str) -> Iterator[tuple[str, Any]]:
        assert path == "/runs/r_1/events"
        for each in self.left.pop(0):
            if isinstance(each, BaseException):
                raise each
            yield each


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(author_run, "BETWEEN_STREAMS_SECONDS", 0.0)


def watched(streams: Streams) -> dict[str, Any]:
    return follow(cast(Remote, streams), Terminal(can_ask=False), "r_1")


def test_stream_that_breaks_or_cannot_be_opened_is_asked_for_again_until_the_run_is_over(
    capsys: pytest.CaptureFixture[str],
) -> None:
    streams = Streams(
        [("run", run("write", tokens=5))],
        [Stop("http://x does not answer")],
        [("run", run("write", tokens=5)), ("run", run("check", tokens=7, handed_in=1, wanted=3))],
        [("end", run("end", "done", 9))],
    )
    assert watched(streams)["status"] == "done"
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[-1] for line in lines] == [
        "checking · SQL · 5 tokens",
        "having others solve it · SQL · handed in: 1 of 3 · 7 tokens",
        "over · SQL · 9 tokens",
    ]


def test_tokens_alone_are_no_news_for_a_while(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream: Stream = [("run", run("check", tokens=number)) for number in range(5)]
    watched(Streams([*stream, ("end", run("check", "done", 4))]))
    assert len(capsys.readouterr().out.splitlines()) == 1
    monkeypatch.setattr(author_run, "SECONDS_PER_LINE", 0.0)
    watched(Streams([*stream, ("end", run("check", "done", 4))]))
    assert len(capsys.readouterr().out.splitlines()) == 5


def test_run_that_nobody_may_watch_is_not_asked_for_twice() -> None:
    streams = Streams([Refusal(403, {"code": "not_allowed", "detail": "You may not do this."})], [])
    with pytest.raises(Refusal, match="You may not do this"):
        watched(streams)
    assert len(streams.left) == 1


def test_server_that_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(author_run, "PATIENCE_SECONDS", 0.0)
    with pytest.raises(Stop, match="does not answer"):
        watched(Streams([Stop("http://x does not answer")], []))


def test_whoever_has_seen_enough_is_told_how_to_come_back() -> None:
    with pytest.raises(Stop, match="come back with --run r_1"):
        watched(Streams([("run", run("write")), KeyboardInterrupt()]))
