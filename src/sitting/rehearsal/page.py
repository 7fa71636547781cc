"""The report: one HTML file that needs nothing else, neither script nor network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from sitting.rehearsal.charts import Series, line_chart
from sitting.rehearsal.latencies import Slice, Timeline
from sitting.rehearsal.measures import KINDS
from sitting.rehearsal.plan import Plan
from sitting.rehearsal.run import Rehearsal
from sitting.rehearsal.summary import Table, capacity, remarks, tables, verdict_lines, what_is_left

SHOWN = (("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("max", 100.0))
STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --soft: #5b6470; --rule: #d5dae0;
  --band: #f0f3f7; --even: #e4e9f0; --s0: #1a6fb0; --s1: #b05a00; --s2: #a3195b; --s3: #3f7a1f;
  --good: #17652b; --bad: #a61b1b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --paper: #14171a; --soft: #a7b0ba; --rule: #3a424b;
  --band: #1d2227; --even: #272e35; --s0: #6cb6f5; --s1: #f0a050; --s2: #f47ab0; --s3: #97d070;
  --good: #6fd48a; --bad: #ff8a80; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 58rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
.verdict { border: 2px solid; border-radius: .4rem; padding: .6rem 1rem; font-weight: 600; }
.pass { color: var(--good); } .fail { color: var(--bad); } .unread { color: var(--s1); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .7rem; border-bottom: 1px solid var(--rule); text-align: right; }
th.text, td.text { text-align: left; } thead th { color: var(--soft); font-weight: 600; }
.wide { overflow-x: auto; } svg { width: 100%; min-width: 42rem; height: auto; } summary, .soft { color: var(--soft); }
.band { fill: var(--band); } .even { fill: var(--even); } .grid { stroke: var(--rule); stroke-width: .6; }
.tick, .phase { fill: var(--soft); font-size: 12px; } .right { text-anchor: end; } .middle { text-anchor: middle; }
.line { fill: none; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
.s0 { stroke: var(--s0); } .s1 { stroke: var(--s1); } .s2 { stroke: var(--s2); } .s3 { stroke: var(--s3); }
"""


def page(rehearsal: Rehearsal, url: str) -> str:
    """The whole page."""
    title = f"Rehearsal {rehearsal.run}"
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="soft">{escape(url)}, {rehearsal.began:%Y-%m-%d %H:%M:%S} UTC, {rehearsal.took:.0f} seconds. '
        f"{escape(_plan(rehearsal.plan))}</p>",
        *_verdict(rehearsal),
        *([f"<p><strong>{escape(capacity(rehearsal))}</strong></p>"] if rehearsal.plan.growth is not None else []),
        *(f"<p>{escape(remark)}</p>" for remark in remarks(rehearsal)),
        *_charts(rehearsal),
        *(_table(each) for each in tables(rehearsal)),
        *_meanings(),
        *(f'<p class="soft">{escape(line)}</p>' for line in what_is_left(rehearsal)),
    ]
    head = [
        '<meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        '<meta name="viewport" content="width=device-width">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
    ]
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            *head,
            "</head>",
            "<body><main>",
            *body,
            "</main></body></html>",
        ]
    )


def _plan(plan: Plan) -> str:
    number = "more and more candidates" if plan.growth is not None else f"{plan.candidates} candidates"
    phases = "start, steady" if plan.growth is not None else ", ".join(plan.phases)
    return (
        f"{number}, {plan.questions} questions, an answer every {plan.think:g} s or so, starts within {plan.ramp:g} s; "
        f"phases: {phases}; seed {plan.seed}."
    )


def _verdict(rehearsal: Rehearsal) -> Iterable[str]:
    first, *others = verdict_lines(rehearsal)
    assert rehearsal.checked is not None
    colour = "unread" if rehearsal.checked.unread else "pass" if rehearsal.checked.passed else "fail"
    yield f'<p class="verdict {colour}">{escape(first)}</p>'
    if others:
        yield f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in others)}</ul>"


def _charts(rehearsal: Rehearsal) -> Iterable[str]:
    timeline, spans = rehearsal.measures.timeline, rehearsal.measures.phases

    def of(take: object, name: str, shade: int) -> Series:
        assert callable(take)
        return Series(name, [((i + 0.5) * timeline.width, take(each)) for i, each in enumerate(timeline.slices)], shade)

    latencies = [of(lambda s, p=percent: _ms(s, p), name, i) for i, (name, percent) in enumerate(SHOWN)]
    per_second = of(lambda s: s.acks.number / timeline.width, "acks", 0)
    errors = of(lambda s: s.errors / timeline.width, "errors", 2)
    sockets = of(lambda s: s.sockets, "sockets", 3)
    busy = of(lambda s: None if s.busy is None else round(100 * s.busy), "own load", 1)
    charts = [
        ("Time until an answer is acknowledged", "ms", latencies, True),
        ("Acknowledged answers", "a second", [per_second], False),
        ("Errors", "a second", [errors], False),
        ("Open sockets", "number", [sockets], False),
        ("Processor time of this command itself", "% of one", [busy], False),
    ]
    for title, unit, series, is_log in charts:
        chart = line_chart(title, unit, series, spans, rehearsal.took, is_log=is_log)
        yield f'<h2>{escape(title)}</h2>\n<div class="wide" tabindex="0">{chart}</div>'
    yield _slices(timeline)


def _ms(slice_: Slice, percent: float) -> float | None:
    seconds = slice_.acks.percentile(percent)
    return None if seconds is None else round(seconds * 1000, 2)


def _slices(timeline: Timeline) -> str:
    """The charts as a table."""
    columns = ("from s", *(f"{name} ms" for name, _ in SHOWN), "acks", "errors", "sockets")
    rows = [
        (
            f"{i * timeline.width:g}",
            *(_or_dash(_ms(s, p)) for _, p in SHOWN),
            str(s.acks.number),
            str(s.errors),
            _or_dash(s.sockets),
        )
        for i, s in enumerate(timeline.slices)
    ]
    inner = _bare_table(Table("", columns, rows, texts=0))
    return f"<details><summary>All values of the charts as a table</summary>{inner}</details>"


def _or_dash(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _table(table: Table) -> str:
    return f"<h2>{escape(table.heading)}</h2>\n{_bare_table(table)}"


def _bare_table(table: Table) -> str:
    def cells(tag: str, row: Sequence[str]) -> str:
        made = []
        for column, cell in enumerate(row):
            attributes = ' scope="col"' if tag == "th" else ""
            attributes += ' class="text"' if column < table.texts else ""
            made.append(f"<{tag}{attributes}>{escape(cell)}</{tag}>")
        return f"<tr>{''.join(made)}</tr>"

    rows = "\n".join(cells("td", row) for row in table.rows)
    inner = f"<table><thead>{cells('th', table.columns)}</thead><tbody>{rows}</tbody></table>"
    return f'<div class="wide" tabindex="0">{inner}</div>'


def _meanings() -> Iterable[str]:
    yield "<h2>What the operations are</h2>"
    yield "<ul>"
    yield from (f"<li>{escape(kind)}: {escape(meaning)}</li>" for kind, meaning in KINDS.items())
    yield "</ul>"
