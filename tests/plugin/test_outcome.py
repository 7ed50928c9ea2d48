"""What can be done with a result is done with the result that is meant."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image
from qtpy.QtWidgets import QApplication

from napari_cvdm.files.image_set import read_image_set
from napari_cvdm.plugin.layers import METADATA_KEY
from napari_cvdm.plugin.outcome import ResultActions
from napari_cvdm.plugin.worker import Job


@pytest.fixture
def viewer_model(qapp) -> ViewerModel:
    viewer = ViewerModel()
    object.__setattr__(viewer, "window", SimpleNamespace(dock_widgets={}))
    return viewer


@pytest.fixture
def actions(qtbot, viewer_model):
    actions = ResultActions(viewer_model)
    qtbot.addWidget(actions)
    actions.heard = []
    actions.failed.connect(lambda words: actions.heard.append(("failed", words)))
    actions.told.connect(lambda words: actions.heard.append(("told", words)))
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
    actions.follow(add_result(viewer_model, "a"))
    assert not actions.isHidden()


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


def test_an_open_panel_for_uncertainty_turns_to_the_new_result(actions, viewer_model, monkeypatch):
    from napari_cvdm.plugin import doubt

    shown: list[list[Image]] = []
    monkeypatch.setattr(doubt, "show_doubt_panel", lambda viewer, layers, original: shown.append(layers))
    first, second = add_result(viewer_model, "a"), add_result(viewer_model, "b")
    actions.follow(first)
    assert shown == []  # it is not opened unasked
    viewer_model.window.dock_widgets["CVDM uncertainty (napari-cvdm)"] = None
    viewer_model.layers.selection.active = second[0]
    actions.follow(second)
    assert shown == [second]


def test_the_selected_result_is_meant_or_else_the_last(actions, viewer_model):
    first, second = add_result(viewer_model, "a"), add_result(viewer_model, "b")
    actions.follow(second)
    viewer_model.layers.selection.active = first[1]
    assert actions.result_layers() == first
    viewer_model.layers.selection.clear()
    assert actions.result_layers() == second
    viewer_model.layers.remove(second[0])
    assert actions.result_layers() == second[1:]


def test_saving_adds_the_ending_and_tells_where(qtbot, actions, viewer_model, tmp_path: Path):
    actions.follow(add_result(viewer_model, "a"))
    actions.save(tmp_path / "cell")
    qtbot.waitUntil(lambda: len(actions.heard) == 2, timeout=60_000)
    path = tmp_path / "cell.cvdm.ome.tif"
    assert actions.heard[1] == ("told", f"Saved {path}.")
    assert [image.about["picture"] for image in read_image_set(path)] == ["reconstruction", "uncertainty"]
    assert actions.save_button.isEnabled()


def test_a_place_that_cannot_be_written_to_is_said(qtbot, actions, viewer_model, tmp_path: Path):
    actions.follow(add_result(viewer_model, "a"))
    actions.save(tmp_path / "missing" / "cell.ome.tif")
    qtbot.waitUntil(lambda: actions.heard[-1][0] == "failed", timeout=60_000)
    assert "cannot be written" in actions.heard[-1][1]
    assert actions.save_button.isEnabled()


def test_the_recipe_goes_to_the_clipboard(actions, viewer_model):
    actions.follow(add_result(viewer_model, "a"))
    actions.copy_python.trigger()
    script = QApplication.clipboard().text()
    compile(script, "script", "exec")
    assert "draws=4" in script
    actions.copy_shell.trigger()
    assert "napari-cvdm restore" in QApplication.clipboard().text()
    assert [kind for kind, _ in actions.heard] == ["told", "told"]


def test_a_result_without_its_story_says_so(actions, viewer_model):
    layer = Image(np.ones((9, 9)), metadata={METADATA_KEY: {"picture": "reconstruction"}})
    viewer_model.add_layer(layer)
    actions.follow([layer])
    actions.copy_python.trigger()
    assert actions.heard[0][0] == "failed"


def test_a_result_that_was_removed_cannot_be_saved(actions, viewer_model):
    actions.follow(add_result(viewer_model, "a"))
    viewer_model.layers.clear()
    actions.ask_and_save()
    assert "removed" in actions.heard[0][1]
