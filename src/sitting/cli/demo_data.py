"""What `sitting demo` makes and announces."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sitting.cli.errors import Stop
from sitting.cli.passwords import generate_password
from sitting.cli.sample import read_sample, staff_emails
from sitting.cli.secrets_file import ensure_secrets, remember_passwords
from sitting.cli.site import Site
from sitting.domain.user import User
from sitting.identity.passwords import hash_password
from sitting.identity.tokens import mint
from sitting.kit.clock import SystemClock
from sitting.usecases.find_sample import find_sample
from sitting.usecases.load_sample import load_sample
from sitting.usecases.sample import Invited, LoadedSample


@dataclass(frozen=True, slots=True)
class DemoTest:
    """One of the published Tests."""

    test_id: int
    test_name: str


@dataclass(frozen=True, slots=True)
class DemoCandidate:
    """A candidate with one application: the link opens it, the token stands for the person."""

    user_id: int
    name: str
    email: str
    application_id: int
    test_id: int
    token: str
    link: str


@dataclass(frozen=True, slots=True)
class DemoStaff:
    """One of the staff; `password` as it was when the demo was made, None if nobody kept it."""

    user_id: int
    role: str
    email: str
    password: str | None
    token: str


@dataclass(frozen=True, slots=True)
class DemoData:
    """What the demo tells; the fields are the wire contract's."""

    base_url: str
    tests: list[DemoTest]
    candidates: list[DemoCandidate]
    staff: list[DemoStaff]


def prepare(site: Site, base_url: str) -> DemoData:
    """Migrate the database and load the sample, as far as that is not done; the caller owns an SQLite file.

    Raises:
        Stop, SittingError, OSError: it cannot be done.
    """
    site.require_keys()
    site.migrate()
    return _announced(site, base_url, *asyncio.run(_load(site)))


def look_up(site: Site, base_url: str) -> DemoData:
    """What `prepare` has made before; writes nothing, so that another process may serve it meanwhile.

    Raises:
        Stop, SittingError, OSError: there is no demo, or it cannot be read.
    """
    site.require_newest_schema()
    loaded = asyncio.run(_find(site))
    if loaded is None:
        raise Stop(f"{site.url} is in use, and holds no demo")
    return _announced(site, base_url, loaded, _passwords(site, make=False))


def _announced(site: Site, base_url: str, loaded: LoadedSample, passwords: Mapping[str, str]) -> DemoData:
    tokens = _tokens(site, loaded)
    return DemoData(
        base_url=base_url,
        tests=[DemoTest(version.test_id, version.blueprint.name) for version in loaded.versions],
        candidates=[_candidate(each, tokens, base_url) for each in loaded.invited],
        staff=[_staff(user, tokens, passwords) for user in loaded.staff],
    )


async def _find(site: Site) -> LoadedSample | None:
    async with site.storage() as storage:
        return await find_sample(storage, read_sample({}))


async def _load(site: Site) -> tuple[LoadedSample, Mapping[str, str]]:
    """The sample as it is stored now, and the staff's passwords as far as they are known."""
    async with site.storage() as storage:
        async with storage.reading() as unit:
            is_empty = not await unit.users.any_exist()
        passwords = _passwords(site, make=is_empty)
        hashes = {email: await asyncio.to_thread(hash_password, passwords[email]) for email in passwords if is_empty}
        return await load_sample(storage, read_sample(hashes), now=SystemClock().now()), passwords


def _passwords(site: Site, *, make: bool) -> Mapping[str, str]:
    """The staff's passwords by email; those that are made now are kept before anybody can have them."""
    kept = {} if site.file is None else ensure_secrets(site.file).staff_passwords
    if kept or not make:
        return kept
    made = {email: generate_password() for email in staff_emails()}
    if site.file is not None:
        remember_passwords(site.file, made)
    return made


def _tokens(site: Site, loaded: LoadedSample) -> Mapping[int, str]:
    keys, now = site.token_keys(), SystemClock().now()
    lifetime = timedelta(minutes=site.settings.token_lifetime_minutes)
    people = {user.user_id: user for user in (*loaded.staff, *(each.candidate for each in loaded.invited))}
    return {id_: mint(keys, id_, now=now, lifetime=lifetime, role=_role(user)) for id_, user in people.items()}


def _role(user: User) -> str:
    return " ".join(sorted(user.roles))


def _candidate(invited: Invited, tokens: Mapping[int, str], base_url: str) -> DemoCandidate:
    user, application = invited.candidate, invited.application
    return DemoCandidate(
        user_id=user.user_id,
        name=user.name,
        email=user.email,
        application_id=application.application_id,
        test_id=application.test_id,
        token=tokens[user.user_id],
        link=f"{base_url}/i/{application.secret}",
    )


def _staff(user: User, tokens: Mapping[int, str], passwords: Mapping[str, str]) -> DemoStaff:
    return DemoStaff(user.user_id, _role(user), user.email, passwords.get(user.email), tokens[user.user_id])
