"""`sitting author`: all its steps in a row, each of which can be the last."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sitting.cli.author_graph import Draft, coverage, propose, read_draft, save, settle
from sitting.cli.author_publish import WantedTest, publish
from sitting.cli.author_review import review
from sitting.cli.author_run import begin, follow, sum_up
from sitting.cli.errors import Stop
from sitting.cli.remote import Remote
from sitting.cli.terminal import Terminal


@dataclass(frozen=True, slots=True)
class Source:
    """What it begins with: one of job, graph and run_id; the others are None."""

    job: str | None
    graph: Path | None
    run_id: str | None
    max_skills: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How far it is to go, and what is decided already.

    Attributes:
        save_graph: where to write the skill graph. only_graph: to stop then.
        tokens: what the run may spend, if that is less than the server's own limit.
        accept_checked: all that passed every gate goes into the bank.
        test: to be published; None: whoever sits there is asked.
        yes: the skill graph is right as it is.
    """

    save_graph: Path | None
    only_graph: bool
    tokens: int | None
    accept_checked: bool
    test: WantedTest | None
    yes: bool


def author_all(remote: Remote, terminal: Terminal, source: Source, plan: Plan) -> dict[str, Any]:
    """Go through the steps; returns what came of it, for programs.

    Raises:
        Stop: a step cannot be done, or its author wants no more; what was done before stays.
    """
    draft, begun = _beginning(remote, terminal, source)
    if begun is None:
        draft = _settled(remote, terminal, draft, plan)
    result: dict[str, Any] = {"graph": draft.graph, "about": draft.about}
    if plan.only_graph:
        return result
    run = begun or _begun(remote, terminal, draft, plan)
    if run is not None:
        result |= _reviewed(remote, terminal, run["run_id"], plan)
    wanted = plan.test or _asked(terminal)
    if wanted is not None:
        version = publish(remote, terminal, draft, wanted)
        result |= {"test_id": version["test_id"], "version": version["number"]}
    return result


def _beginning(remote: Remote, terminal: Terminal, source: Source) -> tuple[Draft, dict[str, Any] | None]:
    """The skill graph to begin with, and the run that it belongs to, if that exists."""
    if source.job is not None:
        return propose(remote, terminal, source.job, source.max_skills), None
    if source.graph is not None:
        return read_draft(source.graph.read_text("utf-8"), str(source.graph)), None
    run = remote.get(f"/runs/{source.run_id}")
    if run["graph"] is None:
        raise Stop(f"the run {source.run_id} writes for a candidate, and has no author")
    return Draft(run["graph"], run["about"]), run


def _settled(remote: Remote, terminal: Terminal, draft: Draft, plan: Plan) -> Draft:
    if plan.save_graph is not None:
        save(plan.save_graph, draft)
    draft = settle(remote, terminal, draft, yes=plan.yes or (plan.only_graph and not terminal.can_ask))
    if plan.save_graph is not None:
        save(plan.save_graph, draft)
        terminal.say(f"The skill graph stands in {plan.save_graph}.")
    return draft


def _begun(remote: Remote, terminal: Terminal, draft: Draft, plan: Plan) -> dict[str, Any] | None:
    """The run that writes what is missing; None if nothing is."""
    if not any(each["missing"] for row in coverage(remote, draft.graph) for each in row["difficulties"]):
        terminal.say("There is nothing to write.")
        return None
    return begin(remote, terminal, draft, plan.tokens)


def _reviewed(remote: Remote, terminal: Terminal, run_id: str, plan: Plan) -> dict[str, Any]:
    run = follow(remote, terminal, run_id)
    sum_up(terminal, run)
    reviewed = review(remote, terminal, run_id, accept_checked=plan.accept_checked)
    terminal.say(f"Review: {reviewed.sentence()}.")
    if reviewed.counts["waiting"]:
        terminal.say(f"Come back to them with --run {run_id}; with --accept-checked all are taken.")
    return {"run_id": run_id, "status": run["status"], "spent": run["spent"], "review": dict(reviewed.counts)}


def _asked(terminal: Terminal) -> WantedTest | None:
    """The Test that somebody at the terminal wants; None if nobody does."""
    name = (
        terminal.words("Name of a Test to publish with this skill graph (empty: none)", "") if terminal.can_ask else ""
    )
    return WantedTest(name) if name else None
