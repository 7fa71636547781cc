"""The schema of a database as text, for docs/tables: `python -m tests.support.describe_schema [TABLE…]` prints it.

A description has a paragraph on the table, and then sections of indented items. Behind a column stands what it means,
and what is indented further is prose: both are people's work, the rest is what the database says of itself.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.engine.interfaces import ReflectedIndex
from sqlalchemy.engine.reflection import Inspector
from sqlalchemy.types import BigInteger, Boolean, DateTime, Integer, LargeBinary, Numeric, String, Text, TypeEngine

from tests.support.sql_expression import canonical

COLUMNS = "columns"
SECTIONS = (COLUMNS, "primary key", "unique", "references", "checks", "indexes", "triggers")
NOT_OURS = frozenset({"alembic_version"})
_INSTANT_ON_SQLITE = 27
_TRIGGER = re.compile(r"CREATE TRIGGER \w+ (.*?) ON ", re.DOTALL)
_TRIGGERS = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table",
    "postgresql": "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger "
    "WHERE tgrelid = CAST(:table AS regclass) AND NOT tgisinternal",
}

Items = Mapping[str, Sequence[str]]
"""By section, one normal line for each thing."""


@dataclass(slots=True)
class Description:
    """A file of docs/tables.

    Attributes:
        meanings: what each column means, by its name.
    """

    introduction: str
    items: dict[str, list[str]] = field(default_factory=dict)
    meanings: dict[str, str] = field(default_factory=dict)


def describe(connection: Connection) -> dict[str, Items]:
    """Every table of ours, by name."""
    inspector = inspect(connection)
    return {name: _table(connection, inspector, name) for name in inspector.get_table_names() if name not in NOT_OURS}


def read_description(text_: str) -> Description:
    """Read a description.

    Raises:
        ValueError: a line is neither heading, item nor prose; the message names it.
    """
    found = Description(introduction="")
    section = ""
    for line in text_.splitlines():
        indent = len(line) - len(line.lstrip())
        if indent == 0 and line in SECTIONS:
            section = line
            found.items[section] = []
        elif not section:
            found.introduction += f"{line}\n"
        elif indent == 4:
            found.items[section].append(_item(found, section, line.strip()))
        elif line and indent <= 4:
            raise ValueError(f"neither heading nor item: {line!r}")
    return found


def printed(items: Items) -> str:
    """The sections with their items, as they stand in a description whose meanings are still to be written."""
    lines: list[str] = []
    for section in SECTIONS:
        if items.get(section):
            lines.append(section)
            lines += _aligned(items[section]) if section == COLUMNS else [f"    {item}" for item in items[section]]
    return "\n".join(lines)


def comparable(items: Items, dialect: str) -> list[str]:
    """The items as lines, where that database can say so much: SQLite knows one width of integers."""
    lines = [f"{section}: {item}" for section in SECTIONS for item in items.get(section, ())]
    return [re.sub(r"\bbigint\b", "integer", line) for line in lines] if dialect == "sqlite" else lines


def _item(found: Description, section: str, line: str) -> str:
    if section == COLUMNS:
        name, type_, null, *meaning = re.split(r"  +", line)
        found.meanings[name] = " ".join(meaning)
        return f"{name} {type_} {null}"
    name, colon, rest = line.partition(": ")
    if section == "checks":
        return f"{name}: {canonical(rest)}"
    columns, where, condition = rest.partition(" where ")
    return f"{name}{colon}{columns}" + (f" where {canonical(condition)}" if where else "")


def _aligned(columns: Iterable[str]) -> list[str]:
    rows = [column.split(" ", 2) for column in columns]
    widths = [max(len(row[n]) for row in rows) for n in (0, 1)]
    return [f"    {name:<{widths[0]}}  {type_:<{widths[1]}}  {null}" for name, type_, null in rows]


# --- what the database says ---


def _table(connection: Connection, inspector: Inspector, name: str) -> Items:
    return {
        COLUMNS: [_column(connection, name, column) for column in inspector.get_columns(name)],
        "primary key": [", ".join(inspector.get_pk_constraint(name)["constrained_columns"])],
        "unique": sorted(f"{u['name']}: {_names(u['column_names'])}" for u in inspector.get_unique_constraints(name)),
        "references": sorted(
            f"{key['name']}: {_names(key['constrained_columns'])} -> "
            f"{key['referred_table']} ({_names(key['referred_columns'])}){_options(key['options'])}"
            for key in inspector.get_foreign_keys(name)
        ),
        "checks": sorted(f"{c['name']}: {canonical(c['sqltext'])}" for c in inspector.get_check_constraints(name)),
        "indexes": sorted(_index(i) for i in inspector.get_indexes(name) if "duplicates_constraint" not in i),
        "triggers": sorted(_triggers(connection, name)),
    }


def _column(connection: Connection, table: str, column: Any) -> str:
    null = "null" if column["nullable"] else "not null"
    default = _default(str(column["default"] or ""), column["type"])
    if default.startswith("nextval(") or (column.get("primary_key") and _numbers_itself(connection, table)):
        null, default = "numbered", ""
    return f"{column['name']} {_type(column['type'])} {null}" + (f" default {default}" if default else "")


def _default(said: str, type_: TypeEngine[Any]) -> str:
    """The default as both databases could say it: PostgreSQL adds types, SQLite quotes numbers and has no booleans."""
    value = re.sub(r"::[a-z ]+$", "", said)
    if isinstance(type_, Boolean):
        return {"0": "false", "1": "true"}.get(value, value)
    return value.strip("'") if isinstance(type_, Integer) else value


def _numbers_itself(connection: Connection, table: str) -> bool:
    statement = text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :table")
    return "AUTOINCREMENT" in str(connection.scalar(statement, {"table": table}))


def _type(type_: TypeEngine[Any]) -> str:
    """Our word for a type: the same on both databases."""
    match type_:
        case BigInteger():
            return "bigint"
        case Integer():
            return "integer"
        case Numeric(precision=precision, scale=scale):
            return f"decimal({precision},{scale})"
        case Boolean():
            return "boolean"
        case LargeBinary() | BYTEA():
            return "bytes"
        case Text(length=None):
            return "text"
        case String(length=length) if length == _INSTANT_ON_SQLITE:
            return "instant"
        case DateTime(timezone=True):
            return "instant"
        case String(length=length):
            return f"text({length})"
        case _:
            return repr(type_)


def _index(index: ReflectedIndex) -> str:
    options = index.get("dialect_options", {})
    where = options.get("postgresql_where", options.get("sqlite_where"))
    unique = "unique " if index["unique"] else ""
    condition = "" if where is None else f" where {canonical(str(where))}"
    return f"{index['name']}: {unique}{_names(index['column_names'])}{condition}"


def _triggers(connection: Connection, table: str) -> Iterator[str]:
    for name, sql in connection.execute(text(_TRIGGERS[connection.dialect.name]), {"table": table}):
        event = _TRIGGER.match(sql)
        yield f"{name}: {event.group(1).lower() if event else sql}"


def _names(columns: Iterable[str | None]) -> str:
    return ", ".join(column or "an expression" for column in columns)


def _options(options: Mapping[str, Any]) -> str:
    return "".join(f", {name} {value}" for name, value in sorted(options.items()) if value)


# --- the command ---


async def _print(url: str, wanted: Sequence[str]) -> None:
    from sitting.storage.database import Database
    from sitting.storage.url import DatabaseUrl

    database = Database(DatabaseUrl.parse(url))
    async with database.reading() as connection:
        tables = await connection.run_sync(describe)
    await database.close()
    for name in wanted or sorted(tables):
        print(f"--- {name}.txt\n{printed(tables[name])}\n")


def main(wanted: Sequence[str]) -> None:
    """Print what these tables look like after all migrations, or all tables, on a PostgreSQL of its own."""
    from tests.support.databases import migrate
    from tests.support.postgres import PostgresServer

    with PostgresServer() as server:
        url = server.create_database("described")
        migrate(url)
        asyncio.run(_print(url, wanted))


if __name__ == "__main__":
    main(sys.argv[1:])
