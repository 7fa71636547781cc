"""`sitting demo`: everything that it announces is real, and it is the same the next time."""

from __future__ import annotations

import json
import stat
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import refused, sitting, succeeded
from tests.support.eventually import eventually
from tests.support.processes import ChildProcess
from tests.support.server import COMMAND, JWT_SECRET, SIGNING_KEY, SittingProcess, environment

KEYS = {"SITTING_JWT_SECRET": JWT_SECRET, "SITTING_SIGNING_KEY": SIGNING_KEY}
FIELDS = {
    "tests": {"test_id", "test_name"},
    "candidates": {"user_id", "name", "email", "application_id", "test_id", "token", "link"},
    "staff": {"user_id", "role", "email", "password", "token"},
}


def request(url: str, *, token: str | None = None, body: Any = None) -> Any:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=10) as answer:
        text = answer.read().decode()
    return json.loads(text) if answer.headers.get_content_type() == "application/json" else text


def without_tokens(announced: dict[str, Any]) -> dict[str, Any]:
    """What must be the same at every start."""
    return {
        name: [{key: value for key, value in entry.items() if key != "token"} for entry in announced[name]]
        for name in FIELDS
    }


def made(tmp_path: Path, url: str = "sqlite:///sitting-demo.db", **env: str) -> dict[str, Any]:
    done = sitting("demo", "--no-serve", "--json", "--database-url", url, cwd=tmp_path, env=env)
    (line,) = succeeded(done).splitlines()
    announced: dict[str, Any] = json.loads(line)
    return announced


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo was made once, for the tests that only look at it."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def announced(directory: Path) -> dict[str, Any]:
    return made(directory)


def test_announcement_has_the_fields_of_the_contract(announced: dict[str, Any]) -> None:
    assert set(announced) == {"base_url", *FIELDS}
    for name, fields in FIELDS.items():
        assert {frozenset(entry) for entry in announced[name]} == {frozenset(fields)}
    assert len(announced["tests"]) == 3
    assert [person["role"] for person in announced["staff"]] == ["author", "invigilator", "admin"]


def test_every_candidate_may_take_every_test(announced: dict[str, Any]) -> None:
    tests = {test["test_id"] for test in announced["tests"]}
    candidates = announced["candidates"]
    assert len({candidate["user_id"] for candidate in candidates}) == 12
    assert len({candidate["link"] for candidate in candidates}) == 36
    pairs = {(candidate["user_id"], candidate["test_id"]) for candidate in candidates}
    assert pairs == {(candidate["user_id"], test_id) for candidate in candidates for test_id in tests}


def test_links_tokens_and_passwords_work(tmp_path: Path) -> None:
    with SittingProcess.demo(tmp_path) as demo:
        announced = demo.announcement
        assert announced["base_url"] == demo.base_url
        first = announced["candidates"][0]
        assert first["link"].startswith(f"{demo.base_url}/i/")
        assert announced["tests"][0]["test_name"] in request(first["link"])
        for person in (first, *announced["staff"]):
            assert request(f"{demo.base_url}/api/v1/me", token=person["token"])["user_id"] == person["user_id"]
        for person in announced["staff"]:
            login = {"email": person["email"], "password": person["password"]}
            assert request(f"{demo.base_url}/api/v1/auth/token", body=login)


def test_second_run_finds_everything_also_after_a_kill(tmp_path: Path) -> None:
    first = made(tmp_path)
    with SittingProcess.demo(tmp_path) as demo:
        assert demo.announcement["candidates"][0]["link"].startswith(demo.base_url)
        token = first["candidates"][0]["token"]
        assert request(f"{demo.base_url}/api/v1/me", token=token)["user_id"] == first["candidates"][0]["user_id"]
        demo.kill()
    assert without_tokens(made(tmp_path)) == without_tokens(first)


def test_links_can_be_looked_up_while_the_demo_is_served(tmp_path: Path) -> None:
    with SittingProcess.demo(tmp_path) as demo:
        looked_up = sitting("demo", "--no-serve", "--json", "--port", str(demo.port), cwd=tmp_path)
        assert without_tokens(json.loads(succeeded(looked_up))) == without_tokens(demo.announcement)
        second = sitting("demo", "--port", "0", cwd=tmp_path)
        assert "in use by process" in refused(second)


def test_kill_while_the_sample_is_loaded_leaves_nothing_half_done(tmp_path: Path) -> None:
    command: list[str | Path] = [COMMAND, "demo", "--no-serve", "--json"]
    process = ChildProcess(command, name="demo", directory=tmp_path, env=environment({}))
    secrets = tmp_path / "sitting-demo.db.secrets.json"

    def passwords() -> dict[str, str]:
        assert secrets.exists()
        kept: dict[str, str] = json.loads(secrets.read_text())["staff_passwords"]
        assert kept
        return kept

    kept = eventually(passwords, within=60, every=0.001)  # they are written just before the sample is loaded
    process.kill()
    announced = made(tmp_path)
    assert len(announced["candidates"]) == 36
    assert {person["email"]: person["password"] for person in announced["staff"]} == kept


def test_secrets_are_for_their_owner_alone(announced: dict[str, Any], directory: Path) -> None:
    assert announced
    assert stat.S_IMODE((directory / "sitting-demo.db.secrets.json").stat().st_mode) == 0o600


def test_database_with_other_people_is_left_alone(tmp_path: Path) -> None:
    url = "sqlite:///sitting.db"
    succeeded(sitting("db", "upgrade", cwd=tmp_path))
    ann = ("--name", "Ann", "--email", "ann@example.org", "--role", "candidate")
    succeeded(sitting("user", "create", *ann, cwd=tmp_path))
    demo = ("demo", "--no-serve", "--database-url", url)
    assert "database of its own" in refused(sitting(*demo, cwd=tmp_path))
    with SittingProcess.serve(url, tmp_path):
        assert "holds no demo" in refused(sitting(*demo, cwd=tmp_path))


def test_demo_works_on_postgresql_with_the_keys_that_are_set(postgresql_database_url: str, tmp_path: Path) -> None:
    first = made(tmp_path, postgresql_database_url, **KEYS)
    assert all(person["password"] for person in first["staff"])
    again = made(tmp_path, postgresql_database_url, **KEYS)
    assert again["candidates"][5]["link"] == first["candidates"][5]["link"]
    assert [person["password"] for person in again["staff"]] == [None] * 3  # nobody kept them


def test_report_shows_a_link_for_each_test_and_how_staff_get_in(announced: dict[str, Any], directory: Path) -> None:
    report = succeeded(sitting("demo", "--no-serve", cwd=directory))
    for test in announced["tests"]:
        links = [each["link"] for each in announced["candidates"] if each["test_id"] == test["test_id"]]
        assert [link for link in links if link in report.split()] == links[:1]
        assert test["test_name"] in report
    assert all(person["password"] in report for person in announced["staff"])


@pytest.mark.parametrize(
    ("env", "options", "base_url"),
    [
        ({}, ("--host", "0.0.0.0", "--port", "8123"), "http://127.0.0.1:8123"),
        ({}, ("--host", "::1", "--port", "8123"), "http://[::1]:8123"),
        ({"SITTING_PUBLIC_URL": "https://tests.example"}, (), "https://tests.example"),
    ],
)
def test_links_name_an_address_where_the_server_can_be_reached(
    directory: Path, env: dict[str, str], options: tuple[str, ...], base_url: str
) -> None:
    done = sitting("demo", "--no-serve", "--json", *options, cwd=directory, env=env)
    found = json.loads(succeeded(done))
    assert found["base_url"] == base_url
    assert found["candidates"][0]["link"].startswith(f"{base_url}/i/")
