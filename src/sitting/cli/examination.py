"""What `sitting doctor` looks at."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from sitting.cli.errors import Stop, reason
from sitting.cli.secrets_file import is_exposed, read_secrets, secrets_file
from sitting.cli.site import HOW_TO_MAKE_KEYS, Site
from sitting.domain.errors import Unavailable
from sitting.identity.key_sets import FetchFailed, fetch_document
from sitting.identity.public_keys import read_key_set
from sitting.kit.clock import SystemClock
from sitting.settings import LOOPBACK
from sitting.storage.clocks import MAX_CLOCK_DIFFERENCE, clock_difference
from sitting.storage.database import Database
from sitting.storage.durability import find_weaknesses
from sitting.storage.ownership import owner
from sitting.storage.schema import schema_state

LITTLE_SPACE = 1_000_000_000
NO_SPACE = 100_000_000
FEW_CHARACTERS = 12
_MILLISECOND = timedelta(milliseconds=1)


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    level: Level
    subject: str
    text: str


async def examine(site: Site) -> list[Finding]:
    """Everything that can be found out without writing."""
    findings = await _database(site)
    findings += _keys(site)
    findings += await _published_keys(site)
    findings.append(_metrics(site))
    if site.file is not None:
        findings += [*_secrets(site.file), *_disk(site.file), *_ownership(site.file)]
    return findings


async def _database(site: Site) -> list[Finding]:
    try:
        async with site.looking() as database:
            return [
                await _schema(site, database),
                *await _durability(site, database),
                *([] if site.url.is_sqlite else [await _clock(database)]),
            ]
    except Unavailable as fault:
        return [Finding(Level.ERROR, "database", f"{site.url} cannot be reached: {reason(fault)}")]
    except Stop as fault:
        return [Finding(Level.ERROR, "database", str(fault))]


async def _schema(site: Site, database: Database) -> Finding:
    state = await schema_state(database)
    if state.complaint is not None:
        return Finding(Level.ERROR, "database", state.complaint)
    return Finding(Level.OK, "database", f"{site.url} is there, schema {state.newest}")


async def _durability(site: Site, database: Database) -> list[Finding]:
    weaknesses = await find_weaknesses(database, only_looking=True)
    level = Level.WARNING if site.settings.allow_weak_durability else Level.ERROR
    found = [Finding(level, "durability", f"{weakness}: answers may be lost") for weakness in weaknesses]
    return found or [Finding(Level.OK, "durability", "what is committed survives a power cut")]


async def _clock(database: Database) -> Finding:
    difference = await clock_difference(database, SystemClock())
    words = f"the database's differs from ours by {difference / _MILLISECOND:+.0f} ms"
    if abs(difference) > MAX_CLOCK_DIFFERENCE:
        return Finding(Level.ERROR, "clock", f"{words}, more than {MAX_CLOCK_DIFFERENCE / _MILLISECOND:.0f}")
    return Finding(Level.OK, "clock", words)


def _keys(site: Site) -> Iterator[Finding]:
    set_one = site.settings.jwt_secret
    if set_one is not None and len(set(set_one.get_secret_value())) < FEW_CHARACTERS:
        yield Finding(Level.WARNING, "token secret", "it can be guessed; `openssl rand -base64 48` makes a better one")
    elif set_one is not None:
        yield Finding(Level.OK, "token secret", "it is set, and long enough")
    elif site.file is None:
        yield Finding(Level.ERROR, "token secret", HOW_TO_MAKE_KEYS)
    elif read_secrets(site.file, warning=False) is not None:
        yield Finding(Level.OK, "token secret", "it is kept beside the file")
    try:
        signer = site.optional_signer()
    except Stop as fault:
        yield Finding(Level.ERROR, "signing key", str(fault))
        return
    if signer is not None:
        yield Finding(Level.OK, "signing key", f"key {signer.key_id} is there")
    elif site.file is None:
        yield Finding(Level.ERROR, "signing key", HOW_TO_MAKE_KEYS)


async def _published_keys(site: Site) -> list[Finding]:
    url = site.settings.jwks_url
    if url is None:
        return []
    subject = "published keys"
    try:
        found = read_key_set(await fetch_document(url)).keys
    except (FetchFailed, ValueError) as fault:
        return [Finding(Level.ERROR, subject, f"those of SITTING_JWKS_URL cannot be used: {fault}")]
    if not found:
        return [Finding(Level.ERROR, subject, "SITTING_JWKS_URL has no key that Sitting can use")]
    return [Finding(Level.OK, subject, f"SITTING_JWKS_URL has {len(found)} that can be used")]


def _metrics(site: Site) -> Finding:
    """Without a token only this machine may look, and whoever listens for others is mostly looked at by others."""
    if site.settings.metrics_token is not None:
        return Finding(Level.OK, "metrics", "whoever shows SITTING_METRICS_TOKEN can read them")
    if site.settings.host in LOOPBACK:
        return Finding(Level.OK, "metrics", "only this machine can read them")
    said = "only this machine can read them; SITTING_METRICS_TOKEN lets others"
    return Finding(Level.WARNING, "metrics", said)


def _secrets(database: Path) -> Iterator[Finding]:
    file = secrets_file(database)
    try:
        secrets = read_secrets(database, warning=False)
    except (Stop, OSError) as fault:
        yield Finding(Level.ERROR, "secrets file", str(fault))
        return
    if secrets is None:
        yield Finding(Level.OK, "secrets file", f"{file} is not there yet; it is made when it is needed")
    elif is_exposed(file):
        yield Finding(Level.ERROR, "secrets file", f"other users can open {file}; say `chmod 600 {file}`")
    else:
        yield Finding(Level.OK, "secrets file", f"only its owner can open {file}")


def _disk(database: Path) -> Iterator[Finding]:
    if not database.parent.is_dir():
        return
    free = shutil.disk_usage(database.parent).free
    level = Level.ERROR if free < NO_SPACE else Level.WARNING if free < LITTLE_SPACE else Level.OK
    yield Finding(level, "disk", f"{free / 1e9:.1f} GB are free in {database.parent}")


def _ownership(database: Path) -> Iterator[Finding]:
    owned = owner(database)
    yield Finding(Level.OK, "served", "by nobody at present" if owned is None else f"{owned}")
