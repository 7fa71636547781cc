"""Scripts and styles, the browser client among them."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

HERE = Path(__file__).parent


class _Revalidated(StaticFiles):
    """Files that browsers keep, but ask about each time: an upgrade must not meet yesterday's script."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def add_static_files(app: FastAPI) -> None:
    """Serve our own files under /static and the browser client under /static/client."""
    client = _client_directory()

    @app.get("/static/client/index.js", include_in_schema=False)
    async def client_index() -> FileResponse:
        return FileResponse(client / "index.js", headers={"Cache-Control": "no-cache"})

    app.mount("/static/client/src", _Revalidated(directory=client / "src"))
    app.mount("/static", _Revalidated(directory=HERE / "static"))


def _client_directory() -> Path:
    """Inside an installed package the client lies beside the pages, in a checkout in clients/js."""
    installed = HERE / "static" / "client"
    return installed if installed.is_dir() else HERE.parents[2] / "clients" / "js"
