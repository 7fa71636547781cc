"""One candidate in two browsers, as on a laptop and a phone; the laptop's network fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import barriers, screenshot
from tests.support.network import Network
from tests.support.staff import Staff, every_kind, grey_bar

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

REPLACED = "Your test goes on in another window"
CHOICE, TRUE_FALSE, TEXT = 1, 3, 5


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A browser that shares nothing with that of the fixture `page`."""
    context = browser.new_context(locale="en-GB", timezone_id="UTC")
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def link(staff: Staff) -> str:
    return staff.invite(staff.publish(every_kind(staff.add_image(grey_bar())), name="Two devices"))


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def go_to(page: Page, position: int) -> None:
    from playwright.sync_api import expect

    page.get_by_role("button", name=re.compile(rf"^Question {position},")).click()
    expect(page.get_by_role("heading", name=re.compile(rf"Question {position} of"))).to_be_visible()


def field(page: Page) -> Locator:
    return page.get_by_role("textbox", name=re.compile("Your answer"))


def choose(page: Page, option: int) -> None:
    from playwright.sync_api import expect

    page.get_by_role("radio").nth(option).check()
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()


def expect_replaced(page: Page, unsent: str) -> None:
    from playwright.sync_api import expect

    expect(page.get_by_role("heading", name=REPLACED)).to_be_visible(timeout=30_000)  # the page tries ever more rarely
    expect(page.get_by_text(unsent)).to_be_visible()


def begin_on_the_laptop(page: Page, address: str) -> None:
    """Start, look at all questions, and end before the one that takes a word."""
    page.goto(address)
    press(page, "Continue to the test")
    press(page, "Start the test")
    for position in range(1, 6):
        go_to(page, position)


def take_over_on_the_phone(phone: Page, link: str) -> None:
    phone.goto(link)
    press(phone, "Continue to the test")
    go_to(phone, TRUE_FALSE)
    choose(phone, 1)


def test_p20_laptop_that_was_offline_during_the_takeover_is_told_and_its_answers_arrive_when_wanted(
    page: Page, phone: Page, link: str, network: Network
) -> None:
    from playwright.sync_api import expect

    begin_on_the_laptop(page, network.through(link))
    network.cut()
    field(page).fill("tail")
    go_to(page, CHOICE)
    page.get_by_role("radio").nth(2).check()
    expect(page.get_by_text("Kept on this device, not yet sent")).to_be_visible()
    go_to(page, TEXT)
    field(page).fill("head")  # and nothing else: it is being typed
    take_over_on_the_phone(phone, link)

    network.restore()
    expect_replaced(page, "this device keeps 2 answers that were not sent from here")
    assert barriers(page) == []
    screenshot(page, "replaced-unsent")
    go_to(phone, CHOICE)
    expect(phone.get_by_role("radio", checked=True)).to_have_count(0)
    expect(phone.get_by_text("1 of 5 answered")).to_be_visible()
    page.reload()
    expect_replaced(page, "this device keeps 2 answers that were not sent from here")

    press(page, "Continue here")
    expect(page.get_by_text("3 of 5 answered")).to_be_visible()
    expect_replaced(phone, "Nothing is lost.")
    go_to(page, CHOICE)
    expect(page.get_by_role("radio").nth(2)).to_be_checked()
    go_to(page, TEXT)
    expect(field(page)).to_have_value("head")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    go_to(page, TRUE_FALSE)
    expect(page.get_by_role("radio").nth(1)).to_be_checked()


def test_p20_reload_of_the_window_that_has_the_test_goes_on_without_a_question(
    page: Page, link: str, network: Network
) -> None:
    from playwright.sync_api import expect

    begin_on_the_laptop(page, network.through(link))
    go_to(page, CHOICE)
    choose(page, 1)
    network.cut()
    network.restore()
    page.reload()
    expect(page.get_by_text("1 of 5 answered")).to_be_visible()
    go_to(page, TRUE_FALSE)
    choose(page, 0)
