"""Every planted bug is written down whole, applies to the tree as it is, and names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.planted import (
    PLANTED,
    PROMISES,
    NotAPlantedBug,
    Planted,
    all_planted,
    git_apply,
    read_planted,
    unknown_test,
)
from tests.support.promises import NOT_SHOWN_HERE
from tests.support.tables_in_docs import RELIABILITY, ROOT, between

AT_LEAST = 25
BUGS = all_planted()
SOUND = """Promise: P7
Bug: it is told before it is done
Caught by: tests/unit/test_planted.py::test_bugs_are_many

--- a/notes.txt
+++ b/notes.txt
@@ -1,2 +1,2 @@
 first
-second
+third
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "told-too-early.patch"


def test_bugs_are_many() -> None:
    assert sum(bug.promise is not None for bug in BUGS) >= AT_LEAST


@pytest.mark.parametrize("bug", BUGS, ids=[bug.name for bug in BUGS])
def test_bug_applies_to_the_tree_and_names_tests_that_exist(bug: Planted) -> None:
    assert not git_apply(bug.path, ROOT, "--check"), f"{bug.path.name} has to be written anew"
    assert not [wrong for test in bug.caught_by if (wrong := unknown_test(test))]


def test_each_promise_that_is_shown_here_has_a_bug() -> None:
    planted = {bug.promise for bug in BUGS}
    assert [f"P{n}" for n in range(1, PROMISES + 1) if n not in planted and n not in NOT_SHOWN_HERE] == []


def test_page_names_each_bug_once_and_all_of_them_as_caught() -> None:
    rows = [line.split(" | ") for line in between(RELIABILITY, "mutants").splitlines() if line.startswith("| ")][2:]
    told = sorted(re.sub("`", "", row[1]) for row in rows)
    assert told == sorted(bug.name for bug in BUGS)
    assert {row[-1].removesuffix(" |") for row in rows} == {"caught"}


def test_nothing_else_lies_among_the_bugs() -> None:
    others = {path.name for path in PLANTED.iterdir() if path.suffix != ".patch"}
    assert others == {"README.md"}


# --- what is refused ---


def test_headers_are_read(written: Path) -> None:
    written.write_text(SOUND.replace("\n\n", "\nSelect: -k 'sqlite and not tab'\n\n", 1))
    bug = read_planted(written)
    assert (bug.name, bug.promise, bug.bug) == ("told-too-early", 7, "it is told before it is done")
    assert bug.caught_by == ("tests/unit/test_planted.py::test_bugs_are_many",)
    assert bug.select == ("-k", "sqlite and not tab")


def test_defence_that_is_no_promise_is_read(written: Path) -> None:
    written.write_text(SOUND.replace("P7", "none, no token in any log"))
    assert (read_planted(written).promise, read_planted(written).label) == (None, "–")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Promise: P7\n", ""),
        ("Promise: P7", "Promise: P0"),
        ("Promise: P7", "Promise: P29"),
        ("Promise: P7", "Promise: seven"),
        ("Promise: P7", "Promise: none"),
        ("Promise: P7", "Promise: P7\nPromise: P8"),
        ("Bug: it is told before it is done\n", ""),
        ("Caught by: tests/unit/test_planted.py::test_bugs_are_many\n", ""),
        ("\n--- a/notes.txt", "\na/notes.txt"),
    ],
)
def test_bug_that_is_not_written_down_whole_is_refused(written: Path, old: str, new: str) -> None:
    written.write_text(SOUND.replace(old, new))
    with pytest.raises(NotAPlantedBug, match=r"told-too-early\.patch"):
        read_planted(written)


@pytest.mark.parametrize(("text", "applies"), [("first\nsecond\n", True), ("other\nsecond\n", False), (None, False)])
def test_patch_applies_where_every_line_around_it_is_as_it_says(
    written: Path, tmp_path: Path, text: str | None, applies: bool
) -> None:
    written.write_text(SOUND)
    if text is not None:
        (tmp_path / "notes.txt").write_text(text)
    assert (git_apply(written, tmp_path) == "") is applies
    assert not applies or (tmp_path / "notes.txt").read_text() == "first\nthird\n"


@pytest.mark.parametrize(
    "test", ["tests/unit/test_planted.py::test_nothing_of_the_kind", "tests/unit/test_gone.py::test_x", "tests/unit::x"]
)
def test_test_that_does_not_exist_is_told(test: str) -> None:
    assert unknown_test(test)
