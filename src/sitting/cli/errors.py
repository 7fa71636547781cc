"""How a command ends that could not do its work: one line on standard error, and exit code 1."""

from __future__ import annotations

import sys
from typing import NoReturn

from sitting.domain.errors import SittingError, Unavailable


class Stop(Exception):
    """The command cannot go on; the message is for the person who typed it."""


def warn(message: str) -> None:
    """Say something that does not end the command."""
    print(f"sitting: warning: {message}", file=sys.stderr)


def fail(fault: Stop | SittingError | OSError) -> NoReturn:
    """Say what went wrong, and end the process."""
    print(f"sitting: {_sentence(fault)}", file=sys.stderr)
    sys.exit(1)


def _sentence(fault: Stop | SittingError | OSError) -> str:
    match fault:
        case Unavailable():
            return f"the database failed: {reason(fault)}"
        case SittingError():
            details = [f"{name}: {_listed(value)}" for name, value in fault.details.items()]
            return " ".join([fault.message, *([f"({'; '.join(details)})"] if details else [])])
        case OSError():
            return f"{fault.filename or 'the system'}: {fault.strerror or fault}"
        case _:
            return str(fault)


def reason(fault: Unavailable) -> str:
    """What the database's driver said, in one line."""
    cause = fault.__cause__ or fault
    said = str(getattr(cause, "orig", None) or cause) or type(cause).__name__
    return said.splitlines()[0].rpartition(">: ")[2]  # SQLAlchemy puts the class of asyncpg's error before it


def _listed(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
