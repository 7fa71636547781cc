"""Line charts as SVG, drawn by hand: no script, no network, colours from the page's style sheet."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from sitting.rehearsal.measures import PhaseSpan

WIDTH, HEIGHT = 860, 260
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 26, 34
TICKS = 5
FEW_POWERS = 3


@dataclass(frozen=True, slots=True)
class Series:
    """A line: points of (seconds, value); a value of None interrupts it. `shade` picks one of the page's colours."""

    name: str
    points: Sequence[tuple[float, float | None]]
    shade: int


def line_chart(
    title: str,
    unit: str,
    series: Sequence[Series],
    spans: Sequence[PhaseSpan],
    seconds: float,
    *,
    is_log: bool = False,
) -> str:
    """The chart as an `svg` element, named by its title, from 0 to `seconds`, with the phases as bands behind it.

    With `is_log` the values stand in proportion to each other, all of them above 0.
    """
    values = [y for each in series for _, y in each.points if y is not None and (y > 0 or not is_log)]
    lines = powers(min(values), max(values)) if is_log and values else _steps(max(values, default=0.0))
    frame = _Frame(max(seconds, 1.0), lines[0], lines[-1], is_log and bool(values))
    name = re.sub(r"\W+", "-", title.lower())
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{name}-title {name}-desc">',
        f'<title id="{name}-title">{escape(title)}</title>',
        f'<desc id="{name}-desc">{escape(_description(series, unit))}</desc>',
        *_bands(frame, spans),
        *_grid(frame, lines, unit),
        *(_line(frame, each) for each in series),
        *_legend(series),
        "</svg>",
    ]
    return "\n".join(parts)


@dataclass(frozen=True, slots=True)
class _Frame:
    seconds: float
    bottom: float
    top: float
    is_log: bool

    def x(self, seconds: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * min(seconds, self.seconds) / self.seconds, 1)

    def y(self, value: float) -> float:
        if self.is_log:
            share = math.log(max(value, self.bottom) / self.bottom) / math.log(self.top / self.bottom)
        else:
            share = value / self.top
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share, 1)


def powers(lowest: float, highest: float) -> list[float]:
    """The powers of ten from the last one below `lowest` to the first one above `highest`; twos and fives if few."""
    first, last = math.floor(math.log10(lowest)), math.floor(math.log10(highest)) + 1
    factors = (1, 2, 5) if last - first <= FEW_POWERS else (1,)
    return [*(factor * 10.0**power for power in range(first, last) for factor in factors), 10.0**last]


def _steps(highest: float) -> list[float]:
    """From 0 to above the highest value."""
    step = nice_step(highest)
    return [number * step for number in range(max(1, math.ceil(highest / step - 0.001)) + 1)]


def nice_step(highest: float) -> float:
    """A distance of 1, 2 or 5 times a power of ten at which about five lines reach the highest value."""
    if highest <= 0:
        return 1.0
    raw = highest / TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    return power * next(factor for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)


def _description(series: Sequence[Series], unit: str) -> str:
    """The extremes in words; the table behind the chart has all values."""
    said = []
    for each in series:
        values = [y for _, y in each.points if y is not None]
        if values:
            said.append(f"{each.name}: {min(values):g} to {max(values):g} {unit}")
    return "; ".join(said) or "no values"


def _bands(frame: _Frame, spans: Sequence[PhaseSpan]) -> Iterable[str]:
    for number, span in enumerate(spans):
        left, right = frame.x(span.begin), frame.x(span.end)
        width = max(1.0, round(right - left, 1))
        shade = "band even" if number % 2 else "band"
        yield f'<rect class="{shade}" x="{left}" y="{TOP}" width="{width}" height="{HEIGHT - TOP - BOTTOM}"/>'
        if width > 8 * len(span.name):
            yield f'<text class="phase" x="{left + 4}" y="{TOP + 12}">{escape(span.name)}</text>'


def _grid(frame: _Frame, lines: Sequence[float], unit: str) -> Iterable[str]:
    for value in lines:
        y = frame.y(value)
        yield f'<line class="grid" x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}"/>'
        yield f'<text class="tick right" x="{LEFT - 6}" y="{y + 4:g}">{value:g}</text>'
    yield f'<text class="tick" x="4" y="14">{escape(unit)}</text>'
    step = nice_step(frame.seconds)
    for number in range(math.floor(frame.seconds / step) + 1):
        x = frame.x(number * step)
        yield f'<text class="tick middle" x="{x}" y="{HEIGHT - BOTTOM + 16}">{number * step:g}</text>'
    yield f'<text class="tick right" x="{WIDTH - RIGHT}" y="{HEIGHT - 4}">seconds</text>'


def _line(frame: _Frame, series: Series) -> str:
    """One path; a point that stands alone becomes a dot."""
    commands: list[str] = []
    is_down = False
    for seconds, value in series.points:
        if value is not None:
            place = f"{frame.x(seconds)} {frame.y(value)}"
            commands.append(f"L{place}" if is_down else f"M{place}h.01")
        is_down = value is not None
    return f'<path class="line s{series.shade}" d="{"".join(commands)}"/>' if commands else ""


def _legend(series: Sequence[Series]) -> Iterable[str]:
    x = LEFT + 60
    for each in series:
        yield f'<line class="line s{each.shade}" x1="{x}" y1="10" x2="{x + 18}" y2="10"/>'
        yield f'<text class="tick" x="{x + 23}" y="14">{escape(each.name)}</text>'
        x += 43 + 7 * len(each.name)
