"""Who is asking: tokens, tickets, sessions and passwords, and the signature under receipts."""

from __future__ import annotations

import asyncio
import base64
import string
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest

from sitting.domain.errors import InvalidMessage, NotAuthenticated
from sitting.domain.user import Role, User
from sitting.identity import passwords
from sitting.identity.identify import Identity, identify_by_session, identify_by_ticket, identify_by_token
from sitting.identity.passwords import MAX_LENGTH, hash_password, verify_password
from sitting.identity.signer import Signer
from sitting.identity.tokens import LEEWAY, TokenKeys, mint, read
from sitting.storage.tables import revoked_tokens
from sitting.storage.unit_of_work import Storage
from sitting.usecases.issue_ticket import issue_ticket
from sitting.usecases.sign_out import sign_out
from tests.support.builders import make_user
from tests.support.clock import NOON
from tests.support.storage import Nodes, execute, rows

KEYS = TokenKeys("a secret of a good deal more than thirty-two bytes, which is what they need to have")
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
SECONDS = int(NOON.timestamp())
IMPOSSIBLE: list[dict[str, Any]] = [
    {"user_id": "1"},
    {"user_id": 1.0},
    {"user_id": True},
    {"user_id": 0},
    {"user_id": -1},
    {"user_id": [1]},
    {"user_id": 99},
    {"user_id": 2**53},
    {"user_id": 2**63},
    {"user_id": 2**200},
    {},
    {"sub": ""},
    {"sub": "x\0"},
    {"sub": "\ud800"},
    {"user_id": 1, "jti": 7},
    {"user_id": 1, "jti": "x\0"},
    {"user_id": 1, "jti": "\ud800"},
    {"user_id": 1, "exp": None},
    {"user_id": 1, "exp": "soon"},
    {"user_id": 1, "exp": True},
    {"user_id": 1, "exp": 1e300},
    {"user_id": 1, "exp": float("nan")},
    {"user_id": 1, "iat": "then"},
    {"user_id": 1, "nbf": {}},
]


def token(**claims: Any) -> str:
    """A token as another system would mint it: good for an hour, with these claims beside or instead."""
    said = {"exp": SECONDS + 3600} | claims
    return jwt.encode({name: value for name, value in said.items() if value is not None}, KEYS.secret, "HS256")


async def who(storage: Storage, shown: str, *, at: datetime = NOON, keys: TokenKeys = KEYS) -> Identity:
    return await identify_by_token(storage, keys, shown, now=at)


async def is_refused(storage: Storage, shown: str, *, at: datetime = NOON, keys: TokenKeys = KEYS) -> bool:
    try:
        await who(storage, shown, at=at, keys=keys)
    except NotAuthenticated as refusal:
        return not refusal.details  # nobody is told what was wrong
    return False


async def set_not_before(storage: Storage, user: User, instant: datetime) -> None:
    async with storage.unit_of_work() as unit:
        await unit.users.set_password(user.user_id, "not used", now=instant)


# --- tokens ---


async def test_minted_token_says_who_and_the_database_with_which_roles(storage: Storage) -> None:
    user = await make_user(storage, roles=[Role.AUTHOR, Role.REVIEWER])
    minted = mint(KEYS, user.user_id, now=NOON, lifetime=HOUR, role="admin")
    found = await who(storage, minted)
    assert (found.user_id, found.roles, found.expires_at) == (user.user_id, user.roles, NOON + HOUR)
    assert found.proof.jti is not None


async def test_subject_is_held_against_the_external_id(storage: Storage) -> None:
    user = await make_user(storage, external_id="ou=人/7")
    await make_user(storage, external_id=str(user.user_id))
    assert (await who(storage, token(sub="ou=人/7"))).user_id == user.user_id
    assert (await who(storage, token(sub="ou=人/7", user_id=user.user_id))).user_id == user.user_id
    assert await is_refused(storage, token(sub="somebody else"))


async def test_user_id_wins_over_the_subject(storage: Storage) -> None:
    user, other = await make_user(storage), await make_user(storage, external_id="x")
    assert (await who(storage, token(sub="x", user_id=user.user_id))).user_id == user.user_id != other.user_id
    assert await is_refused(storage, token(sub="x", user_id=99))


async def test_claims_that_cannot_be_are_refused(storage: Storage) -> None:
    await make_user(storage, external_id="x")
    assert [claims for claims in IMPOSSIBLE if not await is_refused(storage, token(**claims))] == []


@pytest.mark.parametrize(
    ("claims", "refused"),
    [
        ({"exp": SECONDS + 1}, False),
        ({"exp": SECONDS - LEEWAY.seconds + 1}, False),
        ({"exp": SECONDS - LEEWAY.seconds}, True),
        ({"nbf": SECONDS - 1}, False),
        ({"nbf": SECONDS + LEEWAY.seconds}, False),
        ({"nbf": SECONDS + LEEWAY.seconds + 1}, True),
        ({"nbf": SECONDS + 0.5, "iat": SECONDS + 0.25}, False),
    ],
    ids=repr,
)
def test_token_counts_within_its_time(claims: dict[str, float], refused: bool) -> None:
    shown = token(user_id=1, **claims)
    if refused:
        with pytest.raises(NotAuthenticated):
            read(KEYS, shown, now=NOON)
    else:
        assert read(KEYS, shown, now=NOON).user_id == 1


async def test_signature_must_be_ours(storage: Storage) -> None:
    user = await make_user(storage)
    claims: dict[str, Any] = {"user_id": user.user_id, "exp": SECONDS + 3600}
    head, body, signature = token(**claims).split(".")
    unsigned = jwt.encode(claims, None, "none")  # type: ignore[arg-type]
    forged = [
        jwt.encode(claims, "x" * 40, "HS256"),
        unsigned,
        f"{unsigned.split('.')[0]}.{body}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}",
        jwt.encode(claims, KEYS.secret, "HS512"),
        "",
        "…",
        "\ud800",
        "a" * 10_000,
    ]
    for shown in forged:
        assert await is_refused(storage, shown), shown[:60]
    assert not await is_refused(storage, f"{head}.{body}.{signature}")


async def test_issuer_and_audience_are_checked_where_set(storage: Storage) -> None:
    user = await make_user(storage)
    strict = replace(KEYS, issuer="us", audience="sitting")
    good = {"user_id": user.user_id, "iss": "us", "aud": ["other", "sitting"]}
    assert (await who(storage, token(**good), keys=strict)).user_id == user.user_id
    ours = await who(storage, mint(strict, user.user_id, now=NOON, lifetime=HOUR), keys=strict)
    assert ours.proof.jti is not None
    for wrong in ({"iss": "them"}, {"iss": None}, {"aud": "other"}, {"aud": None}):
        assert await is_refused(storage, token(**good | wrong), keys=strict), wrong
    assert not await is_refused(storage, token(**good))


def test_short_secret_is_refused_and_none_is_shown() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        TokenKeys("x" * 31)
    assert TokenKeys("é" * 16).secret == "é" * 16
    assert "thirty-two" not in repr(KEYS)


# --- taken back ---


async def test_revoked_token_is_refused_and_its_sisters_are_not(storage: Storage) -> None:
    user = await make_user(storage)
    first, second = (mint(KEYS, user.user_id, now=NOON, lifetime=HOUR) for _ in range(2))
    await sign_out(storage, await who(storage, first), session_secret=None, now=NOON)
    assert await is_refused(storage, first)
    assert not await is_refused(storage, second)


async def test_revoked_token_stays_refused_through_its_leeway(storage: Storage) -> None:
    user = await make_user(storage)
    first, second = (mint(KEYS, user.user_id, now=NOON, lifetime=HOUR) for _ in range(2))
    last_moment = NOON + HOUR + LEEWAY - TICK
    assert not await is_refused(storage, first, at=last_moment)
    await sign_out(storage, await who(storage, first), session_secret=None, now=NOON)
    await sign_out(storage, await who(storage, second), session_secret=None, now=last_moment)
    assert await is_refused(storage, first, at=last_moment)


async def test_token_revoked_many_times_at_once_is_revoked(two_nodes: Nodes) -> None:
    user = await make_user(two_nodes[0])
    known = await who(two_nodes[0], mint(KEYS, user.user_id, now=NOON, lifetime=HOUR))
    await asyncio.gather(*(sign_out(two_nodes[n % 2], known, session_secret=None, now=NOON) for n in range(10)))
    assert [row.jti for row in await rows(two_nodes[0], revoked_tokens)] == [known.proof.jti]


async def test_tokens_from_before_are_void(storage: Storage) -> None:
    user = await make_user(storage)
    await set_not_before(storage, user, NOON + timedelta(milliseconds=900))
    for issued, refused in ((SECONDS - 1, True), (SECONDS, False), (SECONDS + 1, False), (None, True)):
        assert await is_refused(storage, token(user_id=user.user_id, iat=issued)) is refused, issued


# --- tickets ---


async def test_ticket_stands_for_its_holder_once(storage: Storage) -> None:
    user = await make_user(storage)
    ticket = await issue_ticket(storage, Identity(user.user_id, user.roles), now=NOON)
    found = await identify_by_ticket(storage, ticket, now=NOON)
    assert (found.user_id, found.roles) == (user.user_id, user.roles)
    for used in (ticket, "unknown", ""):
        with pytest.raises(NotAuthenticated):
            await identify_by_ticket(storage, used, now=NOON)


async def test_ticket_lasts_thirty_seconds(storage: Storage) -> None:
    user = await make_user(storage)
    known = Identity(user.user_id, user.roles)
    end = NOON + timedelta(seconds=30)
    with pytest.raises(NotAuthenticated):
        await identify_by_ticket(storage, await issue_ticket(storage, known, now=NOON), now=end)
    last = await identify_by_ticket(storage, await issue_ticket(storage, known, now=NOON), now=end - TICK)
    assert last.user_id == user.user_id


async def test_ticket_shown_many_times_at_once_is_taken_once(two_nodes: Nodes) -> None:
    user = await make_user(two_nodes[0])
    ticket = await issue_ticket(two_nodes[0], Identity(user.user_id, user.roles), now=NOON)
    became = await asyncio.gather(
        *(identify_by_ticket(two_nodes[n % 2], ticket, now=NOON) for n in range(10)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in became) == ["Identity"] + ["NotAuthenticated"] * 9


# --- sessions ---


async def make_session(storage: Storage, user: User, *, at: datetime = NOON) -> str:
    async with storage.unit_of_work() as unit:
        await unit.credentials.create_session("s", user.user_id, now=at, expires_at=at + HOUR)
    return "s"


async def test_session_of_whoever_came_by_a_link_is_a_candidates_and_nothing_more(storage: Storage) -> None:
    admin = await make_user(storage, roles=[Role.ADMIN])
    secret = await make_session(storage, admin)
    found = await identify_by_session(storage, secret, now=NOON)
    assert (found.user_id, found.roles) == (admin.user_id, frozenset({Role.CANDIDATE}))


async def test_session_ends_by_time_and_by_signing_out(storage: Storage) -> None:
    secret = await make_session(storage, await make_user(storage))
    known = await identify_by_session(storage, secret, now=NOON + HOUR - TICK)
    with pytest.raises(NotAuthenticated):
        await identify_by_session(storage, secret, now=NOON + HOUR)
    await sign_out(storage, known, session_secret=secret, now=NOON)
    for unknown in (secret, "", "other"):
        with pytest.raises(NotAuthenticated):
            await identify_by_session(storage, unknown, now=NOON)


async def test_sessions_from_before_are_void_to_the_microsecond(storage: Storage) -> None:
    user = await make_user(storage)
    secret = await make_session(storage, user, at=NOON + TICK)
    await set_not_before(storage, user, NOON + TICK)
    assert (await identify_by_session(storage, secret, now=NOON + TICK)).user_id == user.user_id
    await set_not_before(storage, user, NOON + 2 * TICK)
    with pytest.raises(NotAuthenticated):
        await identify_by_session(storage, secret, now=NOON + 2 * TICK)


async def test_stored_secret_is_no_way_in(storage: Storage) -> None:
    user = await make_user(storage)
    await make_session(storage, user)
    ticket = await issue_ticket(storage, Identity(user.user_id, user.roles), now=NOON)
    async with storage.database.reading() as connection:
        found = await connection.exec_driver_sql(
            "SELECT secret_hash FROM sessions UNION SELECT secret_hash FROM ws_tickets"
        )
        hashes = [row.secret_hash for row in found]
    for stored in hashes:
        with pytest.raises(NotAuthenticated):
            await identify_by_session(storage, stored, now=NOON)
        with pytest.raises(NotAuthenticated):
            await identify_by_ticket(storage, stored, now=NOON)
    assert (await identify_by_ticket(storage, ticket, now=NOON)).user_id == user.user_id
    assert await execute(storage, "DELETE FROM sessions") == 1


# --- passwords ---


def test_password_fits_its_own_hash_and_no_other() -> None:
    stored = hash_password("correct horse ☃")
    assert stored.startswith("$argon2id$")
    assert stored != hash_password("correct horse ☃")
    assert verify_password(stored, "correct horse ☃")
    for wrong in ("correct horse", "correct horse ☃ "):
        assert not verify_password(stored, wrong)


@pytest.mark.parametrize("length", [0, 9, MAX_LENGTH + 1, 10**6])
def test_password_of_a_hopeless_length_is_refused(length: int) -> None:
    with pytest.raises(InvalidMessage):
        hash_password("x" * length)


def test_longest_password_is_not_cut_short() -> None:
    stored = hash_password("x" * MAX_LENGTH)
    assert verify_password(stored, "x" * MAX_LENGTH)
    assert not verify_password(stored, "x" * (MAX_LENGTH - 1))
    assert not verify_password(stored, "x" * (MAX_LENGTH + 1))


@pytest.mark.parametrize("stored", [None, "", "plain", "$argon2id$v=19$m=8,t=1,p=1$broken"])
def test_nothing_fits_where_there_is_no_hash(stored: str | None) -> None:
    for password in ("nobody's password", stored or ""):
        assert not verify_password(stored, password)


def test_text_that_is_no_unicode_fits_nothing() -> None:
    assert not verify_password(hash_password("correct horse"), "\ud800" * 12)
    with pytest.raises(InvalidMessage):
        hash_password("\ud800" * 12)


def test_user_without_a_password_costs_a_check_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []

    class Counting:
        def verify(self, stored: str, password: str) -> bool:
            checked.append(stored)
            return True

    passwords._nobodys()
    monkeypatch.setattr(passwords, "_hasher", Counting())
    assert not verify_password(None, "whatever")
    assert len(checked) == 1


# --- receipts ---


def test_receipt_verifies_until_anything_in_it_is_changed() -> None:
    signer = Signer.generate()
    receipt = signer.receipt(7, 12, "ab" * 32)
    assert signer.verifies(receipt)
    for changed in (
        replace(receipt, assessment_id=8),
        replace(receipt, seq=11),
        replace(receipt, head="ab" * 31 + "ac"),
        replace(receipt, key_id="0" * 16),
        replace(receipt, signature=""),
        replace(receipt, signature=receipt.signature[:-1]),
        replace(receipt, signature="é" * 86),
    ):
        assert not signer.verifies(changed), changed


def test_no_other_spelling_of_a_signature_verifies() -> None:
    signer = Signer.generate()
    receipt = signer.receipt(7, 12, "ab" * 32)
    alphabet = string.ascii_letters + string.digits + "-_"
    others = [receipt.signature[:-1] + last for last in alphabet if last != receipt.signature[-1]]
    others += [f"{receipt.signature}==", f"{receipt.signature[:40]}\n{receipt.signature[40:]}", f"!{receipt.signature}"]
    assert [other for other in others if signer.verifies(replace(receipt, signature=other))] == []


def test_receipt_of_another_key_does_not_verify() -> None:
    receipt = Signer.generate().receipt(7, 12, "ab" * 32)
    other = Signer.generate()
    assert not other.verifies(receipt)
    assert not other.verifies(replace(receipt, key_id=other.key_id))


def test_key_is_read_back_from_pem_and_from_raw_bytes() -> None:
    raw = bytes(range(32))
    signer = Signer.from_text(base64.urlsafe_b64encode(raw).rstrip(b"=").decode() + "\n")
    again = Signer.from_text(signer.to_pem())
    assert again.verifies(signer.receipt(1, 1, "00" * 32))
    assert again.public_jwk() == signer.public_jwk()
    assert again.public_jwk()["kid"] == signer.key_id


@pytest.mark.parametrize("text", ["", "short", "A" * 42, "é" * 43, "-----BEGIN nothing-----"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the library's own words differ
        Signer.from_text(text)
