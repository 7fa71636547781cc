"""Candidates answer, the power goes right after an acknowledgement and comes back: is every acknowledged answer there?

The database's files lie on a `CuttableDisk`. One cycle: candidates are invited, start, and answer over sockets; at the
acknowledgement that the seed has chosen the disk is cut, and server and database are killed; the disk is mounted again,
the database recovers, the server starts, and what it then says over REST, what the tables hold and what
`sitting audit verify` finds is held against what was acknowledged.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

from websockets.exceptions import ConnectionClosed

from sitting.domain.user import Role
from sitting.storage.tables import assessment_events, assessment_responses
from tests.support.builders import make_user
from tests.support.candidates import token_for
from tests.support.command import sitting
from tests.support.cuttable_disk import CuttableDisk
from tests.support.databases import migrate, sqlite_url
from tests.support.delivery import Candidate, Hall, Line, line
from tests.support.forgetful_sitting import PROGRAM as FORGETFUL
from tests.support.postgres import PostgresServer
from tests.support.server import COMMAND, JWT_SECRET, SIGNING_KEY, SittingProcess
from tests.support.storage import running_storage

CANDIDATES = 6
EARLIEST, LATEST = 20, 400  # the acknowledgement of a cycle after which the power goes
LOAD_SECONDS = 60
_ENV = {"SITTING_MESSAGES_PER_SECOND": "100000", "SITTING_ALLOW_WEAK_DURABILITY": "true"}
_OF_A_CUT = (AssertionError, ConnectionClosed, OSError)  # what a client sees of a server whose disk is gone


@dataclass(frozen=True)
class Ack:
    """What one `answer_saved` said; `early`: it was heard before the power went."""

    assessment_id: int
    seq: int
    question_id: str
    option: str
    early: bool


@dataclass(frozen=True)
class Cycle:
    """What became of one cut.

    Attributes:
        acks, kept: acknowledgements heard before the cut, and how many of those answers were there afterwards.
        late, late_kept: the same for those that came in while the cut was made: written before it, heard after it.
        behind: assessments whose resume or current responses fell behind what was acknowledged.
        forgotten: acknowledgements of earlier cycles that are not there any more.
        audit: the last line of `sitting audit verify`. is_whole: whether it found no fault.
    """

    acks: int
    kept: int
    late: int
    late_kept: int
    behind: int
    forgotten: int
    audit: str
    is_whole: bool

    @property
    def is_kept(self) -> bool:
        lost = self.acks - self.kept + self.late - self.late_kept
        return (lost, self.behind, self.forgotten, self.is_whole) == (0, 0, 0, True)


class Machine(Protocol):
    """What loses its power together with the disk: the database's server, if it has one.

    `settle` writes what it has committed so far, for one that is set up not to wait for that.
    """

    @property
    def url(self) -> str: ...

    @property
    def version(self) -> str: ...

    def settle(self) -> None: ...

    def stop_dead(self) -> None: ...

    def start(self) -> None: ...


class SqliteMachine:
    """SQLite has no server."""

    def __init__(self, disk: CuttableDisk) -> None:
        self.url = sqlite_url(disk.path / "sitting.db")
        migrate(self.url)

    @property
    def version(self) -> str:
        return f"SQLite {sqlite3.sqlite_version}"

    def settle(self) -> None:
        pass

    def stop_dead(self) -> None:
        pass

    def start(self) -> None:
        pass


class PostgresMachine:
    """A PostgreSQL with all its data on the disk, its own log included."""

    def __init__(self, server: PostgresServer, *, is_weak: bool) -> None:
        self._server = server
        self.url = server.create_database("sitting")
        migrate(self.url)
        if is_weak:
            server.execute("ALTER DATABASE sitting SET synchronous_commit = off")

    @property
    def version(self) -> str:
        return f"PostgreSQL {self._server.version.split()[2]}"

    def settle(self) -> None:
        self._server.execute("CHECKPOINT")

    def stop_dead(self) -> None:
        self._server.kill()

    def start(self) -> None:
        self._server.start()


@dataclass
class Site:
    """Server and database on a disk; `acks` is everything acknowledged in all cycles so far."""

    disk: CuttableDisk
    machine: Machine
    hall: Hall
    is_weak: bool
    acks: list[Ack] = field(default_factory=list)

    @property
    def server(self) -> SittingProcess:
        return self.hall.server

    def cycle(self, chance: random.Random) -> Cycle:
        """Invite, answer, cut, come back, and look."""
        candidates = self.hall.invite_many(self.hall.test_id, CANDIDATES)
        if self.is_weak:  # else it would lose the people too, and nobody could answer
            self.machine.settle()
            self.disk.sync()
        load = _Load(self, candidates, chance.randint(EARLIEST, LATEST))
        load.run()
        self.disk.unmount()
        self.disk.mount()
        self.machine.start()
        self.server.start()
        self.acks += load.acks
        return self._look(load)

    def die(self) -> None:
        """The power is gone for the disk, and for all that runs."""
        self.disk.cut()
        self.server.kill()
        self.machine.stop_dead()

    def lost(self) -> list[Ack]:
        """Of everything acknowledged in any cycle, what the log does not hold."""
        found = self._entries()
        return [ack for ack in self.acks if found.get((ack.assessment_id, ack.seq)) != (ack.question_id, ack.option)]

    def _look(self, load: _Load) -> Cycle:
        lost = set(self.lost())
        early, late = [ack for ack in load.acks if ack.early], [ack for ack in load.acks if not ack.early]
        audit = sitting("audit", "verify", "--database-url", self.hall.url, cwd=self.server.directory, env=_keys())
        return Cycle(
            len(early),
            sum(ack not in lost for ack in early),
            len(late),
            sum(ack not in lost for ack in late),
            self._behind(load),
            len(lost - set(load.acks)),
            (audit.stdout.splitlines() or audit.stderr.splitlines() or [""])[-1],
            audit.returncode == 0,
        )

    def _entries(self) -> dict[tuple[int, int], tuple[str, str | None]]:
        """(assessment, number in its log) → (question, option) of every answer."""
        answered = self.hall.rows(assessment_events, type="answered")
        given = {(row.assessment_id, row.seq): json.loads(row.payload)["answers"] for row in answered}
        return {key: (answer["question_id"], answer["selected_option"]) for key, [answer] in given.items()}

    def _behind(self, load: _Load) -> int:
        """How many assessments are not there, or do not show on resume and in the responses what was acknowledged."""
        stored = {(row.assessment_id, row.question_id): row.seq for row in self.hall.rows(assessment_responses)}
        wrong = set()
        for number, token in load.tokens.items():
            shown = self._resumed(number, token)
            latest = {ack.question_id: ack.seq for ack in load.acks if ack.assessment_id == number}
            is_older = shown is None or any(shown.get(question, 0) < seq for question, seq in latest.items())
            if is_older or any(stored.get((number, question)) != seq for question, seq in (shown or {}).items()):
                wrong.add(number)
        return len(wrong)

    def _resumed(self, number: int, token: str) -> dict[str, int] | None:
        """What a resume over REST says: the entry of each question's answer; None if there is no such assessment."""
        answer = self.hall.act(number, "resume", {}, token=token)
        if answer.status_code != HTTPStatus.OK:
            return None
        return {each["question_id"]: each["seq"] for each in answer.json()["responses"]}


class _Load:
    """Candidates who answer as fast as they are acknowledged, until the power goes.

    Attributes:
        acks: what any of them has heard, in the order of the log within each assessment.
        tokens: of whoever was told that an assessment has begun, by its number.
    """

    def __init__(self, site: Site, candidates: Sequence[Candidate], cut_after: int) -> None:
        self._site = site
        self._candidates = candidates
        self._cut_after = cut_after
        self._lock = threading.Lock()
        self.acks: list[Ack] = []
        self.tokens: dict[int, str] = {}
        self._is_cut = False
        self._faults: list[Exception] = []

    def run(self) -> None:
        """Returns when the power is gone, and nobody hears anything any more.

        Raises:
            AssertionError: something failed before the power went, or the acknowledgement for the cut never came.
        """
        threads = [threading.Thread(target=self._work, args=(each,), daemon=True) for each in self._candidates]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LOAD_SECONDS)
        assert not any(thread.is_alive() for thread in threads), "a candidate hangs"
        if self._faults:
            raise AssertionError(f"no cut, or not only that: {self._faults[0]!r}") from self._faults[0]
        assert self._is_cut, "nobody was left to cut the power"

    def _work(self, candidate: Candidate) -> None:
        try:
            with line(candidate.address) as own:
                self._answer(own, candidate)
        except Exception as fault:
            if not self._is_cut or not isinstance(fault, _OF_A_CUT):
                self._faults.append(fault)

    def _answer(self, own: Line, candidate: Candidate) -> None:
        number = own.start(candidate)["assessment_id"]
        self.tokens[number] = candidate.token
        for turn in range(LATEST * CANDIDATES):
            asked = candidate.questions[turn % len(candidate.questions)]
            option = (asked.right, asked.wrong)[turn // len(candidate.questions) % 2]
            saved = own.answer(asked, option)
            if self._note(number, saved["seq"], asked.question_id, option):
                self._site.die()
                return

    def _note(self, number: int, seq: int, question_id: str, option: str) -> bool:
        """Whether this was the one after which the power goes, which must be cut by whoever is told so, at once."""
        with self._lock:
            self.acks.append(Ack(number, seq, question_id, option, early=not self._is_cut))
            is_the_one = not self._is_cut and len(self.acks) >= self._cut_after
            self._is_cut = self._is_cut or is_the_one
            return is_the_one


@contextmanager
def opened_site(kind: str, directory: Path, *, is_weak: bool = False) -> Iterator[Site]:
    """A served site on a disk of its own; `kind` is sqlite or postgresql.

    Args:
        is_weak: with `synchronous=NORMAL`, or `synchronous_commit=off`, which nobody should run.

    Raises:
        CannotCut: the machine allows no such thing.
    """
    with CuttableDisk() as disk:
        if kind == "sqlite":
            program = FORGETFUL if is_weak else (COMMAND,)
            with _served(disk, SqliteMachine(disk), directory, program, is_weak) as site:
                yield site
        else:
            with PostgresServer(disk.path) as postgres:
                machine = PostgresMachine(postgres, is_weak=is_weak)
                disk.sync()  # postgresql.conf, which we have written and nobody synced
                with _served(disk, machine, directory, (COMMAND,), is_weak) as site:
                    yield site


@contextmanager
def _served(
    disk: CuttableDisk, machine: Machine, directory: Path, program: Sequence[str | Path], is_weak: bool
) -> Iterator[Site]:
    token = token_for(asyncio.run(_make_staff(machine.url)))
    with SittingProcess.serve(machine.url, directory, env=_ENV, program=program) as server:
        hall = Hall(server, machine.url, token)
        try:
            yield Site(disk, machine, hall, is_weak)
        finally:
            with suppress(OSError):
                hall.close()


def _keys() -> dict[str, str]:
    return {"SITTING_JWT_SECRET": JWT_SECRET, "SITTING_SIGNING_KEY": SIGNING_KEY}


async def _make_staff(url: str) -> int:
    async with running_storage(url) as storage:
        return (await make_user(storage, "Ada", roles=(Role.ADMIN,))).user_id
