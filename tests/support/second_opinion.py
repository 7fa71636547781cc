"""Scoring once more, from the rules of docs/scoring.md alone: plain loops over dictionaries and Decimals.

A question is a dictionary as in the examples of that page: `type`, `skill`, `points` (thousandths), and `options` with
`right`, or `numbers`, `unit`, `unit_required`, `other_units`, or `accepted`, `case_sensitive`. An answer is a text, a
list of texts, or None.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

Json = Mapping[str, Any]
EXACT = Context(prec=2000)
REFUSED = "refused"
DIGITS = "0123456789"
LONGEST_NUMBER = 60


def credit(question: Json, answer: Any) -> tuple[int, int] | str | None:
    """Numerator and denominator of what an answer is worth; None if it is no answer; or that it is refused."""
    if answer is None or answer == []:
        return None
    if question["type"] in ("single_choice", "true_false"):
        return (1, 1) if answer == question["right"][0] else (-1, 1)
    if question["type"] == "multiple_response":
        points = 0
        for option in set(answer):
            points += 1 if option in question["right"] else -1
        return max(points, -len(question["right"])), len(question["right"])
    if not answer.strip():
        return None
    if question["type"] == "numeric":
        return numeric(question, answer)
    best = max([0] + [a.get("credit", 1000) for a in question["accepted"] if meets(question, a, answer)])
    return (best, 1000) if best else (-1, 1)


# --- numbers ---


def numeric(question: Json, answer: str) -> tuple[int, int] | str:
    read = number_and_unit(answer)
    if read is None or (read[1] and not question.get("unit")):
        return REFUSED
    number, unit = read
    factors = {"": "0" if question.get("unit_required") else "1"}
    for other in question.get("other_units", []):
        factors[same_signs(other["name"])] = other["factor"]
    if question.get("unit"):
        factors[same_signs(question["unit"])] = "1"
    factor = Decimal(factors.get(same_signs(unit), "0"))
    best = 0
    for key in question["numbers"]:
        distance = EXACT.subtract(EXACT.multiply(number, factor), Decimal(key["value"]))
        if factor and abs(distance) <= Decimal(key.get("tolerance", "0")):
            best = max(best, key.get("credit", 1000))
    return (best, 1000) if best else (-1, 1)


def same_signs(unit: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", unit).split())


def run_of_digits(text: str) -> str:
    length = 0
    while length < len(text) and text[length] in DIGITS:
        length += 1
    return text[:length]


def number_and_unit(answer: str) -> tuple[Decimal, str] | None:
    """Read from left to right; None if it cannot be read, or in two ways."""
    text = " ".join(unicodedata.normalize("NFC", answer).replace("\N{MINUS SIGN}", "-").split())
    length = len(text)
    sign, text = (text[0], text[1:]) if text[:1] in ("+", "-") else ("", text)
    whole, text = grouped(text)
    mark, part = text[:1] if text[:1] in (".", ",") else "", ""
    if mark:
        part = run_of_digits(text[1:])
        text = text[1 + len(part) :]
    power, text = power_of_ten(text)
    if not (whole or part) or (text and text[0] in DIGITS + ".,"):
        return None
    if length - len(text) > LONGEST_NUMBER or abs(int(power or "0")) > LONGEST_NUMBER:
        return None
    if mark == "," and len(part) == 3 and 1 <= len(whole) <= 3 and whole != "0" and not power:
        return None
    unit = text.strip()
    if unit and unicodedata.category(unit[0]) in ("Nd", "Nl", "No"):
        return None
    return Decimal(f"{sign}{whole or '0'}.{part or '0'}e{power or '0'}"), unit


def grouped(text: str) -> tuple[str, str]:
    whole = run_of_digits(text)
    text = text[len(whole) :]
    if 1 <= len(whole) <= 3:
        while text[:1] == " " and len(run_of_digits(text[1:])) == 3:
            whole, text = whole + text[1:4], text[4:]
    return whole, text


def power_of_ten(text: str) -> tuple[str, str]:
    if text[:1] not in ("e", "E"):
        return "", text
    sign = text[1:2] if text[1:2] in ("+", "-") else ""
    digits = run_of_digits(text[1 + len(sign) :])
    return (sign + digits, text[1 + len(sign) + len(digits) :]) if digits else ("", text)


# --- texts ---


def meets(question: Json, accepted: Json, answer: str) -> bool:
    sensitive = question.get("case_sensitive", False)
    how = accepted.get("match", "exact")
    if how == "pattern":  # an engine of another kind: the patterns in tests mean the same to both
        return bool(re.fullmatch(accepted["text"], plain(answer, True), 0 if sensitive else re.IGNORECASE))
    given, wanted = plain(answer, sensitive), plain(accepted["text"], sensitive)
    return given == wanted if how == "exact" else wild(given, wanted)


def plain(text: str, sensitive: bool) -> str:
    text = " ".join(unicodedata.normalize("NFC", text).split())
    if sensitive:
        return text
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def wild(given: str, wanted: str) -> bool:
    """Whether `given` is `wanted` with something for each star: the first place where each piece fits is the best."""
    star = "\0"
    pieces = wanted.replace("\\*", "\1").replace("*", star).replace("\1", "*").split(star)
    if len(pieces) == 1:
        return given == pieces[0]
    first, *middle, last = pieces
    if not given.startswith(first):
        return False
    given = given[len(first) :]
    for piece in middle:
        at = given.find(piece)
        if at < 0:
            return False
        given = given[at + len(piece) :]
    return given.endswith(last)


# --- points ---


def rounded(numerator: int, denominator: int) -> int:
    exact = EXACT.divide(Decimal(numerator), Decimal(denominator))
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP, context=EXACT))


def points_of(question: Json, worth: tuple[int, int] | None, rules: Json) -> int:
    if worth is None:
        return 0
    numerator, denominator = worth
    if numerator >= 0:
        return rounded(question["points"] * numerator, denominator)
    if question["type"] == "multiple_response" and rules.get("floor_items", True):
        return 0
    return rounded(question["points"] * numerator * rules.get("negative_marking", 0), denominator * 1000)


def outcome(questions: Sequence[Json], worths: Sequence[tuple[int, int] | None], rules: Json) -> dict[str, Any]:
    """Total, maximum, percentage of those questions and how many are correct and answered."""
    total = maximum = correct = answered = 0
    for question, worth in zip(questions, worths, strict=True):
        total += points_of(question, worth, rules)
        maximum += question["points"]
        answered += worth is not None
        correct += worth is not None and worth[0] == worth[1]
    if total < 0 and rules.get("floor_total", True):
        total = 0
    percentage = rounded(total * 100_000, maximum)
    return {"total": total, "maximum": maximum, "percentage": percentage, "correct": correct, "answered": answered}


def reaches(result: Json, mark: int) -> bool:
    return EXACT.multiply(Decimal(result["total"]), Decimal(100_000)) >= Decimal(mark) * Decimal(result["maximum"])


def score(questions: Sequence[Json], answers: Sequence[Any], rules: Json) -> dict[str, Any]:
    """The whole result. `rules`: `pass_mark`, `negative_marking`, `floor_items`, `floor_total`, `skills`."""
    worths = [credit(question, answer) for question, answer in zip(questions, answers, strict=True)]
    kept = [None if isinstance(worth, str) else worth for worth in worths]
    result = outcome(questions, kept, rules)
    result["passed"] = reaches(result, rules["pass_mark"])
    result["brings"] = [points_of(question, worth, rules) for question, worth in zip(questions, kept, strict=True)]
    result["skills"] = []
    for skill in dict.fromkeys(question["skill"] for question in questions):
        mine = [number for number, question in enumerate(questions) if question["skill"] == skill]
        part = outcome([questions[number] for number in mine], [kept[number] for number in mine], rules)
        rule: Json = next((each for each in rules.get("skills", []) if each["skill"] == skill), {})
        mark = rule.get("pass_mark")
        part |= {
            "skill": skill,
            "priority": rule.get("priority"),
            "passed": None if mark is None else reaches(part, mark),
        }
        part["questions"] = len(mine)
        result["passed"] = result["passed"] and part["passed"] is not False
        result["skills"].append(part)
    return result
