"""docs/tables says of each table what the migrated databases say, and what no database can say: what it means."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from sitting.storage.unit_of_work import Storage
from tests.support.describe_schema import COLUMNS, Items, comparable, describe, printed, read_description
from tests.support.sql_expression import canonical

TABLES = Path(__file__).parents[2] / "docs" / "tables"
DESCRIPTIONS = {path.stem: read_description(path.read_text("utf-8")) for path in sorted(TABLES.glob("*.txt"))}


def disagreement(table: str, described: Items, found: Items, dialect: str) -> str:
    """The difference, as a reader of both would mark it; empty if there is none."""
    lines = difflib.unified_diff(
        comparable(described, dialect),
        comparable(found, dialect),
        f"docs/tables/{table}.txt",
        f"the migrated schema on {dialect}",
        lineterm="",
        n=0,
    )
    return "\n".join(lines)


async def test_descriptions_and_migrated_schema_agree(storage: Storage) -> None:
    async with storage.database.reading() as connection:
        tables = await connection.run_sync(describe)
        dialect = connection.dialect.name
    described = {name: description.items for name, description in DESCRIPTIONS.items()}
    found = [
        disagreement(name, described.get(name, {}), tables.get(name, {}), dialect)
        for name in sorted(described.keys() | tables.keys())
    ]
    assert not any(found), "\n".join(filter(None, [*found, "`python -m tests.support.describe_schema` prints it anew"]))


@pytest.mark.parametrize("table", DESCRIPTIONS)
def test_every_table_column_and_rule_has_a_meaning(table: str) -> None:
    description = DESCRIPTIONS[table]
    assert description.introduction.startswith(f"{table}: ")
    assert [name for name, meaning in description.meanings.items() if not meaning] == []
    assert len(description.meanings) == len(description.items[COLUMNS])


@pytest.mark.parametrize("table", DESCRIPTIONS)
def test_printed_description_is_read_back_as_it_was(table: str) -> None:
    items = DESCRIPTIONS[table].items
    assert read_description(f"{table}: …\n{printed(items)}").items == items


@pytest.mark.parametrize(
    ("change", "marks"),
    [
        (("seq            integer   not null", "seq            bigint    not null"), ["seq bigint", "seq integer"]),
        (("    salt           bytes     null ", "    salt           bytes     not null "), ["salt bytes not null"]),
        (("    hash ", "    hush "), ["hush bytes", "hash bytes"]),
        (("seq >= 1", "seq >= 0"), ["seq >= 0", "seq >= 1"]),
        (("checks\n", "indexes\n    ix_more: seq\nchecks\n"), ["ix_more: seq"]),
        (("assessment_id -> assessments (id)", "assessment_id -> tests (id)"), ["-> tests", "-> assessments"]),
        (("checks\n    ck_assessment_events_seq_positive: seq >= 1", ""), ["seq_positive"]),
    ],
)
def test_difference_is_found_and_shown(change: tuple[str, str], marks: list[str]) -> None:
    text = (TABLES / "assessment_events.txt").read_text("utf-8")
    assert change[0] in text
    wrong = read_description(text.replace(*change)).items
    shown = disagreement("assessment_events", wrong, DESCRIPTIONS["assessment_events"].items, "postgresql")
    assert [mark for mark in marks if mark not in shown] == []


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (
            "((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying(2)])::text[]))",
            "status IN ('a', 'b')",
        ),
        ("status::text <> ALL (ARRAY['a'::text, 'b'::text])", "status not in ('a','b')"),
        ("(a >= 1) AND (NOT (b = 2))", "a >= 1 and not b = 2"),
        ("((a IS NOT NULL) OR ((b IS NULL) AND (c < 'It''s AND')))", "a is not null OR b is null and c < 'It''s AND'"),
        ("(a = 1 OR (b = 2)) AND c = 3", "(a = 1 or b = 2) and c = 3"),
        ("((old.status || ':'::text) || new.status) = 'a:b'", "old.status || ':' || new.status = 'a:b'"),
    ],
)
def test_postgresqls_spelling_of_a_condition_is_recognised(said: str, meant: str) -> None:
    assert canonical(said) == canonical(meant)
    assert canonical(canonical(said)) == canonical(said)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("(a = 1 or b = 2) and c = 3", "a = 1 or b = 2 and c = 3"),
        ("not (a = 1 or b = 2)", "not a = 1 or b = 2"),
        ("a in ('x')", "a not in ('x')"),
        ("a in ('x')", "a in ('X')"),
        ("a is null", "a is not null"),
        ("a > 1", "a >= 1"),
    ],
)
def test_conditions_that_differ_stay_different(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize("text", ["", "a =", "(a = 1", "a = 1)", "a = {1}", "a = ANY (SELECT 1)"])
def test_condition_that_cannot_be_read_is_an_error_and_no_agreement(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  each says where it stopped
        canonical(text)
