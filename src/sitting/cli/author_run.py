"""`sitting author`: a run begun, and followed until it is over."""

from __future__ import annotations

import time
from typing import Any

from sitting.cli.author_graph import Draft
from sitting.cli.errors import Stop
from sitting.cli.remote import Refusal, Remote
from sitting.cli.terminal import Terminal

PATIENCE_SECONDS = 60.0
BETWEEN_STREAMS_SECONDS = 1.0

SECONDS_PER_LINE = 5.0
NEXT = {
    "plan": "looking into the bank",
    "look_in_bank": "writing",
    "write": "checking",
    "check": "having others solve it",
    "solve": "running its code",
    "run_code": "sorting out",
    "repair": "checking",
    "hand_in": "handed in",
    "end": "over",
}
"""What a run is at once a node has come to its end."""

Run = dict[str, Any]


def begin(remote: Remote, terminal: Terminal, draft: Draft, tokens: int | None) -> Run:
    """Have the questions written that the bank lacks.

    Raises:
        Refusal: there is no model, or no such graph.
    """
    body = {"graph": draft.graph, "about": draft.about, "limits": {"tokens": tokens}}
    run: Run = remote.post("/runs", body)
    terminal.say(f"Run {run['run_id']}: it goes on by itself, Ctrl-C only ends the watching.")
    return run


def follow(remote: Remote, terminal: Terminal, run_id: str) -> Run:
    """Tell how far the run is, until it is over; returns its end.

    Raises:
        Stop: the server does not answer any more, or whoever watches has seen enough. Refusal: there is no such run.
    """
    watch = _Watch(terminal)
    try:
        return _follow(remote, watch, run_id)
    except KeyboardInterrupt:
        raise Stop(f"the run goes on without you; come back with --run {run_id}") from None


def _follow(remote: Remote, watch: _Watch, run_id: str) -> Run:
    heard = time.monotonic()
    while True:
        try:
            for kind, run in remote.events(f"/runs/{run_id}/events"):
                heard = time.monotonic()
                watch.see(run)
                if kind == "end":
                    ended: Run = run
                    return ended
            heard = time.monotonic()
        except Refusal:
            raise
        except Stop:
            if time.monotonic() - heard > PATIENCE_SECONDS:
                raise
        time.sleep(BETWEEN_STREAMS_SECONDS)  # the node stopped, or the link broke: another one answers


class _Watch:
    """Says what changes of a run, and nothing twice; of what it spends, now and then."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._step, self._said = "", ""
        self._began = self._said_at = time.monotonic()

    def see(self, run: Run) -> None:
        """The run as it stands now."""
        step, now = _step(run), time.monotonic()
        said = f"{step} · {run['spent']['tokens']} tokens"
        if said == self._said or (step == self._step and now - self._said_at < SECONDS_PER_LINE):
            return
        self._step, self._said, self._said_at = step, said, now
        minutes, seconds = divmod(int(now - self._began), 60)
        self._terminal.say(f"  {minutes:02}:{seconds:02}  {said}")


def _step(run: Run) -> str:
    """What the run is at; its progress names the node that has come to its end."""
    progress = run["progress"]
    node = str(progress.get("node") or "")
    at = ", ".join(str(progress[name]) for name in ("skill", "difficulty") if progress.get(name))
    parts = [
        NEXT.get(node, node) or run["status"],
        at,
        f"{progress['items']} items" if progress.get("items") else "",
        f"handed in: {progress['handed_in']} of {progress.get('wanted') or '?'}" if "handed_in" in progress else "",
        str(progress.get("note") or ""),
    ]
    return " · ".join(part for part in parts if part)


def sum_up(terminal: Terminal, run: Run) -> None:
    """How it ended, in a line or two."""
    spent = run["spent"]
    money = f", {spent['cost']:g} of money" if spent["cost"] else ""
    took = f"{spent['tokens']} tokens{money}, {spent['seconds']:.0f} s of waiting for the model"
    terminal.say(f"The run is {run['status']}; it took {took}.")
    if run["failure"]:
        terminal.say(f"It stopped before its end: {run['failure']}")
    plan = run["progress"].get("plan") or {}
    for reason in plan.get("reasons", ()):
        terminal.say(f"  not written: {reason}")
