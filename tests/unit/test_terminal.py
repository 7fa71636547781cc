"""What commands say at a terminal: nothing of it is an order to the terminal."""

from __future__ import annotations

from typing import Any

import pytest

from sitting.cli.author_graph import read_draft
from sitting.cli.author_review import show, verdict_lines
from sitting.cli.errors import Stop
from sitting.cli.terminal import Terminal, plain


def verdict(gate: str, outcome: str = "passed", sentence: str = "", **evidence: Any) -> dict[str, Any]:
    return {"gate": gate, "outcome": outcome, "sentence": sentence, "place": "item", "evidence": evidence}


@pytest.mark.parametrize(
    "order", ["\x1b[2J\x1b[1;1H", "\x1b]0;title\x07", "\x9b31m", "safe\u202egnp.exe", "a\rb", "\x08"]
)
def test_orders_to_the_terminal_are_shown_as_what_they_are(order: str) -> None:
    shown = plain(f"Which?\n{order}")
    assert shown.startswith("Which?\n")
    assert not set(shown[7:]) & set("\x1b\x07\x08\r\x9b\u202e")


def test_question_of_a_model_cannot_paint_its_own_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    proposal = {
        "question_id": "q_1",
        "run_id": "r_1",
        "question": {
            "skill": "SQL\x1b[8m",
            "difficulty": "easy",
            "text": "Which?\x1b[1A\x1b[2K",
            "options": [{"text": "A\x1b[0m", "correct": True}, {"text": "B", "correct": False}],
            "explanation": "",
        },
        "lineage": {"model": "m\x1b[5m", "prompt": "write_items.v1", "repairs": 2},
        "evidence": [verdict("one_key")],
    }
    show(Terminal(can_ask=False), proposal, "1 of 1")
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "  * A. A" in said
    assert "repaired 2 times" in said


def test_verdicts_say_first_what_failed_then_what_models_found() -> None:
    lines = verdict_lines(
        [
            verdict("one_key"),
            verdict("blind_solve", agree=2, asked=3, needed=2),
            verdict("options_only", hits=1, asked=5),
            verdict("code_output", "not_applicable"),
            verdict("longest_key", "failed", "It is the longest."),
        ]
    )
    assert lines == [
        "failed longest_key: It is the longest.",
        "passed blind_solve: 2 of 3 who solved it without the key agree",
        "passed options_only: 1 of 5 guessed the key without the stem",
        "passed: one_key",
        "nothing to look at for: code_output",
    ]


def test_file_of_a_skill_graph_is_the_graph_or_the_graph_with_what_it_is_about() -> None:
    graph = {"skills": [{"name": "SQL"}]}
    assert read_draft('{"skills": [{"name": "SQL"}]}', "f").graph == graph
    assert read_draft('{"graph": {"skills": [{"name": "SQL"}]}, "about": {"SQL": "x"}}', "f").about == {"SQL": "x"}


@pytest.mark.parametrize("text", ["", "[]", '"graph"', '{"graph": []}', "{"])
def test_other_files_are_refused(text: str) -> None:
    with pytest.raises(Stop, match="f "):
        read_draft(text, "f")
