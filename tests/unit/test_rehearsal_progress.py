"""What a rehearsal says of itself where there is no terminal."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from sitting.cli import rehearse_progress
from sitting.cli.rehearse_progress import Progress
from sitting.rehearsal.measures import Measures


async def lines_of(progress: Progress, capsys: pytest.CaptureFixture[str], number: int) -> list[str]:
    """The next lines on standard error, one a tick."""
    ticking = asyncio.create_task(progress.tick())
    text = ""
    while text.count("\n") < number:
        await asyncio.sleep(0.001)
        text += capsys.readouterr().err
    ticking.cancel()
    with suppress(asyncio.CancelledError):
        await ticking
    return text.splitlines()


async def test_lines_say_how_much_is_done_of_what_can_be_measured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearse_progress, "SECONDS_PER_LINE", 0.001)
    progress = Progress(Measures(), None)
    progress.say("reading everything back", 400, lambda: 100)
    first, second, *_ = await lines_of(progress, capsys, 2)
    assert first == "reading everything back"
    assert " 25%, 0 sockets" in second
    progress.say("erasing", 400, lambda: 500)
    assert "100%, 0 sockets" in (await lines_of(progress, capsys, 2))[1]
    progress.say("handing in")
    assert "%" not in (await lines_of(progress, capsys, 2))[1]
