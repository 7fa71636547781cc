"""`sitting scripted-model` is a model to whoever speaks the API of models."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from sitting.domain.spending import Account, Limits
from sitting.kit.clock import SystemClock
from sitting.questions.prompt_answers import WrittenItems
from sitting.questions.prompting import load_template, render
from sitting.questions.provider import Listener, Provider, Question
from sitting.questions.provider_budget import Ledger
from sitting.questions.provider_calls import Call, Outcome
from sitting.questions.provider_config import ProviderConfig
from sitting.questions.provider_retry import Retries
from tests.support.eventually import eventually
from tests.support.processes import ChildProcess
from tests.support.server import COMMAND, environment


@pytest.fixture
def command(tmp_path: Path) -> Iterator[ChildProcess]:
    arguments = ["scripted-model", "--port", "0", "--pace", "0"]
    child = ChildProcess([COMMAND, *arguments], name="scripted", directory=tmp_path, env=environment({}))
    yield child
    child.kill()


def told(child: ChildProcess) -> dict[str, str]:
    """The settings that it prints once it listens."""
    settings = dict(re.findall(r"^SITTING_MODEL_(\w+)=(.+)$", child.stdout_path.read_text(), re.MULTILINE))
    assert settings.keys() == {"URL", "NAME"}, child.tail()
    return settings


async def test_settings_that_it_prints_lead_to_questions_and_to_the_faults_that_were_ordered(
    command: ChildProcess,
) -> None:
    settings = eventually(lambda: told(command), within=30)
    orders = settings["URL"].removesuffix("/v1") + "/scripted/misbehave"
    refused = httpx2.post(orders, json={"fault": "sulk"})
    assert (refused.status_code, "too_many" in refused.text) == (400, True)
    assert httpx2.post(orders, json={"fault": "error_500"}).status_code == 200
    assert httpx2.get(f"{settings['URL']}/models").json()["data"][0]["id"] == settings["NAME"]

    words: dict[str, int | str] = {"count": 3, "difficulty": "hard", "options": 4}
    prompt = render(load_template("write_items"), words, {"skill": "SQL", "sub_skills": "", "avoid": ""})
    config = ProviderConfig(settings["URL"], settings["NAME"], retries=Retries(first_delay=0))
    calls: list[Call] = []
    async with Provider(config, SystemClock()) as provider:
        purse = Ledger({"run": Account(Limits())}).purse()
        answer = await provider.ask(Question(prompt, WrittenItems), purse, Listener(calls.append))
    assert [call.outcome for call in calls] == [Outcome.SERVER_ERROR, Outcome.OK]
    assert len(answer.value.items) == 2, "the script has two of them"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_stop_that_is_asked_for_is_no_failure(command: ChildProcess, how: signal.Signals) -> None:
    eventually(lambda: told(command), within=30)
    assert command.end(how) == 0
    assert command.stderr_path.read_text() == ""
