"""Long work keeps nobody waiting: not on one core, and not on two."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import QThreadPool

from napari_cvdm.plugin.doubt.panel import show_doubt_panel
from napari_cvdm.plugin.viewer.long_work import place_left_to_others
from napari_cvdm.restoration.errors import InputError

IMAGE = np.random.default_rng(0).integers(100, 1000, (16, 12), np.uint16)


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


class Held:
    """Work that lasts as long as the test wants it to."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, *_: object, **__: object) -> None:
        self.begun.set()
        self.go_on.wait(60)
        raise InputError("That is all.")


@pytest.fixture
def held(pool_of) -> Iterator[Held]:
    held = Held()
    yield held
    held.go_on.set()


def test_others_have_the_place_meanwhile_and_only_meanwhile(pool_of, held):
    pool, done, found = pool_of(1), threading.Event(), []

    def last() -> None:
        with suppress(InputError), place_left_to_others():
            held()
        found.append(pool.tryStart(done.set))

    pool.start(last)
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
    assert gc.get_freeze_count() == 0
