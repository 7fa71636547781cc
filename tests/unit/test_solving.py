"""The gates that ask a model: what is asked, and what is made of the answers."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from sitting.domain.question import QuestionContent
from sitting.questions.gates import Outcome, Verdict
from sitting.questions.gates.odds import many_hits_odds
from sitting.questions.solved import solve_verdicts
from sitting.questions.solving import (
    SOLVE_DEFAULTS,
    SOLVE_GATES,
    Probe,
    Said,
    SolveSettings,
    probes,
    question_of,
    read_answer,
    unanswered,
)
from tests.support.items import KEY, item

WHO = ("a-model", "a_prompt.v1", "0" * 64)


def sound() -> QuestionContent:
    return item("Which of them is red?", "a ruby", "an emerald", "a sapphire", "a diamond", explanation="Rubies are.")


def reply(probe: Probe, option: str, **changes: Any) -> Said:
    """What is made of an answer that chooses this option; `none`: of one that chooses none."""
    letter = "none" if option == "none" else probe.letter(option)
    value: dict[str, Any] = {"why": "So it is.", "option": letter, "confidence": 80}
    if probe.gate == "options_only":
        value = {"cue": "It shines.", "option": letter, "confidence": 80}
    if probe.gate == "one_true":
        said = [{"option": probe.letter(each), "why": "x", "is_right": each == option} for each in probe.shown]
        value = {"verdicts": said}
    return read_answer(probe, value | changes, *WHO)


def verdicts(choices: dict[str, list[str | None]], settings: SolveSettings = SOLVE_DEFAULTS) -> dict[str, Verdict]:
    """The verdicts if those who are asked choose so, gate by gate; None: there is no answer."""
    said = []
    for probe in probes(sound(), "salt", settings):
        choice = choices.get(probe.gate, [KEY] * 9 if probe.gate != "options_only" else ["o_1"] * 9)[probe.number]
        said.append(unanswered(probe, "timeout") if choice is None else reply(probe, choice))
    return {each.gate: each for each in solve_verdicts(sound(), said, settings)}


def test_each_solver_sees_the_options_in_an_order_of_their_own_and_never_the_key() -> None:
    asked = probes(sound(), "salt")
    assert Counter(probe.gate for probe in asked) == {"blind_solve": 3, "options_only": 5, "one_true": 1}
    assert all(sorted(probe.shown) == ["o_1", "o_2", "o_3", KEY] for probe in asked)
    assert len({probe.shown for probe in asked}) > 4
    assert len({probe.seed for probe in asked}) == 9
    assert probes(sound(), "salt") == asked
    assert probes(sound(), "pepper") != asked
    for probe in asked:
        user = question_of(probe, sound()).prompt.user
        assert KEY not in user
        assert "Rubies are" not in user
        assert ("Which of them is red?" in user) == (probe.gate != "options_only")
        assert f"{probe.letter(KEY)}. a ruby" in user


def test_keys_stand_at_every_place_about_equally_often() -> None:
    places = Counter(probe.shown.index(KEY) for salt in range(100) for probe in probes(sound(), str(salt)))
    assert set(places) == {0, 1, 2, 3}
    assert min(places.values()) > 170


def test_sound_item_passes_with_the_evidence_of_each_answer() -> None:
    found = verdicts({})
    assert tuple(found) == SOLVE_GATES
    assert {verdict.outcome for verdict in found.values()} == {Outcome.PASSED}
    answer = found["blind_solve"].evidence["answers"][0]
    assert (answer["chosen"], answer["why"], answer["confidence"]) == ([KEY], "So it is.", 80)
    assert (answer["model"], answer["prompt"], answer["prompt_digest"]) == WHO


@pytest.mark.parametrize(
    ("gate", "choices", "outcome"),
    [
        ("blind_solve", [KEY, KEY, "o_1"], Outcome.PASSED),
        ("blind_solve", [KEY, "o_1", "none"], Outcome.FAILED),
        ("blind_solve", ["none", "none", "none"], Outcome.FAILED),
        ("blind_solve", [KEY, None, KEY], Outcome.PASSED),
        ("blind_solve", [KEY, None, "o_1"], None),
        ("blind_solve", ["o_1", None, "o_1"], Outcome.FAILED),
        ("blind_solve", [None, None, None], None),
        ("options_only", [KEY, KEY, KEY, KEY, "o_1"], Outcome.FAILED),
        ("options_only", [KEY, KEY, KEY, "o_1", "o_2"], Outcome.PASSED),
        ("options_only", [KEY, KEY, KEY, "o_1", None], None),
        ("options_only", [KEY, KEY, "o_1", "o_1", None], Outcome.PASSED),
        ("options_only", [KEY, KEY, KEY, KEY, None], Outcome.FAILED),
        ("options_only", [None] * 5, None),
        ("one_true", ["o_1"], Outcome.FAILED),
        ("one_true", ["none"], Outcome.FAILED),
        ("one_true", [None], None),
    ],
)
def test_gate_says_what_the_answers_decide_and_nothing_where_they_do_not(
    gate: str, choices: list[str | None], outcome: Outcome | None
) -> None:
    found = verdicts({gate: choices}).get(gate)
    assert (found.outcome if found else None) is outcome


def test_several_right_options_are_told_apart_from_a_wrong_key() -> None:
    (probe,) = [each for each in probes(sound(), "salt") if each.gate == "one_true"]
    right = [{"option": probe.letter(each), "why": "x", "is_right": each in (KEY, "o_1")} for each in probe.shown]
    both = solve_verdicts(sound(), [read_answer(probe, {"verdicts": right}, *WHO)])
    assert "right as well as the key: “an emerald”" in both[0].sentence
    assert "the key is wrong, and right is “an emerald”" in verdicts({"one_true": ["o_1"]})["one_true"].sentence


@pytest.mark.parametrize("judged", [["A", "A", "B", "C"], ["A", "B", "C"], ["A", "B", "C", "D", "E"], []])
def test_judge_who_leaves_an_option_out_has_said_nothing(judged: list[str]) -> None:
    (probe,) = [each for each in probes(sound(), "salt") if each.gate == "one_true"]
    right = probe.letter(KEY)
    value = {"verdicts": [{"option": letter, "why": "x", "is_right": letter == right} for letter in judged]}
    said = read_answer(probe, value, *WHO)
    assert said.failed
    assert solve_verdicts(sound(), [said]) == []


def test_letter_that_was_not_shown_is_no_choice() -> None:
    probe = probes(sound(), "salt")[0]
    assert read_answer(probe, {"why": "", "option": "E", "confidence": 1}, *WHO).chosen == ()


def test_thresholds_say_what_they_promise() -> None:
    assert many_hits_odds([0.25] * 5, 4) < SOLVE_DEFAULTS.guess_odds < many_hits_odds([0.25] * 5, 3)
    assert many_hits_odds([0.2] * 5, 4) < SOLVE_DEFAULTS.guess_odds < many_hits_odds([0.2] * 5, 3)
    assert many_hits_odds([1 / 3] * 5, 5) < SOLVE_DEFAULTS.guess_odds < many_hits_odds([1 / 3] * 5, 4)
    assert many_hits_odds([1 / 3] * 4, 4) < SOLVE_DEFAULTS.guess_odds
    assert round(many_hits_odds([0.9] * 3, 2), 2) == 0.97
    assert set(SOLVE_DEFAULTS.reasons()) == {"solvers", "solvers_agree", "guessers", "guess_odds", "answer_tokens"}
