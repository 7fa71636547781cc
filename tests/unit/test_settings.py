"""Settings come from variables and a file, and whatever nobody knows is refused with a word that helps."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sitting.settings import SettingsRefused, load

SECRET = "an-example-secret-of-forty-characters-ok"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in os.environ:
        if name.upper().startswith("SITTING_"):
            monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sitting.toml"


def refusal(config: Path | None = None, **overrides: Any) -> str:
    with pytest.raises(SettingsRefused) as refused:
        load(config, **overrides)
    return str(refused.value)


def test_defaults_serve_a_file_on_this_machine_alone() -> None:
    settings = load()
    assert (settings.database_url, settings.host, settings.port) == ("sqlite:///sitting.db", "127.0.0.1", 8000)
    assert settings.jwt_secret is settings.signing_key is None
    assert settings.allow_weak_durability is False
    assert settings.max_time_credit_minutes == 30


@pytest.mark.parametrize("processes", [0, 65])
def test_number_of_processes_is_bounded(processes: int) -> None:
    assert "processes" in refusal(processes=processes)
    assert load().processes == 1


def test_option_wins_over_variable_and_variable_over_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('host = "file"\nport = 1\nlog_level = "error"\n')
    monkeypatch.setenv("SITTING_PORT", "2")
    monkeypatch.setenv("SITTING_LOG_LEVEL", "debug")
    settings = load(file, log_level="warning", host=None)
    assert (settings.host, settings.port, settings.log_level) == ("file", 2, "warning")


def test_file_is_found_by_its_variable(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("port = 81\n")
    monkeypatch.setenv("SITTING_CONFIG", str(file))
    assert load().port == 81


def test_empty_variable_is_none(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("port = 81\n")
    monkeypatch.setenv("SITTING_PORT", "")
    monkeypatch.setenv("SITTING_CONFIG", "")
    assert load(file).port == 81
    assert load().port == 8000


@pytest.mark.parametrize("name", ["SITTING_PROT", "sitting_prot"])
def test_unknown_variable_is_refused_with_the_nearest_known_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "8000")
    assert re.search(r"SITTING_PROT .* SITTING_PORT$", refusal())


def test_unknown_key_of_the_file_is_refused_with_the_nearest_known_one(file: Path) -> None:
    file.write_text('databse_url = "sqlite:///x.db"\n')
    assert re.search(rf"databse_url .*{re.escape(str(file))}.* database_url$", refusal(file))


def test_variables_of_the_tests_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITTING_TEST_CHROMIUM", "/usr/bin/chromium")
    assert load().port == 8000


def test_all_wrong_values_are_named_at_once_each_by_where_it_stands(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('log_format = "xml"\n')
    monkeypatch.setenv("SITTING_PORT", "99999")
    said = refusal(file, token_lifetime_minutes=0)
    assert re.search(rf"log_format in {re.escape(str(file))}: .*'console' or 'json'", said)
    assert re.search(r"SITTING_PORT: .*65535", said)
    assert re.search(r"(^|; )token_lifetime_minutes: ", said)


@pytest.mark.parametrize(
    ("text", "said"), [("port =", "not a TOML file"), (None, "No such file"), (b"host = '\xff'", "not a TOML file")]
)
def test_file_that_cannot_be_read_is_named(file: Path, text: str | bytes | None, said: str) -> None:
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert re.search(rf"^{re.escape(str(file))} .*{said}", refusal(file))


def test_secrets_show_in_no_text(file: Path) -> None:
    address = "postgresql://sitting:database-password@db/sitting"
    file.write_text(f'jwt_secret = "{SECRET}"\nsigning_key = "the signing key"\ndatabase_url = "{address}"\n')
    settings = load(file)
    assert settings.jwt_secret is not None
    assert settings.jwt_secret.get_secret_value() == SECRET
    shown = f"{settings!r} {settings}"
    assert not any(secret in shown for secret in (SECRET, "the signing key", "database-password"))


def test_short_secret_is_refused_without_being_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITTING_JWT_SECRET", "x" * 31)
    assert refusal() == "SITTING_JWT_SECRET: it needs at least 32 bytes"
    monkeypatch.setenv("SITTING_JWT_SECRET", "é" * 16)
    assert load().jwt_secret is not None


@pytest.mark.parametrize("token", ["fifteen-letters", "a token with blanks", "ein-schönes-token-für-alle"])
def test_metrics_token_that_no_header_carries_or_anybody_guesses_is_refused_without_being_told(token: str) -> None:
    said = refusal(metrics_token=token)
    assert said.startswith("metrics_token: it needs at least 16")
    assert token not in said
    assert load(metrics_token="sixteen-letters-").metrics_token is not None


def test_socket_layer_is_one_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().socket_layer == "websockets"
    monkeypatch.setenv("SITTING_SOCKET_LAYER", "picows")
    assert load().socket_layer == "picows"
    monkeypatch.setenv("SITTING_SOCKET_LAYER", "wsproto")
    assert re.search("SITTING_SOCKET_LAYER: .*'websockets' or 'picows'", refusal())


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().port = 1


def test_origins_come_as_text_with_commas_or_as_a_list(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = frozenset({"https://a.example", "http://b.example:8443"})
    file.write_text('allowed_origins = ["https://A.example", "http://b.example:8443"]\n')
    assert load(file).allowed_origins == wanted
    monkeypatch.setenv("SITTING_ALLOWED_ORIGINS", "https://a.example, http://b.example:8443,")
    assert load().allowed_origins == wanted


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "https://*.example",
        "a.example",
        "https://a.example/",
        "https://a.example/x",
        "ftp://a.example",
        "https://me@a.example",
    ],
)
def test_origin_that_is_not_exactly_one_is_refused(origin: str) -> None:
    assert "allowed_origins" in refusal(allowed_origins=origin)


def test_public_url_loses_its_last_slash_and_may_have_no_path() -> None:
    assert load(public_url="https://tests.example/").public_url == "https://tests.example"
    assert "public_url" in refusal(public_url="https://tests.example/sitting")


@pytest.mark.parametrize(
    "address",
    [
        "https://id.example/jwks.json",
        "https://id.example:8443/realms/a/certs?x=1",
        "http://localhost:8080/jwks",
        "http://127.0.0.1/jwks",
        "http://[::1]:80/jwks",
    ],
)
def test_address_of_keys_is_taken_as_it_is(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITTING_JWKS_URL", address)
    assert load().jwks_url == address


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://id.example/jwks.json", "https"),
        ("http://127.0.0.1.example/jwks.json", "https"),
        ("http://localhost@id.example/jwks.json", "https"),
        ("https://me:secret@id.example/jwks.json", "user"),
        ("https://id.example/jwks.json#x", "fragment"),
        ("https://", "form"),
        ("https://id.example:port/", "Port"),
        ("file:///etc/passwd", "form"),
        ("id.example/jwks.json", "form"),
        ("https://id.example/a b", "form"),
        ("https://id.exämple/", "form"),
    ],
)
def test_address_of_keys_that_others_could_answer_for_is_refused(address: str, said: str) -> None:
    assert said in refusal(jwks_url=address)
    assert "secret" not in refusal(jwks_url=address)


@pytest.mark.parametrize("minutes", [-1, 1441])
def test_time_credit_is_between_nothing_and_a_day(minutes: int) -> None:
    assert "max_time_credit_minutes: " in refusal(max_time_credit_minutes=minutes)
    assert load(max_time_credit_minutes=0).max_time_credit_minutes == 0
