"""Runs Python from standard input with nothing around it. A program that `sandbox.py` starts in namespaces of its own.

By then there is no network and no other process. What is given up here, in this order: files (the root becomes a
directory that was removed, so that nothing can be made in it either), resources, the user's rights. No descriptor can
be opened any more, neither file nor socket, not even after closing one.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import resource
import signal
import sys
import traceback

NOBODY = 65534
OWN_USERS = "--own-users"  # said in a user namespace of our own, which knows one user alone
READY = b"ready\n"
RAISED = 3
TOO_SLOW = 4
"""Exit statuses, beside 0."""
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
CAPABILITIES_V3 = 0x20080522
# Nothing can be imported later, since there are no files.
MODULES = (
    "abc array ast base64 bisect calendar collections collections.abc contextlib copy csv dataclasses datetime decimal"
    " difflib encodings.ascii encodings.latin_1 encodings.utf_16 enum fractions functools hashlib heapq inspect io"
    " itertools json linecache math numbers operator os.path pathlib pprint random re secrets socket statistics string"
    " struct textwrap threading time tokenize types typing unicodedata uuid warnings weakref zlib zoneinfo"
)


def main(memory_bytes: int, cpu_seconds: int) -> None:
    """Run what comes in, and say on standard error, after READY, what it raised."""
    source = sys.stdin.buffer.read()
    for name in MODULES.split():
        importlib.import_module(name)
    sys.path.clear()  # so that what is missing is said to be missing
    libc = ctypes.CDLL(None, use_errno=True)
    _leave_files()
    _bound(memory_bytes, cpu_seconds)
    _leave_rights(libc)
    os.write(2, READY)
    status = _run(source)
    sys.stdout.flush()
    os._exit(status)


def _leave_files() -> None:
    place = f"/tmp/sitting-{os.urandom(8).hex()}"  # noqa: S108  made by mkdir, which follows nothing, and gone at once
    os.mkdir(place, 0o700)
    descriptor = os.open(place, os.O_DIRECTORY)
    os.rmdir(place)
    os.fchdir(descriptor)
    os.close(descriptor)
    os.chroot(".")


def _bound(memory_bytes: int, cpu_seconds: int) -> None:
    bounds = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for kind, most in bounds.items():
        resource.setrlimit(kind, (most, most))
    signal.signal(signal.SIGXCPU, lambda *_: os._exit(TOO_SLOW))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))  # what does not hear of the one is killed


def _leave_rights(libc: ctypes.CDLL) -> None:
    """Be nobody where there is a choice; hold no capability anywhere, and never get one."""
    if OWN_USERS not in sys.argv:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    header = (ctypes.c_uint32 * 2)(CAPABILITIES_V3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _must(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _must(libc.capset(header, nothing))
    _must(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))  # forgotten by the kernel when the user changed


def _must(status: int) -> None:
    if status != 0:
        raise OSError(ctypes.get_errno(), "the sandbox cannot give up its rights")


def _run(source: bytes) -> int:
    try:
        exec(compile(source, "<code>", "exec"), {"__name__": "__main__"})  # noqa: S102  what all of this is for
    except SystemExit:
        return 0
    except BaseException as fault:
        os.write(2, traceback.format_exception_only(fault)[-1].strip().encode(errors="replace")[:1000])
        return RAISED
    return 0


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
