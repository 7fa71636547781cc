"""Every promise has a test with its number, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.planted import PROMISES
from tests.support.promises import (
    NOT_SHOWN_HERE,
    STATEMENTS,
    WITHOUT_A_DATABASE,
    missing,
    promise_tests,
    promises_table,
)
from tests.support.tables_in_docs import RELIABILITY, between

SHARED = """
import pytest

@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def kind(request): ...

@pytest.fixture
def store(kind): ...

@pytest.fixture
def file(tmp_path): ...
"""


def written(root: Path, tests: str) -> dict[str, bool]:
    """The promise tests of a small tree: whether each runs on both databases."""
    for name, text in (("conftest.py", SHARED), ("unit/test_it.py", tests)):
        path = root / "tests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return {test.name: test.on_both for test in promise_tests(root)}


def test_every_promise_has_a_test_on_both_databases() -> None:
    assert [f"P{number}" for number in missing(promise_tests())] == []


def test_every_promise_has_a_statement_and_every_exception_a_reason() -> None:
    assert list(STATEMENTS) == list(range(1, PROMISES + 1))
    exceptions = NOT_SHOWN_HERE | WITHOUT_A_DATABASE
    assert set(exceptions) <= set(STATEMENTS)
    assert all(len(reason.split()) > 3 for reason in (*STATEMENTS.values(), *exceptions.values()))


def test_every_number_in_a_tests_name_is_a_promise() -> None:
    assert {test.promise for test in promise_tests()} <= set(STATEMENTS)


def test_page_tells_of_the_tests_that_there_are() -> None:
    assert between(RELIABILITY, "promises") == promises_table(promise_tests()), (
        "write it anew: python -m tests.support.promises"
    )


# --- how it is found out ---


@pytest.mark.parametrize(
    ("tests", "on_both"),
    [
        ("def test_p07_x(kind): ...", True),
        ("async def test_p07_x(store): ...", True),
        ("def test_p07_x(file): ...", False),
        ("def test_p07_x(): ...", False),
        ("import pytest\n@pytest.fixture\ndef mine(store): ...\ndef test_p07_x(mine): ...", True),
        ("import pytest\n@pytest.fixture\ndef store(file): ...\ndef test_p07_x(store): ...", False),
        ("import pytest\n@pytest.mark.parametrize('k', ['sqlite', 'postgresql'])\ndef test_p07_x(k): ...", True),
        ("import pytest\n@pytest.mark.parametrize('k', ['sqlite'])\ndef test_p07_x(k): ...", False),
        ("import pytest\n@pytest.mark.usefixtures('store')\ndef test_p07_x(): ...", True),
    ],
)
def test_both_databases_are_found_through_fixtures(tmp_path: Path, tests: str, on_both: bool) -> None:
    assert written(tmp_path, tests) == {"test_p07_x": on_both}


def test_what_has_no_number_shows_no_promise(tmp_path: Path) -> None:
    assert written(tmp_path, "def test_x(kind): ...\ndef p07(kind): ...\ndef test_p7_x(kind): ...") == {}


def test_promise_without_a_test_on_both_is_missing(tmp_path: Path) -> None:
    written(tmp_path, "def test_p07_x(kind): ...\ndef test_p08_x(file): ...")
    found = missing(promise_tests(tmp_path))
    assert 7 not in found
    assert 8 in found
    assert not {*NOT_SHOWN_HERE, *WITHOUT_A_DATABASE} & set(found)
