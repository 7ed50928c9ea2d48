"""Results that are dropped on the panel open in the background, each once and in order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image
from qtpy.QtCore import QMimeData, QPointF, Qt, QThreadPool, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QMainWindow, QWidget

from napari_cvdm.files.ome_tiff import read_provenance, write_ome_tiff
from napari_cvdm.plugin.doubt.linked import find_results
from napari_cvdm.plugin.doubt.panel import show_doubt_panel
from napari_cvdm.plugin.results.layers import METADATA_KEY
from napari_cvdm.plugin.stored import opening
from napari_cvdm.plugin.stored.saving import save_layers
from napari_cvdm.restoration.restore import restore


def drop(widget, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    how = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(widget, QDragEnterEvent(QPointF(5, 5).toPoint(), *how))
    QApplication.sendEvent(widget, QDropEvent(QPointF(5, 5), *how))


def names(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


@pytest.fixture
def save(tmp_path: Path, make_result) -> Callable[[str], Path]:
    """Save a result, whose layers are called after the file."""

    def write(name: str) -> Path:
        layers = make_result()
        for layer in layers:
            layer.name = layer.name.replace("cell", name.partition(".")[0])
        return save_layers(tmp_path / name, [layer.as_layer_data_tuple() for layer in layers])

    return write


def make_pair(name: str) -> list[Image]:
    pictures = {"reconstruction": f"{name} CVDM", "uncertainty": f"{name} CVDM uncertainty"}
    return [
        Image(
            np.random.default_rng(0).random((16, 12), np.float32),
            name=title,
            metadata={METADATA_KEY: {"picture": picture, "run": name}},
        )
        for picture, title in pictures.items()
    ]


class Held:
    """Lets files be read only when the test says so."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.threads: set[int] = set()
        self.go_on = threading.Event()

    def __call__(self, path: Path, shown: opening.Shown) -> list:
        self.begun.append(path.name)
        self.threads.add(threading.get_ident())
        assert self.go_on.wait(30)
        return self.read(path, shown)

    read = staticmethod(opening.read_saved)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch):
    held = Held()
    monkeypatch.setattr(opening, "read_saved", held)
    yield held
    held.go_on.set()


def test_a_result_of_any_name_opens_as_it_was(viewer, widget, qtbot, save, make_result):
    drop(widget, save("cell.tif.ome.tif"))
    qtbot.waitUntil(lambda: widget.status.text() == "Opened cell.tif.ome.tif.", timeout=20_000)
    for opened, layer in zip(viewer.layers, make_result(), strict=True):
        assert opened.name == layer.name
        np.testing.assert_allclose(opened.data_to_world((1, 5, 7)), layer.data_to_world((1, 5, 7)))


def test_what_was_saved_hidden_is_hidden_after_the_view_it_was_opened_in(viewer, widget, qtbot, tmp_path):
    first, second = make_pair("first"), make_pair("second")
    second[1].visible = False
    path = save_layers(tmp_path / "second.cvdm.ome.tif", [layer.as_layer_data_tuple() for layer in second])
    for layer in first:
        viewer.add_layer(layer)
    panel = show_doubt_panel(viewer)
    panel.views.choose("reconstruction")
    qtbot.waitUntil(lambda: not first[1].visible, timeout=20_000)
    drop(widget, path)
    qtbot.waitUntil(lambda: "second CVDM uncertainty" in viewer.layers, timeout=20_000)
    qtbot.waitUntil(lambda: not first[0].visible, timeout=20_000)
    panel.views.choose("own")
    qtbot.waitUntil(lambda: first[0].visible, timeout=20_000)
    assert viewer.layers["second CVDM"].visible
    assert not viewer.layers["second CVDM uncertainty"].visible
    assert viewer.layers["second CVDM"].source.path == str(path)


def test_the_viewer_does_not_wait_for_the_pixels(viewer, widget, qtbot, save, held):
    drop(widget, save("cell.ome.tif"))
    assert widget.status.text() == "Opening cell.ome.tif …"
    assert not viewer.layers
    held.go_on.set()
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=20_000)
    assert threading.get_ident() not in held.threads


def test_files_open_in_the_order_in_which_they_were_dropped(viewer, widget, qtbot, save, held):
    first, second, third = (
        save(f"{name}.ome.{kind}") for name, kind in (("a", "tif"), ("b", "zarr"), ("c", "tif"))
    )
    drop(widget, first, second)
    drop(widget, third)
    held.go_on.set()
    qtbot.waitUntil(lambda: len(viewer.layers) == 6, timeout=20_000)
    assert names(viewer) == [f"{name} CVDM{which}" for name in "abc" for which in ("", " uncertainty")]
    assert held.begun == ["a.ome.tif", "b.ome.zarr", "c.ome.tif"]


def test_what_is_wrong_with_a_file_is_shown_and_holds_nothing_up(
    viewer, widget, qtbot, save, held, monkeypatch, tmp_path
):
    shown: list[str] = []
    monkeypatch.setattr("napari.utils.notifications.show_error", shown.append)
    damaged, whole = save("damaged.ome.tif"), save("whole.ome.tif")
    drop(widget, damaged, whole)
    damaged.write_bytes(damaged.read_bytes()[:2000])
    held.go_on.set()
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=20_000)
    assert names(viewer) == ["whole CVDM", "whole CVDM uncertainty"]
    assert len(shown) == 1
    assert "damaged.ome.tif" in shown[0]


def test_a_fault_of_the_program_is_no_secret(viewer, widget, qtbot, save, monkeypatch):
    monkeypatch.setattr(opening, "read_saved", lambda *_: 1 / 0)
    with qtbot.captureExceptions() as raised:
        drop(widget, save("cell.ome.tif"))
        qtbot.waitUntil(lambda: bool(raised), timeout=20_000)
    assert raised[0][0] is ZeroDivisionError
    monkeypatch.undo()
    drop(widget, save("next.ome.tif"))
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=20_000)


def test_layers_come_although_another_plugin_s_callback_fails(viewer, widget, qtbot, save):
    def fail(event) -> None:
        raise ValueError("not mine")

    viewer.layers.events.inserted.connect(fail)
    with qtbot.captureExceptions() as raised:
        drop(widget, save("cell.ome.tif"))
        qtbot.waitUntil(lambda: widget.status.text().startswith("Opened"), timeout=20_000)
    viewer.layers.events.inserted.disconnect(fail)
    assert len(viewer.layers) == 2
    assert raised


def test_a_panel_that_is_closed_leaves_its_files_to_be_opened(viewer, widget, qtbot, save, held):
    drop(widget, save("a.ome.tif"), save("b.ome.tif"))
    viewer.window.remove_dock_widget(widget)
    qtbot.wait(50)
    held.go_on.set()
    qtbot.waitUntil(lambda: len(viewer.layers) == 4, timeout=20_000)


def test_a_viewer_that_is_closed_gets_no_layers(viewer, widget, qtbot, save, held, wait_for_workers):
    viewer.window.show()
    qtbot.waitUntil(widget.isVisible, timeout=10_000)
    drop(widget, save("a.ome.tif"), save("b.ome.tif"))
    qtbot.waitUntil(lambda: bool(held.begun), timeout=10_000)
    viewer.close()
    held.go_on.set()
    wait_for_workers()
    qtbot.wait(50)
    assert held.begun == ["a.ome.tif"]
    assert not viewer.layers


def test_what_was_read_when_the_window_closes_is_not_added(qtbot, save):
    window, viewer = QMainWindow(), ViewerModel()
    qtbot.addWidget(window)
    window.setCentralWidget(QWidget())
    window.show()
    files = opening.Opening(viewer, window.centralWidget())
    told: list[str] = []
    files.told.connect(told.append)
    for name in ("a.ome.tif", "b.ome.tif"):
        files.open(save(name))
    assert QThreadPool.globalInstance().waitForDone(10_000)  # what it says of its end is on the way
    window.close()
    qtbot.wait(50)
    assert told == ["Opening a.ome.tif …"]
    assert not viewer.layers


def test_the_two_files_of_the_shell_are_one_result_and_read_once(
    viewer, widget, qtbot, small_model, tmp_path, monkeypatch
):
    image = np.random.default_rng(0).poisson(60, (16, 20)).astype(np.uint16)
    made = restore(image, small_model, axes="YX", pixel_size=65.0, preview=True, device="cpu")
    pair = [tmp_path / "out.ome.tif", tmp_path / "out_uncertainty.ome.tif"]
    for path, content, data in zip(
        pair, ("reconstruction", "uncertainty"), (made.mean, made.std), strict=True
    ):
        about = {**made.provenance, "source": "raw.tif", "content": content}
        write_ome_tiff(path, data, made.axes, made.restored_pixel_size, about)
    from napari_cvdm.files import tiff

    read: list[str] = []
    read_tiff = tiff.read_tiff
    monkeypatch.setattr(tiff, "read_tiff", lambda path: read.append(path.name) or read_tiff(path))
    drop(widget, *pair)
    qtbot.waitUntil(lambda: widget.status.text() == "Opened out_uncertainty.ome.tif.", timeout=20_000)
    assert names(viewer) == ["out CVDM", "out CVDM uncertainty"]
    assert len(find_results(viewer.layers)) == 1
    assert read == ["out.ome.tif", "out_uncertainty.ome.tif"]


def test_pixels_that_do_not_fit_what_a_file_says_are_told(viewer, widget, qtbot, tmp_path, monkeypatch):
    path = write_ome_tiff(
        tmp_path / "out.ome.tif",
        np.ones((3, 9, 9)),
        "ZYX",
        provenance={"content": "uncertainty", "axes": "YX"},
    )
    assert read_provenance(path)
    shown: list[str] = []
    monkeypatch.setattr("napari.utils.notifications.show_error", shown.append)
    drop(widget, path)
    qtbot.waitUntil(lambda: bool(shown), timeout=20_000)
    assert "altered" in shown[0]
    assert not viewer.layers
