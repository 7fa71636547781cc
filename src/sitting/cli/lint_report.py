"""The report of `sitting lint-questions`, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sitting.questions.gates.lint import Linted, LintReport
from sitting.questions.gates.verdict import Outcome, Verdict


def lines_of(report: LintReport) -> list[str]:
    """The items that failed with the evidence, what was overruled, the gates of the whole bank, and the sums."""
    told = [item for item in report.items if item.failures or item.accepted or item.subject.refusals]
    return [
        *report.unread,
        *(line for item in told for line in _of_item(item)),
        *(_of_bank(verdict) for verdict in report.bank),
        _sums(report),
    ]


def _of_item(item: Linted) -> Iterator[str]:
    subject = item.subject
    known_as = subject.name if subject.name == subject.id else f"{subject.name} ({subject.id})"
    yield f"{known_as}, {subject.content.skill}:"
    yield from (f"  the bank would not take it: {refusal}" for refusal in subject.refusals)
    yield from (f"  {verdict.gate} ({_place(item, verdict)}): {verdict.sentence}" for verdict in item.failures)
    yield from (f"  {verdict.gate}: overruled ({verdict.sentence})" for verdict in item.accepted)


def _place(item: Linted, verdict: Verdict) -> str:
    """Where to look; of an option its number, since its id says nothing to people."""
    ids = [option.id for option in item.subject.content.options]
    return f"option {ids.index(verdict.place) + 1}" if verdict.place in ids else verdict.place


def _of_bank(verdict: Verdict) -> str:
    said = {
        Outcome.PASSED: "passed",
        Outcome.FAILED: f"failed: {verdict.sentence}",
        Outcome.NOT_APPLICABLE: f"not applicable: {verdict.sentence}",
    }
    return f"all together: {verdict.gate} {said[verdict.outcome]}"


def _sums(report: LintReport) -> str:
    failed = {gate: counts[Outcome.FAILED] for gate, counts in report.counts().items() if counts.get(Outcome.FAILED)}
    faulty = sum(not item.is_clean for item in report.items)
    overruled = sum(len(item.accepted) for item in report.items)
    listed = ", ".join(f"{gate} {number}" for gate, number in failed.items())
    return (
        f"{len(report.items)} questions, {faulty} with something to change"
        f"{f' ({listed})' if listed else ''}{f'; {overruled} overruled' if overruled else ''}"
    )


def as_data(report: LintReport) -> dict[str, Any]:
    """The report as JSON can hold it, with every verdict."""
    return {
        "clean": report.is_clean,
        "counts": {
            gate: {str(outcome): counts.get(outcome, 0) for outcome in Outcome}
            for gate, counts in report.counts().items()
        },
        "bank": [verdict.as_data() for verdict in report.bank],
        "unread": list(report.unread),
        "items": [_item_data(item) for item in report.items],
    }


def _item_data(item: Linted) -> dict[str, Any]:
    return {
        "id": item.subject.id,
        "name": item.subject.name,
        "skill": item.subject.content.skill,
        "clean": item.is_clean,
        "refusals": list(item.subject.refusals),
        "overruled": sorted(item.overruled),
        "verdicts": [verdict.as_data() for verdict in item.verdicts],
    }
