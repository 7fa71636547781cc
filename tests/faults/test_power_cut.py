"""The power goes right after an acknowledgement. `make power-cuts` does the same at length.

On a machine that does not allow it these tests fail, and say what is missing: nothing else shows this promise.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.support.cuttable_disk import CannotCut, CuttableDisk, require_power_cuts
from tests.support.eventually import eventually
from tests.support.power_cut import EARLIEST, opened_site
from tests.support.processes import ChildProcess

SEED = 1


def test_p02_every_acknowledged_answer_is_there_after_a_power_cut(database_kind: str, tmp_path: Path) -> None:
    with opened_site(database_kind, tmp_path) as site:
        cycle = site.cycle(random.Random(SEED))
    assert cycle.is_kept, cycle
    assert cycle.acks >= EARLIEST


def test_cut_takes_answers_from_a_database_that_does_not_wait_for_the_disk(database_kind: str, tmp_path: Path) -> None:
    with opened_site(database_kind, tmp_path, is_weak=True) as site:
        cycle = site.cycle(random.Random(SEED))
    assert cycle.kept < cycle.acks
    assert not cycle.is_kept


def test_cut_takes_what_was_not_synced_and_nothing_else() -> None:
    require_power_cuts()


def test_nothing_is_mounted_or_left_behind_after_a_cut() -> None:
    with CuttableDisk() as disk:
        room = disk.path.parent
        disk.cut()
    assert not room.exists()
    assert str(room) not in Path("/proc/mounts").read_text()


def test_disk_comes_back_though_somebody_else_holds_the_mount(tmp_path: Path) -> None:
    with CuttableDisk() as disk:
        (disk.path / "synced").write_text("synced")
        disk.sync()
        holder = ChildProcess(["unshare", "--mount", "sleep", "60"], name="holder", directory=tmp_path)
        try:
            eventually(lambda: check_holds(holder.pid, disk.path))
            disk.cut()
            disk.unmount()
            disk.mount()
            assert (disk.path / "synced").read_text() == "synced"
            (disk.path / "later").write_text("later")
        finally:
            holder.kill()


def check_holds(pid: int, path: Path) -> None:
    assert str(path) in Path(f"/proc/{pid}/mounts").read_text()
    assert os.readlink(f"/proc/{pid}/ns/mnt") != os.readlink("/proc/self/ns/mnt")


def test_machine_that_does_not_allow_cuts_is_told_by_the_name_of_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "/nowhere")
        with pytest.raises(CannotCut, match=r"mkfs\.ext4"):
            require_power_cuts()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CannotCut, match="root"):
        require_power_cuts()
