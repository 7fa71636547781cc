"""Where a command's password comes from."""

from __future__ import annotations

import sys

from sitting.cli.errors import Stop
from sitting.kit.ids import random_id

GENERATED_LENGTH = 16  # of 5 bits each


def generate_password() -> str:
    """A password of 80 random bits that can be read over the telephone."""
    characters = random_id("p", GENERATED_LENGTH).partition("_")[2]
    return "-".join(characters[at : at + 4] for at in range(0, GENERATED_LENGTH, 4))


def choose_password(from_stdin: bool) -> str:
    """The first line of standard input, or a new random password.

    Raises:
        Stop: standard input is empty.
    """
    return read_password() if from_stdin else generate_password()


def read_password() -> str:
    """The first line of standard input.

    Raises:
        Stop: it is empty.
    """
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise Stop("--password-stdin was given, but there is no password on standard input")
    return password
