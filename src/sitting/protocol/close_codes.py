"""Why a socket was closed, and whether the client should come back."""

from __future__ import annotations

from enum import IntEnum


class CloseCode(IntEnum):
    """Come back after 1012, 1013 and 4008; after the others do not, or not without a change."""

    NORMAL = 1000
    UNSUPPORTED_DATA = 1003
    MESSAGE_TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    NOT_AUTHENTICATED = 4001
    NOT_ALLOWED = 4003
    NOT_FOUND = 4004
    TOO_SLOW = 4008
    REPLACED = 4009
    ASSESSMENT_OVER = 4010
    TOO_MANY_MESSAGES = 4029
