"""`sitting author`: a Test with the skill graph, published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sitting.cli.author_graph import Draft, coverage, fitted
from sitting.cli.errors import Stop
from sitting.cli.remote import Refusal, Remote
from sitting.cli.terminal import Terminal

SECTION = "Skills"


@dataclass(frozen=True, slots=True)
class WantedTest:
    """What the Test is to be.

    Attributes:
        minutes: its time limit; None: none.
        bank_only: its questions are drawn from the bank, and none is written while a candidate answers.
        fit: ask fewer questions where the bank has not enough.
    """

    name: str
    minutes: int | None = None
    bank_only: bool = False
    fit: bool = False


def publish(remote: Remote, terminal: Terminal, draft: Draft, wanted: WantedTest) -> dict[str, Any]:
    """The published version.

    Raises:
        Stop: the bank has not enough for it, or something else forbids it; then nothing was made.
    """
    graph = _graph_for(remote, terminal, draft.graph, wanted)
    rows = coverage(remote, graph)
    test = remote.post("/tests", _body(graph, rows, wanted))
    try:
        version: dict[str, Any] = remote.post(f"/tests/{test['test_id']}/publish")
    except Refusal as fault:
        raise Stop(f"Test {test['test_id']} is a draft, and cannot be published: {fault}") from None
    count = sum(each["needed"] for row in rows for each in row["difficulties"])
    terminal.say(f"Test {version['test_id']}, “{wanted.name}”, is published: {count} questions for each candidate.")
    return version


def _graph_for(remote: Remote, terminal: Terminal, graph: dict[str, Any], wanted: WantedTest) -> dict[str, Any]:
    rows = coverage(remote, graph)
    lacking = [(row["skill"], each) for row in rows for each in row["difficulties"] if each["missing"]]
    if not lacking:
        return graph
    said = "; ".join(f"{skill}: {each['missing']} {each['difficulty']}" for skill, each in lacking)
    terminal.say(f"The bank lacks {said}.")
    if wanted.fit or (terminal.can_ask and terminal.ask("Ask fewer questions there?", ["yes", "no"]) == "yes"):
        return fitted(remote, graph)
    raise Stop("the bank has not enough for this skill graph; --fit asks fewer questions")


def _body(graph: dict[str, Any], rows: list[dict[str, Any]], wanted: WantedTest) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": wanted.name,
        "time_limit_minutes": wanted.minutes,
        "shuffle_options": True,
        "skills": [{"skill": row["skill"], "priority": row["priority"]} for row in rows],
    }
    if not wanted.bank_only:  # such questions come one after the other, and are never seen again
        return body | {"navigation": "linear", "sections": [{"name": SECTION, "generated": {"graph": graph}}]}
    draws = [
        {"skill": row["skill"], "difficulty": each["difficulty"], "count": each["needed"]}
        for row in rows
        for each in row["difficulties"]
    ]
    return body | {"sections": [{"name": SECTION, "draws": draws}]}
