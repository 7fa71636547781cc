"""Servers that die, are stopped or are cut off from their database: who gets time back, how much, and how often."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sitting.storage.tables import node_heartbeats, outages
from tests.support.command import sitting, succeeded
from tests.support.delivery import Candidate, Hall, Line, line, opened_hall, seated
from tests.support.eventually import eventually
from tests.support.server import SIGNING_KEY, WITH_CREDITS, WITHOUT_CREDITS, SittingProcess

DYING = (sys.executable, Path(__file__).parents[1] / "support" / "dying_creditor.py")


def credits(hall: Hall, assessment_id: int) -> list[dict[str, Any]]:
    """What the entries `credited` of that assessment say."""
    return [entry.body for entry in hall.log_of(assessment_id) if entry.type == "credited"]


def beats_behind(hall: Hall, instant: datetime, number: int = 1) -> None:
    """Wait until so many nodes have beaten behind that instant: who was attached before it was so at the last beat."""

    def check() -> None:
        assert sum(row.beat_at > instant for row in hall.rows(node_heartbeats)) >= number

    eventually(check, within=10, every=0.1)


def out_for(seconds: float) -> None:
    """Let so much time pass with nobody there."""
    until = time.monotonic() + seconds

    def check() -> None:
        assert time.monotonic() >= until

    eventually(check, within=seconds + 5, every=0.1)


def resumed(own: Line, started: dict[str, Any]) -> dict[str, Any]:
    return own.ask("resume_assessment", "assessment_recovered", assessment_id=started["assessment_id"])


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def leave(hall: Hall, candidate: Candidate) -> dict[str, Any]:
    """Start and go; returns what the start said once the log has the going and a heartbeat came behind it."""
    with seated(candidate) as (_, started):
        pass

    def check() -> None:
        assert hall.log_of(started["assessment_id"])[-1].type == "detached"

    eventually(check)
    beats_behind(hall, datetime.now(UTC))
    return started


def test_killed_server_gives_the_gap_back_once_to_whoever_was_there(database_url: str, tmp_path: Path) -> None:
    with opened_hall(database_url, tmp_path, env=WITH_CREDITS) as hall:
        away = leave(hall, hall.invite())
        here = hall.invite()
        with seated(here) as (_, started):
            beats_behind(hall, datetime.now(UTC))
            hall.server.kill()
            killed = datetime.now(UTC)
        out_for(6)
        hall.server.start()
        back = datetime.now(UTC)
        [given] = credits(hall, started["assessment_id"])
        assert 6 <= given["seconds"] <= (back - killed).total_seconds() + 3
        assert instant(given["outage_began_at"]) < killed < instant(given["outage_ended_at"]) < back
        moved = instant(given["deadline_at"]) - instant(started["deadline_at"])
        assert moved == timedelta(seconds=given["seconds"])
        assert credits(hall, away["assessment_id"]) == []
        with line(here.address) as own:
            again = resumed(own, started)
        assert again["deadline_at"] == given["deadline_at"]
        assert again["time_credits"] == [{"seconds": given["seconds"], "reason": given["reason"]}]
        hall.server.restart()
        named = [body["outage_began_at"] for body in credits(hall, started["assessment_id"])]
        assert named.count(given["outage_began_at"]) == 1
        record = hall.look(f"/assessments/{started['assessment_id']}/compliance")["record"]
        assert {"seconds": given["seconds"], "reason": given["reason"]} in record["time_credits"]
        assert "credited" in {step["step"] for step in record["deadline_steps"]}
        verify_all(hall)


def test_server_that_dies_while_it_gives_time_back_gives_the_rest_at_its_next_start(
    database_url: str, tmp_path: Path
) -> None:
    with opened_hall(database_url, tmp_path, env=WITH_CREDITS) as hall, ExitStack() as sockets:
        ids = [sockets.enter_context(seated(hall.invite()))[1]["assessment_id"] for _ in range(3)]
        beats_behind(hall, datetime.now(UTC))
        hall.server.kill()
        out_for(4)
        dying = SittingProcess.serve(database_url, tmp_path, env=WITH_CREDITS, program=DYING)
        dying.start(ready=False)
        try:
            eventually(lambda: dies(dying), within=60)
        finally:
            dying.close()
        before = [credits(hall, each) for each in ids]
        assert [len(each) for each in before] == [1, 0, 0]
        [outage] = hall.rows(outages)
        assert outage.credited_at is None
        hall.server.start()
        named = [[body["outage_began_at"] for body in credits(hall, each)] for each in ids]
        began_at = before[0][0]["outage_began_at"]
        assert [each.count(began_at) for each in named] == [1, 1, 1]
        assert len({tuple(each) for each in named}) == 1, "the second outage was not the same for all"
        assert all(row.credited_at is not None for row in hall.rows(outages))
        verify_all(hall)


def test_server_that_was_frozen_tells_those_on_its_sockets_at_once(database_url: str, tmp_path: Path) -> None:
    with opened_hall(database_url, tmp_path, env=WITH_CREDITS) as hall:
        candidate = hall.invite()
        with seated(candidate) as (own, started):
            beats_behind(hall, datetime.now(UTC))
            hall.server.pause()
            out_for(5)
            hall.server.resume()
            told = own.expect("deadline_changed", within=20)
            [given] = credits(hall, started["assessment_id"])
            own.check_alive()
        assert (told["reason"], told["deadline_at"]) == ("time credit", given["deadline_at"])
        assert given["seconds"] >= 5
        assert instant(given["deadline_at"]) - instant(started["deadline_at"]) == timedelta(seconds=given["seconds"])


def test_one_node_lost_among_two_gives_nothing_back(postgresql_database_url: str, tmp_path: Path) -> None:
    url = postgresql_database_url
    with (
        opened_hall(url, tmp_path, env=WITH_CREDITS) as hall,
        SittingProcess.serve(url, tmp_path, env=WITH_CREDITS) as second,
    ):
        candidate = hall.invite()
        with seated(candidate) as (_, started):
            beats_behind(hall, datetime.now(UTC), number=2)
            hall.server.kill()
            out_for(5)
        with line(candidate.address.replace(hall.server.ws_url, second.ws_url)) as elsewhere:
            again = resumed(elsewhere, started)
        hall.server.start()
        assert (again["deadline_at"], again["time_credits"]) == (started["deadline_at"], [])
        assert (credits(hall, started["assessment_id"]), hall.rows(outages)) == ([], [])


def test_cap_of_nothing_gives_nothing_back(sqlite_database_url: str, tmp_path: Path) -> None:
    with opened_hall(sqlite_database_url, tmp_path, env=WITHOUT_CREDITS) as hall:
        with seated(hall.invite()) as (_, started):
            beats_behind(hall, datetime.now(UTC))
            hall.server.kill()
        out_for(4)
        hall.server.start()
        assert credits(hall, started["assessment_id"]) == []
        [outage] = hall.rows(outages)
        assert outage.credited_at is not None


def test_planned_restart_gives_the_time_back_that_it_took(database_url: str, tmp_path: Path) -> None:
    with opened_hall(database_url, tmp_path, env=WITH_CREDITS) as hall:
        with seated(hall.invite()) as (own, started):
            beats_behind(hall, datetime.now(UTC))
            hall.server.terminate()
            own.closed(1012)
        stopped = datetime.now(UTC)
        out_for(4)
        hall.server.start()
        [given] = credits(hall, started["assessment_id"])
        assert given["seconds"] >= 4
        assert instant(given["outage_began_at"]) < stopped


def dies(process: SittingProcess) -> None:
    """The process has ended by itself."""
    assert process.exit_code() is not None


def verify_all(hall: Hall) -> None:
    """Every log in the database is whole, and every deadline follows from it."""
    hall.server.terminate()
    env = {"SITTING_SIGNING_KEY": SIGNING_KEY}
    succeeded(sitting("audit", "verify", "--database-url", hall.url, cwd=hall.server.directory, env=env))
    hall.server.start()
