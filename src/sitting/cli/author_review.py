"""`sitting author`: the questions of a run, looked at one by one with what the gates said."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sitting.cli.remote import Refusal, Remote
from sitting.cli.terminal import Terminal

ANSWERS = ["accept", "edit", "reject", "skip", "all", "quit"]
LETTERS = "ABCDEFGHIJKLMNOPQRST"

Proposal = dict[str, Any]


@dataclass(slots=True)
class Reviewed:
    """How many questions of a run became what."""

    counts: Counter[str] = field(default_factory=Counter)

    def sentence(self) -> str:
        """The counts in words."""
        said = [f"{self.counts[state]} {state}" for state in ("accepted", "edited", "rejected") if self.counts[state]]
        left = f"{self.counts['waiting']} wait in the queue" if self.counts["waiting"] else ""
        return ", ".join([*said, *([left] if left else [])]) or "there was nothing to review"


def review(remote: Remote, terminal: Terminal, run_id: str, *, accept_checked: bool) -> Reviewed:
    """Decide about what waits of a run: all of it, or one by one as the author says.

    Raises:
        Stop: the server does not answer any more.
    """
    waiting = list(remote.items("/proposals", run_id=run_id, state="waiting"))
    reviewed, everything = Reviewed(), accept_checked
    for number, proposal in enumerate(waiting, start=1):
        if everything:
            reviewed.counts[_accept(remote, terminal, proposal)] += 1
            continue
        if not terminal.can_ask:
            break
        show(terminal, proposal, f"{number} of {len(waiting)}")
        answer = _decide(remote, terminal, proposal)
        if answer == "quit":
            break
        everything = answer == "all"
        reviewed.counts[_accept(remote, terminal, proposal) if everything else answer] += 1
    decided = sum(count for state, count in reviewed.counts.items() if state != "waiting")
    reviewed.counts["waiting"] = len(waiting) - decided
    return reviewed


def _decide(remote: Remote, terminal: Terminal, proposal: Proposal) -> str:
    """What became of it: a state, or `all`, or `quit`."""
    while True:
        match terminal.ask("What becomes of it?", ANSWERS):
            case "accept":
                return _accept(remote, terminal, proposal)
            case "reject":
                note = terminal.words("Why? (for the record; may be empty)", "")
                return _sent(remote, terminal, proposal, "reject", {"note": note or None})
            case "skip":
                return "waiting"
            case "edit":
                if (state := _edit(remote, terminal, proposal)) != "waiting":
                    return state
            case answer:
                return answer


def _accept(remote: Remote, terminal: Terminal, proposal: Proposal) -> str:
    return _sent(remote, terminal, proposal, "accept", {})


def _sent(remote: Remote, terminal: Terminal, proposal: Proposal, verb: str, body: dict[str, Any]) -> str:
    """The state of the proposal once that was said; one that the server refuses goes on waiting, and it says why."""
    try:
        state: str = remote.post(f"/proposals/{proposal['question_id']}/{verb}", body)["state"]
    except Refusal as fault:
        terminal.say(f"{proposal['question_id']}: {fault}")
        named = fault.details.get("matches") or ()
        for match in named:
            terminal.say(f"  {match['question_id']}: {match['similarity']:.0%} of it")
        return "waiting"
    return state


def _edit(remote: Remote, terminal: Terminal, proposal: Proposal) -> str:
    text = json.dumps(proposal["question"], indent=2, ensure_ascii=False) + "\n"
    changed = terminal.edit(text)
    if changed is None:
        return "waiting"
    try:
        question = json.loads(changed)
    except ValueError as fault:
        terminal.say(f"That is not JSON: {fault}")
        return "waiting"
    proposal["question"] = question  # the next edit begins with it
    return _sent(remote, terminal, proposal, "edit", {"question": question})


def show(terminal: Terminal, proposal: Proposal, place: str) -> None:
    """The question with its key, what the gates said of it, and where it comes from."""
    question, lineage = proposal["question"], proposal["lineage"]
    terminal.say(f"\n[{place}] {question['skill']}, {question['difficulty']} ({proposal['question_id']})\n")
    terminal.say(_indented(question["text"]) + "\n")
    for letter, option in zip(LETTERS, question["options"], strict=False):
        terminal.say(f"  {'*' if option['correct'] else ' '} {letter}. {option['text']}")
    if question["explanation"]:
        terminal.say(f"\n  why: {question['explanation']}")
    repairs = f", repaired {lineage['repairs']} times" if lineage["repairs"] else ""
    terminal.say(f"\n  by {lineage['model']} ({lineage['prompt']}{repairs}), in run {proposal['run_id']}")
    for line in verdict_lines(proposal["evidence"]):
        terminal.say(f"  {line}")


def verdict_lines(verdicts: list[dict[str, Any]]) -> list[str]:
    """What the gates said: those that asked a model with their counts, the others by name."""
    passed = [each["gate"] for each in verdicts if each["outcome"] == "passed" and not _counts(each)]
    idle = [each["gate"] for each in verdicts if each["outcome"] == "not_applicable"]
    lines = [f"failed {each['gate']}: {each['sentence']}" for each in verdicts if each["outcome"] == "failed"]
    lines += [f"passed {each['gate']}: {_counts(each)}" for each in verdicts if _counts(each)]
    lines += [f"passed: {', '.join(dict.fromkeys(passed))}"] if passed else []
    lines += [f"nothing to look at for: {', '.join(dict.fromkeys(idle))}"] if idle else []
    return lines


def _counts(verdict: dict[str, Any]) -> str:
    found = verdict["evidence"]
    if verdict["outcome"] != "passed" or "asked" not in found:
        return ""
    if "agree" in found:
        return f"{found['agree']} of {found['asked']} who solved it without the key agree"
    return f"{found.get('hits', 0)} of {found['asked']} guessed the key without the stem"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
