"""The checker of `make faults` finds in forged histories and tables what was forged, and names it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.faults.nemesis import checker
from tests.faults.nemesis.checker import Claims, Rules, StoredAssessment, StoredEntry

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DEADLINE = BEGIN + timedelta(minutes=1)
GRACE = 2
SWEPT = DEADLINE + timedelta(seconds=GRACE + 5.5)
KEY = {"skill": "s", "type": "single_choice", "right": ["o_a"], "options": ["o_a", "o_b"]}
RULES = Rules({"q_1": KEY, "q_2": KEY}, {"pass_mark": 50_000, "negative_marking": 0}, {3: 1})
A, B = (checker.given_of({"selected_option": option}) for option in ("o_a", "o_b"))


def record(question: str, option: str, number: int, **more: Any) -> dict[str, Any]:
    common = {"question_id": question, "selected_option": option, "client_id": "d1", "client_seq": number}
    return {**common, "base_seq": None, "verdict": "saved", **more}


def entry(seq: int, type_: str, at: datetime = BEGIN, **body: Any) -> StoredEntry:
    return StoredEntry(seq, type_, body, f"digest {seq}", at)


def answered(seq: int, *records: Mapping[str, Any]) -> StoredEntry:
    return entry(seq, "answered", answers=list(records))


def finalized(seq: int, at: datetime = SWEPT, **changes: Any) -> StoredEntry:
    scores = {"total_score": 1000, "max_score": 2000, "percentage_score": 50_000, "passed": True}
    return entry(seq, "finalized", at, **({"status": "timeout", **scores} | changes))


STORED = StoredAssessment(
    7,
    3,
    1,
    "timeout",
    DEADLINE,
    (1000, 2000, 50_000, True),
    [
        entry(1, "started", deadline_at=DEADLINE.isoformat(), grace_seconds=GRACE),
        entry(2, "attached"),
        answered(3, record("q_1", "o_b", 1)),
        answered(4, record("q_1", "o_a", 2)),
        answered(5, record("q_2", "o_b", 3)),
        finalized(6),
    ],
    {"q_1": (A, 4), "q_2": (B, 5)},
    [("q_1", 1000), ("q_2", 1000)],
)


def history(*more: dict[str, Any]) -> list[dict[str, Any]]:
    """Three answers of which the first two were acknowledged, and what the third came to nobody knows."""
    asked = [("q_1", B), ("q_1", A), ("q_2", B)]
    lines: list[dict[str, Any]] = []
    for number, (question, given) in enumerate(asked, start=1):
        facts = {"assessment": 7, "client": "d1", "number": number, "question": question, "given": given}
        lines.append({"n": number, "s": "invoked", "op": "answer", **facts})
    lines += [{"n": number, "s": "ok", "entry": number + 2, "digest": f"digest {number + 2}"} for number in (1, 2)]
    return [*lines, {"n": 3, "s": "unknown"}, *more]


def claims(*more: dict[str, Any]) -> Claims:
    found, findings = checker.claims_of(history(*more))
    assert findings == []
    return found[7]


def kinds(stored: StoredAssessment, rules: Rules = RULES, said: Claims | None = None) -> set[str]:
    return {finding.kind for finding in checker.check_assessment(stored, said or claims(), rules)}


def with_entry(place: int, new: StoredEntry) -> StoredAssessment:
    entries = [new if each.seq == place else each for each in STORED.entries]
    return replace(STORED, entries=entries)


def test_whole_history_has_no_findings() -> None:
    assert kinds(STORED) == set()


def test_unknown_answer_may_be_there_or_not() -> None:
    without = [*STORED.entries[:4], finalized(5)]
    assert kinds(replace(STORED, entries=without, responses={"q_1": (A, 4)})) == set()


FORGED: dict[str, tuple[str, StoredAssessment]] = {
    "the entry is gone": (checker.LOST, with_entry(4, entry(4, "flagged"))),
    "the entry says another option": (checker.LOST, with_entry(4, answered(4, record("q_1", "o_b", 2)))),
    "the row is gone": (checker.LOST, replace(STORED, responses={"q_2": (B, 5)})),
    "the row went back": (checker.REGRESSED, replace(STORED, responses={"q_1": (B, 3), "q_2": (B, 5)})),
    "an older number was saved later": (
        checker.REGRESSED,
        with_entry(5, answered(5, record("q_1", "o_b", 1), record("q_2", "o_b", 3))),
    ),
    "saved over what its client had not seen": (
        checker.REGRESSED,
        with_entry(5, answered(5, record("q_1", "o_b", 9, client_id="d2", base_seq=3))),
    ),
    "graded wrong": (checker.WRONG_SCORE, with_entry(6, finalized(6, total_score=2000))),
    "the row has another score": (checker.WRONG_SCORE, replace(STORED, result=(2000, 2000, 100_000, True))),
    "finalised twice": (checker.DOUBLY_FINALISED, replace(STORED, entries=[*STORED.entries, finalized(7)])),
    "kept twice": (checker.TWO_EFFECTS, with_entry(5, answered(5, record("q_1", "o_a", 2)))),
    "nobody sent it": (checker.INVENTED, with_entry(5, answered(5, record("q_2", "o_a", 3)))),
    "answered behind the end": (
        checker.BEHIND_THE_END,
        replace(STORED, entries=[*STORED.entries, answered(7, record("q_2", "o_b", 3))]),
    ),
    "ended by the sweep's clock": (checker.WRONG_END, replace(STORED, end_time=SWEPT)),
    "swept before the drain": (checker.WRONG_END, with_entry(6, finalized(6, DEADLINE + timedelta(seconds=GRACE + 4)))),
    "closed without an end": (checker.WRONG_END, replace(STORED, entries=STORED.entries[:-1])),
    "swept too late": (checker.LATE_END, with_entry(6, finalized(6, SWEPT + timedelta(seconds=40)))),
    "a number is missing": (checker.BROKEN_LOG, replace(STORED, entries=STORED.entries[1:])),
    "the log has what no row says": (checker.BROKEN_LOG, replace(STORED, responses={"q_1": (A, 4)})),
}


@pytest.mark.parametrize("forged", FORGED)
def test_forged_tables_are_found_and_named(forged: str) -> None:
    kind, stored = FORGED[forged]
    assert kind in kinds(stored)


def test_late_end_is_excused_by_an_outage_and_by_no_other_one() -> None:
    late = with_entry(6, finalized(6, SWEPT + timedelta(seconds=40)))
    during = (DEADLINE, SWEPT + timedelta(seconds=30))
    long_ago = (BEGIN, BEGIN + timedelta(seconds=1))
    assert kinds(late, replace(RULES, outages=[long_ago, during])) == set()
    assert kinds(late, replace(RULES, outages=[long_ago])) == {checker.LATE_END}
    much_later = with_entry(6, finalized(6, SWEPT + timedelta(seconds=140)))
    soon_again = (SWEPT + timedelta(seconds=80), SWEPT + timedelta(seconds=100))
    assert kinds(much_later, replace(RULES, outages=[during])) == {checker.LATE_END}
    assert kinds(much_later, replace(RULES, outages=[soon_again, during])) == set()


def test_second_acknowledgement_that_differs_is_found() -> None:
    again = {"s": "again", "assessment": 7, "client": "d1", "number": 1, "entry": 3, "digest": "digest 3"}
    assert kinds(STORED, said=claims(again)) == set()
    assert kinds(STORED, said=claims(again | {"digest": "another"})) == {checker.WRONG_ACK}


def test_what_a_client_found_itself_is_a_finding() -> None:
    _, findings = checker.claims_of(history({"s": "finding", "kind": checker.LOST, "what": "…"}))
    assert [finding.kind for finding in findings] == [checker.LOST]


ATTEMPTS: list[tuple[list[tuple[int, int, str]], int]] = [
    ([(3, 1, "completed")], 0),
    ([(3, 1, "voided"), (3, 2, "timeout")], 0),
    ([(3, 1, "completed"), (3, 2, "timeout")], 1),
    ([(4, 1, "started"), (4, 2, "paused")], 1),
    ([(4, 1, "voided"), (4, 1, "completed")], 1),
]


@pytest.mark.parametrize(("rows", "number"), ATTEMPTS)
def test_extra_attempts_are_found(rows: list[tuple[int, int, str]], number: int) -> None:
    found = checker.check_attempts(rows, RULES)
    assert [finding.kind for finding in found] == [checker.EXTRA_ATTEMPT] * number


def test_what_should_be_closed_and_is_not_is_found() -> None:
    open_ones = [(7, DEADLINE, GRACE), (8, None, GRACE)]
    behind: Callable[[float], datetime] = lambda seconds: DEADLINE + timedelta(seconds=GRACE + seconds)  # noqa: E731
    assert checker.check_final(open_ones, behind(29)) == []
    assert [finding.assessment_id for finding in checker.check_final(open_ones, behind(31))] == [7]
