"""The model that the settings name, and what may be spent on it."""

from __future__ import annotations

import importlib.util
from decimal import Decimal
from typing import Any

import pytest

from sitting.cli.errors import Stop
from sitting.cli.models import limits_of_run, limits_of_test, meaning_config, model_config, provider_config
from sitting.domain.spending import Limits
from sitting.questions.gates.meaning import MEANING_SIMILARITY
from sitting.questions.provider_config import AnswerForm, Prices, TokensField
from sitting.questions.solving import SolveSettings
from sitting.settings import SettingsRefused, load

LOCAL: dict[str, Any] = {"model_url": "http://127.0.0.1:8399/v1", "model_name": "scripted-1"}


def config(**more: Any) -> Any:
    return provider_config(load(**{**LOCAL, **more}))


def test_without_an_address_there_is_no_model() -> None:
    assert provider_config(load()) is None


@pytest.mark.parametrize("left_out", LOCAL)
def test_address_and_name_belong_together(left_out: str) -> None:
    given: dict[str, Any] = {name: value for name, value in LOCAL.items() if name != left_out}
    with pytest.raises(SettingsRefused, match="belongs to SITTING_MODEL_URL"):
        load(**given)


def test_all_of_it_reaches_the_provider() -> None:
    made = config(
        model_answer_form="words",
        model_streaming=False,
        model_tokens_field="max_completion_tokens",
        model_first_byte_seconds=90,
        model_attempts=5,
        model_calls_at_once=2,
        model_prompt_price="0.15",
        model_answer_price=Decimal("0.6"),
        model_key="k",
    )
    assert (made.base_url, made.model, made.key) == (LOCAL["model_url"], "scripted-1", "k")
    assert (made.answer_form, made.streaming) == (AnswerForm.WORDS, False)
    assert (made.tokens_field, made.timeouts.first_byte) == (TokensField.MAX_COMPLETION_TOKENS, 90)
    assert (made.retries.attempts, made.calls_at_once) == (5, 2)
    assert made.prices == Prices(Decimal("0.15"), Decimal("0.6"))


def test_key_that_could_be_read_on_the_way_is_refused_and_not_shown() -> None:
    with pytest.raises(Stop, match="SITTING_MODEL_URL") as refused:
        config(model_url="http://models.example/v1", model_key="very secret")
    assert "very secret" not in str(refused.value)


def test_limits_are_in_the_units_of_the_books() -> None:
    settings = load(run_cost="0.25", run_seconds=60, test_tokens=7)
    assert limits_of_run(settings) == Limits(1_000_000, 60_000, 250_000)
    assert limits_of_test(settings) == Limits(7, None, None)


def test_all_that_runs_need_reaches_the_server() -> None:
    made = model_config(
        load(**LOCAL, run_tokens=9, test_tokens=99, runs_at_once=3, code_sandbox=True, solvers=5, solver_tokens=700)
    )
    assert made is not None
    assert (made.provider.model, made.run_limits.tokens, made.test_limits.tokens) == ("scripted-1", 9, 99)
    assert (made.runs_at_once, made.runs_code) == (3, True)
    assert made.solve == SolveSettings(solvers=5, solvers_agree=2, guessers=5, answer_tokens=700)
    assert model_config(load()) is None


def test_code_is_not_run_and_solvers_are_as_the_gates_want_them_unless_something_else_is_set() -> None:
    made = model_config(load(**LOCAL))
    assert made is not None
    assert (made.runs_code, made.solve, made.runs_at_once) == (False, SolveSettings(), 8)


@pytest.mark.parametrize("more", [{"solvers": 1}, {"solvers": 4, "solvers_agree": 5}, {"runs_at_once": 1}])
def test_settings_that_no_run_could_go_by_are_refused(more: dict[str, Any]) -> None:
    with pytest.raises(SettingsRefused):
        load(**LOCAL, **more)


def test_model_without_the_packages_for_it_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if "langgraph" in name else found(name))
    with pytest.raises(Stop, match=r"pip install 'sitting\[llm\]'"):
        model_config(load(**LOCAL))
    assert model_config(load()) is None, "without a model nobody needs them"


MEANING = {**LOCAL, "embedding_model": "vectors-1"}


def meaning(**more: Any) -> Any:
    return meaning_config(load(**{**MEANING, **more}))


def test_without_a_name_nobody_makes_vectors() -> None:
    assert meaning_config(load(**LOCAL)) is None


def test_vectors_are_asked_for_where_the_model_is_and_waited_for_as_it_is() -> None:
    made = meaning(model_key="k", model_whole_seconds=7, model_attempts=5, embedding_price="0.02", model_answer_price=9)
    provider = made.provider
    assert (provider.address, provider.model, provider.key) == (f"{LOCAL['model_url']}/embeddings", "vectors-1", "k")
    assert (provider.timeouts.whole, provider.retries.attempts, provider.streaming) == (7, 5, False)
    assert provider.prices == Prices(Decimal("0.02"))
    assert made.least == MEANING_SIMILARITY
    assert meaning(embedding_similarity=0.7).least == 0.7


def test_key_of_the_model_goes_to_no_other_address() -> None:
    elsewhere = "https://vectors.example/v1"
    assert meaning(model_key="k", embedding_url=elsewhere).provider.key is None
    own = meaning(model_key="k", embedding_url=elsewhere, embedding_key="own").provider
    assert (own.key, own.address) == ("own", f"{elsewhere}/embeddings")
    assert meaning(model_key="k", embedding_key="own").provider.key == "own"


def test_key_of_vectors_that_could_be_read_on_the_way_is_refused_and_not_shown() -> None:
    with pytest.raises(Stop, match="SITTING_EMBEDDING_URL") as refused:
        meaning(embedding_url="http://vectors.example/v1", embedding_key="very secret")
    assert "very secret" not in str(refused.value)


@pytest.mark.parametrize(
    "given",
    [
        {"embedding_model": "vectors-1"},
        {**LOCAL, "embedding_url": "https://vectors.example/v1"},
        {**LOCAL, "embedding_key": "k"},
        {**MEANING, "embedding_similarity": 0},
        {**MEANING, "embedding_similarity": 1.01},
    ],
)
def test_settings_of_vectors_that_cannot_be_meant_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(SettingsRefused):
        load(**given)


def test_server_that_compares_by_meaning_needs_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "numpy" else found(name))
    with pytest.raises(Stop, match=r"pip install 'sitting\[llm\]'"):
        model_config(load(**MEANING))
    assert model_config(load(**LOCAL)) is not None
