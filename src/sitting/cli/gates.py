"""The thresholds of the gates that the settings name."""

from __future__ import annotations

from sitting.cli.errors import Stop
from sitting.questions.gates.settings import GateSettings
from sitting.settings import Settings


def gate_settings(settings: Settings) -> GateSettings:
    """What the gates hold questions against.

    Raises:
        Stop: what is set cannot be meant so.
    """
    try:
        return GateSettings.of(settings.gates)
    except ValueError as fault:
        raise Stop(f"SITTING_GATES: {fault}") from None
