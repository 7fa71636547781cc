"""Code that nobody has looked at runs apart from everything; each of these would do harm outside."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sitting.questions.sandbox import CodeLimits, Ending, Ran, Sandbox, SandboxRefused, open_sandbox
from tests.support.eventually import eventually_async

MINE = 256 * 1024 * 1024 + os.getpid()
"""A bound of memory by which the sandboxes of this process are told from those of others."""
LIMITS = CodeLimits(cpu_seconds=1, seconds=20, memory_bytes=MINE)


@pytest.fixture
async def sandbox() -> Sandbox:
    return await open_sandbox(LIMITS)


async def ran(sandbox: Sandbox, *lines: str) -> Ran:
    return await sandbox.run("\n".join(lines))


def descendants() -> list[str]:
    """What runs in a sandbox of this process."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(process.read_text())
    return [line for line in found if "sandbox_child.py" in line and str(MINE) in line]


async def test_honest_code_says_what_it_says(sandbox: Sandbox) -> None:
    said = await ran(
        sandbox, "import collections, re", "print(sorted({3, 1, 2}), 'é')", "print(re.sub('a', 'b', 'aa'))"
    )
    assert said == Ran(Ending.FINISHED, "[1, 2, 3] é\nbb\n", "")


async def test_error_of_the_code_is_told_by_its_last_line(sandbox: Sandbox) -> None:
    said = await ran(sandbox, "print('before')", "1 / 0")
    assert said == Ran(Ending.RAISED, "before\n", "ZeroDivisionError: division by zero")
    assert (await ran(sandbox, "def f(:")).error.startswith("SyntaxError")
    assert (await ran(sandbox, "import sys", "print(1)", "sys.exit(9)")) == Ran(Ending.FINISHED, "1\n", "")


async def test_endless_loop_is_ended(sandbox: Sandbox) -> None:
    started = time.monotonic()
    assert (await ran(sandbox, "while True: pass")).ending is Ending.TOO_SLOW
    assert time.monotonic() - started < 15
    assert descendants() == []


async def test_code_that_sleeps_is_ended_and_leaves_no_process() -> None:
    sleepy = await open_sandbox(CodeLimits(seconds=2, memory_bytes=MINE))
    said = await ran(sleepy, "import os, time", "try: os.setsid()", "except OSError: pass", "time.sleep(1000)")
    assert said.ending is Ending.TOO_SLOW
    assert descendants() == []


async def test_fork_bomb_makes_no_process(sandbox: Sandbox) -> None:
    said = await ran(sandbox, "import os", "while True: os.fork()")
    assert (said.ending, said.error.partition(":")[0]) == (Ending.RAISED, "BlockingIOError")
    said = await ran(sandbox, "import threading", "threading.Thread(target=print).start()")
    assert said.error == "RuntimeError: can't start new thread"


async def test_memory_hog_gets_no_more_than_its_bound(sandbox: Sandbox) -> None:
    said = await ran(sandbox, "x = []", "while True: x.append(bytearray(10_000_000)); print(len(x))")
    assert (said.ending, said.error) == (Ending.RAISED, "MemoryError")
    assert 5 < int(said.output.split()[-1]) < LIMITS.memory_bytes // 10_000_000


@pytest.mark.parametrize("before", ["pass", "[os.close(n) for n in (0, 1)]"])
@pytest.mark.parametrize(
    "deed",
    [
        "import socket; socket.create_connection(('127.0.0.1', 22), timeout=2)",
        "import socket; socket.socket(socket.AF_UNIX)",
        "open('/etc/passwd').read()",
        "open('../../../../etc/passwd').read()",
        "open('/proc/self/environ').read()",
        "open('/tmp/written', 'w').write('x')",
        "open('written', 'w').write('x')",
        "os.listdir('/')",
        "os.mkdir('/made')",
        "os.stat('/etc')",
        "os.symlink('x', '/tmp/sitting-was-here')",
        "os.memfd_create('x')",
        "os.execv('/bin/sh', ['sh', '-c', 'true'])",
        "os.chroot('/')",
        "os.kill(1, 9); os.kill(2, 9)",
    ],
)
async def test_no_network_and_no_files(sandbox: Sandbox, deed: str, before: str) -> None:
    said = await ran(sandbox, "import os", before, deed, "raise SystemError('done')")
    assert said.ending in (Ending.RAISED, Ending.KILLED)
    assert "SystemError" not in said.error, "it could do that"


async def test_nothing_of_the_server_is_to_be_seen(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITTING_MODEL_KEY", "secret")
    said = await ran(sandbox, "import os", "print(dict(os.environ), os.getpid(), os.getuid())")
    assert "SITTING" not in said.output
    assert said.output.split()[-2] == "1"
    if os.geteuid() == 0:
        assert int(said.output.split()[-1]) != 0


async def test_a_gigabyte_of_output_is_cut_off(sandbox: Sandbox) -> None:
    said = await ran(sandbox, "for _ in range(1024): print('x' * 1024 * 1024)")
    assert said.ending is Ending.TOO_MUCH_OUTPUT
    assert len(said.output) == LIMITS.output_bytes
    said = await ran(sandbox, "import sys", "for _ in range(1024): sys.stderr.write('x' * 1024 * 1024)")
    assert said.ending is Ending.TOO_MUCH_OUTPUT


async def test_code_that_is_given_up_leaves_no_process(sandbox: Sandbox) -> None:
    task = asyncio.create_task(ran(sandbox, "import time", "time.sleep(1000)"))

    async def check_started() -> None:
        assert descendants()

    await eventually_async(check_started)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert descendants() == []
    assert (await ran(sandbox, "print(1)")).output == "1\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="takes another user's rights")
def test_sandbox_of_a_plain_user_holds_or_is_refused() -> None:
    script = (
        "import asyncio, os\n"
        "from sitting.questions.sandbox import open_sandbox, SandboxRefused\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "async def main():\n"
        "    try: sandbox = await open_sandbox()\n"
        "    except SandboxRefused: return 'refused'\n"
        "    return (await sandbox.run('open(\"/etc/passwd\")')).error\n"
        "print(asyncio.run(main()))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    said = done.stdout.strip()
    assert said == "refused" or said.startswith("OSError: [Errno 24]"), done.stderr


async def test_sandbox_that_cannot_be_made_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sitting.questions.sandbox.UNSHARE", "/usr/bin/false")
    with pytest.raises(SandboxRefused, match="was not made"):
        await open_sandbox()
    monkeypatch.setattr("sitting.questions.sandbox.UNSHARE", "/nowhere/unshare")
    with pytest.raises(SandboxRefused, match="Linux"):
        await open_sandbox()


async def test_sandbox_that_does_not_hold_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    leaky = tmp_path / "child.py"
    leaky.write_text("import sys, os; os.write(2, b'ready\\n'); exec(sys.stdin.read())")
    monkeypatch.setattr("sitting.questions.sandbox.CHILD", leaky)
    with pytest.raises(SandboxRefused, match="does not hold"):
        await open_sandbox()
