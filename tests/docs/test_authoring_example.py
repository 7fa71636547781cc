"""What docs/authoring.md tells to type leads to a published Test, with the scripted model that comes along."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sitting.api import create_api
from tests.support.rest import unopened_services
from tests.support.scripted_model import ScriptedServer
from tests.support.server import SittingProcess, environment
from tests.support.staff import Staff

PAGE = (Path(__file__).parents[2] / "docs" / "authoring.md").read_text("utf-8")
SCRIPTS = re.findall(r"^```sh\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)


def script(beginning: str) -> str:
    """The block of the page that begins so."""
    found: str
    [found] = [each for each in SCRIPTS if each.startswith(beginning)]
    return found


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[SittingProcess]:
    with ScriptedServer() as model:
        env = {"SITTING_MODEL_URL": model.base_url, "SITTING_MODEL_NAME": model.name}
        with SittingProcess.demo(tmp_path, env=env) as server:
            yield server


@pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("jq")), reason="the page's commands are those of curl and jq"
)
def test_commands_of_curl_lead_from_the_job_description_to_a_published_test(
    demo: SittingProcess, tmp_path: Path
) -> None:
    [author] = [who for who in demo.announcement["staff"] if who["role"] == "author"]
    job = script("cat > job.txt").partition("\n.venv")[0]
    commands = script("api=").replace("http://127.0.0.1:8000", demo.base_url)
    assert author["email"] in commands
    commands = commands.replace("password=…", f"password='{author['password']}'")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"{job}\n{commands}"],
        cwd=tmp_path, env=environment({}), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "event: end" in done.stdout
    staff = Staff(demo.base_url, author["token"])
    [made] = [test for test in staff.get("/tests")["items"] if test["draft"]["name"] == "Platform engineer"]
    assert made["current_version"] == 1
    proposals = staff.get("/proposals?limit=200")["items"]
    assert (len(proposals) > 10, {each["state"] for each in proposals}) == (True, {"accepted"})


def test_table_of_routes_names_each_of_them() -> None:
    paths: dict[str, Any] = create_api(unopened_services()).openapi()["paths"]
    there = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, methods in paths.items()
        for method in methods
        if re.match(r"/api/v1/(skill-graphs|runs|proposals)", path) or path.endswith("/coverage")
    }
    table = PAGE[PAGE.index("| route | does |") :]
    told = set(re.findall(r"`((?:GET|POST) /[^`]+)`", "".join(re.findall(r"^\|([^|]+)\|", table, re.MULTILINE))))
    assert told == there
