"""What deploy/ says, held against the program: commands, options, settings, ports, timeouts and what may be logged.

No engine, proxy or service manager is asked. These tests read the statements that matter by small parsers of their own.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml  # type: ignore[import-untyped]

from sitting import cli
from sitting.api.middleware import LARGER_BODIES
from sitting.cli.server import GRACE_SECONDS, PING_SECONDS
from sitting.delivery.draining import LINGER_SECONDS
from sitting.settings import PREFIX, Settings, load
from sitting.storage.url import DatabaseUrl

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PORT = Settings.model_fields["port"].default
SECONDS_TO_END = Settings.model_fields["drain_seconds"].default + LINGER_SECONDS + GRACE_SECONDS + 5
SECRET_VARIABLES = re.compile(r"\$(request|request_uri|args|query_string|is_args|arg_\w+|http_referer|uri)\b")


def read(name: str) -> str:
    return (DEPLOY / name).read_text()


# --- the forms -------------------------------------------------------------------------------------------------------


def unit() -> dict[str, list[str]]:
    """The keys of sitting.service's [Service], each with its values in order."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in read("sitting.service").splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and line and not line.startswith("#"):
            key, is_there, value = line.partition("=")
            assert is_there, line
            found.setdefault(key, []).append(value)
    return found


def stages() -> list[list[tuple[str, str]]]:
    """The Containerfile's stages, each a list of instructions: their word, and what stands behind it."""
    text = re.sub(r"\\\n\s*", " ", "\n".join(line for line in read("Containerfile").splitlines() if line[:1] != "#"))
    found: list[list[tuple[str, str]]] = []
    for line in filter(None, text.splitlines()):
        word, _, rest = line.partition(" ")
        assert re.fullmatch("[A-Z]+", word), line
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest))
    return found


def of(stage: list[tuple[str, str]], word: str) -> list[str]:
    return [rest for each, rest in stage if each == word]


def image_environment() -> dict[str, str]:
    return dict(part.split("=", 1) for part in shlex.split(" ".join(of(stages()[-1], "ENV"))))


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(read("compose.yaml"))
    return found


@dataclass
class Block:
    """A block of a proxy's configuration: its statements as words, and the blocks in it with their own heads."""

    head: list[str]
    statements: list[list[str]] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    def values(self, name: str) -> list[list[str]]:
        return [words[1:] for words in self.statements if words[0] == name]

    def everything(self) -> Iterator[Block]:
        yield self
        for block in self.blocks:
            yield from block.everything()


def nginx() -> Block:
    """nginx.conf; every statement ends with a semicolon, every brace has its other."""
    tokens = re.findall(r"#[^\n]*|'[^']*'|\"[^\"]*\"|[{};]|[^\s{};'\"]+", read("nginx.conf"))
    stack, words = [Block([])], list[str]()
    for token in tokens:
        if token.startswith("#"):
            continue
        if token == ";":
            assert words, "a semicolon behind nothing"
            stack[-1].statements.append(words)
            words = []
        elif token == "{":
            block = Block(words)
            stack[-1].blocks.append(block)
            stack.append(block)
            words = []
        elif token == "}":
            assert not words, f"no semicolon behind {words}"
            stack.pop()
        else:
            words.append(token.strip("'\""))
    assert len(stack) == 1, "a brace is open"
    return stack[0]


def caddy() -> Block:
    """The Caddyfile; a statement is a line."""
    stack = [Block([])]
    for line in read("Caddyfile").splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words == ["}"]:
            stack.pop()
        elif words[-1] == "{":
            block = Block(words[:-1])
            stack[-1].blocks.append(block)
            stack.append(block)
        else:
            stack[-1].statements.append(words)
    assert len(stack) == 1, "a brace is open"
    return stack[0]


def inner(block: Block, *head: str) -> Block:
    """The one block in it, at whatever depth, whose head begins so."""
    (found,) = [each for each in block.everything() if each.head[: len(head)] == list(head)]
    return found


def seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+)(ms|s|m|h)?", text)
    assert match is not None, text
    return int(match[1]) * {"ms": 0.001, "s": 1, None: 1, "m": 60, "h": 3600}[match[2]]


# --- what they must be -----------------------------------------------------------------------------------------------


def commands() -> list[list[str]]:
    """All command lines of `sitting` that deploy/ gives, without the program's name."""
    (entry,) = of(stages()[-1], "ENTRYPOINT")
    assert json.loads(entry) == ["sitting"]
    (start,) = unit()["ExecStart"]
    program, *arguments = shlex.split(start)
    assert Path(program).name == "sitting"
    (by_default,) = of(stages()[-1], "CMD")
    services = compose()["services"].values()
    return [arguments, json.loads(by_default), *[each["command"] for each in services if each["image"] == "sitting"]]


@pytest.mark.parametrize("arguments", commands(), ids=" ".join)
def test_every_command_is_one_of_ours_with_options_that_it_has(arguments: list[str]) -> None:
    command: Any = typer.main.get_command(cli.app)
    words = list(arguments)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    assert command.make_context("sitting", words) is not None


def assignments() -> dict[str, dict[str, str]]:
    """The variables that each place sets for a node."""
    services = compose()["services"]
    example = dict(line.split("=", 1) for line in read("example.env").splitlines() if line and line[0] != "#")
    return {
        "sitting.service": dict(each.split("=", 1) for each in unit()["Environment"]),
        "Containerfile": image_environment(),
        "example.env": example,
        **{name: each["environment"] for name, each in services.items() if each["image"] == "sitting"},
    }


def test_every_setting_that_is_named_anywhere_exists() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    named = {word for file in DEPLOY.iterdir() for word in re.findall(rf"\b{PREFIX}[A-Z_]+", file.read_text())}
    assert named
    assert named - known == set()


@pytest.mark.parametrize("place", ["sitting.service", "Containerfile", "node1"])
def test_settings_have_values_that_are_possible(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in assignments()[place].items():
        if name.startswith(PREFIX):
            filled = re.sub(r"\$\{\w+:\?\}", "a-value-of-more-than-thirty-two-characters", value)
            monkeypatch.setenv(name, filled)
    assert DatabaseUrl.parse(load().database_url).url.database


def test_variables_of_the_compose_file_are_those_of_the_example() -> None:
    asked = set(re.findall(r"\$\{(\w+):\?\}", read("compose.yaml")))
    assert asked == assignments()["example.env"].keys()
    assert "${" not in re.sub(r"\$\{\w+:\?\}", "", read("compose.yaml")), "a variable that may be empty"


def test_image_installs_by_hash_runs_as_nobody_special_and_looks_at_its_own_port() -> None:
    build, image = stages()
    installs = [line for line in of(build, "RUN") if "pip install" in line]
    assert all("--require-hashes" in line or "--no-deps" in line for line in installs)
    (user,) = of(image, "USER")
    assert int(user) > 0
    assert of(image, "EXPOSE") == [str(PORT)] == [image_environment()["SITTING_PORT"]]
    (check,) = of(image, "HEALTHCHECK")
    assert f"http://127.0.0.1:{PORT}/healthz" in check
    database = DatabaseUrl.parse(image_environment()["SITTING_DATABASE_URL"])
    assert str(database.file.parent) in of(image, "VOLUME")


def test_files_that_the_image_copies_make_a_whole_package(tmp_path: Path) -> None:
    for line in of(stages()[0], "COPY"):
        *sources, target = line.split()
        for source in sources:
            place = tmp_path / (target if len(sources) == 1 and target != "./" else source)
            place.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, place)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "dist").iterdir()
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"sitting/web/static/client/index.js", "sitting/cli/sample/people.json"} <= names
    assert {f"sitting/web/static/client/src/{each.name}" for each in (ROOT / "clients/js/src").iterdir()} <= names
    for folder in ("storage/migrations", "web/templates"):
        assert any(name.startswith(f"sitting/{folder}/") for name in names), folder


def test_compose_file_holds_together() -> None:
    services, volumes = compose()["services"], compose()["volumes"]
    for name, service in services.items():
        assert set(service.get("depends_on", ())) <= services.keys(), name
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in volumes or (DEPLOY / source).is_file(), volume
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    nodes = [name for name, service in services.items() if service.get("command") == ["serve"]]
    assert len(nodes) == 2
    assert services["proxy"]["environment"]["NODES"].split() == [f"{name}:{PORT}" for name in nodes]
    build = services["node1"]["build"]
    assert (DEPLOY / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).is_file()
    used = set(re.findall(r"\{\$(\w+)\}", read("Caddyfile")))
    assert used == services["proxy"]["environment"].keys()


def test_nodes_are_given_the_time_that_they_need_to_end() -> None:
    (stop,) = unit()["TimeoutStopSec"]
    assert seconds(stop) > SECONDS_TO_END
    for name in ("node1", "node2"):
        assert seconds(compose()["services"][name]["stop_grace_period"]) > SECONDS_TO_END


def test_service_may_write_into_its_own_directory_alone() -> None:
    service = unit()
    assert service["ProtectSystem"] == ["strict"]
    assert service["NoNewPrivileges"] == ["yes"]
    assert service["User"] != ["root"]
    (database,) = [each for each in service["Environment"] if each.startswith("SITTING_DATABASE_URL=")]
    (directory,) = service["StateDirectory"]
    assert DatabaseUrl.parse(database.split("=", 1)[1]).file.parent == Path("/var/lib") / directory


def test_nginx_passes_sockets_on_and_waits_longer_than_the_server_between_two_pings() -> None:
    secure = inner(nginx(), "location", "/ws/")
    (server,) = [each for each in nginx().blocks if secure in each.blocks]
    assert ["Upgrade", "$http_upgrade"] in server.values("proxy_set_header")
    assert ["Connection", "$sitting_connection"] in server.values("proxy_set_header")
    assert server.values("proxy_http_version") == [["1.1"]]
    assert "ssl" in server.values("listen")[0]
    for limit in ("proxy_read_timeout", "proxy_send_timeout"):
        ((value,),) = secure.values(limit)
        assert seconds(value) > 2 * PING_SECONDS
    assert inner(server, "location", "=", "/metrics").values("return") == [["404"]]


def test_proxies_let_the_largest_upload_through() -> None:
    ((nginx_size,),) = [each for block in nginx().everything() for each in block.values("client_max_body_size")]
    ((caddy_size,),) = inner(caddy(), "request_body").values("max_size")
    for size in (nginx_size, caddy_size):
        assert int(size.upper().rstrip("MB")) * 1_000_000 >= max(LARGER_BODIES.values())


def test_no_proxy_writes_down_what_stands_behind_a_question_mark_or_in_a_link() -> None:
    (log_format,) = nginx().values("log_format")
    assert not SECRET_VARIABLES.search(" ".join(log_format))
    hidden = inner(nginx(), "map", "$uri").statements
    assert ["~^/i/", "/i/"] in hidden
    assert ["~^/setup/", "/setup/"] in hidden
    servers = [each for each in nginx().blocks if each.head == ["server"]]
    for server in servers:
        assert all(value[0] == "off" or value[1:] == [log_format[0]] for value in server.values("access_log"))
        assert server.values("access_log")
        assert [value[1:] for value in server.values("error_log")] == [["crit"]]
    fields = inner(caddy(), "log", "default")
    assert ["delete"] in inner(fields, "fields").values("request>uri")
    assert not [each for each in caddy().everything() if each.head == ["log"]], "an access log"


def test_proxies_know_the_nodes_by_their_port_and_caddy_asks_whether_they_are_ready() -> None:
    assert inner(nginx(), "upstream").values("server")[0][0] == f"127.0.0.1:{PORT}"
    proxy = inner(caddy(), "reverse_proxy")
    assert proxy.values("health_uri") == [["/readyz"]]
    ((wait,),) = proxy.values("lb_try_duration")
    assert seconds(wait) > 0
    assert ["/metrics", "404"] in inner(caddy(), "{$SITE_ADDRESS}").values("respond")
