"""The gates that ask a model: blind solve, options only, and each option judged by itself. No I/O.

`probes` says what to ask, each time with the options in another order and never with the key; somebody asks it;
`solved.py` makes verdicts of what was answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from hashlib import sha256
from typing import Any

import msgspec

from sitting.domain.question import QuestionContent
from sitting.questions.gates.settings import Reason
from sitting.questions.prompt_answers import LETTERS, BlindSolution, OptionsGuess, OptionVerdicts, lettered
from sitting.questions.prompting import load_template, render
from sitting.questions.provider import Question

BLIND_SOLVE = "blind_solve"
OPTIONS_ONLY = "options_only"
ONE_TRUE = "one_true"
SOLVE_GATES = (BLIND_SOLVE, OPTIONS_ONLY, ONE_TRUE)
MOST_WHY = 300
"""Characters of a model's reason that are kept as evidence."""
_TASKS = {BLIND_SOLVE: "solve_blind", OPTIONS_ONLY: "guess_from_options", ONE_TRUE: "judge_options"}
_FORMS: dict[str, Any] = {BLIND_SOLVE: BlindSolution, OPTIONS_ONLY: OptionsGuess, ONE_TRUE: OptionVerdicts}


def _threshold(default: Any, gate: str, reason: str, source: str) -> Any:
    return field(default=default, metadata={"reason": Reason(gate, reason, source)})


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveSettings:
    """How often a model is asked, and what its answers are held against.

    Attributes:
        answer_tokens: at most so many for one answer, the thinking of models that think included.
    """

    solvers: int = _threshold(
        3, BLIND_SOLVE, "One solver errs now and then; of three, two seldom err alike.", "a convention"
    )
    solvers_agree: int = _threshold(
        2,
        BLIND_SOLVE,
        "If a solver is right 9 times of 10, two of three pick the key of 97 sound items of 100, and a wrong key of 3.",
        "binomial",
    )
    guessers: int = _threshold(
        5, OPTIONS_ONLY, "With five, one of them may miss what gives the key away, and it is still noticed.", "binomial"
    )
    guess_odds: float = _threshold(
        0.02,
        OPTIONS_ONLY,
        "How seldom chance may pick the key so often before the options are to blame: 4 of 5 among four or five"
        " options, 5 of 5 among three.",
        "binomial; the level is a convention",
    )
    answer_tokens: int = _threshold(2000, ", ".join(SOLVE_GATES), "Three sentences, or some thought.", "a convention")

    def reasons(self) -> dict[str, Reason]:
        """Of each threshold, by its name, why it is what it is."""
        return {each.name: each.metadata["reason"] for each in fields(self)}


SOLVE_DEFAULTS = SolveSettings()


class Probe(msgspec.Struct, frozen=True):
    """One question to a model about an item.

    Attributes:
        number: among the probes of the same gate, from 0.
        shown: the ids of the options in the order in which this solver sees them.
        seed: for endpoints that heed one.
    """

    gate: str
    number: int
    shown: tuple[str, ...]
    seed: int

    def letter(self, option_id: str) -> str:
        """What the option is called before this solver."""
        return LETTERS[self.shown.index(option_id)]

    def option(self, letter: str) -> str:
        """The id of the option that was meant; empty if there is none of that letter."""
        place = LETTERS.index(letter) if letter in LETTERS else len(LETTERS)
        return self.shown[place] if place < len(self.shown) else ""


def probes(content: QuestionContent, salt: str, settings: SolveSettings = SOLVE_DEFAULTS) -> list[Probe]:
    """What to ask about a single-choice item with at most five options.

    Args:
        salt: with it, and the item's content, orders and seeds are always the same.
    """
    digest = content.digest()
    counts = {BLIND_SOLVE: settings.solvers, OPTIONS_ONLY: settings.guessers, ONE_TRUE: 1}
    return [_probe(content, f"{salt}/{digest}/{gate}", gate, n) for gate, count in counts.items() for n in range(count)]


def _probe(content: QuestionContent, salt: str, gate: str, number: int) -> Probe:
    def place(option_id: str) -> bytes:
        return sha256(f"{salt}/{number}/{option_id}".encode()).digest()

    shown = tuple(sorted((option.id for option in content.options), key=place))
    return Probe(gate, number, shown, int.from_bytes(place("")[:4]) >> 1)


def question_of(probe: Probe, content: QuestionContent, settings: SolveSettings = SOLVE_DEFAULTS) -> Question[Any]:
    """The probe as a provider takes it; nothing in it says which option is the key."""
    texts = {option.id: option.text for option in content.options}
    material = {"options": lettered([texts[option_id] for option_id in probe.shown])}
    if probe.gate != OPTIONS_ONLY:
        material["stem"] = content.text
    words = {"options": len(texts)} if probe.gate == ONE_TRUE else {}
    prompt = render(load_template(_TASKS[probe.gate]), words, material)
    return Question(prompt, _FORMS[probe.gate], max_tokens=settings.answer_tokens, seed=probe.seed)


class Said(msgspec.Struct, frozen=True):
    """What came of a probe, as evidence.

    Attributes:
        chosen: the ids of the options that the model chose, or holds right; none if it finds no single right one.
        model, prompt: who answered, and to which wording. prompt_digest: SHA-256 of that.
        failed: why there is no answer that counts; empty if there is one.
    """

    gate: str
    number: int
    shown: tuple[str, ...]
    chosen: tuple[str, ...] = ()
    why: str = ""
    confidence: int | None = None
    model: str = ""
    prompt: str = ""
    prompt_digest: str = ""
    failed: str = ""


def read_answer(probe: Probe, value: Any, model: str, prompt: str, prompt_digest: str) -> Said:
    """What the model said, with letters turned into options.

    Args:
        value: of the form of the probe's question, or what `msgspec.to_builtins` makes of it.
    """
    answer = msgspec.convert(value, _FORMS[probe.gate], from_attributes=True)
    said = Said(probe.gate, probe.number, probe.shown, model=model, prompt=prompt, prompt_digest=prompt_digest)
    if isinstance(answer, OptionVerdicts):
        return _read_verdicts(probe, answer, said)
    why = answer.why if isinstance(answer, BlindSolution) else answer.cue
    option = probe.option(answer.option)
    chosen = (option,) if option else ()
    return msgspec.structs.replace(said, chosen=chosen, why=why[:MOST_WHY], confidence=answer.confidence)


def _read_verdicts(probe: Probe, answer: OptionVerdicts, said: Said) -> Said:
    judged: Sequence[str] = sorted(verdict.option for verdict in answer.verdicts)
    if judged != list(LETTERS[: len(probe.shown)]):
        return msgspec.structs.replace(said, failed="unusable: it did not judge each option once")
    right = [verdict for verdict in answer.verdicts if verdict.is_right]
    chosen = tuple(sorted(probe.option(verdict.option) for verdict in right))
    return msgspec.structs.replace(said, chosen=chosen, why=" ".join(each.why for each in right)[:MOST_WHY])


def unanswered(probe: Probe, failed: str) -> Said:
    """A probe that brought no answer, and why."""
    return Said(probe.gate, probe.number, probe.shown, failed=failed)
