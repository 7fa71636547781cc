"""What the scripted model answers: a pure function of the request. It knows the questions of one file, no others."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("scripted_skills.json")
LETTERS = "ABCDE"
_TASK = re.compile(r"\ATask: (\w+)$", re.MULTILINE)
_WORD = re.compile(r"^(\w+): (\w+)$", re.MULTILINE)
_MATERIAL = re.compile(r"<<<material (\w+) (\w+)>>>\n(.*?)\n<<<end \1 \2>>>", re.DOTALL)
_OPTION = re.compile(r"^([A-E])\. (.*)$", re.MULTILINE)
_SENTENCE = re.compile(r"[^.;\n•]+")
_MUST = re.compile(r"\b(must|required|requires?|need|needs|essential|strong|expert|senior)\b", re.IGNORECASE)
_PLUS = re.compile(r"\b(plus|nice to have|bonus|ideally|advantage|optional)\b", re.IGNORECASE)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the script understands it.

    Attributes:
        words: the lines `name: word` of the user's message that are outside of all material.
    """

    task: str
    words: Mapping[str, str]
    material: Mapping[str, str]
    seed: int

    def number(self, name: str, default: int) -> int:
        word = self.words.get(name, "")
        return int(word) if word.isascii() and word.isdigit() else default


@dataclass(frozen=True, slots=True)
class Known:
    """A question of the file."""

    skill: str
    difficulty: str
    stem: str
    options: tuple[str, ...]
    key: str
    explanation: str
    ordered: bool


def understand(system: str, user: str, seed: int) -> Asked:
    """The request of these messages; the task is empty if they name none."""
    task = _TASK.search(system)
    material = {name: text for name, _, text in _MATERIAL.findall(user)}
    words = dict(_WORD.findall(_MATERIAL.sub("", user)))
    return Asked(task[1] if task else "", words, material, seed)


def answer(asked: Asked) -> Json:
    """The answer, always the same to the same request; an empty object where the script has no line."""
    writers = {
        "propose_skill_graph": _propose,
        "write_items": _write,
        "write_for_candidate": _write,
        "solve_blind": _solve,
        "guess_from_options": _guess,
        "judge_options": _judge,
        "repair_item": _repair,
    }
    return writers[asked.task](asked) if asked.task in writers else {}


def _propose(asked: Asked) -> Json:
    text = asked.material.get("job_description", "")
    found = [skill for entry in _skills() if (skill := _proposed(entry, text)) is not None]
    found.sort(key=lambda skill: "HML".index(skill["priority"]))
    return {"skills": found[: asked.number("max_skills", 10)]}


def _proposed(entry: Json, text: str) -> Json | None:
    """The skill as the text asks for it, None if it does not."""
    names = "|".join(re.escape(alias) for alias in entry["aliases"])
    for sentence in _SENTENCE.findall(text):
        if re.search(rf"\b({names})\b", sentence, re.IGNORECASE):
            priority = "L" if _PLUS.search(sentence) else "H" if _MUST.search(sentence) else "M"
            return {
                "name": entry["name"],
                "description": entry["description"],
                "priority": priority,
                "depth": {"H": 3, "M": 2, "L": 1}[priority],
                "sub_skills": entry["sub_skills"],
                "evidence": " ".join(sentence.split()[:20]),
            }
    return None


def _write(asked: Asked) -> Json:
    """Questions of the skill that the material names first, in an order by the seed."""
    named, avoid = _folded(asked.material.get("skill", "")), _folded(asked.material.get("avoid", ""))
    skill = next((entry["name"] for entry in _skills() if named.startswith(_folded(entry["name"]))), None)
    fitting = [
        known
        for known in _items()
        if known.skill == skill
        and known.difficulty == asked.words.get("difficulty", known.difficulty)
        and _folded(known.stem) not in avoid
    ]
    fitting.sort(key=lambda known: _chance(asked.seed, "order", known.stem))
    return {"items": [_as_written(known, asked.seed) for known in fitting[: asked.number("count", 1)]]}


def _as_written(known: Known, seed: int) -> Json:
    options = list(known.options)
    if not known.ordered:
        options.sort(key=lambda text: _chance(seed, "options", known.stem + text))
    written = [{"text": text, "correct": text == known.key, "why": _why(text == known.key)} for text in options]
    return {"stem": known.stem, "options": written, "explanation": known.explanation}


def _solve(asked: Asked) -> Json:
    letter = _right_letter(asked.material.get("stem", ""), _shown(asked), asked.seed)
    return {"why": "The script says so.", "option": letter or "none", "confidence": 90}


def _guess(asked: Asked) -> Json:
    """A wrong option, where the right one is known: the questions of the file give nothing away."""
    shown = _shown(asked)
    texts = {_folded(text) for text in shown.values()}
    keys = {_folded(known.key) for known in _items() if {_folded(text) for text in known.options} == texts}
    others = [letter for letter, text in shown.items() if _folded(text) not in keys] or list(shown) or ["A"]
    chosen = others[_chance(asked.seed, "guess", "".join(sorted(texts))) % len(others)]
    return {"cue": "Nothing gives it away.", "option": chosen, "confidence": 25}


def _judge(asked: Asked) -> Json:
    shown = _shown(asked)
    right = _right_letter(asked.material.get("stem", ""), shown, asked.seed)
    return {
        "verdicts": [{"option": letter, "why": _why(letter == right), "is_right": letter == right} for letter in shown]
    }


def _repair(asked: Asked) -> Json:
    """The question as the file has it; what is not in the file is given up."""
    try:
        item = json.loads(asked.material.get("item", ""))
        known = _known(item["stem"])
    except (ValueError, TypeError, KeyError):
        return {}
    if known is None:
        return {"changed": "Nothing: the script does not know it.", "given_up": True, "item": item}
    return {"changed": "It is as it should be now.", "given_up": False, "item": _as_written(known, asked.seed)}


def _right_letter(stem: str, shown: Mapping[str, str], seed: int) -> str | None:
    """The letter of the right option; of a question that is not in the file one by chance, the same every time."""
    known = _known(stem)
    if known is not None:
        return next((letter for letter, text in shown.items() if _folded(text) == _folded(known.key)), None)
    letters = sorted(shown, key=lambda letter: _folded(shown[letter]))
    return letters[_chance(seed, "solve", _folded(stem)) % len(letters)] if letters else None


def _shown(asked: Asked) -> dict[str, str]:
    return dict(_OPTION.findall(asked.material.get("options", "")))


def _why(is_right: bool) -> str:
    return "This is what the stem asks for." if is_right else "This is a mistake that people make."


def _known(stem: str) -> Known | None:
    """The question of the file with that stem, whatever stands behind it."""
    folded = _folded(stem)
    return next((known for known in _items() if folded.startswith(_folded(known.stem))), None)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _chance(seed: int, purpose: str, text: str) -> int:
    return int.from_bytes(sha256(f"{seed}/{purpose}/{text}".encode()).digest()[:6])


@cache
def _skills() -> Sequence[Json]:
    skills: list[Json] = json.loads(FILE.read_text("utf-8"))
    return skills


@cache
def _items() -> tuple[Known, ...]:
    return tuple(
        Known(
            skill=skill["name"],
            difficulty=item["difficulty"],
            stem=item["stem"],
            options=tuple(item["options"]),
            key=item["options"][item["key"]],
            explanation=item["explanation"],
            ordered=item.get("ordered", False),
        )
        for skill in _skills()
        for item in skill["items"]
    )
