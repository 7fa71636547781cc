"""Database addresses as operators write them, without a driver's name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """A checked address: an SQLite file or a PostgreSQL database."""

    url: URL

    @classmethod
    def parse(cls, text: str) -> DatabaseUrl:
        """Read `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://user:password@host/name`.

        Raises:
            ValueError: it is something else; the message names no password.
        """
        try:
            url = make_url(text)
        except ArgumentError:
            raise ValueError("this is not a database address; write sqlite:///file.db or postgresql://…") from None
        if url.drivername not in ("sqlite", "postgresql"):
            raise ValueError(f"{url.drivername}: write sqlite:///file.db or postgresql://user:password@host/name")
        if not url.database:
            raise ValueError("the database address names no file or database")
        return cls(url)

    @property
    def is_sqlite(self) -> bool:
        return self.url.drivername == "sqlite"

    @property
    def file(self) -> Path:
        """The SQLite file, absolute."""
        assert self.is_sqlite
        return Path(str(self.url.database)).absolute()

    @property
    def for_engine(self) -> URL:
        """The address with the driver that we use."""
        if self.is_sqlite:
            return self.url.set(drivername="sqlite+aiosqlite", database=str(self.file))
        return self.url.set(drivername="postgresql+asyncpg")

    @property
    def for_asyncpg(self) -> str:
        """The address for asyncpg itself, password included."""
        return self.url.render_as_string(hide_password=False)

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)
