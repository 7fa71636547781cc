"""`sitting author`: from a job description, or a file, to the skill graph that its author wants."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sitting.cli.errors import Stop
from sitting.cli.remote import Refusal, Remote
from sitting.cli.terminal import Terminal

PROPOSING_SECONDS = 600.0
MOST_ROUNDS = 500

Node = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Draft:
    """A skill graph, as REST spells it, on its way.

    Attributes:
        about: by skill, what else there is to know. reasons: of a proposal, by skill.
    """

    graph: Node
    about: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, Node] = field(default_factory=dict)

    def as_text(self) -> str:
        """The file that holds it."""
        return json.dumps({"graph": self.graph, "about": self.about}, indent=2, ensure_ascii=False) + "\n"


def propose(remote: Remote, terminal: Terminal, job: str, most_skills: int) -> Draft:
    """What the model proposes.

    Raises:
        Stop: there is no model or no answer, or the text asks for nothing.
    """
    terminal.say("The model reads the job description …")
    body = {"job_description": job, "max_skills": most_skills}
    said = remote.post("/skill-graphs/propose", body, once=False, seconds=PROPOSING_SECONDS)
    if not said["graph"]["skills"]:
        raise Stop("the text asks for no skill that questions could examine")
    terminal.say(
        f"Proposed by {said['model']} ({said['prompt']}, {said['spent']['tokens']} tokens, run {said['run_id']})."
    )
    return Draft(said["graph"], said["about"], {each["skill"]: each for each in said["reasons"]})


def read_draft(text: str, name: str) -> Draft:
    """The skill graph of a file: `{"graph": …, "about": …}` and whatever else a program said with it, or it alone.

    Raises:
        Stop: it is neither.
    """
    try:
        said = json.loads(text)
    except ValueError as fault:
        raise Stop(f"{name} is not JSON: {fault}") from None
    if isinstance(said, dict) and "skills" in said:
        said = {"graph": said}
    if not isinstance(said, dict) or not isinstance(said.get("graph"), dict):
        raise Stop(f'{name} holds no skill graph: it has the form {{"graph": {{"skills": […]}}, "about": {{}}}}')
    return Draft(said["graph"], said.get("about") or {})


def settle(remote: Remote, terminal: Terminal, draft: Draft, *, yes: bool) -> Draft:
    """Show the graph until its author wants it so.

    Raises:
        Stop: they do not, or the server takes it for none. Refusal: of a graph that nobody can be asked to change.
    """
    while True:
        try:
            show(terminal, draft, coverage(remote, draft.graph))
        except Refusal as fault:
            if yes or not terminal.can_ask:
                raise
            terminal.say(str(fault))
        if yes:
            return draft
        if not terminal.can_ask:
            raise Stop("nothing was written; say --yes to go on with this skill graph, or --save-graph to keep it")
        answer = terminal.ask("Go on with this skill graph?", ["yes", "edit", "quit"])
        if answer == "quit":
            raise Stop("nothing was written")
        if answer == "yes":
            return draft
        draft = _edited(terminal, draft)


def _edited(terminal: Terminal, draft: Draft) -> Draft:
    changed = terminal.edit(draft.as_text())
    if changed is None:
        return draft
    try:
        return replace(read_draft(changed, "what you wrote"), reasons=draft.reasons)
    except Stop as fault:
        terminal.say(str(fault))
        return draft


def coverage(remote: Remote, graph: Node) -> list[Node]:
    """What each skill needs and has.

    Raises:
        Refusal: it is no skill graph.
    """
    rows: list[Node] = remote.post("/skill-graphs/coverage", graph, once=False)
    return rows


def show(terminal: Terminal, draft: Draft, rows: list[Node]) -> None:
    """The graph, in the order in which it is asked, with what the bank has for it."""
    needed = sum(each["needed"] for row in rows for each in row["difficulties"])
    skills = "1 skill" if len(rows) == 1 else f"{len(rows)} skills"
    terminal.say(f"\nSkill graph: {needed} questions about {skills}, in this order")
    parts = dict(_parts(draft.graph.get("skills", [])))
    for row in rows:
        supply = ", ".join(f"{d['needed']} {d['difficulty']} (bank: {d['in_bank']})" for d in row["difficulties"])
        waiting = f"; {row['waiting']} wait for review" if row["waiting"] else ""
        terminal.say(f"  {row['priority']}  {row['skill']}, depth {row['depth']}: {supply}{waiting}")
        if parts.get(row["skill"]):
            terminal.say(f"       parts: {', '.join(parts[row['skill']])}")
        reason = draft.reasons.get(row["skill"])
        if reason and reason["evidence"]:
            doubt = "" if reason["is_quoted"] else "  (these words do not stand in the text)"
            terminal.say(f"       “{reason['evidence']}”{doubt}")
    missing = sum(each["missing"] for row in rows for each in row["difficulties"])
    terminal.say(f"The bank lacks {missing} of them.\n" if missing else "The bank has all of them.\n")


def _parts(nodes: list[Node]) -> Iterator[tuple[str, list[str]]]:
    for node in nodes:
        inner = node.get("skills", [])
        yield node["name"], [each["name"] for each in inner]
        yield from _parts(inner)


def fitted(remote: Remote, graph: Node) -> Node:
    """The graph with fewer questions, as many as the bank has.

    Raises:
        Stop: the bank has none at all.
    """
    for _ in range(MOST_ROUNDS):
        rows = coverage(remote, graph)
        short = {row["skill"]: row for row in rows if any(each["missing"] for each in row["difficulties"])}
        if not short:
            return graph
        fewer = {skill: sum(each["needed"] for each in row["difficulties"]) - 1 for skill, row in short.items()}
        if not any(fewer.values()) and len(short) == len(rows):
            break
        graph = graph | {"skills": [_with_counts(node, fewer) for node in graph["skills"]]}
    raise Stop("the bank has no question for this skill graph")


def _with_counts(node: Node, counts: dict[str, int]) -> Node:
    inner = [_with_counts(each, counts) for each in node.get("skills", [])]
    return node | {"questions": counts.get(node["name"], node.get("questions")), "skills": inner}


def save(path: Path, draft: Draft) -> None:
    """Write it to a file.

    Raises:
        OSError: that cannot be done.
    """
    path.write_text(draft.as_text(), "utf-8")
