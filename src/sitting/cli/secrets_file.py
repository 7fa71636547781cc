"""The secrets that are kept beside an SQLite file, so that links, tokens and receipts outlive a restart."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from sitting.cli.errors import Stop, warn
from sitting.identity.signer import Signer

JWT_SECRET_BYTES = 48
_OTHERS = 0o077


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """What the file holds.

    Attributes:
        jwt_secret: signs tokens. signing_key: signs receipts, PEM.
        staff_passwords: of the demo's staff by email, as they were when the demo was made.
    """

    jwt_secret: str
    signing_key: str
    staff_passwords: Mapping[str, str] = field(default_factory=dict)


def secrets_file(database: Path) -> Path:
    """Where the secrets of that SQLite file are."""
    return database.with_name(f"{database.name}.secrets.json")


def is_exposed(file: Path) -> bool:
    """Whether anyone but the owner may open the file."""
    return bool(file.stat().st_mode & _OTHERS)


def read_secrets(database: Path, *, warning: bool = True) -> Secrets | None:
    """The secrets beside that SQLite file; None if there are none yet. It warns if others can read them too.

    Raises:
        Stop: the file is not one that we wrote. OSError: it cannot be read.
    """
    file = secrets_file(database)
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        return None
    if warning and is_exposed(file):
        warn(f"other users can open {file}: say `chmod 600 {file}`, and better make new secrets")
    try:
        return Secrets(**json.loads(text))
    except (ValueError, TypeError):
        raise Stop(f"{file} does not hold what Sitting wrote there") from None


def ensure_secrets(database: Path) -> Secrets:
    """The secrets beside that SQLite file, made now if there are none.

    Raises:
        Stop, OSError: they cannot be read, or not be written.
    """
    found = read_secrets(database)
    if found is None:
        made = Secrets(secrets.token_urlsafe(JWT_SECRET_BYTES), Signer.generate().to_pem())
        # Whoever links the name first has made them; of two processes that begin at once both go on with the same.
        with suppress(FileExistsError):
            _write(secrets_file(database), made, put=os.link)
        found = read_secrets(database)
    assert found is not None
    return found


def copy_secrets(database: Path, other: Path) -> None:
    """Put the secrets beside the one SQLite file beside the other one, in place of those that may be there.

    Raises:
        Stop, OSError: they cannot be read, or not be written.
    """
    found = read_secrets(database)
    assert found is not None
    _write(secrets_file(other), found, put=os.replace)


def remember_passwords(database: Path, passwords: Mapping[str, str]) -> None:
    """Keep the passwords of the demo's staff with the other secrets."""
    _write(secrets_file(database), replace(ensure_secrets(database), staff_passwords=dict(passwords)), put=os.replace)


def _write(file: Path, content: Secrets, *, put: Callable[[str, Path], None]) -> None:
    """Put the whole file there at once, readable by its owner alone, and on the disk."""
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # mode 0600
    try:
        with open(descriptor, "w", encoding="utf-8") as stream:
            json.dump(asdict(content), stream, indent=2)
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        put(name, file)
    finally:
        Path(name).unlink(missing_ok=True)
    sync_directory(file.parent)


def sync_directory(directory: Path) -> None:
    """Put on the disk which names the directory has."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
