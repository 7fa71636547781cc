"""The hub tells of an assessment's changes to whoever asked for that assessment."""

from __future__ import annotations

from sitting.storage.hub import Change, Hub, Move, Moved


def test_p22_change_is_told_to_those_alone_who_listen_to_that_assessment() -> None:
    hub, heard, strangers = Hub(), list[Change](), list[Change]()
    hub.subscribe(1, heard.append)
    hub.subscribe(2, strangers.append)
    hub.subscribe(0, strangers.append)
    hub.publish(Change(1, 7))
    hub.publish(Change(3, 8))
    assert (heard, strangers) == ([Change(1, 7)], [])


def test_who_has_left_hears_nothing_and_takes_nobody_along() -> None:
    hub, left, staying = Hub(), list[Change](), list[Change]()
    leave = hub.subscribe(1, left.append)
    hub.subscribe(1, staying.append)
    leave()
    leave()
    hub.publish(Change(1, 7))
    assert (left, staying) == ([], [Change(1, 7)])


def test_who_listens_for_moves_hears_of_them_and_of_nothing_else() -> None:
    hub, moved = Hub(), list[Moved]()
    leave = hub.subscribe_to_moves(moved.append)
    hub.publish(Moved(1, Move.STEP))
    hub.publish(Change(1, 7))
    leave()
    hub.publish(Moved(2, Move.END))
    assert moved == [Moved(1, Move.STEP)]
