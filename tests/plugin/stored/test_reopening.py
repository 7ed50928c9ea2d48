"""Saved results and OME-Zarr images open by dropping them anywhere on napari, as the layers they were."""

from __future__ import annotations

import warnings
from pathlib import Path
from threading import Thread, current_thread, main_thread

import numpy as np
import pytest
import tifffile
from napari.layers import Image
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from qtpy.QtWidgets import QApplication

from napari_cvdm.files.image_set import StoredImage, write_image_set
from napari_cvdm.files.ome_tiff import write_ome_tiff
from napari_cvdm.plugin.doubt.linked import find_results
from napari_cvdm.plugin.results.contrast import limits_of_result
from napari_cvdm.plugin.results.layers import METADATA_KEY
from napari_cvdm.plugin.stored import reopening
from napari_cvdm.plugin.stored.reopening import get_reader, read_layers, read_saved, shown_pictures
from napari_cvdm.plugin.stored.saving import save_layers
from napari_cvdm.plugin.viewer.graphics import drop_target_of, main_window_of
from napari_cvdm.restoration.errors import ImageFileError
from napari_cvdm.restoration.restore import restore


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


def test_several_results_are_all_read_whatever_wrote_them(tmp_path: Path, make_result, large_result):
    saved = [str(tmp_path / name) for name in ("a.cvdm.ome.tif", "b.cvdm.ome.tif", "c.cvdm.ome.zarr")]
    for path in saved:
        save_layers(Path(path), [layer.as_layer_data_tuple() for layer in make_result()])
    assert len(get_reader(saved[:2])(saved[:2])) == 4
    large, _ = large_result(tmp_path / "large.ome.zarr")
    mixed = [*saved, str(large)]
    layers = get_reader(mixed)(mixed)
    assert len(layers) == 8
    assert all(kind == "image" for _, _, kind in layers)
    other = tmp_path / "other.tif"
    tifffile.imwrite(other, np.zeros((9, 9), np.uint8))
    assert get_reader([*saved, str(other)]) is None  # napari finds a reader for all


@pytest.mark.parametrize(
    ("left", "words"), [(0, "is empty"), (2000, "truncated"), (None, "was not saved by napari-cvdm")]
)
def test_what_is_wrong_with_a_file_that_is_called_a_result_is_told(
    viewer, tmp_path: Path, make_result, left, words
):
    """napari would say that the reader has refused it."""
    path = save_layers(tmp_path / "a.cvdm.ome.tif", [layer.as_layer_data_tuple() for layer in make_result()])
    if left is None:
        tifffile.imwrite(path, np.zeros((9, 9), np.uint8))  # by another program, under its name
    else:
        path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(ImageFileError, match=words):
        viewer.open(str(path), plugin="napari-cvdm")


@pytest.mark.parametrize(
    ("name", "title"),
    [("a.ome.b.cvdm.ome.tif", "a.ome.b"), ("CELL.OME.TIF", "CELL"), ("日本 [1]%?.tiff", "日本 [1]%?")],
)
def test_a_layer_is_called_after_its_file(tmp_path: Path, name, title):
    about = {"picture": "reconstruction", "axes": "YX"}
    path = write_image_set(
        tmp_path / name, [StoredImage("reconstruction", np.ones((9, 9)), "YX", 65.0, about)]
    )
    ((_, attributes, _),) = read_saved(path)
    assert attributes["name"] == f"{title} CVDM"


def test_a_copy_of_a_large_result_is_not_where_that_lies(tmp_path: Path, large_result):
    folder, _ = large_result(tmp_path / "film.ome.zarr")
    ((data, attributes, _), _) = read_saved(folder)
    assert attributes["metadata"][METADATA_KEY]["written"]
    path = save_layers(tmp_path / "copy.ome.tif", [Image(data, **attributes).as_layer_data_tuple()])
    ((_, again, _),) = read_saved(path)
    about = attributes["metadata"][METADATA_KEY]
    assert again["metadata"][METADATA_KEY] == {key: about[key] for key in about if key != "written"}


def test_folders_that_are_no_images_are_napari_s(tmp_path: Path, make_result, large_result):
    save_layers(tmp_path / "saved.ome.zarr", [layer.as_layer_data_tuple() for layer in make_result()])
    large, _ = large_result(tmp_path / "large.ome.zarr")
    (tmp_path / "photos").mkdir()
    assert get_reader(str(tmp_path / "saved.ome.zarr")) is read_layers
    assert get_reader(str(large)) is read_layers
    assert get_reader(str(tmp_path / "photos")) not in (None, read_layers)


@pytest.mark.parametrize("name", ["cell.cvdm.ome.tif", "cell.cvdm.ome.tiff", "cell.cvdm.ome.zarr"])
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


def test_a_result_is_read_beside_the_main_thread_and_may_be_given_up(
    viewer, tmp_path: Path, make_result, monkeypatch
):
    path = save_layers(tmp_path / "a.cvdm.ome.tif", [layer.as_layer_data_tuple() for layer in make_result()])
    threads: list[Thread] = []

    def read(*arguments):
        threads.append(current_thread())
        return read_saved(*arguments)

    monkeypatch.setattr(reopening, "read_saved", read)
    assert len(viewer.open(str(path), plugin="napari-cvdm")) == 2
    assert threads[0] is not main_thread()
    monkeypatch.setattr(reopening, "wait_in_dialog", lambda words, work: None)
    assert viewer.open(str(path), plugin="napari-cvdm") == []


def test_dropping_both_folders_of_a_large_result_brings_each_picture_once(
    shown, qtbot, tmp_path: Path, large_result
):
    drop_on_canvas(shown, *large_result(tmp_path / "film.ome.zarr"))
    assert [layer.name for layer in shown.layers] == ["film CVDM", "film CVDM uncertainty"]
    assert all(layer.multiscale for layer in shown.layers)
    qtbot.waitUntil(lambda: "CVDM uncertainty" in dock_names(shown), timeout=20_000)


def write_as_the_shell(small_model, path: Path) -> tuple[Path, Path]:
    """Write a restoration as `napari-cvdm restore` does: a file for each picture."""
    image = np.random.default_rng(0).poisson(60, (16, 20)).astype(np.uint16)
    made = restore(image, small_model, axes="YX", pixel_size=65.0, preview=True, device="cpu")
    uncertainty = path.with_name(path.name.replace(".ome.tif", "_uncertainty.ome.tif"))
    for content, data, target in (
        ("reconstruction", made.mean, path),
        ("uncertainty", made.std, uncertainty),
    ):
        about = {**made.provenance, "source": "raw.tif", "content": content}
        write_ome_tiff(target, data, made.axes, made.restored_pixel_size, about)
    return path, uncertainty


def test_a_look_that_no_layer_can_have_is_told_in_words_that_are_no_markup(tmp_path: Path, make_result):
    layers = [layer.as_layer_data_tuple() for layer in make_result()]
    layers[0][1]["name"], layers[0][1]["gamma"] = "<img src='/dev/zero'>", "x"
    path = save_layers(tmp_path / "a.cvdm.ome.tif", layers)
    with pytest.raises(ImageFileError, match="altered") as raised:
        read_layers(str(path))
    assert not Qt.mightBeRichText(str(raised.value))


def test_what_the_shell_wrote_comes_once_whichever_file_comes_first(tmp_path: Path, small_model):
    pair = write_as_the_shell(small_model, tmp_path / "out.ome.tif")
    assert [get_reader(str(path)) for path in pair] == [read_layers] * 2
    assert len(read_layers([str(path) for path in pair])) == 2
    layers: list[Image] = []
    for path in reversed(pair):
        read = read_saved(path, shown_pictures(layers))
        layers += [Image(data, **attributes) for data, attributes, _ in read]
    assert [layer.name for layer in layers] == ["out CVDM uncertainty", "out CVDM"]
    assert len(find_results(layers)) == 1


def test_what_the_shell_wrote_brings_the_panel(shown, qtbot, tmp_path: Path, small_model):
    reconstruction, _ = write_as_the_shell(small_model, tmp_path / "out.cvdm.ome.tif")
    drop_on_canvas(shown, reconstruction)
    assert [layer.name for layer in shown.layers] == ["out CVDM", "out CVDM uncertainty"]
    np.testing.assert_allclose(shown.layers[0].scale, 0.0325)
    qtbot.waitUntil(lambda: "CVDM uncertainty" in dock_names(shown), timeout=20_000)


@pytest.mark.parametrize("target", ["canvas", "panel"])
def test_what_the_shell_wrote_lies_on_its_original_in_pixels(
    shown, widget, qtbot, tmp_path: Path, small_model, target
):
    original = shown.add_image(np.zeros((16, 20), np.uint16), name="raw.tif")  # as napari reads a TIFF
    reconstruction, _ = write_as_the_shell(small_model, tmp_path / "out.cvdm.ome.tif")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Inconsistent units")
        if target == "canvas":
            drop_on_canvas(shown, reconstruction)
        else:
            widget._opening.open(reconstruction)
        qtbot.waitUntil(lambda: "CVDM uncertainty" in dock_names(shown), timeout=20_000)
    for layer in list(shown.layers)[1:]:
        np.testing.assert_allclose(layer.data_to_world((6.5, 8.5)), original.data_to_world((3, 4)))


def test_scripts_of_earlier_versions_are_understood_too(tmp_path: Path, small_model):
    image = np.random.default_rng(0).poisson(60, (16, 20)).astype(np.uint16)
    made = restore(image, small_model, axes="YX", pixel_size=65.0, preview=True, device="cpu")
    pair = (("reconstruction", made.mean), ("uncertainty", made.std))
    images = [StoredImage(name, data, "YX", made.restored_pixel_size, made.provenance) for name, data in pair]
    write_image_set(tmp_path / "cell_cvdm.ome.tif", images)
    layers = [Image(data, **more) for data, more, _ in read_layers(str(tmp_path / "cell_cvdm.ome.tif"))]
    assert [layer.name for layer in layers] == ["cell CVDM", "cell CVDM uncertainty"]
    assert len(find_results(layers)) == 1
    assert tuple(layers[1].contrast_limits) == limits_of_result(made.mean, made.std)["uncertainty"]
    np.testing.assert_allclose(layers[1].data_to_world((0, 0)), -0.25 * 0.065)


def test_a_set_that_is_no_result_keeps_its_scale(tmp_path: Path):
    write_image_set(tmp_path / "a.ome.tif", [StoredImage("map", np.ones((4, 9, 9)), "ZYX", 65.0, {}, 300.0)])
    ((data, attributes, _),) = read_layers(str(tmp_path / "a.ome.tif"))
    layer = Image(data, **attributes)
    assert layer.name == "map"
    np.testing.assert_allclose(layer.scale, (0.3, 0.065, 0.065))


def test_a_folder_of_pictures_goes_to_napari_without_a_question(shown, tmp_path: Path):
    folder = tmp_path / "plain.folder"
    folder.mkdir()
    for number in range(2):
        tifffile.imwrite(folder / f"{number}.tif", np.zeros((9, 9), np.uint8))
    drop_on_canvas(shown, folder)  # a dialog would stop the test here
    assert shown.layers[0].data.shape == (2, 9, 9)
    shown.open(str(folder), plugin="napari-cvdm")  # should somebody ask for it
    assert shown.layers[1].data.shape == (2, 9, 9)


@pytest.mark.parametrize("said", ["theirs", {}, {"run": ["a"], "picture": "uncertainty"}, {"run": "a"}])
def test_layers_that_say_something_else_are_no_pictures_of_a_run(said):
    assert shown_pictures([Image(np.zeros((9, 9)), metadata={METADATA_KEY: said})]) == frozenset()
