"""Keys from a JWKS address, from a real HTTP server: when it is asked, and what is so while it does not answer."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from sitting.domain.errors import NotAuthenticated, Unavailable
from sitting.identity import key_sets
from sitting.identity.identify import identify_by_token
from sitting.identity.key_sets import FRESH, LAST_RESORT, MAX_BYTES, PAUSE, PublishedKeys
from sitting.identity.tokens import TokenKeys, mint
from sitting.storage.unit_of_work import Storage
from tests.support.builders import make_user
from tests.support.candidates import invited, token_for
from tests.support.clock import NOON
from tests.support.delivery import line
from tests.support.eventually import eventually_async
from tests.support.issuer import Issuer, KeyPair, ec_key, ed_key, key_set, publishing, rsa_key
from tests.support.server import SittingProcess

TICK = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
SECRET = "a secret of a good deal more than thirty-two bytes, which is what they need to have"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with publishing(ec_key()) as published:
        yield published


@pytest.fixture
def keys(issuer: Issuer) -> PublishedKeys:
    return PublishedKeys(issuer.url)


async def has(keys: PublishedKeys, pair: KeyPair, at: datetime) -> bool:
    return await keys.find(pair.algorithm, pair.kid, now=at) is not None


# --- when it is asked ---


async def test_keys_are_fetched_once_and_again_when_they_are_no_longer_fresh(
    issuer: Issuer, keys: PublishedKeys
) -> None:
    assert issuer.requests == []
    for at in (NOON, NOON + SECOND, NOON + FRESH - TICK):
        assert await has(keys, ec_key(), at)
    assert issuer.requests == ["/jwks.json"]
    assert await has(keys, ec_key(), NOON + FRESH)
    assert len(issuer.requests) == 2


async def test_many_at_once_cause_one_fetch(issuer: Issuer, keys: PublishedKeys) -> None:
    issuer.released.clear()
    waiting = [asyncio.create_task(has(keys, ec_key(), NOON)) for _ in range(20)]
    await eventually_async(lambda: _asked(issuer, 1))
    waiting[0].cancel()
    issuer.released.set()
    became = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(became[0], asyncio.CancelledError)
    assert became[1:] == [True] * 19
    assert len(issuer.requests) == 1


async def _asked(issuer: Issuer, times: int) -> None:
    assert len(issuer.requests) == times


async def test_unknown_key_name_causes_a_fetch_but_not_more_than_one_in_the_pause(
    issuer: Issuer, keys: PublishedKeys
) -> None:
    assert await has(keys, ec_key(), NOON)
    issuer.document = key_set(ec_key(), ed_key())
    for n in range(5):
        assert not await has(keys, ec_key(f"made up {n}"), NOON + PAUSE - TICK)
    assert not await has(keys, ed_key(), NOON + PAUSE - TICK)
    assert len(issuer.requests) == 1
    assert await has(keys, ed_key(), NOON + PAUSE)
    assert len(issuer.requests) == 2
    for n in range(5):
        assert not await has(keys, ec_key(f"made up {n}"), NOON + PAUSE + SECOND)
    assert len(issuer.requests) == 2


async def test_rotated_key_is_known_and_the_withdrawn_one_forgotten(issuer: Issuer, keys: PublishedKeys) -> None:
    old, new = ec_key("old"), ec_key("new")
    issuer.document = key_set(old)
    assert await has(keys, old, NOON)
    issuer.document = key_set(old, new)
    assert await has(keys, new, NOON + PAUSE)
    issuer.document = key_set(new)
    assert await has(keys, old, NOON + PAUSE + FRESH - TICK)
    assert not await has(keys, old, NOON + PAUSE + FRESH)
    assert await has(keys, new, NOON + PAUSE + FRESH)


async def test_clock_that_is_set_back_does_not_keep_keys_for_ever(issuer: Issuer, keys: PublishedKeys) -> None:
    assert await has(keys, ec_key(), NOON)
    assert await has(keys, ec_key(), NOON - FRESH)
    assert len(issuer.requests) == 2


# --- while it does not answer ---


async def test_keys_of_before_serve_on_while_their_source_is_down_but_not_for_ever() -> None:
    with publishing(ec_key()) as issuer:
        keys = PublishedKeys(issuer.url)
        assert await has(keys, ec_key(), NOON)
    for after in (FRESH, FRESH + PAUSE, LAST_RESORT - TICK):
        assert await has(keys, ec_key(), NOON + after)
    with pytest.raises(Unavailable):
        await has(keys, ec_key(), NOON + LAST_RESORT)
    with publishing(ec_key(), port=issuer.port):
        assert await has(keys, ec_key(), NOON + LAST_RESORT + PAUSE)


async def test_nobody_waits_for_a_source_that_is_known_to_be_down(issuer: Issuer, keys: PublishedKeys) -> None:
    assert await has(keys, ec_key(), NOON)
    issuer.status = 500
    assert await has(keys, ec_key(), NOON + FRESH)
    issuer.released.clear()
    async with asyncio.timeout(2):
        assert await has(keys, ec_key(), NOON + FRESH + PAUSE)
    await eventually_async(lambda: _asked(issuer, 3))
    issuer.status = 200
    issuer.released.set()


async def test_without_any_key_a_token_is_neither_good_nor_bad() -> None:
    with publishing() as issuer:
        issuer.status = 503
        keys = PublishedKeys(issuer.url)
        for _ in range(3):
            with pytest.raises(Unavailable):
                await has(keys, ec_key(), NOON)
        assert len(issuer.requests) == 1
        issuer.status, issuer.document = 200, key_set(ec_key())
        assert await has(keys, ec_key(), NOON + PAUSE)


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": 404},
        {"status": 204, "document": b""},
        {"document": b"<html>please sign in</html>"},
        {"document": b'{"keys": 7}'},
        {"document": b'{"keys": [], "more": "' + b"x" * MAX_BYTES + b'"}'},
        {"headers": {"Content-Length": "99999"}},
        {"headers": {"Content-Encoding": "gzip", "Content-Length": "3"}, "document": b"\x1f\x8b\x08"},
    ],
    ids=lambda wrong: "-".join(wrong),
)
async def test_answer_that_is_no_key_set_takes_no_key_away(
    issuer: Issuer, keys: PublishedKeys, wrong: dict[str, Any]
) -> None:
    assert await has(keys, ec_key(), NOON)
    for name, value in wrong.items():
        setattr(issuer, name, value)
    assert await has(keys, ec_key(), NOON + FRESH)
    assert len(issuer.requests) == 2


async def test_redirect_is_not_followed(issuer: Issuer) -> None:
    with publishing() as asked:
        asked.status, asked.headers = 302, {"Location": issuer.url}
        with pytest.raises(Unavailable):
            await has(PublishedKeys(asked.url), ec_key(), NOON)
    assert issuer.requests == []


async def test_source_that_is_silent_is_given_up(
    issuer: Issuer, keys: PublishedKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_sets, "TIMEOUT_SECONDS", 0.2)
    issuer.released.clear()
    async with asyncio.timeout(5):
        with pytest.raises(Unavailable):
            await has(keys, ec_key(), NOON)


def test_http_client_is_imported_only_when_keys_are_fetched() -> None:
    program = "import sys, sitting.app; sys.exit('httpx2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


# --- people ---


async def test_token_by_a_published_key_says_who_by_number_or_by_external_id(storage: Storage, issuer: Issuer) -> None:
    issuer.document = key_set(rsa_key(), ec_key(), ed_key())
    keys = TokenKeys(SECRET, published=PublishedKeys(issuer.url))
    user = await make_user(storage, external_id="ou=人/7")
    expiry = {"exp": int(NOON.timestamp()) + 60}
    for pair in (rsa_key(), ec_key(), ed_key()):
        for claims in ({"user_id": user.user_id}, {"sub": "ou=人/7"}):
            found = await identify_by_token(storage, keys, pair.sign(claims | expiry), now=NOON)
            assert (found.user_id, found.roles) == (user.user_id, user.roles)
        for stranger in ({"user_id": 99}, {"sub": "somebody else"}, {"sub": str(user.user_id)}):
            with pytest.raises(NotAuthenticated):
                await identify_by_token(storage, keys, pair.sign(stranger | expiry), now=NOON)


async def test_without_an_address_such_tokens_are_refused(storage: Storage) -> None:
    user = await make_user(storage)
    token = ec_key().sign({"user_id": user.user_id, "exp": int(NOON.timestamp()) + 60})
    with pytest.raises(NotAuthenticated):
        await identify_by_token(storage, TokenKeys(SECRET), token, now=NOON)


async def test_token_by_the_secret_needs_no_source(storage: Storage) -> None:
    user = await make_user(storage)
    keys = TokenKeys(SECRET, published=PublishedKeys("http://127.0.0.1:9/jwks.json"))
    token = mint(keys, user.user_id, now=NOON, lifetime=timedelta(hours=1))
    assert (await identify_by_token(storage, keys, token, now=NOON)).user_id == user.user_id


# --- a whole server ---


@pytest.mark.parametrize("pair", [rsa_key(), ec_key(), ed_key()], ids=lambda pair: pair.algorithm)
def test_served_process_takes_such_tokens_over_rest_and_socket(
    sqlite_database_url: str, tmp_path: Path, issuer: Issuer, pair: KeyPair
) -> None:
    candidate = invited(sqlite_database_url)
    issuer.document = key_set(pair)
    token = pair.sign({"user_id": candidate.application.user_id, "exp": _in_an_hour()})
    forged = ec_key("forged").sign({"user_id": candidate.application.user_id, "exp": _in_an_hour()}, kid=pair.kid)
    with SittingProcess.serve(sqlite_database_url, tmp_path, env={"SITTING_JWKS_URL": issuer.url}) as sitting:
        assert _me(sitting, token).json()["user_id"] == candidate.application.user_id
        assert _me(sitting, forged).status_code == httpx2.codes.UNAUTHORIZED
        with line(f"{sitting.ws_url}?token={token}&test_id={candidate.test.test_id}") as by_address:
            by_address.send("start_assessment")
            assert by_address.expect("assessment_started")["test_id"] == candidate.test.test_id
        with line(sitting.ws_url) as by_message:
            by_message.send("auth", token=token)
            assert by_message.expect("auth_success")["user_id"] == candidate.application.user_id
        with line(f"{sitting.ws_url}?token={forged}") as refused:
            refused.refused("not_authenticated")
            refused.closed(4001)
    assert issuer.requests == ["/jwks.json"]


def test_served_process_without_its_source_turns_such_tokens_away_for_now_and_takes_others(
    sqlite_database_url: str, tmp_path: Path
) -> None:
    user_id = invited(sqlite_database_url).application.user_id
    token = ec_key().sign({"user_id": user_id, "exp": _in_an_hour()})
    env = {"SITTING_JWKS_URL": "http://127.0.0.1:9/jwks.json", "SITTING_LOG_FORMAT": "json"}
    with SittingProcess.serve(sqlite_database_url, tmp_path, env=env) as sitting:
        problem = _me(sitting, token)
        assert (problem.status_code, problem.json()["code"]) == (503, "unavailable")
        assert problem.headers["retry-after"]
        with line(f"{sitting.ws_url}?token={token}") as later:
            later.refused("unavailable")
            later.closed(1013)
        assert _me(sitting, token_for(user_id)).status_code == httpx2.codes.OK
        output = "".join(path.read_text() for path in tmp_path.glob("sitting-*.???"))
    said = [json.loads(each) for each in output.splitlines() if "key_set_failed" in each]
    assert len(said) == 1
    assert token not in output


def _me(sitting: SittingProcess, token: str) -> httpx2.Response:
    return httpx2.get(f"{sitting.base_url}/api/v1/me", headers={"Authorization": f"Bearer {token}"})


def _in_an_hour() -> int:
    return int(datetime.now(UTC).timestamp()) + 3600
