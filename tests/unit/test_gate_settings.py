"""The thresholds of the gates, as operators set them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sitting.cli.errors import Stop
from sitting.cli.gates import gate_settings
from sitting.questions.gates import DEFAULTS, GateSettings, judge_item
from sitting.settings import SettingsRefused, load
from tests.support.items import item


def test_what_is_not_named_stays_as_it_is() -> None:
    assert GateSettings.of({}) == DEFAULTS
    assert GateSettings.of({"reading_grade": 12, "most_options": 6.0}) == replace(
        DEFAULTS, reading_grade=12.0, most_options=6
    )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"reading_level": 12.0}, "reading_level is no threshold; known are fewest_options, "),
        ({"reading_grade": 0.0}, "above 0"),
        ({"reading_grade": float("nan")}, "above 0"),
        ({"longest_ratio": float("inf")}, "above 0"),
        ({"duplicate_similarity": 1.1}, "at most 1"),
        ({"most_options": 4.5}, "whole number"),
        ({"fewest_options": 6.0}, "fewest_options must not be above most_options"),
    ],
)
def test_value_that_cannot_be_meant_is_refused(values: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        GateSettings.of(values)


def test_thresholds_come_from_a_variable_or_a_table_of_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "sitting.toml"
    file.write_text("[gates]\nreading_grade = 11\n")
    assert gate_settings(load(file)).reading_grade == 11
    monkeypatch.setenv("SITTING_GATES", "reading_grade=12, longest_ratio = 1.5")
    assert gate_settings(load(file)) == replace(DEFAULTS, reading_grade=12.0, longest_ratio=1.5)
    assert gate_settings(load()) != DEFAULTS


@pytest.mark.parametrize("text", ["reading_grade", "reading_grade=high", "=1"])
def test_text_that_is_no_list_of_thresholds_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITTING_GATES", text)
    with pytest.raises((SettingsRefused, Stop), match="SITTING_GATES"):
        gate_settings(load())


def test_threshold_decides() -> None:
    content = item("Which of these is a prime?", "7", "8", "9", "10")
    for settings, failed in ((DEFAULTS, False), (GateSettings.of({"most_options": 3}), True)):
        (verdict,) = judge_item(content, settings=settings, only=["option_count"])
        assert verdict.failed is failed
