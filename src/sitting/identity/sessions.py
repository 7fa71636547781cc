"""Browser sessions of candidates who came by an invitation link."""

from __future__ import annotations

from datetime import timedelta

COOKIE = "sitting_session"
LIFETIME = timedelta(days=7)
TICKET_LIFETIME = timedelta(seconds=30)
