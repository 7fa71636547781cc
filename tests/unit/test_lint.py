"""All gates over many questions: of files, and of the bundled bank."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sitting.cli.lint_report import as_data, lines_of
from sitting.cli.sample import read_sample
from sitting.interchange.formats import Format
from sitting.questions.gates import GATE_NAMES
from sitting.questions.gates.lint import LintReport, Subject, lint
from sitting.usecases.lint_files import Source, lint_files
from sitting.usecases.question_draft import content_of


def question(slug: str, text: str, *options: str, right: tuple[int, ...] = (0,), **more: Any) -> Mapping[str, Any]:
    listed = [{"text": option, "correct": number in right} for number, option in enumerate(options)]
    return {"slug": slug, "type": "single_choice", "text": text, "options": listed, **more}


def linted(*questions: Mapping[str, Any], **more: Any) -> LintReport:
    source = Source("bank.json", json.dumps(questions).encode(), Format.JSON)
    return lint_files([source], **{"only": GATE_NAMES, **more})


SOUND = question("sound", "Which city is the capital of Norway?", "Oslo", "Bergen", "Narvik", skill="Places")
NEGATIVE = question("negative", "Which city is not in Norway?", "Paris", "Bergen", "Narvik", skill="Places", tags=["x"])


def test_files_are_looked_at_with_what_the_bank_would_refuse() -> None:
    two = question("two", "Which number is even?", "two", "four", "five", right=(0, 1))
    report = linted(SOUND, NEGATIVE, two)
    failed = {item.subject.name: [verdict.gate for verdict in item.failures] for item in report.items}
    assert failed == {"sound": [], "negative": ["negative_stem"], "two": ["one_key"]}
    assert list(report.items[2].subject.refusals) == ["exactly one option must be correct"]
    assert not report.is_clean
    assert linted(SOUND).is_clean


def test_near_duplicates_are_found_within_the_files_and_past_the_filter() -> None:
    again = {**SOUND, "slug": "again", "text": "Which city is Norway's capital?", "skill": "Other"}
    report = linted(SOUND, again, skill="Other")
    (item,) = report.items
    (verdict,) = item.failures
    assert verdict.gate == "near_duplicate"
    assert verdict.evidence["matches"][0]["question_id"] == "bank.json:1"


def test_filters_choose_questions_and_gates() -> None:
    report = linted(SOUND, NEGATIVE, tags=["x"], only=["option_count"])
    assert [item.subject.name for item in report.items] == ["negative"]
    assert [verdict.gate for verdict in report.items[0].verdicts] == ["option_count"]
    assert report.bank == []
    assert report.is_clean


def test_tag_overrules_a_gate_for_its_question_and_no_other_gate() -> None:
    overruled = {**NEGATIVE, "tags": ["gate-ok:negative_stem"]}
    report = linted(overruled)
    assert report.is_clean
    assert [verdict.gate for verdict in report.items[0].accepted] == ["negative_stem"]
    assert any("overruled" in line for line in lines_of(report))
    assert not linted({**NEGATIVE, "tags": ["gate-ok:one_key"]}).is_clean


def test_what_cannot_be_read_is_told_with_its_place() -> None:
    report = lint_files([Source("x.gift", b"::a::A?{=x ~y ~z}\n\nMatch.{=a -> b}\n", Format.GIFT)], only=GATE_NAMES)
    assert len(report.items) == 1
    assert "x.gift: item 2" in report.unread[0]
    assert "line 3" in report.unread[0]
    assert not report.is_clean


def test_report_says_gate_place_and_sentence_and_holds_all_as_json() -> None:
    report = linted(NEGATIVE, {**SOUND, "options": [*SOUND["options"], {"text": "None of the above"}]})
    lines = lines_of(report)
    assert any(line.startswith("  negative_stem (stem): “not”") for line in lines)
    assert any(line.startswith("  all_or_none (option 4): ") for line in lines)
    assert lines[-1] == "2 questions, 2 with something to change (all_or_none 1, negative_stem 1)"
    data = json.loads(json.dumps(as_data(report)))
    assert data["clean"] is False
    assert data["counts"]["negative_stem"] == {"passed": 1, "failed": 1, "not_applicable": 0}
    assert {verdict["gate"] for verdict in data["items"][0]["verdicts"]} | {v["gate"] for v in data["bank"]} == set(
        GATE_NAMES
    )


def test_bundled_bank_passes() -> None:
    subjects = [Subject(slug, slug, content_of(draft)) for slug, draft in read_sample({}).questions.items()]
    report = lint(subjects, among="the bank")
    assert {item.subject.id: [str(each) for each in item.failures] for item in report.items if item.failures} == {}
    assert not any(verdict.failed for verdict in report.bank)
