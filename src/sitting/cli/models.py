"""The model that the settings name."""

from __future__ import annotations

import importlib.util
from decimal import Decimal

from sitting.app import MeaningConfig, ModelConfig
from sitting.cli.errors import Stop
from sitting.domain.spending import Limits
from sitting.questions.embedding import PATH
from sitting.questions.provider_config import AnswerForm, Prices, ProviderConfig, Timeouts, TokensField
from sitting.questions.provider_retry import Retries
from sitting.questions.solving import SolveSettings
from sitting.settings import Settings

MICROS = 1_000_000


def model_config(settings: Settings) -> ModelConfig | None:
    """The model that a server asks, and what it may; None if none is set.

    Raises:
        Stop: what is set cannot be meant so, or packages are missing that runs need.
    """
    provider = provider_config(settings)
    if provider is None:
        return None
    require_packages("langgraph", "langgraph.checkpoint", *(() if settings.embedding_model is None else ("numpy",)))
    return ModelConfig(
        provider,
        limits_of_run(settings),
        limits_of_test(settings),
        settings.runs_at_once,
        runs_code=settings.code_sandbox,
        solve=SolveSettings(
            solvers=settings.solvers,
            solvers_agree=settings.solvers_agree,
            guessers=settings.guessers,
            answer_tokens=settings.solver_tokens,
        ),
        meaning=meaning_config(settings),
    )


def require_packages(*names: str) -> None:
    """Refuse to go on without packages of the extra.

    Raises:
        Stop: one is missing.
    """
    if any(importlib.util.find_spec(name) is None for name in names):
        raise Stop(
            "SITTING_MODEL_URL is set, and packages are missing that questions are written with; "
            "`pip install 'sitting[llm]'` installs them"
        )


def provider_config(settings: Settings) -> ProviderConfig | None:
    """How the model is reached; None if none is set.

    Raises:
        Stop: what is set cannot be meant so.
    """
    if settings.model_url is None or settings.model_name is None:
        return None
    key = settings.model_key
    try:
        return ProviderConfig(
            settings.model_url,
            settings.model_name,
            None if key is None else key.get_secret_value(),
            answer_form=AnswerForm(settings.model_answer_form),
            streaming=settings.model_streaming,
            tokens_field=TokensField(settings.model_tokens_field),
            timeouts=_timeouts(settings),
            retries=Retries(settings.model_attempts),
            prices=Prices(settings.model_prompt_price, settings.model_answer_price),
            calls_at_once=settings.model_calls_at_once,
        )
    except ValueError as fault:
        raise Stop(f"SITTING_MODEL_URL and what belongs to it: {fault}") from None


def meaning_config(settings: Settings) -> MeaningConfig | None:
    """The model that makes vectors of questions; None if none is set. It is waited for as the other one is.

    The other one's key goes where that is asked, and nowhere else.

    Raises:
        Stop: what is set cannot be meant so.
    """
    url, key = settings.embedding_url or settings.model_url, settings.embedding_key
    if settings.embedding_model is None or url is None:
        return None
    if key is None and url == settings.model_url:
        key = settings.model_key
    try:
        provider = ProviderConfig(
            url,
            settings.embedding_model,
            None if key is None else key.get_secret_value(),
            streaming=False,
            timeouts=_timeouts(settings),
            retries=Retries(settings.model_attempts),
            prices=Prices(settings.embedding_price),
            calls_at_once=settings.model_calls_at_once,
            path=PATH,
        )
    except ValueError as fault:
        raise Stop(f"SITTING_EMBEDDING_URL and what belongs to it: {fault}") from None
    return MeaningConfig(provider, settings.embedding_similarity)


def _timeouts(settings: Settings) -> Timeouts:
    return Timeouts(
        settings.model_connect_seconds,
        settings.model_first_byte_seconds,
        settings.model_between_bytes_seconds,
        settings.model_whole_seconds,
    )


def limits_of_run(settings: Settings) -> Limits:
    """What one run may spend."""
    return _limits(settings.run_tokens, settings.run_seconds, settings.run_cost)


def limits_of_test(settings: Settings) -> Limits:
    """What all runs of a Test may spend together."""
    return _limits(settings.test_tokens, settings.test_seconds, settings.test_cost)


def _limits(tokens: int | None, seconds: int | None, cost: Decimal | None) -> Limits:
    return Limits(tokens, None if seconds is None else 1000 * seconds, None if cost is None else int(cost * MICROS))
