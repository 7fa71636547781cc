"""What a command works with: its settings, its database, and the keys that belong to it."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sitting.cli.errors import Stop
from sitting.cli.logs import configure_logs
from sitting.cli.secrets_file import ensure_secrets, read_secrets
from sitting.identity.key_sets import PublishedKeys
from sitting.identity.signer import Signer
from sitting.identity.tokens import TokenKeys
from sitting.settings import Settings, SettingsRefused, load
from sitting.storage.database import Database
from sitting.storage.migrate import upgrade
from sitting.storage.opening import open_storage
from sitting.storage.ownership import Owned, owner, owning
from sitting.storage.schema import SchemaState, schema_state
from sitting.storage.unit_of_work import Storage
from sitting.storage.url import DatabaseUrl

HOW_TO_MAKE_KEYS = (
    "with PostgreSQL, SITTING_JWT_SECRET and SITTING_SIGNING_KEY must be set, to the same values on all nodes; "
    "`openssl rand -base64 48` makes the one, `openssl genpkey -algorithm ed25519` the other"
)


@dataclass(frozen=True, slots=True)
class Site:
    """The settings in force, and the database that they name."""

    settings: Settings
    url: DatabaseUrl

    @property
    def address(self) -> str:
        """The database's address with its password."""
        return self.url.for_asyncpg

    @property
    def file(self) -> Path | None:
        """The SQLite file; None with PostgreSQL."""
        return self.url.file if self.url.is_sqlite else None

    def token_keys(self) -> TokenKeys:
        """What tokens are signed with: as set, or kept beside the SQLite file and made now if need be.

        Raises:
            Stop: with PostgreSQL none is set.
        """
        set_one = self.settings.jwt_secret
        secret = ensure_secrets(self._file()).jwt_secret if set_one is None else set_one.get_secret_value()
        url = self.settings.jwks_url
        published = None if url is None else PublishedKeys(url)
        return TokenKeys(secret, self.settings.jwt_issuer, self.settings.jwt_audience, published)

    def signer(self) -> Signer:
        """What receipts are signed with: as set, or kept beside the SQLite file and made now if need be.

        Raises:
            Stop: with PostgreSQL none is set; or the one set is no Ed25519 key.
        """
        set_one = self.settings.signing_key
        return _signer(ensure_secrets(self._file()).signing_key if set_one is None else set_one.get_secret_value())

    def require_keys(self) -> None:
        """Make sure of both keys before anything else is done.

        Raises:
            Stop: with PostgreSQL one is not set; or one cannot be used.
        """
        self.token_keys()
        self.signer()

    def optional_signer(self) -> Signer | None:
        """As `signer`, but None where there is none yet."""
        if self.settings.signing_key is not None:
            return self.signer()
        secrets = read_secrets(self.file) if self.file is not None else None
        return None if secrets is None else _signer(secrets.signing_key)

    def require_newest_schema(self) -> None:
        """Look whether the database is there and as this version needs it; writes nothing.

        Raises:
            Stop: it is not; the message says what to do. Unavailable: it cannot be reached.
        """
        complaint = asyncio.run(self._schema_state()).complaint
        if complaint is not None:
            raise Stop(complaint)

    def migrate(self) -> SchemaState:
        """Bring the database to the newest schema, and return the state before. The caller owns an SQLite file.

        Raises:
            Stop: a newer Sitting has made it. Unavailable: it cannot be reached.
        """
        if self.file is not None and not self.file.exists():
            self.file.touch(mode=0o600)  # links and addresses of people are in it; SQLite gives its log the same mode
        before = asyncio.run(self._schema_state())
        if before.current is not None and not before.known:
            raise Stop(str(before.complaint))
        if before.complaint is not None:
            upgrade(self.address)
        return before

    async def _schema_state(self) -> SchemaState:
        async with self.looking() as database:
            return await schema_state(database)

    @contextlib.asynccontextmanager
    async def looking(self) -> AsyncIterator[Database]:
        """The database, open for reading only; an SQLite file may be served meanwhile.

        Raises:
            Stop: there is no such file.
        """
        if self.file is not None and not self.file.is_file():
            raise Stop(f"there is no file {self.file}; `sitting db upgrade` makes it")
        database = Database(self.url, read_only=True)
        try:
            yield database
        finally:
            await database.close()

    @contextlib.asynccontextmanager
    async def storage(self) -> AsyncIterator[Storage]:
        """A storage whose journal does not run: for units of work."""
        storage = open_storage(self.url)
        try:
            yield storage
        finally:
            await storage.journal.stop()
            await storage.database.close()

    @contextlib.contextmanager
    def owning(self) -> Iterator[None]:
        """Keep other writers off an SQLite file; PostgreSQL needs no such thing.

        Raises:
            Stop: another process has it, or its directory is not there or not writable.
        """
        if self.file is None:
            yield
            return
        if not self.file.parent.is_dir():
            raise Stop(f"there is no directory {self.file.parent}")
        try:
            with owning(self.file):
                yield
        except Owned as fault:
            raise Stop(f"{fault}; stop that first, or do this through it") from None

    def is_owned(self) -> bool:
        """Whether another process writes to the SQLite file; with PostgreSQL others always may."""
        return self.file is not None and owner(self.file) is not None

    def _file(self) -> Path:
        if self.file is None:
            raise Stop(HOW_TO_MAKE_KEYS)
        return self.file


def find_site(config: Path | None, database_url: str | None, *, fallback: str | None = None, **overrides: Any) -> Site:
    """Read the settings, and set up the logs as they say.

    Args:
        fallback: the database if neither option, variable nor file names one.

    Raises:
        Stop: the settings cannot be used.
    """
    try:
        settings = load(config, database_url=database_url, **overrides)
        if fallback is not None and "database_url" not in settings.model_fields_set:
            settings = load(config, database_url=fallback, **overrides)
        url = DatabaseUrl.parse(settings.database_url)
    except (SettingsRefused, ValueError) as fault:
        raise Stop(str(fault)) from None
    if not url.is_sqlite and importlib.util.find_spec("asyncpg") is None:
        raise Stop("PostgreSQL needs a driver that is not installed; `pip install 'sitting[pg]'` installs it")
    configure_logs(settings.log_level, settings.log_format)
    return Site(settings, url)


def _signer(text: str) -> Signer:
    try:
        return Signer.from_text(text)
    except ValueError as fault:
        raise Stop(f"SITTING_SIGNING_KEY cannot be used: {fault}") from None
