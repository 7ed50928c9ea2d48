"""Saved results and OME-Zarr images open by dropping them anywhere on napari, as the layers they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from qtpy.QtWidgets import QApplication

from napari_cvdm.plugin.graphics import drop_target_of, main_window_of
from napari_cvdm.plugin.layers import METADATA_KEY
from napari_cvdm.plugin.reopening import get_reader, read_result, read_zarr_layers
from napari_cvdm.plugin.saving import save_layers


def drop_on_canvas(viewer, *paths: Path) -> None:
    """Drop files in the middle of the canvas, as the window system tells the window of it."""
    window = main_window_of(next(iter(viewer.window.dock_widgets.values())))
    target = drop_target_of(window)
    # Qt finds out by itself what is at this place of the window.
    place = QPointF(target.mapTo(window, target.rect().center()))
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    how = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    for event in (
        QDragEnterEvent(place.toPoint(), *how),
        QDragMoveEvent(place.toPoint(), *how),
        QDropEvent(place, *how),
    ):
        QApplication.sendEvent(window.windowHandle(), event)


def dock_names(viewer) -> list[str]:
    return [name.partition(" (")[0] for name in viewer.window.dock_widgets]


@pytest.fixture
def shown(viewer, widget, qtbot):
    """The viewer with the panel, on the screen."""
    main_window_of(widget).show()
    qtbot.waitUntil(lambda: main_window_of(widget).windowHandle() is not None, timeout=60_000)
    return viewer


def test_only_saved_results_are_taken(tmp_path: Path):
    other = tmp_path / "other.ome.tif"
    tifffile.imwrite(other, np.zeros((9, 9), np.uint8), metadata={"axes": "YX"})
    assert get_reader(str(other)) is None
    assert get_reader([str(other)]) is None
    assert get_reader(str(tmp_path / "missing.cvdm.ome.tif")) is None


def test_folders_are_told_apart(tmp_path: Path, make_result, large_result):
    save_layers(tmp_path / "saved.ome.zarr", [layer.as_layer_data_tuple() for layer in make_result()])
    large, _ = large_result(tmp_path / "large.ome.zarr")
    (tmp_path / "photos").mkdir()
    assert get_reader(str(tmp_path / "saved.ome.zarr")) is read_result
    assert get_reader(str(large)) is read_zarr_layers
    assert get_reader(str(tmp_path / "photos")) not in (None, read_result, read_zarr_layers)


@pytest.mark.parametrize("name", ["cell.cvdm.ome.tif", "cell.cvdm.ome.zarr"])
def test_dropping_a_saved_result_on_the_canvas_brings_back_layers_and_panel(
    shown, qtbot, tmp_path: Path, make_result, name
):
    for layer in make_result():
        shown.add_layer(layer)
    path = tmp_path / name
    assert shown.layers.save(str(path)) == [str(path)]
    before = {layer.name: layer.metadata[METADATA_KEY] for layer in shown.layers}
    places = {layer.name: layer.data_to_world((1, 15, 11)) for layer in shown.layers}
    shown.layers.clear()
    drop_on_canvas(shown, path)
    assert {layer.name: layer.metadata[METADATA_KEY] for layer in shown.layers} == before
    for layer in shown.layers:
        np.testing.assert_allclose(layer.data_to_world((1, 15, 11)), places[layer.name])
    assert shown.layers["cell CVDM"].colormap.name == "green"
    qtbot.waitUntil(lambda: "CVDM uncertainty" in dock_names(shown), timeout=20_000)


def test_dropping_both_folders_of_a_large_result_brings_each_picture_once(
    shown, qtbot, tmp_path: Path, large_result
):
    drop_on_canvas(shown, *large_result(tmp_path / "film.ome.zarr"))
    assert [layer.name for layer in shown.layers] == ["film CVDM", "film CVDM uncertainty"]
    assert all(layer.multiscale for layer in shown.layers)
    qtbot.waitUntil(lambda: "CVDM uncertainty" in dock_names(shown), timeout=20_000)


def test_a_folder_of_pictures_goes_to_napari_without_a_question(shown, tmp_path: Path):
    folder = tmp_path / "plain.folder"
    folder.mkdir()
    for number in range(2):
        tifffile.imwrite(folder / f"{number}.tif", np.zeros((9, 9), np.uint8))
    drop_on_canvas(shown, folder)  # a dialog would stop the test here
    assert shown.layers[0].data.shape == (2, 9, 9)
    shown.open(str(folder), plugin="napari-cvdm")  # should somebody ask for it
    assert shown.layers[1].data.shape == (2, 9, 9)
