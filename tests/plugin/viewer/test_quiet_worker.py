"""Workers leave warnings and places to the rest of the program, and keep nothing of what they worked on."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt, QThreadPool

import napari_cvdm.plugin
from napari_cvdm.plugin.doubt.panel import show_doubt_panel
from napari_cvdm.plugin.viewer.garbage import are_objects_frozen
from napari_cvdm.plugin.viewer.lasting import LastingWorker
from napari_cvdm.plugin.viewer.quiet_worker import Quiet, QuietWorker
from napari_cvdm.restoration.errors import InputError

IMAGE = np.random.default_rng(0).integers(100, 1000, (16, 12), np.uint16)


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


def test_a_program_that_ends_meanwhile_ends_in_peace():
    code = """
import time
from qtpy.QtWidgets import QApplication
from napari_cvdm.plugin.viewer.quiet_worker import QuietWorker
application = QApplication([])
QuietWorker(time.sleep, 1).start()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_all_work_of_the_plugin_is_done_so():
    assert issubclass(LastingWorker, Quiet)
    sources = Path(napari_cvdm.plugin.__file__).parent.rglob("*.py")
    starting = [text for path in sources if "create_worker(" in (text := path.read_text(encoding="utf-8"))]
    assert starting
    for text in starting:
        assert "_worker_class=QuietWorker" in text or "_worker_class=LastingWorker" in text


@pytest.fixture
def pool_of() -> Iterator[Callable[[int], QThreadPool]]:
    """Qt's pool as it is on a computer with so many cores."""
    pool = QThreadPool.globalInstance()
    usual = pool.maxThreadCount()

    def pool_of(cores: int) -> QThreadPool:
        pool.setMaxThreadCount(cores)
        return pool

    yield pool_of
    pool.setMaxThreadCount(usual)


class Lasting:
    """Work that lasts as long as the test wants it to."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, *_: object, **__: object) -> None:
        self.begun.set()
        self.go_on.wait(60)
        raise InputError("That is all.")


@pytest.fixture
def held(pool_of) -> Iterator[Lasting]:
    held = Lasting()
    yield held
    held.go_on.set()


def test_others_have_the_place_meanwhile_and_only_meanwhile(pool_of, held):
    pool, done, found = pool_of(1), threading.Event(), []
    worker = QuietWorker(held)
    here = Qt.ConnectionType.DirectConnection
    worker.errored.connect(lambda _: found.append(pool.tryStart(done.set)), here)
    worker.start()
    assert held.begun.wait(60)
    assert pool.tryStart(done.set)
    assert done.wait(10)
    assert not pool.waitForDone(0)  # so that napari, when it is closed, waits for the long work, too
    held.go_on.set()
    assert pool.waitForDone(10_000)
    assert found == [False]


@pytest.mark.parametrize("cores", [1, 2])
def test_beside_a_run_and_a_check_one_can_look_and_save(
    viewer, widget, qtbot, stepped, make_result, tmp_path: Path, pool_of, held, cores, save_as
):
    pool_of(cores)
    layers = [viewer.add_layer(layer) for layer in make_result()]
    stepped.stop_at = 2
    viewer.add_image(IMAGE, name="raw")
    widget.restore()
    qtbot.waitUntil(stepped.waiting.is_set, timeout=60_000)
    panel = show_doubt_panel(viewer, layers)
    panel.checks._background.ask(held)
    qtbot.waitUntil(held.begun.is_set, timeout=10_000)
    for plane in (0, 1):
        viewer.dims.set_current_step(0, plane)
        qtbot.waitUntil(
            lambda plane=plane: panel.link.look and panel.link.look.slice.index[0] == plane, timeout=10_000
        )
    viewer.layers.selection.active = layers[0]
    save_as(widget.actions_row, tmp_path / "cell")
    qtbot.waitUntil(lambda: widget.status.text().startswith("Saved"), timeout=10_000)
    assert widget.running


@pytest.mark.parametrize("what", ["measuring", "saving", "adding a model"])
def test_other_long_work_holds_up_no_look_either(
    viewer, widget, qtbot, make_result, tmp_path: Path, monkeypatch, small_model, pool_of, held, what, save_as
):
    place = {
        "measuring": "napari_cvdm.restoration.timing.measure_speed",
        "saving": "napari_cvdm.plugin.stored.saving.save_layers",
        "adding a model": "napari_cvdm.models.add_model",
    }
    monkeypatch.setattr("napari_cvdm.load_model", lambda *_, **__: small_model, raising=False)
    monkeypatch.setattr(place[what], held)
    pool_of(1)
    viewer.add_image(IMAGE, name="raw")
    layers = [viewer.add_layer(layer) for layer in make_result()]
    begin = {
        "measuring": widget.advice.measure,
        "saving": lambda: save_as(widget.actions_row, tmp_path / "cell"),
        "adding a model": lambda: widget.form.model_field.add_file(tmp_path / "own.safetensors"),
    }
    begin[what]()
    qtbot.waitUntil(held.begun.is_set, timeout=30_000)
    panel = show_doubt_panel(viewer, layers)
    qtbot.waitUntil(lambda: panel.link.look is not None, timeout=10_000)


def test_a_run_that_finds_no_place_can_be_cancelled(viewer, widget, qtbot, stepped, pool_of, held):
    def by_another_plugin() -> None:
        with suppress(InputError):
            held()

    pool_of(1).start(by_another_plugin)
    assert held.begun.wait(60)
    viewer.add_image(IMAGE, name="cell")
    widget.restore()
    qtbot.wait(50)
    widget.runs.cancel()
    held.go_on.set()
    qtbot.waitUntil(lambda: not widget.running, timeout=30_000)
    assert widget.status.text() == "Cancelled."
    assert stepped.calls == []
    assert not are_objects_frozen()
