"""The options that every command takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DatabaseUrlOption = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        help="sqlite:///file.db or postgresql://user:password@host/name, instead of SITTING_DATABASE_URL.",
        metavar="URL",
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="A TOML file with settings, instead of SITTING_CONFIG.", metavar="FILE"),
]
HostOption = Annotated[str | None, typer.Option("--host", help="The address to listen on.", metavar="HOST")]
PortOption = Annotated[
    int | None, typer.Option("--port", help="The port to listen on; 0 takes a free one.", min=0, max=65535)
]
