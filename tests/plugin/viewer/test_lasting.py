"""A run outlives the closing of other windows, and ends with its own."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QMainWindow

from napari_cvdm.plugin.viewer.garbage import are_objects_frozen
from napari_cvdm.plugin.viewer.lasting import LastingWorker, WindowClosing


class Refusing(QMainWindow):
    """A window whose user thinks better of closing it."""

    def closeEvent(self, event) -> None:
        event.ignore()


@pytest.fixture
def widget(viewer):
    """The docked widget; unlike the usual fixture, it does not expect it to be there at the end."""
    return viewer.window.add_plugin_dock_widget("napari-cvdm", "CVDM super-resolution")[1]


@pytest.fixture
def run(viewer, widget, qtbot, stepped):
    """A run that has its layers and is held by the test."""
    viewer.window.show()
    qtbot.waitUntil(widget.isVisible, timeout=10_000)
    viewer.add_image(np.random.default_rng(0).integers(0, 900, (16, 12), np.uint16), name="cell")
    stepped.stop_at = 2
    widget.controls.restore_button.click()
    qtbot.waitUntil(lambda: stepped.waiting.is_set() and len(viewer.layers) == 3, timeout=60_000)
    return widget.runs.current


def test_the_run_goes_on_when_another_viewer_closes(viewer, widget, run, qtbot, stepped, make_napari_viewer):
    other = make_napari_viewer()
    other.window._register_task_status(
        "napari-worker", "busy", "", run._worker.quit
    )  # where it was the active one
    other.close()
    assert not run.cancelling
    stepped.go_on()
    qtbot.waitUntil(lambda: not widget.running, timeout=60_000)
    assert widget.status.text().startswith("Done")
    assert viewer.layers["cell CVDM"].metadata["napari_cvdm"].get("finished", True)


def test_the_run_ends_with_its_own_window_and_leaves_nothing_behind(viewer, run, qtbot, wait_for_workers):
    worker = run._worker
    viewer.close()
    assert worker.abort_requested
    wait_for_workers()
    qtbot.waitUntil(lambda: not are_objects_frozen(), timeout=10_000)


def test_what_a_run_to_disk_has_written_stays_when_its_window_closes(
    viewer, widget, qtbot, run_to_disk, written_pieces, little_memory, wait_for_workers
):
    viewer.window.show()
    qtbot.waitUntil(widget.isVisible, timeout=10_000)
    written = run_to_disk()
    viewer.close()
    wait_for_workers()
    assert written_pieces(little_memory) >= written


def test_a_window_that_is_not_there_to_be_seen_keeps_nobody_at_work(qtbot):
    window = QMainWindow()
    qtbot.addWidget(window)
    worker = LastingWorker(lambda: (yield))
    worker.belong_to(window)
    window.show()
    worker.quit()
    assert not worker.abort_requested
    window.hide()
    worker.quit()
    assert worker.abort_requested


@pytest.mark.parametrize(("kind", "tells"), [(QMainWindow, True), (Refusing, False)])
def test_only_a_window_that_has_closed_is_told_of(qtbot, kind, tells):
    window, owner, told = kind(), QObject(), []
    qtbot.addWidget(window)
    WindowClosing(window, owner).closed.connect(lambda: told.append(True))
    window.show()
    window.hide()
    window.show()
    window.close()
    assert told == [True] * tells


def test_what_a_run_has_open_is_closed_before_it_is_told_to_have_ended(qtbot, wait_for_workers):
    began, happened = threading.Event(), []

    def steps():
        try:
            while True:
                began.set()
                yield
        finally:
            time.sleep(0.2)
            happened.append(threading.get_ident())

    worker = LastingWorker(steps)
    worker.finished.connect(lambda: happened.append("ended"))
    worker.start()
    assert began.wait(10)
    worker.give_up()
    qtbot.waitUntil(lambda: "ended" in happened, timeout=10_000)
    assert happened[0] != threading.get_ident()
    assert happened[1:] == ["ended"]
