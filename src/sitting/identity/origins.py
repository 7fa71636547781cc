"""Which web pages may use a browser's cookie."""

from __future__ import annotations

from collections.abc import Collection


def is_allowed(origin: str | None, host: str | None, allowed: Collection[str]) -> bool:
    """Whether a request that is authenticated by cookie may come from that origin.

    Args:
        origin: the Origin header; None where the client sent none (no browser, or a plain link).
        host: the Host header, with its port.
        allowed: exact origins (`https://host[:port]`) beside the server's own.
    """
    if origin is None or origin in allowed:
        return True
    _, separator, origin_host = origin.partition("://")
    return bool(separator) and host is not None and origin_host.lower() == host.lower()
