"""Candidates in a real browser before questions of every kind, one after the other, with feedback, and with breaks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import barriers, screenshot
from tests.support.eventually import eventually
from tests.support.network import Network
from tests.support.staff import Staff, every_kind, grey_bar

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

SINGLE, MULTIPLE, TRUE_FALSE, NUMERIC, SHORT_TEXT = range(5)


@pytest.fixture
def kinds(staff: Staff) -> list[dict[str, object]]:
    return every_kind(staff.add_image(grey_bar()))


def start(page: Page, link: str) -> None:
    page.goto(link)
    press(page, "Continue to the test")
    press(page, "Start the test")
    expect_question(page, 1)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def expect_question(page: Page, position: int) -> None:
    from playwright.sync_api import expect

    expect(page.get_by_role("heading", name=re.compile(f"Question {position} of"))).to_be_visible()


def expect_no_barriers(page: Page, what: str) -> None:
    assert barriers(page) == [], what
    screenshot(page, what)


def hand_in(page: Page) -> None:
    from playwright.sync_api import expect

    press(page, "Hand in …")
    press(page, "Hand in now")
    expect(page.get_by_role("heading", name="Your test is handed in")).to_be_visible()


def shown_options(page: Page) -> list[str]:
    return page.locator(".option").all_inner_texts()


def field(page: Page) -> Locator:
    return page.get_by_role("textbox", name=re.compile("Your answer"))


def test_candidate_answers_all_five_kinds_one_after_the_other(
    page: Page, staff: Staff, kinds: list[dict[str, object]]
) -> None:
    from playwright.sync_api import expect

    test_id = staff.publish(kinds, name="All kinds", navigation="linear", shuffle_options=True, feedback="after_end")
    start(page, staff.invite(test_id))
    note = page.get_by_text("You cannot come back to")
    expect(page.locator("pre.code .code-builtin")).to_have_text("print")
    expect(note).to_have_text("Not answered. You cannot come back to it.")
    expect(page.get_by_role("button", name="Previous")).to_be_hidden()
    order = shown_options(page)
    page.get_by_role("radio", name="[0, 1, 0]", exact=True).check()
    expect(note).to_have_text("You cannot come back to this question.")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    expect_no_barriers(page, "kinds-code")
    page.reload()
    expect(page.get_by_role("radio", name="[0, 1, 0]", exact=True)).to_be_checked()
    assert shown_options(page) == order

    press(page, "Next")
    expect_question(page, 2)
    expect(page.locator("#question-text math")).to_have_count(2)
    expect(page.get_by_text("Choose all that apply.")).to_be_visible()
    for name in ("Merge sort", "Heap sort"):
        page.get_by_role("checkbox", name=name).check()
    press(page, "Next")
    expect_question(page, 3)
    expect(page.get_by_role("img", name="A grey bar")).to_have_js_property("naturalWidth", 240)
    assert [text.strip() for text in shown_options(page)] == ["True", "False"]
    page.get_by_role("radio", name="True").check()
    expect_no_barriers(page, "kinds-image")
    press(page, "Next")
    expect_question(page, 4)
    answer_number_and_word(page)
    expect_review(page)
    assert [each["selected_text"] for each in staff.stored(test_id)] == [
        "`[0, 1, 0]`",
        "Merge sort; Heap sort",
        "True",
        "10 ms",
        "head",
    ]


def answer_number_and_word(page: Page) -> None:
    """A number that is none is refused by the field and left there; Next and Hand in take along what was just typed."""
    from playwright.sync_api import expect

    expect(field(page)).to_have_accessible_name("Your answer, a number in ms")
    field(page).fill("ten")
    press(page, "Next")
    expect(page.get_by_text("This is not a number.")).to_be_visible()
    expect_question(page, 4)
    expect(field(page)).to_have_value("ten")
    expect(field(page)).to_have_attribute("aria-invalid", "true")
    expect(field(page)).to_have_accessible_description("This is not a number.")
    expect_no_barriers(page, "kinds-refused")
    field(page).fill("10 ms")
    press(page, "Next")
    expect_question(page, 5)
    field(page).fill("head")
    hand_in(page)


def expect_review(page: Page) -> None:
    from playwright.sync_api import expect

    items = page.locator(".review > ol > li")
    expect(items).to_have_count(5)
    expect(items.locator(".verdict-line")).to_have_text(["Right"] * 5)
    expect(items.nth(SINGLE).locator(".question-text pre.code")).to_be_visible()
    expect(items.nth(SINGLE).locator(".answered code")).to_have_text("[0, 1, 0]")
    expect(items.nth(NUMERIC)).to_contain_text("Your answer: 10 ms")
    expect(page.get_by_text("100 %").first).to_be_visible()
    expect_no_barriers(page, "kinds-review")


def test_answer_is_checked_by_a_button_and_closed_with_feedback_that_a_reload_brings_back(
    page: Page, staff: Staff, kinds: list[dict[str, object]]
) -> None:
    from playwright.sync_api import expect

    test_id = staff.publish(kinds, name="Practice", feedback="after_answer", results="status")
    start(page, staff.invite(test_id))
    feedback = page.locator(".feedback")
    wrong = page.get_by_role("radio", name="[1, 1, 1]")
    wrong.check()
    expect(page.get_by_text("Not given yet")).to_be_visible()
    page.reload()
    expect(wrong).to_be_checked()
    assert staff.stored(test_id)[SINGLE]["selected_text"] is None
    press(page, "Check answer")
    for _ in ("at once", "after a reload"):
        expect(feedback).to_contain_text("Not right.")
        expect(feedback).to_contain_text("That needs row = [0] and aliasing.")
        expect(feedback).to_contain_text("The right answer: [0, 1, 0]")
        expect(wrong).to_be_checked()
        expect(wrong).to_be_disabled()
        expect(page.get_by_role("button", name="Check answer")).to_be_hidden()
        page.reload()
    expect_no_barriers(page, "feedback")
    assert staff.stored(test_id)[SINGLE]["selected_text"] == "`[1, 1, 1]`"
    press(page, "Question 4, not answered")
    field(page).fill("no number")
    press(page, "Check answer")
    expect(page.get_by_text("This is not a number.")).to_be_visible()
    expect(field(page)).to_have_value("no number")
    field(page).fill("10.5")
    press(page, "Check answer")
    expect(feedback).to_contain_text("Right.")
    press(page, "Next")
    field(page).fill("head")
    press(page, "Hand in …")
    expect(page.get_by_role("dialog")).to_contain_text("Question 5 is chosen, but not checked")
    press(page, "Back to the questions")
    expect(field(page)).to_have_value("head")
    hand_in(page)
    expect(page.locator(".percentage")).to_have_count(0)


def test_break_stops_the_clock_and_covers_the_question(
    page: Page, staff: Staff, kinds: list[dict[str, object]]
) -> None:
    from playwright.sync_api import expect

    test_id = staff.publish(kinds, name="With breaks", time_limit_minutes=30)
    start(page, staff.invite(test_id, break_minutes=5))
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    press(page, "Take a break")
    for _ in ("at once", "after a reload"):
        expect(page.get_by_role("heading", name="You are on a break")).to_be_visible()
        expect(page.get_by_role("timer")).to_contain_text("(paused)")
        expect(page.locator(".question")).to_be_hidden()
        expect(page.get_by_role("button", name="Hand in …")).to_be_disabled()
        page.reload()
    expect_no_barriers(page, "break")
    press(page, "Go on with the test")
    expect_question(page, 1)
    expect(page.get_by_role("timer")).not_to_contain_text("(paused)")
    page.get_by_role("radio").first.check()
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()


def test_what_was_typed_survives_a_reload_in_the_same_moment_and_a_tab_closed_offline(
    page: Page, staff: Staff, network: Network, kinds: list[dict[str, object]]
) -> None:
    from playwright.sync_api import expect

    test_id = staff.publish([kinds[NUMERIC], kinds[SHORT_TEXT]], name="Typed")
    start(page, network.through(staff.invite(test_id)))
    field(page).press_sequentially("12", delay=5)
    page.reload()
    expect(field(page)).to_have_value("12")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    assert staff.stored(test_id)[0]["value"] == "12"
    press(page, "Next")
    expect_question(page, 2)
    network.cut()
    field(page).fill("tail")
    expect(page.get_by_text("Kept on this device, not yet sent")).to_be_visible()
    field(page).press_sequentially("s")
    address, context = page.url, page.context
    page.close(run_before_unload=False)
    network.restore()
    again = context.new_page()
    again.goto(address)
    eventually(lambda: stored_value(staff, test_id, 1, "tails"), within=10)


def test_who_loses_the_network_stays_before_the_question_that_going_on_would_close(
    page: Page, staff: Staff, network: Network, kinds: list[dict[str, object]]
) -> None:
    from playwright.sync_api import expect

    test_id = staff.publish([kinds[SHORT_TEXT], kinds[NUMERIC]], name="Straight on", navigation="linear")
    start(page, network.through(staff.invite(test_id)))
    network.cut()
    field(page).fill("head")
    press(page, "Next")
    expect(page.get_by_text("The next question comes when it is back.")).to_be_visible()
    expect_question(page, 1)
    expect(field(page)).to_have_value("head")
    network.restore()
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    press(page, "Next")
    expect_question(page, 2)
    stored_value(staff, test_id, 0, "head")


def stored_value(staff: Staff, test_id: int, at: int, value: str) -> None:
    assert staff.stored(test_id)[at]["value"] == value


def test_keyboard_alone_leads_through_a_test_and_nothing_says_how_it_went(
    page: Page, staff: Staff, kinds: list[dict[str, object]]
) -> None:
    from playwright.sync_api import expect

    test_id = staff.publish([kinds[SINGLE], kinds[MULTIPLE], kinds[SHORT_TEXT]], name="Keys", results="nothing")
    start(page, staff.invite(test_id))
    keys = page.keyboard
    expect(page.get_by_role("heading", name="Question 1 of 3")).to_be_focused()
    for key in ("Tab", "Tab", "Space", "ArrowDown"):  # past the flag
        keys.press(key)
    expect(page.get_by_role("radio").nth(1)).to_be_checked()
    for key in ("Tab", "Tab", "Enter"):  # past clearing; the first question has none before it
        keys.press(key)
    expect(page.get_by_role("heading", name="Question 2 of 3")).to_be_focused()
    for key in ("Tab", "Tab", "Space", "Tab", "Tab", "Space"):
        keys.press(key)
    for key in ("Tab", "Tab", "Tab", "Enter"):
        keys.press(key)
    expect(page.get_by_role("heading", name="Question 3 of 3")).to_be_focused()
    keys.press("Tab")
    keys.press("Tab")
    keys.type("head")
    page.get_by_role("button", name="Hand in …").focus()
    keys.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("You have answered all questions.")
    for key in ("Tab", "Enter"):
        keys.press(key)
    expect(page.get_by_role("heading", name="Your test is handed in")).to_be_focused()
    expect(page.get_by_role("table")).to_have_count(0)
    expect_no_barriers(page, "nothing-shown")
    assert [each["selected_text"] for each in staff.stored(test_id)] == [
        "`[1, 1, 1]`",
        "Merge sort; Bubble sort, $O(n^2)$",
        "head",
    ]
