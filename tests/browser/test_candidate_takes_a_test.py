"""A candidate in a real browser, before the demo server, over a network that fails."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import screenshot
from tests.support.network import Network
from tests.support.server import SittingProcess

if TYPE_CHECKING:
    from playwright.sync_api import Page

WARM_UP = "Ten-minute sprint"
SCREENING = "Backend engineer screening"


@pytest.fixture(scope="module")
def used_links() -> set[str]:
    return set()


@pytest.fixture
def links(server: SittingProcess, network: Network, used_links: set[str]) -> Links:
    return Links(server, network, used_links)


class Links:
    """Invitation links, each given to one test only."""

    def __init__(self, server: SittingProcess, network: Network, used: set[str]) -> None:
        self._server, self._network, self._used = server, network, used

    def take(self, test_name: str) -> str:
        announced = self._server.announcement
        test_id = next(test["test_id"] for test in announced["tests"] if test["test_name"] == test_name)
        link = next(
            candidate["link"]
            for candidate in announced["candidates"]
            if candidate["test_id"] == test_id and candidate["link"] not in self._used
        )
        self._used.add(link)
        return self._network.through(link)


def start(page: Page, link: str) -> None:
    from playwright.sync_api import expect

    page.goto(link)
    page.get_by_role("button", name="Continue to the test").click()
    page.get_by_role("button", name="Start the test").click()
    expect(page.get_by_role("heading", name=re.compile("Question 1 of"))).to_be_visible()


def answer(page: Page, option: int = 0) -> None:
    """Choose an option of the question on the page, by keyboard or pointer as Playwright does."""
    page.get_by_role("radio").nth(option).check()


def go_to(page: Page, position: int) -> None:
    from playwright.sync_api import expect

    page.get_by_role("button", name=re.compile(rf"^Question {position},")).click()
    expect(page.get_by_role("heading", name=re.compile(rf"Question {position} of"))).to_be_visible()


def expect_saved(page: Page) -> None:
    from playwright.sync_api import expect

    expect(page.get_by_text("Saved", exact=True)).to_be_visible()


def hand_in(page: Page) -> None:
    page.get_by_role("button", name="Hand in …").click()
    page.get_by_role("button", name="Hand in now").click()


def test_candidate_goes_from_the_link_to_results_through_reload_and_loss_of_the_network(
    page: Page, links: Links, network: Network
) -> None:
    from playwright.sync_api import expect

    link = links.take(WARM_UP)
    start(page, link)
    answer(page, 1)
    expect_saved(page)
    go_to(page, 2)
    answer(page, 0)
    expect_saved(page)
    screenshot(page, "taking")

    page.reload()
    expect(page.get_by_text("2 of 10 answered")).to_be_visible()
    go_to(page, 1)
    expect(page.get_by_role("radio").nth(1)).to_be_checked()

    go_to(page, 3)
    network.cut()
    answer(page, 2)
    expect(page.get_by_text("Kept on this device, not yet sent")).to_be_visible()
    screenshot(page, "offline")
    network.restore()
    expect_saved(page)

    for position in range(4, 11):
        go_to(page, position)
        answer(page)
        expect_saved(page)
    hand_in(page)
    expect(page.get_by_role("heading", name="Your test is handed in")).to_be_visible()
    expect(page.get_by_role("row", name="Answered 10 of 10")).to_be_visible()
    expect(page.get_by_text(re.compile("Completed in .* minute"))).to_be_visible()
    screenshot(page, "results")

    page.reload()
    expect(page.get_by_role("heading", name="Your test is handed in")).to_be_visible()


def test_answer_given_offline_survives_closing_the_tab(page: Page, links: Links, network: Network) -> None:
    from playwright.sync_api import expect

    link = links.take(WARM_UP)
    start(page, link)
    network.cut()
    answer(page, 2)
    expect(page.get_by_text("Kept on this device, not yet sent")).to_be_visible()
    address = page.url
    context = page.context
    page.close(run_before_unload=False)
    network.restore()
    again = context.new_page()
    again.goto(address)
    go_to(again, 1)
    expect(again.get_by_role("radio").nth(2)).to_be_checked()
    expect_saved(again)


def test_silent_network_is_noticed_and_the_answer_arrives_once_it_is_back(
    page: Page, links: Links, network: Network
) -> None:
    from playwright.sync_api import expect

    start(page, links.take(WARM_UP))
    network.silence()
    answer(page, 1)
    expect(page.get_by_text("Saving …")).to_be_visible()
    network.restore()
    expect_saved(page)


def test_second_tab_takes_over_and_first_is_told(page: Page, links: Links) -> None:
    from playwright.sync_api import expect

    start(page, links.take(SCREENING))
    answer(page, 0)
    expect_saved(page)
    second = page.context.new_page()
    second.goto(page.url)
    expect(second.get_by_text("1 of 20 answered")).to_be_visible()
    expect(page.get_by_role("heading", name="Your test goes on in another window")).to_be_visible()
    screenshot(page, "replaced")
    page.get_by_role("button", name="Continue here").click()
    expect(page.get_by_text("1 of 20 answered")).to_be_visible()
    expect(second.get_by_role("heading", name="Your test goes on in another window")).to_be_visible()


def test_server_that_dies_and_comes_back_loses_nothing(page: Page, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    with SittingProcess.demo(tmp_path) as server:
        link = server.announcement["candidates"][0]["link"]
        start(page, link)
        answer(page, 1)
        expect_saved(page)
        server.kill()
        go_to(page, 1)
        answer(page, 0)
        expect(page.get_by_text("Kept on this device, not yet sent")).to_be_visible()
        server.start()
        expect(page.get_by_text("Saved", exact=True)).to_be_visible(timeout=30_000)
        page.goto(link)
        page.get_by_role("button", name="Continue to the test").click()
        go_to(page, 1)
        expect(page.get_by_role("radio").nth(0)).to_be_checked()


def test_candidates_browser_holds_no_secret_that_a_script_could_read(
    page: Page, links: Links, server: SittingProcess
) -> None:
    link = links.take(WARM_UP)
    start(page, link)
    page.get_by_role("button", name="Flag").click()
    readable = page.evaluate(
        "JSON.stringify([location.href, document.cookie, document.documentElement.outerHTML,"
        " {...localStorage}, {...sessionStorage}])"
    )
    assert "sitting_session" not in readable
    assert link.rpartition("/")[2] not in readable
    assert not re.search(r"eyJ[\w-]+\.", readable), "a token"
