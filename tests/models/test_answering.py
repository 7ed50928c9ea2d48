"""Answers that come, that do not, and that nobody wants any more."""

import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from napari_cvdm.models.answering import answer_in_time


class Cancelled(Exception):
    """What whoever waits raises."""


def cancel() -> None:
    raise Cancelled


@pytest.fixture
def never() -> Iterator[threading.Event]:
    """Not set before the end of the test."""
    event = threading.Event()
    yield event
    event.set()


def test_the_answer_is_given_even_if_it_is_nothing() -> None:
    assert answer_in_time(lambda: None, 60, TimeoutError()) is None
    assert answer_in_time(lambda: ValueError("as a value"), 60, TimeoutError()).args == ("as a value",)


def test_what_goes_wrong_is_raised_here() -> None:
    with pytest.raises(ZeroDivisionError):
        answer_in_time(lambda: 1 // 0, 60, TimeoutError())


def test_one_that_does_not_come_is_not_waited_for(never: threading.Event) -> None:
    with pytest.raises(LookupError, match="overdue"):
        answer_in_time(never.wait, 0.2, LookupError("overdue"))


def test_one_that_takes_its_time_is_waited_for(never: threading.Event) -> None:
    assert answer_in_time(never.wait, 60, TimeoutError(), alive=never.set) is True


def test_whoever_waits_can_cancel(never: threading.Event) -> None:
    with pytest.raises(Cancelled):
        answer_in_time(never.wait, 60, TimeoutError(), cancel)


def test_an_answer_that_comes_too_late_is_closed(never: threading.Event) -> None:
    closed = threading.Event()
    answer = SimpleNamespace(close=closed.set)
    with pytest.raises(Cancelled):
        answer_in_time(lambda: never.wait() and answer, 60, TimeoutError(), cancel)
    assert not closed.is_set()
    never.set()
    assert closed.wait(60)
