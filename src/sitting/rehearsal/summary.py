"""The result as tables of text, the same for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sitting.rehearsal.history import Outcome
from sitting.rehearsal.latencies import Latencies
from sitting.rehearsal.measures import KINDS, SHED, Measures, OwnLoad
from sitting.rehearsal.plan import MAIL_DOMAIN, MAIL_PREFIX
from sitting.rehearsal.run import Rehearsal, Step

PERCENTILES = (50.0, 90.0, 99.0, 99.9)
SHOWN_FINDINGS = 50
MEANINGS = {SHED: "turned away by the server's overload protection, and let in later"}


@dataclass(frozen=True, slots=True)
class Table:
    """A heading, the columns' names, and rows; the first columns that are `texts` stand to the left."""

    heading: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    texts: int = 1

    def to_text(self) -> str:
        """Aligned lines."""
        lines = [self.columns, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.columns))]

        def aligned(line: tuple[str, ...]) -> str:
            cells = [
                cell.ljust(width) if column < self.texts else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ]
            return "  ".join(cells).rstrip()

        return "\n".join([self.heading, *map(aligned, lines)])


def tables(rehearsal: Rehearsal) -> list[Table]:
    """All tables that have rows."""
    measures = rehearsal.measures
    made = [_steps(rehearsal.steps), _operations(measures), _phases(measures), _troubles(measures), _closes(measures)]
    return [table for table in made if table.rows]


def verdict_lines(rehearsal: Rehearsal) -> list[str]:
    """The verdict and what it rests on, then what was found."""
    checked = rehearsal.checked
    assert checked is not None
    if checked.unread is not None:
        return [
            f"NO VERDICT: {checked.acknowledged} acknowledged answers could not be read back: {checked.unread}",
            f"{checked.unknown} more answers are unknown: no reply came",
        ]
    lines = [
        f"{'PASS' if checked.passed else 'FAIL'}: {checked.acknowledged} acknowledged answers of "
        f"{checked.assessments} assessments were read back, {checked.responses} responses compared, "
        f"{checked.scores} scores worked out again: {len(checked.findings)} faults"
    ]
    if checked.unknown:
        lines.append(f"{checked.unknown} answers stayed unknown: no reply came, and either outcome is right")
    lines += [str(finding) for finding in checked.findings[:SHOWN_FINDINGS]]
    if len(checked.findings) > SHOWN_FINDINGS:
        lines.append(f"and {len(checked.findings) - SHOWN_FINDINGS} more")
    return lines


def remarks(rehearsal: Rehearsal) -> list[str]:
    """What whoever reads the figures should know."""
    measures, said = rehearsal.measures, []
    if rehearsal.cut_short is not None:
        said.append(f"It ended early: {rehearsal.cut_short}.")
    said.append(f"At most {measures.most_sockets} sockets were open at once.")
    if measures.gave_up:
        reasons = sorted({candidate.gone for candidate in rehearsal.candidates if candidate.gone})
        said.append(f"{measures.gave_up} candidates gave up: {', '.join(reasons)}.")
    return [*said, *_own_load(measures.own_load, in_a_step=any(step.own_fault for step in rehearsal.steps))]


def _own_load(load: OwnLoad, *, in_a_step: bool) -> list[str]:
    late = load.delays.percentile(99)
    said = (
        f"this command took nearly all of one processor for {load.busy_seconds} of {load.seconds} seconds, "
        f"and came {_ms(late)} ms late (p99) to its own appointments"
    )
    if not load.is_too_much:
        return [f"{'In all' if in_a_step else 'Measured well'}: {said}."]
    return [f"WARNING: {said}. The latencies contain that: run it on another or a faster machine, or with fewer."]


def capacity(rehearsal: Rehearsal) -> str:
    """How many candidates the machine holds."""
    held = [step for step in rehearsal.steps if step.holds]
    broken = [step for step in rehearsal.steps if not step.holds]
    if not held and not broken:
        return "How many candidates the machine holds is not known: no step came to its end."
    if not held:
        return f"The machine does not even hold {broken[0].candidates} candidates: {_step_text(broken[0])}."
    best = held[-1]
    text = f"The machine holds {best.candidates} candidates: {_step_text(best)}."
    if not broken:
        why = "that was as many as it was asked to try" if rehearsal.cut_short is None else "this ended early"
        return f"{text} It may hold more: {why}."
    return f"{text} It does not hold {broken[0].candidates}: {_step_text(broken[0])}."


def what_is_left(rehearsal: Rehearsal) -> list[str]:
    """What is left on the server, and how it goes away."""
    number, who = len(rehearsal.candidates), f"users {MAIL_PREFIX}{rehearsal.run}-…@{MAIL_DOMAIN}"
    tests = "archived" if rehearsal.put_away else "NOT archived, as the server did not answer"
    left = number - (rehearsal.erased or 0)
    people = f"all {number} {who} are erased" if not left else f"{left} of {number} {who} are left on the server"
    lines = [f"Afterwards: Tests and questions are {tests}; {people}."]
    if left or not rehearsal.put_away:
        lines.append("`sitting rehearse --url URL --token TOKEN --only-clean` removes all that rehearsals left.")
    return lines


def _step_text(step: Step) -> str:
    p99 = "no answer was acknowledged" if step.p99 is None else f"p99 of acks {_ms(step.p99)} ms"
    own = "; but this command was too slow itself, so that the server may be better" if step.own_fault else ""
    return f"{p99}, {step.errors} errors{own}"


def _steps(steps: Sequence[Step]) -> Table:
    columns = ("candidates", "holds", "acks", "p50 ms", "p99 ms", "errors")
    rows = [
        (str(s.candidates), "yes" if s.holds else "no", str(s.acks), _ms(s.p50), _ms(s.p99), str(s.errors))
        for s in steps
    ]
    return Table("How many candidates", columns, rows, texts=2)


def _operations(measures: Measures) -> Table:
    columns = ("operation", "ok", "failed", "unknown", *(f"p{p:g} ms" for p in PERCENTILES), "max ms")
    rows = []
    for kind in KINDS:
        counts = [measures.outcomes[kind, outcome] for outcome in Outcome]
        if any(counts):
            rows.append((kind, *map(str, counts), *_latencies(measures.latencies[kind])))
    return Table("Operations", columns, rows)


def _latencies(found: Latencies) -> list[str]:
    return [*(_ms(found.percentile(p)) for p in PERCENTILES), _ms(found.longest if found.number else None)]


def _phases(measures: Measures) -> Table:
    rows = [(span.name, f"{span.begin:.1f}", f"{span.end:.1f}") for span in measures.phases]
    return Table("Phases", ("phase", "from s", "to s"), rows)


def _troubles(measures: Measures) -> Table:
    rows = [
        (kind, f"{code} ({MEANINGS[code]})" if code in MEANINGS else code, str(number))
        for (kind, code), number in sorted(measures.codes.items())
    ]
    return Table("What was not ok", ("operation", "why", "number"), rows, texts=2)


def _closes(measures: Measures) -> Table:
    rows = [(code, str(number)) for code, number in sorted(measures.closes.items())]
    return Table("Sockets that the server or the network closed", ("close code", "number"), rows)


def _ms(seconds: float | None) -> str:
    """Milliseconds with three digits or so."""
    if seconds is None:
        return "–"
    milliseconds = seconds * 1000
    return f"{milliseconds:.1f}" if milliseconds < 100 else f"{milliseconds:.0f}"
