"""`sitting author`

It talks to a running server over REST, as its author, and not to the database: an SQLite file belongs to the process
that serves it, the node that has the model's key is the one that asks it, and what an author may do is for roles to
say.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from sitting.cli.errors import Stop

if TYPE_CHECKING:
    from sitting.cli.remote import Remote
    from sitting.cli.terminal import Terminal

DEFAULT_URL = "http://127.0.0.1:8000"

JobArgument = Annotated[
    str | None, typer.Argument(metavar="[JOB]", help="A job description, as a file; - reads it from standard input.")
]
UrlOption = Annotated[str, typer.Option(help="The server.", metavar="URL")]
TokenOption = Annotated[str | None, typer.Option(help="Of an author or administrator; - reads it from standard input.")]
EmailOption = Annotated[str | None, typer.Option(help="Sign in with that address and a password, instead of --token.")]
PasswordOption = Annotated[
    bool, typer.Option("--password-stdin", help="The first line of standard input is the password.")
]
GraphOption = Annotated[Path | None, typer.Option(help="Begin with the skill graph of a file.", metavar="FILE")]
SaveOption = Annotated[Path | None, typer.Option(help="Write the skill graph to a file.", metavar="FILE")]
OnlyGraphOption = Annotated[bool, typer.Option("--only-graph", help="Stop once there is a skill graph.")]
SkillsOption = Annotated[int, typer.Option(help="How many skills to propose at most.", min=1, max=30)]
RunOption = Annotated[str | None, typer.Option(help="Go on with a run that exists.", metavar="RUN_ID")]
TokensOption = Annotated[int | None, typer.Option(help="What the run may spend at most.", min=1)]
AcceptOption = Annotated[bool, typer.Option("--accept-checked", help="Take into the bank whatever passed every gate.")]
TestOption = Annotated[
    str | None, typer.Option(help="Publish a Test of that name with the skill graph.", metavar="NAME")
]
MinutesOption = Annotated[int | None, typer.Option(help="The Test's time limit.", min=1)]
BankOnlyOption = Annotated[
    bool, typer.Option("--bank-only", help="The Test draws from the bank; nothing is written for a candidate.")
]
FitOption = Annotated[bool, typer.Option("--fit", help="Ask fewer questions where the bank has not enough.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Go on with the skill graph as it is.")]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object at the end, and all else on standard error.")
]


def author(
    job: JobArgument = None,
    url: UrlOption = DEFAULT_URL,
    token: TokenOption = None,
    email: EmailOption = None,
    password_stdin: PasswordOption = False,
    graph: GraphOption = None,
    save_graph: SaveOption = None,
    only_graph: OnlyGraphOption = False,
    max_skills: SkillsOption = 10,
    run: RunOption = None,
    tokens: TokensOption = None,
    accept_checked: AcceptOption = False,
    test: TestOption = None,
    minutes: MinutesOption = None,
    bank_only: BankOnlyOption = False,
    fit: FitOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """From a job description to a skill graph, checked questions in the bank, and a published Test."""
    from sitting.cli.author_publish import WantedTest
    from sitting.cli.author_steps import Plan, Source, author_all
    from sitting.cli.remote import Remote
    from sitting.cli.terminal import Terminal

    terminal = Terminal(can_ask=sys.stdin.isatty(), to_stderr=as_json)
    with Remote(_address(url), _token(token)) as remote:
        if token is None:
            _sign_in(remote, terminal, email, from_stdin=password_stdin)
        source = Source(_job(job, graph, run), graph, run, max_skills)  # read here: the secret stands on the first line
        wanted = None if test is None else WantedTest(test, minutes, bank_only, fit)
        plan = Plan(save_graph, only_graph, tokens, accept_checked, wanted, yes)
        result = author_all(remote, terminal, source, plan)
    if as_json:
        print(json.dumps(result, ensure_ascii=False))


def _job(job: str | None, graph: Path | None, run: str | None) -> str | None:
    """The job description; None if it begins with something else.

    Raises:
        Stop: it begins with nothing, or with two things. OSError: the file cannot be read.
    """
    if sum(each is not None for each in (job, graph, run)) != 1:
        raise Stop("say one of them: a file with a job description, --graph FILE, or --run RUN_ID")
    if job is None:
        return None
    try:
        text = sys.stdin.read() if job == "-" else Path(job).read_text("utf-8")
    except UnicodeDecodeError:
        raise Stop(f"{job} is not UTF-8 text") from None
    if not text.strip():
        raise Stop("the job description is empty")
    return text


def _address(url: str) -> str:
    parts = urlsplit(url.rstrip("/"))
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query:
        raise typer.BadParameter(f"{url!r} is not of the form http://host:port", param_hint="--url")
    return url.rstrip("/")


def _token(said: str | None) -> str:
    if said is None:
        return ""
    token = sys.stdin.readline().strip() if said == "-" else said.strip()
    if not token.isascii() or not token or any(c.isspace() for c in token):
        raise Stop("there is no token; `sitting token --user-id N` prints one")
    return token


def _sign_in(remote: Remote, terminal: Terminal, email: str | None, *, from_stdin: bool) -> None:
    from sitting.cli.passwords import read_password

    if email is None:
        if not terminal.can_ask:
            raise Stop("say who you are: --token, or --email with --password-stdin")
        email = terminal.words("E-mail", "")
    if not (from_stdin or terminal.can_ask):
        raise Stop("say --password-stdin, with the password on the first line of standard input")
    password = read_password() if from_stdin else typer.prompt("Password", hide_input=True, err=True)
    remote.sign_in(email, password)
