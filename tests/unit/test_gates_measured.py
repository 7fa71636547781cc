"""The gates find what they are there to find, seldom stop what is sound, and the page says how much.

What is measured by is in tests/quality; it was written without a look at the gates.
"""

from __future__ import annotations

from functools import cache

import pytest

from sitting.questions.gates import Verdict, judge_bank
from tests.quality.flaw_set import GATES, Item, balanced_banks, bank_with_keys_at, bank_with_longest_keys
from tests.quality.measured import HEADS, PAGE, TABLE, Measured, content_of, measured, rows
from tests.support.tables_in_docs import between, table

LEAST_RECALL = 0.95
MOST_FALSE_ALARMS = 0.03
SHARE = 0.6
BANKS = 20
BANK_GATES = ("key_position", "key_length")


@cache
def found(gate: str) -> Measured:
    return measured(gate)


def verdicts(bank: list[Item]) -> dict[str, Verdict]:
    return {verdict.gate: verdict for verdict in judge_bank([content_of(item) for item in bank], only=BANK_GATES)}


@pytest.mark.parametrize("gate", GATES)
def test_gate_finds_its_flaw_and_seldom_stops_a_sound_item(gate: str) -> None:
    one = found(gate)
    assert one.recall >= LEAST_RECALL, one.missed
    assert one.false_alarms <= MOST_FALSE_ALARMS, one.stopped


@pytest.mark.parametrize("position", range(4))
def test_bank_with_most_keys_at_one_place_is_found(position: int) -> None:
    assert verdicts(bank_with_keys_at(position, SHARE))["key_position"].failed


def test_bank_whose_keys_are_mostly_longest_is_found() -> None:
    assert verdicts(bank_with_longest_keys(SHARE))["key_length"].failed


def test_balanced_banks_pass() -> None:
    judged = [verdicts(bank) for bank in balanced_banks(BANKS)]
    for gate in BANK_GATES:
        assert sum(each[gate].failed for each in judged) <= BANKS // 20


def test_page_says_what_is_measured() -> None:
    assert between(PAGE, TABLE) == table(HEADS, rows([found(gate) for gate in GATES]))
