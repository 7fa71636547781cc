"""The last line of a test run: how many tests passed and how many did not, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

import pytest


def pytest_unconfigure(config: pytest.Config) -> None:
    """Print `N passed, N failed`; an error around a test, or in a file that cannot be collected, is a failure."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or config.option.collectonly:
        return
    failed = _names(reporter.stats, ("failed", "error"))
    passed = _names(reporter.stats, ("passed",)) - failed
    reporter.write_line(f"{len(passed)} passed, {len(failed)} failed")


def _names(stats: dict[str, list[pytest.TestReport | pytest.CollectReport]], outcomes: Iterable[str]) -> set[str]:
    return {report.nodeid for outcome in outcomes for report in stats.get(outcome, [])}
