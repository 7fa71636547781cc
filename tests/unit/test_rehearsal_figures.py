"""Percentiles, timelines and charts of a rehearsal."""

from __future__ import annotations

import math
import random
import re
from dataclasses import replace
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest

from sitting.rehearsal.charts import Series, line_chart, nice_step, powers
from sitting.rehearsal.history import History
from sitting.rehearsal.latencies import MAX_SLICES, Latencies, Timeline
from sitting.rehearsal.line import CUT
from sitting.rehearsal.measures import STOPPED, Measures, PhaseSpan
from sitting.rehearsal.plan import Growth, Plan
from sitting.rehearsal.run import Rehearsal, Step
from sitting.rehearsal.summary import Table, capacity, remarks

SVG = "{http://www.w3.org/2000/svg}"


def latencies(*seconds: float) -> Latencies:
    made = Latencies()
    for each in seconds:
        made.add(each)
    return made


@pytest.mark.parametrize("scale", [1e-6, 1e-4, 0.003, 1.0, 60.0])
def test_percentiles_are_those_of_all_samples_within_two_percent(scale: float) -> None:
    chance = random.Random(7)
    samples = sorted(scale * chance.lognormvariate(0, 2) + 1e-6 for _ in range(5000))
    found = latencies(*samples)
    for percent in (1, 50, 90, 99, 99.9, 100):
        exact = samples[max(1, math.ceil(percent / 100 * len(samples))) - 1]
        measured = found.percentile(percent)
        assert measured is not None
        assert exact - 1e-6 <= measured <= exact * 1.016 + 1e-6


def test_percentile_of_nothing_is_none_and_the_longest_is_exact() -> None:
    assert Latencies().percentile(50) is None
    assert latencies(0.123456789).percentile(99) == 0.123456789


def test_many_samples_take_no_more_room_than_a_few_thousand() -> None:
    found = Latencies()
    chance = random.Random(1)
    for _ in range(200_000):
        found.add(chance.expovariate(10))
    assert found.number == 200_000
    assert len(vars(found)["_counts"]) < 2000
    median = found.percentile(50)
    assert median is not None
    assert median == pytest.approx(math.log(2) / 10, rel=0.03)


def test_merged_latencies_are_those_of_both() -> None:
    left, right = latencies(0.1, 0.2), latencies(0.9)
    left.merge(right)
    assert (left.number, left.longest, left.percentile(100)) == (3, 0.9, 0.9)


def test_timeline_stays_bounded_and_loses_nothing() -> None:
    timeline = Timeline()
    for second in range(3000):
        timeline.at(second).acks.add(0.01)
        timeline.at(second).errors += 1
        timeline.at(second).sockets = second
    assert (timeline.width, len(timeline.slices)) == (8.0, 375)
    assert len(timeline.slices) <= MAX_SLICES
    assert sum(each.acks.number for each in timeline.slices) == 3000
    assert sum(each.errors for each in timeline.slices) == 3000
    assert timeline.slices[-1].sockets == 2999


def test_sheds_cuts_and_late_answers_are_no_errors_and_lost_replies_are() -> None:
    measures = Measures()
    now = [0.0]
    history = History(lambda: now[0], [measures.add])
    for why in (CUT, "no reply"):
        history.invoke("answer", 1, "main").unknown(why)
    for code in ("shed", "deadline_passed", "internal_error"):
        history.invoke("answer", 1, "main").failed(code)
    assert measures.window_errors == sum(each.errors for each in measures.timeline.slices) == 2


def test_operation_ends_once_and_its_time_is_measured() -> None:
    measures = Measures()
    now = [1.0]
    operation = History(lambda: now[0], [measures.add]).invoke("answer", 1, "main")
    now[0] = 3.5
    operation.ok(seq=1)
    operation.unknown("too late")
    assert measures.latencies["answer"].longest == 2.5
    assert measures.outcomes == {("answer", "ok"): 1}


@pytest.mark.parametrize(
    ("highest", "step"), [(0, 1), (0.7, 0.2), (1, 0.2), (4.9, 1), (23, 5), (99, 20), (1234, 500), (5000, 1000)]
)
def test_grid_has_round_numbers(highest: float, step: float) -> None:
    assert nice_step(highest) == pytest.approx(step)


def test_chart_is_whole_xml_with_a_name_and_a_description_and_interrupts_its_line() -> None:
    series = [Series("a <b>", [(0.5, 1.0), (1.5, 2.0), (2.5, None), (3.5, 4.0)], 0)]
    text = line_chart("Acks & more", "ms", series, [PhaseSpan("steady", 0, 4)], 4)
    root = ElementTree.fromstring(text.replace("<svg ", f'<svg xmlns="{SVG[1:-1]}" '))
    assert [node.text for node in root.findall(f"{SVG}title")] == ["Acks & more"]
    assert [node.text for node in root.findall(f"{SVG}desc")] == ["a <b>: 1 to 4 ms"]
    path = root.find(f"{SVG}path")
    assert path is not None
    commands = path.attrib["d"]
    assert (commands.count("M"), commands.count("L")) == (2, 1)
    assert "steady" in [node.text for node in root.findall(f"{SVG}text")]


def test_table_is_aligned() -> None:
    table = Table("Things", ("name", "n"), [("a", "1"), ("long", "100")])
    assert table.to_text().splitlines() == ["Things", "name    n", "a       1", "long  100"]


@pytest.mark.parametrize(
    ("lowest", "highest", "lines"),
    [(3, 70, [1, 2, 5, 10, 20, 50, 100]), (0.5, 5000, [0.1, 1, 10, 100, 1000, 10000]), (10, 10, [10, 20, 50, 100])],
)
def test_proportional_grid_reaches_from_below_the_lowest_value_to_above_the_highest(
    lowest: float, highest: float, lines: list[float]
) -> None:
    assert powers(lowest, highest) == pytest.approx(lines)


def test_proportional_chart_gives_each_factor_of_ten_the_same_height() -> None:
    points = [(0.5, 1.0), (1.5, 10.0), (2.5, 100.0)]
    text = line_chart("Latency", "ms", [Series("p99", points, 0)], [], 3, is_log=True)
    heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", text)]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.2)
    assert heights[0] > heights[1]


def test_operation_under_way_at_the_end_is_unknown_and_no_error() -> None:
    measures = Measures()
    history = History(lambda: 0.0, [measures.add])
    history.invoke("answer", 1, "main")
    history.invoke("answer", 2, "main").ok(seq=1)
    history.finish(STOPPED)
    assert measures.outcomes == {("answer", "ok"): 1, ("answer", "unknown"): 1}
    assert measures.window_errors == 0


def rehearsal(*steps: Step) -> Rehearsal:
    plan = Plan(candidates=50, growth=Growth(2, 0.5, 400))
    return Rehearsal(plan, "run", Measures(), datetime(2026, 11, 23, tzinfo=UTC), list(steps))


HELD, BROKEN = Step(50, 900, 0.003, 0.02, 0, holds=True), Step(100, 900, 0.1, 0.9, 4, holds=False)


def test_number_that_the_machine_holds_is_the_last_before_the_first_that_it_does_not() -> None:
    said = capacity(rehearsal(HELD, BROKEN))
    assert said == (
        "The machine holds 50 candidates: p99 of acks 20.0 ms, 0 errors. "
        "It does not hold 100: p99 of acks 900 ms, 4 errors."
    )
    assert capacity(rehearsal(BROKEN)).startswith("The machine does not even hold 100 candidates")
    assert capacity(rehearsal(HELD)).endswith("It may hold more: that was as many as it was asked to try.")
    assert "no step came to its end" in capacity(rehearsal())


def test_step_at_which_the_rehearsal_itself_was_too_slow_does_not_blame_the_server() -> None:
    said = capacity(rehearsal(HELD, replace(BROKEN, own_fault=True)))
    assert said.endswith("but this command was too slow itself, so that the server may be better.")


def test_rehearsal_that_was_late_or_busy_itself_warns() -> None:
    late, busy, well = rehearsal(), rehearsal(), rehearsal()
    for each, delay, share in ((late, 0.2, 0.1), (busy, 0.001, 1.0), (well, 0.001, 0.1)):
        each.measures.was_late(delay)
        each.measures.was_busy(share, 0.5)
    assert ["WARNING" in " ".join(remarks(each)) for each in (late, busy, well)] == [True, True, False]


def test_rehearsal_that_was_too_slow_in_one_step_does_not_say_that_it_measured_well() -> None:
    slow, well = rehearsal(HELD, replace(BROKEN, own_fault=True)), rehearsal(HELD, BROKEN)
    for each in (slow, well):
        each.measures.was_late(0.001)
        each.measures.was_busy(0.1, 0.5)
    assert ["Measured well" in " ".join(remarks(each)) for each in (slow, well)] == [False, True]
