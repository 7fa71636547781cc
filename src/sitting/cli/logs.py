"""Logs: one stream, standard error, for our own lines and for those of the libraries."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import structlog

# Addresses may carry a token or a ticket behind the question mark, and uvicorn logs them whole. A backslash ends the
# match, since it begins the escape of the closing quotation mark in JSON.
_QUERY = re.compile(r"""\?[^\s"'\\]*=[^\s"'\\]*""")

# What a database says about a broken rule, on a line of its own: it names the values, and they are people's addresses
# and answers. In JSON the end of the line is an escape.
_DETAIL = re.compile(r"DETAIL: .*?(?=\\n|\n|\"[,}]|$)")

_PLAIN_PATH = re.compile(r"[^\w/.-].*", re.DOTALL)

_ENRICH: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


class _Discreet(structlog.stdlib.ProcessorFormatter):
    """The last thing that happens to a line, wherever it comes from."""

    def format(self, record: logging.LogRecord) -> str:
        return _DETAIL.sub("DETAIL: …", _QUERY.sub("?…", super().format(record)))


def _tame_uvicorn(record: logging.LogRecord) -> bool:
    """Take out of what uvicorn says about sockets who calls, and what strangers put in: odd secrets, tracebacks."""
    if isinstance(record.exc_info, tuple) and isinstance(record.exc_info[1], UnicodeDecodeError):
        record.exc_info, record.levelno, record.levelname = None, logging.INFO, "INFO"
    if "WebSocket %s" in record.msg and isinstance(record.args, tuple):
        _address, path, *rest = record.args
        record.args = ("client", _PLAIN_PATH.sub("…", str(path)), *rest)
    return True


def configure_logs(level: str, form: str) -> None:
    """Send all logs to standard error.

    Libraries never speak below `info`: at `debug` they print frames and statements with all the secrets in them.

    Args:
        level: debug, info, warning or error. form: console or json.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Discreet(processors=_render(form), foreign_pre_chain=_ENRICH))
    root = logging.getLogger()
    root.handlers = [handler]
    ours = logging.getLevelNamesMapping()[level.upper()]
    root.setLevel(max(ours, logging.INFO))
    logging.getLogger("alembic").setLevel(max(ours, logging.WARNING))  # it has much to say, also when it does nothing
    logging.getLogger("uvicorn.error").addFilter(_tame_uvicorn)
    logging.getLogger("sitting").setLevel(ours)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_ENRICH,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _render(form: str) -> list[Any]:
    forget = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if form == "json":
        return [forget, structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    # The renderer's own choice would print every local variable of a traceback.
    plain = structlog.dev.plain_traceback
    return [forget, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
