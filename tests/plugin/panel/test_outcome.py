"""What can be done with a result is done with the result that is meant."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels
from qtpy.QtWidgets import QApplication, QDockWidget, QFileDialog, QMessageBox, QPushButton, QWidget

from napari_cvdm.files.image_set import read_image_set
from napari_cvdm.files.zarr_set import read_zarr_set
from napari_cvdm.plugin.panel.outcome import ResultActions
from napari_cvdm.plugin.results.copies import Copies
from napari_cvdm.plugin.results.into_sight import lend_to_view
from napari_cvdm.plugin.results.layers import METADATA_KEY
from napari_cvdm.plugin.running.worker import Job
from napari_cvdm.plugin.stored.reopening import read_layers
from napari_cvdm.plugin.viewer.garbage import are_objects_frozen


@pytest.fixture
def viewer_model(qapp) -> ViewerModel:
    viewer = ViewerModel()
    object.__setattr__(viewer, "window", SimpleNamespace(dock_widgets={}))
    return viewer


@pytest.fixture
def actions(qtbot, viewer_model, monkeypatch):
    actions = ResultActions(viewer_model)
    qtbot.addWidget(actions)
    actions.heard = []
    actions.failed.connect(lambda words: actions.heard.append(("failed", words)))
    actions.told.connect(lambda words: actions.heard.append(("told", words)))
    actions.shown = []
    monkeypatch.setattr("napari.utils.notifications.show_error", actions.shown.append)
    return actions


def add_result(viewer_model: ViewerModel, run: str) -> list[Image]:
    asked = Job("cell", None, "YX", draws=4).describe()
    layers = []
    for picture in ("reconstruction", "uncertainty"):
        about = {"picture": picture, "run": run, "asked": asked, "source": "cell", "steps": 6}
        layer = Image(np.ones((9, 9), np.float32), name=f"{run} {picture}", metadata={METADATA_KEY: about})
        layers.append(viewer_model.add_layer(layer))
    return layers


def test_they_appear_with_the_first_result(actions, viewer_model):
    assert actions.isHidden()
    add_result(viewer_model, "a")
    actions.follow()
    assert not actions.isHidden()


def test_no_button_is_narrower_than_its_words(qtbot, actions, viewer_model):
    add_result(viewer_model, "a")
    actions.follow()
    save, copy = actions.save_button, actions.copy_button
    widest = max(save.minimumSizeHint().width(), copy.minimumSizeHint().width())
    actions.resize(3 * widest, 120)
    qtbot.waitUntil(lambda: save.y() == copy.y(), timeout=10_000)
    actions.resize(3 * widest // 2, 120)  # a narrow dock, or large type
    qtbot.waitUntil(lambda: save.y() < copy.y(), timeout=10_000)
    assert min(save.width(), copy.width()) >= widest


def test_every_button_explains_itself_and_copy_has_a_menu(actions):
    assert all(button.toolTip() for button in actions.findChildren(QPushButton))
    assert actions.copy_button.menu().actions() == [actions.copy_python, actions.copy_shell]


def test_a_result_from_a_file_is_as_good_as_one_of_a_run(actions, viewer_model):
    unfinished = {METADATA_KEY: {"picture": "reconstruction", "finished": False}}
    viewer_model.add_layer(Image(np.ones((9, 9)), metadata=unfinished))
    actions.offer()
    assert actions.isHidden()  # the run at work is not done yet
    opened = add_result(viewer_model, "a")
    viewer_model.layers.selection.clear()
    actions.offer()
    assert not actions.isHidden()
    assert actions.result_layers() == opened


def test_labels_that_were_made_of_a_result_are_not_saved_with_it(actions, viewer_model):
    layers = add_result(viewer_model, "a")
    labels = Labels(np.ones((9, 9), int), metadata=dict(layers[0].metadata))
    viewer_model.add_layer(labels)
    viewer_model.layers.selection.active = labels
    assert actions.result_layers() == layers


def test_results_that_tell_of_no_run_are_not_taken_for_one(actions, viewer_model) -> None:
    about = {METADATA_KEY: {"picture": "reconstruction"}}
    first, second = (viewer_model.add_layer(Image(np.ones((9, 9)), metadata=about)) for _ in range(2))
    for layer in (first, second):
        viewer_model.layers.selection.active = layer
        assert actions.result_layers() == [layer]


def test_an_open_panel_for_uncertainty_turns_to_the_new_result(actions, viewer_model, monkeypatch, qtbot):
    from napari_cvdm.plugin.doubt import panel

    shown: list[list[Image]] = []
    monkeypatch.setattr(panel, "show_doubt_panel", lambda viewer, layers: shown.append(layers))
    add_result(viewer_model, "a")
    second = add_result(viewer_model, "b")
    actions.follow()
    assert shown == []  # it is not opened unasked
    dock = QDockWidget()
    qtbot.addWidget(dock)
    dock.setWidget(panel_in_it := QWidget())
    viewer_model.window.dock_widgets["CVDM uncertainty (napari-cvdm)"] = panel_in_it
    viewer_model.layers.selection.active = second[0]
    dock.hide()
    actions.follow()
    assert shown == []  # nor shown again, once the user has hidden it
    dock.show()
    actions.follow()
    assert shown == [second]
    actions.doubt_button.click()
    assert shown == [second, second]


def test_the_selected_result_is_meant_or_else_the_topmost(actions, viewer_model):
    first, second = add_result(viewer_model, "a"), add_result(viewer_model, "b")
    viewer_model.layers.selection.active = first[1]
    assert actions.result_layers() == first
    viewer_model.layers.selection.clear()
    assert actions.result_layers() == second
    viewer_model.layers.selection.active = viewer_model.add_image(np.ones((9, 9)), name="cell")
    assert actions.result_layers() == second
    viewer_model.layers.remove(second[0])
    viewer_model.layers.selection.clear()
    assert actions.result_layers() == second[1:]
    viewer_model.layers.remove(second[1])
    viewer_model.layers.selection.clear()
    assert actions.result_layers() == first


def test_a_result_in_the_making_is_neither_saved_nor_copied(
    actions, viewer_model, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "b"), ""))
    add_result(viewer_model, "a")
    unfinished = add_result(viewer_model, "b")
    for layer in unfinished:
        layer.metadata[METADATA_KEY]["finished"] = False
    viewer_model.layers.selection.active = unfinished[0]
    QApplication.clipboard().setText("mine")
    for act in (actions.ask_and_save, actions.copy_python.trigger):
        act()
        kind, words = actions.heard.pop()
        assert kind == "failed"
        assert "'b reconstruction' is still being computed" in words
    assert (actions.heard, list(tmp_path.iterdir())) == ([], [])
    assert QApplication.clipboard().text() == "mine"
    assert actions.result_layers() == unfinished  # whose uncertainty can be looked at all the same


def test_what_a_view_hides_comes_back_from_the_file_as_it_is_without_the_view(
    qtbot, actions, viewer_model, tmp_path: Path, save_as
):
    reconstruction, uncertainty = add_result(viewer_model, "a")
    reconstruction.visible = False
    for layer, seen in ((reconstruction, True), (uncertainty, False)):
        lend_to_view(layer)
        layer.visible = seen
    save_as(actions, tmp_path / "a.cvdm.ome.tif")
    qtbot.waitUntil(lambda: len(actions.heard) == 2, timeout=60_000)
    layers = read_layers(str(tmp_path / "a.cvdm.ome.tif"))
    assert [attributes["visible"] for _, attributes, _ in layers] == [False, True]


def test_a_layer_duplicated_during_its_run_does_not_hold_up_the_result(
    qtbot, actions, viewer_model, tmp_path: Path, save_as
):
    watch = Copies(viewer_model)
    result = add_result(viewer_model, "a")
    copy = Image.create(*result[0].as_layer_data_tuple())
    copy.metadata[METADATA_KEY] = {**copy.metadata[METADATA_KEY], "finished": False}
    viewer_model.add_layer(copy)
    for selected, meant in ((copy, [copy]), (result[1], result)):
        viewer_model.layers.selection.active = selected
        assert actions.result_layers() == meant
    save_as(actions, tmp_path / "a")
    qtbot.waitUntil(lambda: len(actions.heard) == 2, timeout=60_000)
    assert len(read_image_set(tmp_path / "a.cvdm.ome.tif")) == 2
    del watch


def test_saving_looks_for_garbage_among_new_objects_only(
    qtbot, actions, viewer_model, tmp_path: Path, monkeypatch, save_as
):
    spared = []
    monkeypatch.setattr(
        "napari_cvdm.plugin.stored.saving.save_layers",
        lambda path, *_, **__: spared.append(are_objects_frozen()),
    )
    add_result(viewer_model, "a")
    save_as(actions, tmp_path / "cell")
    qtbot.waitUntil(lambda: len(actions.heard) == 2, timeout=60_000)
    assert spared[0]
    assert not are_objects_frozen()


def test_saving_adds_the_ending_and_tells_where(qtbot, actions, viewer_model, tmp_path: Path, save_as):
    add_result(viewer_model, "a")
    save_as(actions, tmp_path / "cell")
    assert not actions.save_button.isEnabled()
    qtbot.waitUntil(lambda: len(actions.heard) == 2, timeout=60_000)
    path = tmp_path / "cell.cvdm.ome.tif"
    assert actions.heard[1] == ("told", f"Saved {path}.")
    assert [image.about["picture"] for image in read_image_set(path)] == ["reconstruction", "uncertainty"]
    assert actions.save_button.isEnabled()


def test_what_is_on_the_disk_is_not_saved_again_if_its_file_says_clearly_where(
    actions, viewer_model, monkeypatch
):
    asked: list[str] = []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (asked.append(args[1]), ("", ""))[1])
    result, _ = add_result(viewer_model, "a")
    for written in ({"reconstruction": "/data/a.zarr", "uncertainty": 7}, "nowhere", ["a"]):
        result.metadata[METADATA_KEY]["written"] = written
        actions.ask_and_save()
    assert actions.heard == [("told", "This result is on the disk already: /data/a.zarr, 7.")]
    assert asked == ["Save result"] * 2


@pytest.mark.parametrize("replace", [False, True])
def test_the_name_with_its_ending_is_asked_about(
    qtbot, actions, viewer_model, tmp_path: Path, monkeypatch, replace
):
    add_result(viewer_model, "a")
    there = tmp_path / "cells.cvdm.ome.tif"
    there.write_bytes(b"precious")
    button = QMessageBox.StandardButton.Yes if replace else QMessageBox.StandardButton.No
    asked: list[str] = []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "cells"), ""))
    monkeypatch.setattr(QMessageBox, "question", lambda *args: (asked.append(args[2]), button)[1])
    actions.save_button.click()
    assert "'cells.cvdm.ome.tif' exists already" in asked[0]
    if replace:
        qtbot.waitUntil(lambda: len(actions.heard) == 2, timeout=60_000)
    assert (there.read_bytes() != b"precious") == replace


def test_the_kind_that_was_chosen_is_written_and_the_result_that_was_meant(
    qtbot, actions, viewer_model, tmp_path: Path, monkeypatch
):
    add_result(viewer_model, "a")

    def choose(parent: object, title: str, proposed: str, kinds: str) -> tuple[str, str]:
        viewer_model.layers.selection.active = add_result(viewer_model, "b")[0]  # a run begins meanwhile
        return str(tmp_path / Path(proposed).name), kinds.split(";;")[1]

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    actions.ask_and_save()
    qtbot.waitUntil(lambda: len(actions.heard) == 2, timeout=60_000)
    (path,) = tmp_path.glob("*.cvdm.ome.*")
    assert path.name == "a reconstruction.cvdm.ome.zarr"
    assert [image.name for image in read_zarr_set(path)] == ["a reconstruction", "a uncertainty"]


def test_a_place_that_cannot_be_written_to_is_said(qtbot, actions, viewer_model, tmp_path: Path, save_as):
    add_result(viewer_model, "a")
    save_as(actions, tmp_path / "missing" / "cell.ome.tif")
    qtbot.waitUntil(lambda: bool(actions.shown), timeout=60_000)
    assert "cannot be written" in actions.shown[0]
    assert actions.heard[-1] == ("told", actions.shown[0])
    assert actions.save_button.isEnabled()


def test_the_recipe_goes_to_the_clipboard(actions, viewer_model):
    add_result(viewer_model, "a")
    actions.copy_python.trigger()
    script = QApplication.clipboard().text()
    compile(script, "script", "exec")
    assert "draws=4" in script
    actions.copy_shell.trigger()
    assert "napari-cvdm restore" in QApplication.clipboard().text()
    assert actions.heard == [
        ("told", f"The {what} that repeats this run is in the clipboard.")
        for what in ("script", "shell line")
    ]


def test_the_script_is_told_what_the_result_s_layer_knows_of_its_planes(actions, viewer_model):
    layers = add_result(viewer_model, "a")
    asked = {**layers[0].metadata[METADATA_KEY]["asked"], "axes": "ZYX"}
    about = {**layers[0].metadata[METADATA_KEY], "asked": asked, "axes": "ZYX"}
    stack = Image(np.ones((3, 9, 9)), scale=(0.3, 1, 1), units=("um",) * 3, metadata={METADATA_KEY: about})
    viewer_model.layers.clear()
    viewer_model.add_layer(stack)
    actions.copy_python.trigger()
    assert "z_spacing_nm=300)" in QApplication.clipboard().text()


def test_of_a_picture_in_colour_the_script_is_recommended(actions, viewer_model):
    layers = add_result(viewer_model, "a")
    layers[0].metadata[METADATA_KEY]["asked"]["rgb"] = True
    actions.copy_shell.trigger()
    assert "Python script" in QApplication.clipboard().text()
    assert "No shell line" in actions.heard[-1][1]
    actions.copy_python.trigger()
    assert actions.heard[-1] == ("told", "The script that repeats this run is in the clipboard.")


def test_a_result_without_its_story_says_so(actions, viewer_model):
    layer = Image(np.ones((9, 9)), metadata={METADATA_KEY: {"picture": "reconstruction"}})
    viewer_model.add_layer(layer)
    actions.copy_python.trigger()
    ((kind, words),) = actions.heard
    assert kind == "failed"
    assert "not made by a run in napari" in words


@pytest.mark.parametrize("asked", [None, "all", {"axes": "YX"}])
def test_a_story_that_is_not_clear_is_not_copied(actions, viewer_model, asked):
    layers = add_result(viewer_model, "a")
    layers[0].metadata[METADATA_KEY]["asked"] = asked
    for action in (actions.copy_python, actions.copy_shell):
        action.trigger()
        assert actions.heard[-1][0] == "failed"
        assert "nothing to copy" in actions.heard[-1][1]


def test_a_result_that_was_removed_cannot_be_saved(actions, viewer_model):
    add_result(viewer_model, "a")
    viewer_model.layers.clear()
    actions.ask_and_save()
    assert "removed" in actions.heard[0][1]
