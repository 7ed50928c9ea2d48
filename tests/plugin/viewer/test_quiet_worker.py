"""Workers leave warnings to the rest of the program, and keep nothing of what they worked on."""

from __future__ import annotations

import gc
import threading
import warnings
import weakref
from pathlib import Path

import numpy as np
import pytest

import napari_cvdm.plugin
from napari_cvdm.plugin.viewer.lasting import LastingWorker
from napari_cvdm.plugin.viewer.quiet_worker import Quiet, QuietWorker


class Held:
    """Work on an array that lasts as long as the test wants it to."""

    def __init__(self) -> None:
        self.begun, self.go_on, self.ended = (threading.Event() for _ in range(3))
        self.worker: QuietWorker | None = None

    def start(self, array: np.ndarray) -> None:
        self.worker = QuietWorker(self._work, array)
        self.worker.finished.connect(self.ended.set)
        self.worker.start()

    def _work(self, array: np.ndarray) -> None:
        self.begun.set()
        self.go_on.wait(60)


@pytest.fixture
def overlap(qtbot, wait_for_workers):
    """Let two workers work, of which the second begins after the first, and ends after it."""

    def overlap(array: np.ndarray) -> None:
        both = Held(), Held()
        for held in both:
            held.start(array)
            qtbot.waitUntil(held.begun.is_set, timeout=10_000)
        for held in both:
            held.go_on.set()
            qtbot.waitUntil(held.ended.is_set, timeout=10_000)

    yield overlap
    wait_for_workers()


def test_warnings_are_shown_as_before_when_two_have_overlapped(overlap, monkeypatch):
    shown = []
    monkeypatch.setattr(warnings, "showwarning", lambda message, *_, **__: shown.append(str(message)))
    filters = list(warnings.filters)
    overlap(np.zeros(3))
    assert warnings.filters == filters
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("of another plugin", UserWarning, stacklevel=1)
    assert shown == ["of another plugin"]


def test_what_two_have_worked_on_is_not_kept_when_they_have_overlapped(overlap, qtbot):
    array = np.zeros(3)
    gone = weakref.ref(array)
    overlap(array)
    del array

    def is_gone() -> bool:
        gc.collect()
        return gone() is None

    qtbot.waitUntil(is_gone, timeout=30_000)


def test_an_end_lets_no_warning_through_that_is_silenced_elsewhere(qtbot, wait_for_workers):
    held = Held()
    held.start(np.zeros(3))
    qtbot.waitUntil(held.begun.is_set, timeout=10_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        held.go_on.set()
        qtbot.waitUntil(held.ended.is_set, timeout=10_000)
        warnings.warn("napari has silenced this.", UserWarning, stacklevel=1)
    wait_for_workers()


def test_it_tells_what_came_of_it(qtbot, wait_for_workers):
    told = []
    for function in (lambda number: 2 * number, lambda number: number / 0):
        worker = QuietWorker(function, 21)
        worker.returned.connect(told.append)
        worker.errored.connect(lambda error: told.append(type(error)))
        with qtbot.waitSignal(worker.finished, timeout=10_000):
            worker.start()
    wait_for_workers()
    assert told == [42, ZeroDivisionError]


def test_what_was_asked_to_quit_brings_no_result(qtbot, wait_for_workers):
    held, told = Held(), []
    held.start(np.zeros(3))
    held.worker.returned.connect(told.append)
    qtbot.waitUntil(held.begun.is_set, timeout=10_000)
    held.worker.quit()  # as napari does when its window is closed
    held.go_on.set()
    qtbot.waitUntil(held.ended.is_set, timeout=10_000)
    wait_for_workers()
    assert told == []


def test_all_work_of_the_plugin_is_done_so():
    assert issubclass(LastingWorker, Quiet)
    sources = Path(napari_cvdm.plugin.__file__).parent.rglob("*.py")
    starting = [text for path in sources if "create_worker(" in (text := path.read_text(encoding="utf-8"))]
    assert starting
    for text in starting:
        assert "_worker_class=QuietWorker" in text or "_worker_class=LastingWorker" in text
