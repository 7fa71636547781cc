"""Verdicts of the gates that ask a model, from what it said. Where answers are missing there is none: no pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from sitting.domain.question import QuestionContent
from sitting.questions.gates.odds import many_hits_odds
from sitting.questions.gates.verdict import ITEM, KEY, OPTIONS, Finding, Verdict, failed, passed, verdict
from sitting.questions.solving import BLIND_SOLVE, ONE_TRUE, OPTIONS_ONLY, SOLVE_DEFAULTS, Said, SolveSettings


def solve_verdicts(
    content: QuestionContent, said: Sequence[Said], settings: SolveSettings = SOLVE_DEFAULTS
) -> list[Verdict]:
    """What the gates make of the answers, in their order.

    A gate is left out if the answers that are missing might have changed what it says.
    """
    found: list[Verdict] = []
    for gate, judge in _GATES.items():
        mine = [each for each in said if each.gate == gate]
        finding = judge(content, [each for each in mine if not each.failed], settings)
        if finding is not None:
            found.append(verdict(gate, finding))
    return found


def _blind_solve(content: QuestionContent, said: Sequence[Said], settings: SolveSettings) -> Finding | None:
    """Enough of those who do not know the key find it."""
    agree = sum(each.chosen == (content.key,) for each in said)
    evidence = _evidence(said, agree=agree, asked=settings.solvers, needed=settings.solvers_agree)
    if agree >= settings.solvers_agree:
        return passed(KEY, **evidence)
    if agree + settings.solvers - len(said) >= settings.solvers_agree:
        return None
    others = sorted({_text(content, id_) for each in said for id_ in each.chosen if id_ != content.key})
    instead = f"; others chose {', '.join(others)}" if others else ""
    none = sum(not each.chosen for each in said)
    unsure = f"; {none} found no single right one" if none else ""
    sentence = f"Of {len(said)} who solved it without the key, {agree} agree with the key{instead}{unsure}."
    return failed(KEY, sentence, **evidence)


def _options_only(content: QuestionContent, said: Sequence[Said], settings: SolveSettings) -> Finding | None:
    """Who does not see the stem finds the key no more often than chance may."""
    chance = 1 / max(1, len(content.options))
    hits = sum(each.chosen == (content.key,) for each in said)
    missing = settings.guessers - len(said)
    odds = many_hits_odds([chance] * settings.guessers, hits)
    evidence = _evidence(said, hits=hits, asked=settings.guessers, odds=round(odds, 4), level=settings.guess_odds)
    if odds < settings.guess_odds:
        cues = " ".join(dict.fromkeys(each.why for each in said if each.chosen == (content.key,)))
        sentence = f"{hits} of {len(said)} guessed the key without the stem. What gave it away: {cues[:600]}"
        return failed(OPTIONS, sentence, **evidence)
    if missing and many_hits_odds([chance] * settings.guessers, hits + missing) < settings.guess_odds:
        return None
    return passed(OPTIONS, **evidence)


def _one_true(content: QuestionContent, said: Sequence[Said], settings: SolveSettings) -> Finding | None:
    """Of the options, each judged by itself, exactly the key is right."""
    if not said:
        return None
    judged = said[0]
    evidence = _evidence(said, right=list(judged.chosen))
    if judged.chosen == (content.key,):
        return passed(KEY, **evidence)
    if not judged.chosen:
        return failed(KEY, "Judged one by one, no option is a right answer.", **evidence)
    others = ", ".join(_text(content, id_) for id_ in judged.chosen if id_ != content.key)
    if content.key in judged.chosen:
        return failed(ITEM, f"Judged one by one, these are right as well as the key: {others}.", **evidence)
    return failed(KEY, f"Judged one by one, the key is wrong, and right is {others}.", **evidence)


_GATES: dict[str, Callable[[QuestionContent, Sequence[Said], SolveSettings], Finding | None]] = {
    BLIND_SOLVE: _blind_solve,
    OPTIONS_ONLY: _options_only,
    ONE_TRUE: _one_true,
}


def _evidence(said: Sequence[Said], **counts: Any) -> dict[str, Any]:
    return {**counts, "answers": msgspec.json.decode(msgspec.json.encode(said))}


def _text(content: QuestionContent, option_id: str) -> str:
    return next((f"“{option.text[:80]}”" for option in content.options if option.id == option_id), option_id)
