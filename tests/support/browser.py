"""Chromium for the tests that look at pages: fixtures `browser` and `page`, and what a failure leaves behind."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

EXECUTABLE_VARIABLE = "SITTING_TEST_CHROMIUM"
POLICY = "Content Security Policy"
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"

BARRIERS = Path(__file__).with_name("barriers.js")

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox",  # Chromium refuses to run as root with it
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_outcome = pytest.StashKey[bool]()


def chromium_executable() -> str:
    """The browser that is installed here; AssertionError if there is none."""
    if named := os.environ.get(EXECUTABLE_VARIABLE):
        return named
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    raise AssertionError(f"no Chromium: `make setup-dev` installs it, or {EXECUTABLE_VARIABLE} names it")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for a module's tests.

    Not for the whole run: as long as Playwright's synchronous interface is open, its event loop counts as running in
    this thread, and no asynchronous test could run beside it.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_executable(), args=list(_FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A person's browser without cookies or storage; further pages opened in it share them, as tabs do."""
    context = browser.new_context(locale="en-GB", timezone_id="UTC", viewport={"width": 1280, "height": 800})
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A tab. An uncaught script error, or something that the content security policy blocks, fails the test.

    After a failure build/screenshots has a picture of each tab.
    """
    script_errors: list[str] = []
    context.on("weberror", lambda error: script_errors.append(str(error.error)))
    context.on("console", lambda said: script_errors.append(said.text) if POLICY in said.text else None)
    page = context.new_page()
    yield page
    if not request.node.stash.get(_outcome, False) or script_errors:
        _keep_screenshots(context, request.node.nodeid)
    assert not script_errors, f"uncaught in the page: {script_errors}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell the fixtures, which are torn down later, whether the test itself passed."""
    report = yield
    if report.when == "call":
        item.stash[_outcome] = report.passed
    return report


def barriers(page: Page) -> list[str]:
    """What on the page stands in the way of people with a screen reader or weak eyes; see barriers.js."""
    found: list[str] = page.evaluate(BARRIERS.read_text())
    return found


def screenshot(page: Page, name: str) -> Path:
    """Keep a picture of the whole page under build/screenshots and return its path."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    return path


def _keep_screenshots(context: BrowserContext, nodeid: str) -> None:
    name = re.sub(r"[^\w.-]+", "-", nodeid.rpartition("/")[2])
    for number, tab in enumerate(context.pages):
        screenshot(tab, f"failed-{name}-{number}")
