"""Banks as files from the command line, on both databases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import refused, sitting, succeeded
from tests.support.server import JWT_SECRET, SIGNING_KEY, SittingProcess

KEYS = {"SITTING_JWT_SECRET": JWT_SECRET, "SITTING_SIGNING_KEY": SIGNING_KEY}
CLEAN = "::a::A?{=x ~y}\n\n::b::B.{T}\n"
FAULTY = "::a::A?{=x ~%50%y}\n\nMatch.{=a -> b}\n"
TOLD = ("--skill", "History", "--difficulty", "easy")


@pytest.fixture
def run(database_url: str, tmp_path: Path) -> Any:
    """Run a command on a database of the test's own, once for each kind."""

    def run(*arguments: str, stdin: str = "") -> Any:
        return sitting(*arguments, "--database-url", database_url, cwd=tmp_path, env=KEYS, stdin=stdin)

    return run


def write(tmp_path: Path, name: str, text: str) -> str:
    (tmp_path / name).write_text(text, "utf-8")
    return name


def exported(run: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(succeeded(run("export", "--format", "json")))["questions"]
    return found


def test_clean_file_is_taken_at_once_and_comes_out_again(run: Any, tmp_path: Path) -> None:
    said = succeeded(run("import", write(tmp_path, "bank.gift", CLEAN), *TOLD))
    assert said == "bank.gift: gift: 2 created, 0 updated, 0 unchanged, 0 refused\n"
    assert sorted(question["slug"] for question in exported(run)) == ["a", "b"]
    succeeded(run("export", "-o", "out.csv"))
    assert "0 created, 0 updated, 2 unchanged" in succeeded(run("import", "out.csv"))


def test_dry_run_reports_by_item_stores_nothing_and_fails_if_something_is_refused(run: Any, tmp_path: Path) -> None:
    done = run("import", write(tmp_path, "bank.gift", FAULTY), *TOLD, "--dry-run")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[1].startswith("gift: 1 created, 0 updated, 0 unchanged, 1 refused; 1 not exactly")
    assert "  line 1, column 12: changed: the weight of 50 % is not kept" in done.stdout
    assert "  line 3, column 8: Sitting has no matching questions" in lines
    assert exported(run) == []


def test_what_is_not_taken_exactly_needs_a_yes(run: Any, tmp_path: Path) -> None:
    bank = write(tmp_path, "bank.txt", FAULTY)
    done = run("import", bank, *TOLD)
    assert done.returncode == 1
    assert "matching" in done.stdout
    assert "say --yes" in done.stderr
    assert exported(run) == []
    assert "1 created" in succeeded(run("import", bank, *TOLD, "--yes"))
    assert [question["slug"] for question in exported(run)] == ["a"]


def test_export_tells_what_the_format_cannot_say(run: Any, tmp_path: Path) -> None:
    question = {"text": "p?", "type": "short_text", "accepted": [{"text": "a+", "match": "pattern"}]}
    succeeded(run("import", write(tmp_path, "p.json", json.dumps([question])), *TOLD))
    done = run("export", "--format", "gift")
    assert succeeded(done) == ""
    assert "1 left out" in done.stderr
    assert "accepted answer" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("import", "nothing.gift"), "nothing.gift: No such file"),
        (("import", "bank.doc"), "does not tell its format"),
        (("import", "bank.doc", "--format", "xml"), "unknown format xml"),
        (("import", "bank.doc", "--format", "gift", "--difficulty", "simple"), "unknown difficulty simple"),
        (("export",), "standard output does not tell its format"),
        (("export", "--format", "csv", "--type", "essay"), "unknown type essay"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(run: Any, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    write(tmp_path, "bank.doc", CLEAN)
    assert said in refused(run(*arguments))


def test_served_file_can_be_exported_and_not_imported_into(sqlite_database_url: str, tmp_path: Path) -> None:
    def run(*arguments: str) -> Any:
        return sitting(*arguments, "--database-url", sqlite_database_url, cwd=tmp_path, env=KEYS)

    bank = write(tmp_path, "bank.gift", CLEAN)
    succeeded(run("import", bank, *TOLD))
    with SittingProcess.serve(sqlite_database_url, tmp_path):
        assert "2 unchanged" in succeeded(run("import", bank, *TOLD, "--dry-run"))
        assert "::a::" in succeeded(run("export", "--format", "gift"))
        assert "in use by process" in refused(run("import", bank, *TOLD))
