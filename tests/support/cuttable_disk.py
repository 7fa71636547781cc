"""A file system that can lose its power: ext4 in an image behind a loop device, shut down from one instant to the next.

`cut` is the kernel's own forced shutdown of a mounted file system, made for such tests: from then on nothing is read or
written, what was written but not synced is gone, and the next mount finds what a machine finds that was switched on
again, a journal to replay. What the disk itself would have lost of its own cache is not part of it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.eventually import eventually

MEGABYTES = 512  # for PostgreSQL with its own log; the image is sparse
_SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN, which is XFS' and f2fs' too: _IOR('X', 125, __u32)
_NO_LOG_FLUSH = 2  # neither data nor the file system's own journal is written out before
# When our end of the pipe closes without a word, whoever cut the power has died: leave no mount behind.
_GUARD = 'read word || { umount --lazy "$1"; rm -rf "$2"; }'


class CannotCut(Exception):
    """This machine does not allow it; the message names what is missing."""


class CuttableDisk:
    """Mounted at `path` from `with` on, and gone without a trace behind it, also when the process is killed."""

    def __init__(self) -> None:
        self._room = Path(tempfile.mkdtemp(prefix="sitting-disk-"))
        self._room.chmod(0o711)  # PostgreSQL runs as somebody else
        self._image = self._room / "image"
        self.path = self._room / "mounted"
        self._guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._begin()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def sync(self) -> None:
        """Bring all that was written so far to the disk, so that a cut only takes what comes later."""
        _run("sync", "--file-system", self.path)

    def cut(self) -> None:
        """The power is gone, now. Whoever still has files open there gets I/O errors."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _shut_down(descriptor)
        finally:
            os.close(descriptor)

    def mount(self) -> None:
        """The power is back: mount, and replay the file system's journal."""
        _run("mount", "-t", "ext4", "-o", "loop", self._image, self.path)

    def unmount(self) -> None:
        """Whoever had files open there must have ended; the kernel may take an instant to notice."""
        eventually(lambda: _run("umount", self.path), within=20, every=0.1, also=(CannotCut,))
        try:
            eventually(self._check_released, within=2)
        except AssertionError:
            self._leave_image()

    def _check_released(self) -> None:
        held = [path.read_text().strip() for path in Path("/sys/block").glob("loop*/loop/backing_file")]
        assert str(self._image) not in held, f"a loop device still holds {self._image}"

    def _leave_image(self) -> None:
        """Go on with a copy of the disk.

        Somebody who has made a mount namespace meanwhile (`ip netns exec` does) holds our mount in it. To mount the
        same image again would only show the dead file system once more.
        """
        copy = self._image.with_name(f"{self._image.name}+")
        _run("cp", "--sparse=always", self._image, copy)
        self._image.unlink()
        self._image = copy

    def close(self) -> None:
        """Leave nothing behind, whatever state it is in."""
        if os.path.ismount(self.path):
            self.unmount()
        shutil.rmtree(self._room, ignore_errors=True)
        if self._guard is not None:
            self._guard.communicate(b"released\n")
            self._guard = None

    def _begin(self) -> None:
        _require_machine()
        with self._image.open("wb") as image:
            image.truncate(MEGABYTES << 20)
        _run("mkfs.ext4", "-q", "-F", self._image)
        self.path.mkdir()
        guard = ["sh", "-c", _GUARD, "guard", str(self.path), str(self._room)]
        self._guard = subprocess.Popen(guard, stdin=subprocess.PIPE, start_new_session=True)
        self.mount()


def require_power_cuts() -> None:
    """Try one cut out: what was synced is there afterwards, and what was only written is not.

    Raises:
        CannotCut: the machine does not allow it, or forgets nothing; the message names what is missing.
    """
    with CuttableDisk() as disk:
        synced, written = disk.path / "synced", disk.path / "written"
        synced.write_text("synced")
        disk.sync()
        written.write_text("written")
        disk.cut()
        disk.unmount()
        disk.mount()
        if not synced.exists() or written.exists():
            raise CannotCut(f"after a cut there is {sorted(os.listdir(disk.path))}, and only what was synced should be")


def _require_machine() -> None:
    """
    Raises:
        CannotCut: there is no root, no loop device or no tool.
    """
    if os.geteuid() != 0:
        raise CannotCut("power cuts need root: only root can mount a file system and shut it down")
    if not Path("/dev/loop-control").exists():
        raise CannotCut("power cuts need loop devices, and there is no /dev/loop-control")
    for tool in ("mkfs.ext4", "mount", "umount"):
        if shutil.which(tool) is None:
            raise CannotCut(f"power cuts need {tool}, which is not on PATH")


def _shut_down(descriptor: int) -> None:
    try:
        fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
    except OSError as fault:
        raise CannotCut(f"the kernel does not shut a file system down (ioctl {_SHUTDOWN:#x}): {fault}") from fault


def _run(*command: str | Path) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        raise CannotCut(f"`{' '.join(map(str, command))}` failed: {done.stderr.strip()}")
