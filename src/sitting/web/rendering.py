"""Templates, and the headers that every page carries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

HERE = Path(__file__).parent
# Invitation links are secrets: no page hands its own address on, and nobody caches it.
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_templates = Environment(
    loader=FileSystemLoader(HERE / "templates"), autoescape=select_autoescape(), undefined=StrictUndefined
)


def page(template: str, /, status: int = 200, **context: Any) -> HTMLResponse:
    """A rendered page; a variable that the template names and `context` lacks is an error."""
    return HTMLResponse(_templates.get_template(template).render(context), status, HEADERS)


def problem_page(status: int, title: str, message: str) -> HTMLResponse:
    """A page that says what went wrong."""
    return page("problem.html", status, title=title, message=message)
