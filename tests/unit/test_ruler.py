from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import ruler


def function_of(lines: int, reason: str = "") -> str:
    body = "\n".join(f"    step({number})" for number in range(lines - 1))
    return f"def wander():{reason}\n{body}\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "other.py").write_text("import os\n\n\ndef short():\n    return os\n")
    return tmp_path / "module.py"


def test_long_function_is_named_and_fails(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source.write_text("import os\n" + function_of(61))
    assert ruler.main([source.parent]) == 1
    assert f"61 lines TOO LONG   {source}:2 wander" in capsys.readouterr().out


def test_function_at_the_limit_passes(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source.write_text("import os\n" + function_of(60))
    assert ruler.main([source.parent]) == 0
    assert "wander" not in capsys.readouterr().out


def test_long_function_that_says_why_is_shown_and_passes(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source.write_text("import os\n" + function_of(61, "  # long: one table, read top to bottom"))
    assert ruler.main([source.parent]) == 0
    assert "61 lines (says why)" in capsys.readouterr().out


def test_a_reason_without_words_does_not_count(source: Path) -> None:
    source.write_text("import os\n" + function_of(61, "  # long:"))
    assert ruler.main([source.parent]) == 1


@pytest.mark.parametrize(("line_of_reason", "expected"), [(None, 1), (4, 0), (5, 1)])
def test_long_file_must_say_why_in_its_first_five_lines(
    source: Path, line_of_reason: int | None, expected: int
) -> None:
    lines = ["import os"] * 601
    if line_of_reason is not None:
        lines[line_of_reason] = "# long: a table"
    source.write_text("\n".join(lines))
    assert ruler.main([source.parent]) == expected


def test_table_shows_median_and_ninth_decile() -> None:
    assert ruler.row("functions", list(range(1, 100))).split() == [
        "functions",
        "99",
        "50",
        "/",
        "90",
        "99",
        "10",
        "/",
        "35",
    ]
