"""What nodes say to each other: what can be read, what cannot, and of which entries anything is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitting.domain.events import Answered, Attached, Detached, EventBody, Extended, Started, Voided
from sitting.kit.ids import ID_LIMIT
from sitting.storage.hub import AccessChange, Change, Hub
from sitting.storage.notices import concerns_other_nodes, decode_notice, encode_notice
from tests.support.clock import NOON

IDS = st.integers(1, ID_LIMIT - 1)
NOTICES = st.builds(Change, IDS, st.integers(1, 2**31 - 1)) | st.builds(AccessChange, IDS)


@given(NOTICES)
def test_notice_is_read_as_it_was_said(notice: Change | AccessChange) -> None:
    node = Hub().node_id
    assert decode_notice(encode_notice(node, notice)) == (node, notice)


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "n_a",
        "n_a assessment 1",
        "n_a assessment 1 2 3",
        "n_a assessment 1 2\n",
        "n_a  assessment 1 2",
        "n_a assessment 0 1",
        "n_a assessment -1 2",
        "n_a assessment 1 1e3",
        "n_a assessment 1 99999999999",
        "n_a assessment 99999999999999999999 1",
        "n_a assessment \u0661 2",
        "n_a user x",
        "n_a user 1; DROP TABLE users",
        "N_A user 1",
        '{"node": "n_a", "user": 1}',
        "\ud800",
        "x" * 8000,
    ],
)
def test_what_no_node_says_is_not_read(payload: str) -> None:
    assert decode_notice(payload) is None


@given(st.text())
def test_no_text_makes_reading_fail(payload: str) -> None:
    assert decode_notice(payload) is None or payload.isascii()


def test_two_nodes_have_two_names() -> None:
    assert Hub().node_id != Hub().node_id


def test_takeovers_and_what_staff_do_are_news_elsewhere_and_what_comes_in_masses_is_not() -> None:
    news: list[EventBody] = [
        Attached("c", "takeover"),
        Extended(60, "a reason", 1, NOON),
        Voided("a reason", 1),
        Detached(2),
    ]
    assert all(concerns_other_nodes(body) for body in news)
    started = Started.__new__(Started)  # none of its fields matters
    masses: list[EventBody] = [Attached("c", "start"), Attached("c", "resume"), Answered(NOON, ()), started]
    assert not any(concerns_other_nodes(body) for body in masses)
