"""`sitting` with a few parts that fail as nobody foresaw. Run as a program; the arguments are those of `sitting`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NoReturn

BROKEN_TEST_ID = "424242"
MESSAGE = "broken on purpose"
PROGRAM = (sys.executable, Path(__file__))


class Broken(Exception):
    """What no part of Sitting expects."""


async def fail(*_: Any, **__: Any) -> NoReturn:
    raise Broken(MESSAGE)


def break_parts() -> None:
    """A command, a route, a look at what others did, and the reading of one address."""
    import sitting.api.applications as api
    from sitting.delivery import endpoint, handlers
    from sitting.delivery.connection import Connection
    from sitting.protocol.commands import entity_id

    def broken_entity_id(value: Any) -> int:
        if value == BROKEN_TEST_ID:
            raise Broken(MESSAGE)
        return entity_id(value)

    parts = [(api, "withdraw_application"), (handlers, "flag_question"), (Connection, "_look")]
    for owner, name in parts:
        assert hasattr(owner, name), f"{name} is called otherwise by now"
        setattr(owner, name, fail)
    assert hasattr(endpoint, "entity_id")
    setattr(endpoint, "entity_id", broken_entity_id)  # noqa: B010  mypy takes it for a name of another module


if __name__ == "__main__":
    break_parts()
    from sitting.cli import main

    main()
