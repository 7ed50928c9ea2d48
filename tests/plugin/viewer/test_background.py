"""One task at a time, and only the latest answer counts."""

from __future__ import annotations

import threading
import weakref

import numpy as np
import pytest
from qtpy.QtCore import QObject

from napari_cvdm.plugin.viewer.background import Background
from napari_cvdm.plugin.viewer.garbage import are_objects_frozen
from napari_cvdm.restoration.errors import InputError


@pytest.fixture
def background(qtbot, wait_for_workers):
    owner = QObject()
    background = Background(owner)
    background.heard = []
    background.done.connect(background.heard.append)
    background.failed.connect(background.heard.append)
    yield background
    wait_for_workers()
    qtbot.wait(20)


def test_tasks_are_done_in_another_thread(background, qtbot):
    background.ask(lambda _: threading.get_ident())
    qtbot.waitUntil(lambda: bool(background.heard), timeout=10_000)
    assert background.heard != [threading.get_ident()]


def test_old_objects_are_spared_meanwhile(background, qtbot):
    background.ask(lambda _: are_objects_frozen())
    qtbot.waitUntil(lambda: bool(background.heard), timeout=10_000)
    assert background.heard == [True]
    assert not are_objects_frozen()


def test_only_the_latest_of_many_is_answered_and_the_first_is_told_to_stop(background, qtbot):
    begun, go_on, stopped = threading.Event(), threading.Event(), []

    def slow(checkpoint):
        begun.set()
        go_on.wait(60)
        try:
            checkpoint()
        except Exception:
            stopped.append(True)
            raise
        return "slow"

    done = []
    background.ask(slow)
    assert begun.wait(60)
    for number in range(5):
        background.ask(lambda _, number=number: done.append(number) or number)
    go_on.set()
    qtbot.waitUntil(lambda: bool(background.heard), timeout=10_000)
    qtbot.wait(50)
    assert (background.heard, done, stopped) == ([4], [4], [True])


def test_what_is_dropped_is_not_answered(background, qtbot):
    go_on = threading.Event()
    background.ask(lambda _: go_on.wait(60))
    background.drop()
    go_on.set()
    qtbot.wait(100)
    assert background.heard == []
    background.ask(lambda _: "next")
    qtbot.waitUntil(lambda: background.heard == ["next"], timeout=10_000)


def test_faults_come_in_words(background, qtbot, caplog):
    def fail(error):
        raise error

    for error, words in (
        (InputError("Choose another layer."), "Choose another layer."),
        (OSError("disk full"), "disk full"),
        (MemoryError(), "Memory ran out"),
        (RuntimeError("odd"), "RuntimeError: odd"),
    ):
        background.heard.clear()
        background.ask(lambda _, error=error: fail(error))
        qtbot.waitUntil(lambda: bool(background.heard), timeout=10_000)
        assert words in background.heard[0]


def test_it_says_when_there_is_something_to_wait_for(background, qtbot):
    busy = []
    background.busy.connect(busy.append)
    background.ask(lambda _: 1)
    background.ask(lambda _: 2)
    qtbot.waitUntil(lambda: background.heard == [2], timeout=10_000)
    assert busy == [True, False]


def test_an_owner_that_is_gone_hears_nothing(qtbot, wait_for_workers):
    owner, heard, go_on = QObject(), [], threading.Event()
    background = Background(owner)
    background.done.connect(heard.append)
    background.ask(lambda _: go_on.wait(60))
    owner.deleteLater()
    qtbot.wait(50)
    go_on.set()
    wait_for_workers()
    qtbot.wait(50)
    assert heard == []


def test_an_owner_that_is_gone_stops_its_task(qtbot, wait_for_workers):
    owner, stopped = QObject(), threading.Event()

    def endless(checkpoint):
        try:
            while True:
                checkpoint()
        finally:
            stopped.set()

    Background(owner).ask(endless)
    owner.deleteLater()
    qtbot.waitUntil(stopped.is_set, timeout=10_000)
    wait_for_workers()


def test_an_answer_is_not_kept_when_it_has_been_told(background, qtbot):
    told = []
    background.done.connect(lambda answer: told.append(weakref.ref(answer)))
    background.done.disconnect(background.heard.append)
    background.ask(lambda _: np.zeros(3))
    qtbot.waitUntil(lambda: bool(told), timeout=10_000)
    qtbot.waitUntil(lambda: told[0]() is None, timeout=10_000)
