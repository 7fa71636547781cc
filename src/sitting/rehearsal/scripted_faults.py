"""How the scripted model misbehaves, one way for one call: what models and their servers have been seen to do."""

from __future__ import annotations

import copy
import json
import re
from enum import StrEnum
from typing import Any

from sitting.rehearsal.scripted_answers import Asked, Json

INJECTION = re.compile(r"ignore (?:all|any|the|previous|prior|above)[^.\n]*[.\n]\s*(?P<order>[^\n]+)", re.IGNORECASE)
HTML = '<img src=x onerror="alert(1)"><script>alert(2)</script>'


class Fault(StrEnum):
    """What goes wrong."""

    # The way of the answer
    HANG = "hang"  # takes the request and says nothing
    STALL = "stall"  # says half of it, and then nothing
    DRIP = "drip"  # says it byte by byte
    CUT = "cut"  # hangs up in the midst of the JSON
    TOO_MANY = "too_many"  # 429 with Retry-After
    ERROR_500 = "error_500"
    ERROR_503 = "error_503"
    UNAUTHORIZED = "unauthorized"  # 401, and says the key in its text
    NO_SCHEMA = "no_schema"  # 400 to whoever sends a schema
    ERROR_IN_STREAM = "error_in_stream"
    TEN_MEGABYTES = "ten_megabytes"
    LONG_LINE = "long_line"  # ten megabytes as well, in one event that never ends
    PACKED = "packed"  # compressed, although nobody asked for that
    NOT_JSON = "not_json"  # a page for people, with status 200
    NO_USAGE = "no_usage"
    ABSURD_USAGE = "absurd_usage"  # fewer than no tokens
    # The text of the answer
    CUT_JSON = "cut_json"  # half of the JSON, as if it were the whole
    TRUNCATED = "truncated"  # half of the JSON, and says that its tokens were used up
    CHATTY = "chatty"  # the JSON in a fence, with friendly words around it
    PROSE = "prose"  # friendly words alone
    TWO_ANSWERS = "two_answers"  # one that it quotes, and another
    REFUSAL = "refusal"
    # What the answer says
    BROKEN_SCHEMA = "broken_schema"
    TWO_KEYS = "two_keys"
    WRONG_KEY = "wrong_key"
    SAME_OPTIONS = "same_options"
    HTML = "html"
    DUPLICATES = "duplicates"
    OBEY = "obey"  # does what the material tells it


def spoiled(said: Json, asked: Asked, fault: Fault | None) -> Json:
    """The answer with that fault in what it says; as it is, for faults of another kind."""
    said = copy.deepcopy(said)
    if fault is Fault.BROKEN_SCHEMA:
        return {"result": [said], "ok": "yes"}
    if fault is Fault.OBEY:
        return _obedient(said, asked)
    if fault is Fault.DUPLICATES:
        for name in ("items", "skills", "verdicts"):
            if said.get(name):
                said[name] = [said[name][0]] * max(2, len(said[name]))
        return said
    for item in _items(said):
        _spoil_item(item, fault)
    if fault is Fault.HTML:
        for skill in said.get("skills", ()):
            skill["name"] = skill["name"][:20] + HTML
    return said


def spelled(said: Json, fault: Fault | None) -> str:
    """The text of the answer."""
    text = json.dumps(said, ensure_ascii=False)
    if fault in (Fault.CUT_JSON, Fault.TRUNCATED):
        return text[: len(text) // 2]
    if fault is Fault.CHATTY:
        return f"Sure, here is what you asked for {{as JSON}}:\n\n```json\n{text}\n```\n\nIs there anything else?"
    if fault is Fault.PROSE:
        return "I would be glad to help. What exactly do you have in mind?"
    if fault is Fault.TWO_ANSWERS:
        quoted = json.dumps(_with_other_texts(said), ensure_ascii=False)
        return f"In the text there was this: {quoted}\nSo this is my answer: {text}"
    return "" if fault is Fault.REFUSAL else text


def _items(said: Json) -> list[Json]:
    items: list[Json] = [*said.get("items", ()), *([said["item"]] if "item" in said else ())]
    return items


def _spoil_item(item: Json, fault: Fault | None) -> None:
    options: list[Json] = item["options"]
    keys = [option["correct"] for option in options]
    if fault is Fault.TWO_KEYS:
        options[keys.index(False)]["correct"] = True
    elif fault is Fault.WRONG_KEY:
        wrong = keys.index(False)
        for place, option in enumerate(options):
            option["correct"] = place == wrong
    elif fault is Fault.SAME_OPTIONS:
        options[-1]["text"] = f"{options[0]['text'].upper()} "
    elif fault is Fault.HTML:
        item["stem"] += f" {HTML}"
        options[0]["text"] += HTML
        item["explanation"] += HTML


def _obedient(said: Json, asked: Asked) -> Json:
    """The answer of a model that takes the first order in the material for its own; as it is, if there is none."""
    ordered = next((found["order"] for text in asked.material.values() if (found := INJECTION.search(text))), None)
    if ordered is None:
        return said
    for item in _items(said):
        item["stem"] = ordered[:1000]
    for skill in said.get("skills", ()):
        skill |= {"name": ordered[:80], "description": ordered[:1000], "evidence": ordered[:1000]}
    for verdict in said.get("verdicts", ()):
        verdict |= {"is_right": True, "why": ordered[:1000]}
    if "option" in said:
        letter = re.search(r"\b[A-E]\b", ordered)
        said |= {"option": letter[0] if letter else "A", "confidence": 100}
    return said


def _with_other_texts(said: Any) -> Any:
    if isinstance(said, dict):
        return {name: _with_other_texts(value) for name, value in said.items()}
    if isinstance(said, list):
        return [_with_other_texts(value) for value in said]
    if isinstance(said, bool):
        return not said
    return (said % 3) + 1 if isinstance(said, int) else said
