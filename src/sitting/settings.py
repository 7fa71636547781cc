"""What can be set from outside: `SITTING_*` variables, or a TOML file. docs/settings.md tells operators the same."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "SITTING_"
CONFIG_VARIABLE = f"{PREFIX}CONFIG"
TESTS_PREFIX = f"{PREFIX}TEST_"
MIN_SECRET_BYTES = 32
MIN_METRICS_TOKEN = 16
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
MAX_LIFETIME_MINUTES = 366 * 24 * 60
SocketLayer = Literal["websockets", "picows"]


class SettingsRefused(Exception):
    """The settings cannot be used; the message says in one line what is wrong, and names no secret."""


class Settings(BaseSettings):
    """All settings. Every field is a variable (`SITTING_` and the name in capitals) and a key of the file.

    Attributes:
        database_url: `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://user:password@host/name`.
        jwt_secret: what tokens are signed with, at least 32 bytes.
        jwt_issuer, jwt_audience: required of every token where set, and put into those that we mint.
        jwks_url: where the public keys of other systems' tokens are published; https, or this machine.
        signing_key: Ed25519 private key under receipts, PEM or 32 bytes in base64url.
        allowed_origins: exact origins whose pages may use a browser's cookie, besides our own.
        public_url: scheme and host under which others reach the server; None: as each request says.
        processes: nodes that `sitting serve` runs on this machine; more than one needs PostgreSQL.
        token_lifetime_minutes: how long a token is good that names no other time.
        metrics_token: who shows it may read /metrics; None: whoever asks from this machine.
        max_connections: open sockets; one more is told to come back later.
        messages_per_second: what one socket may send for ever; ten times as many at once.
        starts_at_once, starts_waiting: starts at work, and in the line behind them; more are told to come back later.
        drain_seconds: over how long a node that was told to stop closes its sockets, at most.
        max_time_credit_minutes: what one assessment gets back at most, of all outages together; 0: nothing.
        socket_layer: the library that takes the frames of sockets apart.
        allow_weak_durability: serve although the database may lose what it committed.
        model_url, model_name, model_key: an endpoint that speaks OpenAI's chat completions; None: no model is asked.
        model_…: how it is asked, for how long it is waited for, and what a million tokens cost.
        embedding_model: makes vectors of questions, so that duplicates in other words are found; None: nobody does.
        embedding_url, embedding_key: where it is asked; None: where the other is. embedding_price: as the others.
        embedding_similarity: cosine from which on two questions mean the same.
        run_…, test_…: what one run, and all runs of a Test together, may spend; None: no limit of that kind.
        runs_at_once: runs that a node works on at the same time.
        code_sandbox: Python in questions is run, apart from everything, to see whether the key is right.
        solvers, solvers_agree, guessers, solver_tokens: how a question is put to the model before anybody gets it.
        gates: thresholds of gates by name, in the place of the defaults.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid")

    database_url: str = Field("sqlite:///sitting.db", repr=False)  # it may hold a password
    jwt_secret: SecretStr | None = None
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    jwks_url: str | None = None
    signing_key: SecretStr | None = None
    allowed_origins: Annotated[frozenset[str], NoDecode] = frozenset()
    public_url: str | None = None
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    processes: int = Field(1, ge=1, le=64)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] = "console"
    token_lifetime_minutes: int = Field(480, ge=1, le=MAX_LIFETIME_MINUTES)
    metrics_token: SecretStr | None = None
    max_connections: int = Field(10_000, ge=1, le=1_000_000)
    messages_per_second: int = Field(30, ge=1, le=100_000)
    starts_at_once: int = Field(64, ge=1, le=1000)
    starts_waiting: int = Field(6000, ge=0, le=100_000)
    drain_seconds: float = Field(5, ge=0, le=300)
    max_time_credit_minutes: int = Field(30, ge=0, le=1440)
    socket_layer: SocketLayer = "websockets"
    allow_weak_durability: bool = False
    model_url: str | None = None
    model_name: str | None = Field(None, validate_default=True)
    model_key: SecretStr | None = None
    model_answer_form: Literal["auto", "schema", "words"] = "auto"
    model_streaming: bool = True
    model_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    model_connect_seconds: float = Field(5, gt=0, le=600)
    model_first_byte_seconds: float = Field(30, gt=0, le=3600)
    model_between_bytes_seconds: float = Field(15, gt=0, le=3600)
    model_whole_seconds: float = Field(120, gt=0, le=3600)
    model_attempts: int = Field(3, ge=1, le=10)
    model_calls_at_once: int = Field(4, ge=1, le=1000)
    model_prompt_price: Decimal = Field(Decimal(0), ge=0, le=1_000_000)
    model_answer_price: Decimal = Field(Decimal(0), ge=0, le=1_000_000)
    embedding_url: str | None = None
    embedding_model: str | None = Field(None, validate_default=True)
    embedding_key: SecretStr | None = Field(None, validate_default=True)
    embedding_price: Decimal = Field(Decimal(0), ge=0, le=1_000_000)
    embedding_similarity: float = Field(0.9, gt=0, le=1)
    run_tokens: int | None = Field(1_000_000, ge=1)
    run_cost: Decimal | None = Field(None, gt=0)
    run_seconds: int | None = Field(3600, ge=1)
    test_tokens: int | None = Field(None, ge=1)
    test_cost: Decimal | None = Field(None, gt=0)
    test_seconds: int | None = Field(None, ge=1)
    runs_at_once: int = Field(8, ge=2, le=1000)
    code_sandbox: bool = False
    solvers: int = Field(3, ge=1, le=20)
    solvers_agree: int = Field(2, ge=1, le=20, validate_default=True)
    guessers: int = Field(5, ge=1, le=20)
    solver_tokens: int = Field(2000, ge=100, le=100_000)
    gates: Annotated[dict[str, float], NoDecode] = Field(default_factory=dict)

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("gates", mode="before")
    @classmethod
    def _split_thresholds(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [part.partition("=") for part in value.split(",") if part.strip()]
        return {name.strip(): number.strip() for name, _, number in pairs}

    @field_validator("allowed_origins")
    @classmethod
    def _check_origins(cls, origins: frozenset[str]) -> frozenset[str]:
        return frozenset(map(_origin, origins))

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, value: str | None) -> str | None:
        return None if value is None else _origin(value.rstrip("/"))

    @field_validator("jwks_url")
    @classmethod
    def _check_jwks_url(cls, value: str | None) -> str | None:
        return None if value is None else _trustworthy(value)

    @field_validator("jwt_secret")
    @classmethod
    def _check_length(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value().encode()) < MIN_SECRET_BYTES:
            raise ValueError(f"it needs at least {MIN_SECRET_BYTES} bytes")
        return secret

    @field_validator("model_name")
    @classmethod
    def _check_model(cls, name: str | None, info: ValidationInfo) -> str | None:
        if (name is None) != (info.data.get("model_url") is None):
            raise ValueError("it belongs to SITTING_MODEL_URL: set both, or neither")
        return name

    @field_validator("embedding_model")
    @classmethod
    def _check_embedding(cls, name: str | None, info: ValidationInfo) -> str | None:
        if name is not None and info.data.get("model_url") is None:
            raise ValueError("questions are compared where they are written: set SITTING_MODEL_URL, too")
        if name is None and info.data.get("embedding_url") is not None:
            raise ValueError("SITTING_EMBEDDING_URL is set, and it is not said which model is asked there")
        return name

    @field_validator("embedding_key")
    @classmethod
    def _check_embedding_key(cls, key: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if key is not None and info.data.get("embedding_model") is None:
            raise ValueError("it belongs to SITTING_EMBEDDING_MODEL: set both, or neither")
        return key

    @field_validator("solvers_agree")
    @classmethod
    def _check_solvers(cls, agreeing: int, info: ValidationInfo) -> int:
        if agreeing > info.data.get("solvers", agreeing):
            raise ValueError("more cannot agree than SITTING_SOLVERS are asked")
        return agreeing

    @field_validator("metrics_token")
    @classmethod
    def _check_metrics_token(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and not re.fullmatch(
            f"[\\w.~+/=-]{{{MIN_METRICS_TOKEN},}}", token.get_secret_value(), re.A
        ):
            raise ValueError(f"it needs at least {MIN_METRICS_TOKEN} letters, digits or any of -._~+/=")
        return token


def load(config: Path | None = None, **overrides: Any) -> Settings:
    """The settings in force: `overrides` that are not None, over variables, over the file, over defaults.

    Args:
        config: the TOML file; None takes the one that SITTING_CONFIG names, if it names one.

    Raises:
        SettingsRefused: a name is unknown or a value impossible, or the file cannot be read.
    """
    variables = _variables()
    file = config or _file_named_in(os.environ)
    values = {} if file is None else _from_file(file)
    from_file = {name: value for name, value in values.items() if name not in variables}
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**{**from_file, **given})
    except ValidationError as fault:
        sources = dict.fromkeys(from_file, f" in {file}") | dict.fromkeys(given, "")
        raise SettingsRefused("; ".join(_problems(fault, sources))) from None


def _origin(text: str) -> str:
    """`scheme://host[:port]` in lower case.

    Raises:
        ValueError: it is something else.
    """
    parts = urlsplit(text.lower())
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or text.lower() != f"{parts.scheme}://{parts.netloc}"
    ):
        raise ValueError(f"{text!r} is not of the form https://host or https://host:port")
    if "@" in parts.netloc or "*" in parts.netloc:
        raise ValueError(f"{text!r} must name one host exactly, and no user")
    return text.lower()


def _trustworthy(address: str) -> str:
    """The address, if nobody on the way can answer in its place.

    Raises:
        ValueError: it is none, or not protected, or says who asks.
    """
    parts = urlsplit(address)
    if not parts.hostname or parts.scheme not in ("http", "https") or not address.isascii() or " " in address:
        raise ValueError("it is not of the form https://host/path")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError("it must begin with https: whoever can change the keys on the way can act as anybody")
    if "@" in parts.netloc or parts.fragment:
        raise ValueError("it must name no user and no fragment")
    _ = parts.port  # raises if it is none
    return address


def _variables() -> set[str]:
    """The fields that a variable sets.

    Raises:
        SettingsRefused: a variable with our prefix is none of ours.
    """
    names = [name.upper() for name in os.environ if name.upper().startswith(PREFIX)]
    ours = [name for name in names if name != CONFIG_VARIABLE and not name.startswith(TESTS_PREFIX)]
    _refuse_unknown(ours, [PREFIX + field.upper() for field in Settings.model_fields] + [CONFIG_VARIABLE], "variable")
    values = {name.upper(): value for name, value in os.environ.items()}
    return {name.removeprefix(PREFIX).lower() for name in ours if values[name]}


def _file_named_in(environment: Mapping[str, str]) -> Path | None:
    name = environment.get(CONFIG_VARIABLE)
    return Path(name) if name else None


def _from_file(file: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(file.read_text("utf-8"))
    except OSError as fault:
        raise SettingsRefused(f"{file} cannot be read: {fault.strerror}") from None
    except ValueError as fault:  # no TOML, or no UTF-8
        raise SettingsRefused(f"{file} is not a TOML file: {fault}") from None
    _refuse_unknown(values, list(Settings.model_fields), f"key in {file}")
    return values


def _refuse_unknown(names: Iterable[str], known: list[str], kind: str) -> None:
    for name in names:
        if name not in known:
            nearest = get_close_matches(name, known, n=1, cutoff=0)[0]
            raise SettingsRefused(f"{name} is not a {kind} that Sitting knows; the nearest one is {nearest}")


def _problems(fault: ValidationError, sources: Mapping[str, str]) -> Iterable[str]:
    """One sentence for each wrong value, without the value: it may be a secret."""
    for error in fault.errors(include_input=False, include_url=False, include_context=False):
        name = str(error["loc"][0])
        place = f"{name}{sources[name]}" if name in sources else PREFIX + name.upper()
        yield f"{place}: {error['msg'].removeprefix('Value error, ')}"
