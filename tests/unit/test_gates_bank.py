"""Gates of a whole bank, the odds behind them, and the settings."""

from __future__ import annotations

import math
import random
from dataclasses import fields
from pathlib import Path

import pytest

from sitting.domain.question import QuestionContent
from sitting.questions.gates import GATE_NAMES, GateSettings, Outcome, Verdict, judge_bank
from sitting.questions.gates.odds import chi_square_tail, many_hits_odds, uniform_odds
from tests.support.items import item


def judged(gate: str, contents: list[QuestionContent]) -> Verdict:
    (verdict,) = judge_bank(contents, only=[gate])
    return verdict


def bank(*places: int) -> list[QuestionContent]:
    return [item(f"Which is number {n}?", "four", "five", "nine", "zero", at=at) for n, at in enumerate(places)]


def test_keys_that_crowd_at_one_place_fail_and_the_place_is_named() -> None:
    verdict = judged("key_position", bank(*[1] * 20, *[0] * 5, *[2] * 5, *[3] * 5))
    assert (verdict.outcome, verdict.place) == (Outcome.FAILED, "bank")
    assert "20 have the key at place 2" in verdict.sentence
    assert verdict.evidence["by_options"][0]["keys_at"] == [5, 20, 5, 5]


def test_keys_about_equally_often_at_each_place_pass() -> None:
    assert judged("key_position", bank(*range(4), *range(4), *range(4), 0, 0)).outcome is Outcome.PASSED
    assert judged("key_position", bank(0, 0, 0)).outcome is Outcome.NOT_APPLICABLE


def test_small_bank_is_judged_exactly() -> None:
    assert judged("key_position", bank(*[2] * 9)).outcome is Outcome.FAILED


def test_keys_are_counted_apart_for_each_number_of_options() -> None:
    three = [item(f"Which {n}?", "a1", "b2", "c3", at=2) for n in range(20)]
    verdict = judged("key_position", [*three, *bank(*range(4), *range(4), *range(4))])
    assert verdict.outcome is Outcome.FAILED
    assert [each["options"] for each in verdict.evidence["by_options"]] == [3, 4]


def lengths(*longest_is_key: bool) -> list[QuestionContent]:
    short, long = "short", "rather a long one"
    return [
        item(f"Which is {n}?", long if is_key else short, short if is_key else long, "small", "brief")
        for n, is_key in enumerate(longest_is_key)
    ]


def test_key_that_is_the_longest_option_too_often_fails() -> None:
    verdict = judged("key_length", lengths(*[True] * 15, *[False] * 15))
    assert verdict.outcome is Outcome.FAILED
    assert (verdict.evidence["key_longest"], verdict.evidence["expected"]) == (15, 7.5)
    assert judged("key_length", lengths(*[True] * 8, *[False] * 22)).outcome is Outcome.PASSED
    ties = [item("Which?", "aaaa", "bbbb", "cccc") for _ in range(30)]
    assert judged("key_length", ties).outcome is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("statistic", "freedom", "tail"),
    [(3.841, 1, 0.05), (7.815, 3, 0.05), (13.277, 4, 0.01), (0.352, 3, 0.95), (60.0, 3, 5.9e-13)],
)
def test_tail_of_chi_square_is_that_of_the_tables(statistic: float, freedom: int, tail: float) -> None:
    assert math.isclose(chi_square_tail(statistic, freedom), tail, rel_tol=0.01)


def test_odds_of_few_counts_are_exact_and_of_many_near() -> None:
    assert uniform_odds([3, 0]) == 0.25
    assert uniform_odds([2, 1, 0]) == pytest.approx(1 - 6 / 27)
    assert uniform_odds([1] * 20) is None
    exact = sum(math.comb(40, k) for k in range(41) if abs(k - 20) >= 8) / 2**40
    assert uniform_odds([28, 12]) == pytest.approx(exact, abs=0.01)


def test_odds_of_many_hits_are_those_of_the_binomial_and_agree_with_trials() -> None:
    binomial = sum(math.comb(30, k) * 0.25**k * 0.75 ** (30 - k) for k in range(12, 31))
    assert many_hits_odds([0.25] * 30, 12) == pytest.approx(binomial)
    assert many_hits_odds([0.25] * 30, 0) == 1
    rng = random.Random(3)
    chances = [rng.choice((0.2, 0.25, 1 / 3)) for _ in range(40)]
    trials = sum(sum(rng.random() < chance for chance in chances) >= 14 for _ in range(20_000)) / 20_000
    assert many_hits_odds(chances, 14) == pytest.approx(trials, abs=0.01)
    many = [0.25] * 2_100
    assert many_hits_odds(many, 530) == pytest.approx(
        sum(math.comb(2100, k) * 3 ** (2100 - k) / 4**2100 for k in range(530, 2101)), abs=0.003
    )


def test_every_threshold_says_its_gate_its_reason_and_its_source() -> None:
    for name, reason in GateSettings().reasons().items():
        assert set(reason.gate.split(", ")) <= set(GATE_NAMES), name
        assert reason.reason.endswith(".")
        assert reason.source


def test_documentation_names_every_gate_and_every_threshold_with_its_default() -> None:
    text = (Path(__file__).parents[2] / "docs" / "question-quality.md").read_text("utf-8")
    assert [name for name in GATE_NAMES if f"| `{name}` |" not in text] == []
    section = text.partition("## Thresholds")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")] for line in section.splitlines()]
    told = {
        name.strip("` "): value.strip()
        for row in rows
        if len(row) == 5 and row[1].startswith("`")
        for name, value in zip(row[1].split(","), row[2].split(","), strict=True)
    }
    assert told == {each.name: str(each.default) for each in fields(GateSettings)}
