"""A dialogue with whoever sits at the terminal."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unicodedata import category

import typer

from sitting.cli.errors import Stop

EDITOR = "vi"


def plain(text: str) -> str:
    """The text without what a terminal would take for an order: models and authors wrote it."""
    return "".join(c if c.isprintable() or c in "\n\t" or category(c) == "Zs" else "�" for c in text)


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where a command speaks and asks.

    Attributes:
        can_ask: whether somebody is there to answer.
        to_stderr: standard output belongs to something else.
    """

    can_ask: bool
    to_stderr: bool = False

    def say(self, text: str = "") -> None:
        """A line, or several."""
        typer.echo(plain(text), err=self.to_stderr)

    def ask(self, question: str, answers: Sequence[str]) -> str:
        """One of these answers; the first of them where nothing is typed. Its first letters will do."""
        while True:
            hint = "/".join(answers)
            said: str = typer.prompt(f"{question} ({hint})", default=answers[0], show_default=False, err=self.to_stderr)
            fitting = [answer for answer in answers if answer.startswith(said.strip().lower())]
            if fitting:
                return fitting[0]
            self.say(f"Please say one of: {', '.join(answers)}.")

    def words(self, question: str, default: str) -> str:
        """What is typed."""
        said: str = typer.prompt(question, default=default, show_default=bool(default), err=self.to_stderr)
        return said.strip()

    def edit(self, text: str) -> str | None:
        """The text as it comes back from the editor ($VISUAL, $EDITOR or vi); None if nothing was changed.

        Raises:
            Stop: there is no such editor, or it failed.
        """
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or EDITOR
        with tempfile.TemporaryDirectory() as directory:  # for its owner's eyes alone
            file = Path(directory) / "sitting.json"
            file.write_text(text, "utf-8")
            try:
                subprocess.run([*shlex.split(editor), str(file)], check=True)  # noqa: S603  the user's own editor
            except (OSError, subprocess.CalledProcessError) as fault:
                raise Stop(f"the editor {editor} failed: {fault}; EDITOR names another one") from None
            changed = file.read_text("utf-8")
        return None if changed == text else changed
