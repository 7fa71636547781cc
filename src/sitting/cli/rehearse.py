"""`sitting rehearse`"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from sitting.cli.errors import Stop

if TYPE_CHECKING:
    from sitting.rehearsal.plan import Phase

_SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_TIME = "TIME"
HELP = """Rehearse an exam day: synthetic candidates, and a check that nothing is lost.

It makes questions, a Test and candidates of its own on a running server, lets
them start in one storm, answer, lose their connections, come back, and meet a
deadline together. Then it reads back every answer that was acknowledged, works
out every score again, prints tables and a verdict, and writes an HTML page with
plots. Exit code 1 if anything acknowledged was not kept.

HOW MANY CANDIDATES DOES THIS MACHINE HOLD? Best from another machine:

    sitting rehearse --url URL --token - --until-slow --clean < token.txt

It begins with --candidates, lets them start within --ramp and answer for
--steady, and adds half as many again (--grow), until the p99 of the
acknowledgements passes --slow or a step has more than --errors errors. The last
line says the number. It is that of people who answer every --think. Were this
command itself too slow to measure well, it would say so; then the server holds
more.

WILL EXAM DAY GO WELL? So many people, storms and deadline included:

    sitting rehearse --url URL --token - --candidates 800 --clean < token.txt

On the server `sitting token --user-id N > token.txt` prints the token of an
administrator or author; --clean and --only-clean need an administrator's.
TIME is a number with ms, s, m or h.

Run it when nobody takes a test: it loads the server as an exam does. Ctrl-C
ends it early, and still checks, reports and cleans up; a second Ctrl-C ends it
at once. Tests and questions, all called "rehearsal", are archived at the end.
The users rehearsal-…@example.invalid and their results stay until --clean or
--only-clean."""


def rehearse(
    url: Annotated[str, typer.Option(help="The server, for example http://127.0.0.1:8000.", metavar="URL")],
    token: Annotated[str, typer.Option(help="Of an author or administrator; - reads it from standard input.")],
    candidates: Annotated[
        int, typer.Option(help="How many; with --until-slow how many at first.", min=1, max=20_000)
    ] = 50,
    phases: Annotated[
        str, typer.Option(help="Which of start, steady, reconnect, deadline; with commas between.")
    ] = "start,steady,reconnect,deadline",
    think: Annotated[str, typer.Option(help="Between two answers of a candidate, on average.", metavar=_TIME)] = "20s",
    ramp: Annotated[str, typer.Option(help="Within which all start; 0s: at once.", metavar=_TIME)] = "10s",
    steady: Annotated[
        str, typer.Option(help="How long they answer; with --until-slow at each step.", metavar=_TIME)
    ] = "60s",
    lead: Annotated[str, typer.Option(help="Between the last start and the deadline.", metavar=_TIME)] = "15s",
    questions: Annotated[int, typer.Option(help="In the Test.", min=1, max=200)] = 20,
    until_slow: Annotated[
        bool, typer.Option("--until-slow", help="Find out how many candidates the machine holds.")
    ] = False,
    slow: Annotated[str, typer.Option(help="Slower acknowledgements (p99) end --until-slow.", metavar=_TIME)] = "500ms",
    errors: Annotated[int, typer.Option(help="More errors than that in a step end --until-slow.", min=0)] = 0,
    grow: Annotated[float, typer.Option(help="Factor from step to step of --until-slow.", min=1.01, max=10)] = 1.5,
    most: Annotated[int, typer.Option(help="Where --until-slow ends at the latest.", min=1, max=20_000)] = 5000,
    timeout: Annotated[str, typer.Option(help="After which a reply counts as lost.", metavar=_TIME)] = "10s",
    patience: Annotated[
        str, typer.Option(help="How long a candidate tries to reach the server again.", metavar=_TIME)
    ] = "2m",
    seed: Annotated[int, typer.Option(help="Of all that is left to chance; the same seed, the same candidates.")] = 1,
    report: Annotated[
        Path | None, typer.Option(help="The page; the history goes beside it, as .jsonl.", metavar="FILE")
    ] = None,
    clean: Annotated[bool, typer.Option("--clean", help="Erase the synthetic candidates at the end.")] = False,
    only_clean: Annotated[
        bool, typer.Option("--only-clean", help="No rehearsal: archive and erase what earlier ones left.")
    ] = False,
) -> None:
    from sitting.rehearsal.plan import Growth, Plan

    plan = Plan(
        candidates=candidates,
        questions=questions,
        phases=_phases(phases),
        think=_seconds(think, "--think", least=0.05),
        ramp=_seconds(ramp, "--ramp"),
        steady=_seconds(steady, "--steady"),
        lead=_seconds(lead, "--lead"),
        timeout=_seconds(timeout, "--timeout", least=0.1),
        patience=_seconds(patience, "--patience"),
        seed=seed,
        growth=Growth(grow, _seconds(slow, "--slow"), max(most, candidates), errors) if until_slow else None,
    )
    from sitting.cli.rehearse_run import run_cleaning, run_rehearsal

    if only_clean:
        asyncio.run(run_cleaning(_address(url), _token(token)))
        return
    _raise_limit_of_files(most if until_slow else candidates)
    passed = asyncio.run(run_rehearsal(plan, _address(url), _token(token), report, clean=clean))
    raise typer.Exit(0 if passed else 1)


rehearse.__doc__ = HELP


def _phases(text: str) -> tuple[Phase, ...]:
    from sitting.rehearsal.plan import Phase

    said = {part.strip() for part in text.split(",") if part.strip()}
    if not said or not said <= set(Phase):
        raise typer.BadParameter(f"{text!r}: say some of {', '.join(Phase)}", param_hint="--phases")
    return tuple(phase for phase in Phase if phase in said)


def _seconds(text: str, option: str, *, least: float = 0.0) -> float:
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)(ms|s|m|h|)", text.strip())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else -1.0
    if seconds < least:
        raise typer.BadParameter(f"{text!r} is no time such as 500ms, 20s or 2m", param_hint=option)
    return seconds


def _address(url: str) -> str:
    parts = urlsplit(url.rstrip("/"))
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query:
        raise typer.BadParameter(f"{url!r} is not of the form http://host:port", param_hint="--url")
    return url.rstrip("/")


def _token(said: str) -> str:
    token = sys.stdin.readline().strip() if said == "-" else said.strip()
    if not token.isascii() or not token or any(c.isspace() for c in token):
        raise Stop("there is no token; `sitting token --user-id N` prints one")
    return token


def _raise_limit_of_files(sockets: int) -> None:
    """Each candidate is an open file; take as many as the system lets us have.

    Raises:
        Stop: those are not enough.
    """
    import resource

    needed = sockets + 200
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise Stop(f"{sockets} candidates need {needed} open files, and the system allows {hard} (ulimit -n)")
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
