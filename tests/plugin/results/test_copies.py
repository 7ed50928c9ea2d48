"""Copies of a result in the making stay as they are, and do not say that they are in the making."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image
from napari.layers._layer_actions import _split_stack

from napari_cvdm.plugin.doubt.linked import find_results
from napari_cvdm.plugin.results.adding import insert_quietly
from napari_cvdm.plugin.results.copies import Copies, about_copy
from napari_cvdm.plugin.results.layers import CHANNELS_KEY, METADATA_KEY
from napari_cvdm.plugin.stored.reopening import read_layers
from napari_cvdm.plugin.stored.saving import write_layers


def in_the_making() -> list[Image]:
    return [
        Image(
            np.ones((9, 9), np.float32),
            name=picture,
            metadata={METADATA_KEY: {"picture": picture, "run": "a", "finished": False}},
        )
        for picture in ("reconstruction", "uncertainty")
    ]


@pytest.fixture
def viewer_model(qapp) -> ViewerModel:
    return ViewerModel()


def duplicate(viewer_model: ViewerModel, layers: list[Image]) -> list[Image]:
    """Do as napari's menu does."""
    from napari.layers._layer_actions import _duplicate_layer

    before = list(viewer_model.layers)
    viewer_model.layers.selection = set(layers)
    _duplicate_layer(viewer_model.layers)
    return [layer for layer in viewer_model.layers if layer not in before]


def test_duplicates_are_a_result_of_their_own_that_nothing_more_comes_of(viewer_model):
    watch = Copies(viewer_model)
    layers = in_the_making()
    for layer in layers:
        insert_quietly(viewer_model, layer)
    copies = duplicate(viewer_model, layers)
    assert [layer.metadata[METADATA_KEY]["finished"] for layer in layers] == [False, False]
    for copy in copies:
        about = copy.metadata[METADATA_KEY]
        assert "finished" not in about
        assert "at work" in about["warnings"][0]
    own, copied = sorted(find_results(viewer_model.layers), key=lambda result: result.finished)
    assert not own.finished
    assert set(own.layers) == set(layers)
    assert set(copied.layers) == set(copies)
    del watch


def test_duplicates_of_a_finished_result_say_what_it_says(viewer_model):
    about = {"picture": "reconstruction", "run": "a", "warnings": ["Beware."]}
    assert about_copy(about) == about
    watch = Copies(viewer_model)
    layer = viewer_model.add_image(np.ones((9, 9)), metadata={METADATA_KEY: about})
    (copy,) = duplicate(viewer_model, [layer])
    assert copy.metadata[METADATA_KEY] == about
    del watch


def test_the_contrast_of_a_duplicate_follows_the_channels_on_its_own(viewer_model):
    watch = Copies(viewer_model)
    limits = {0: (0.0, 1000.0), 1: (0.0, 50.0)}
    kept = {"axis": 0, "ndim": 3, "limits": limits}
    about = {METADATA_KEY: {"picture": "reconstruction"}, CHANNELS_KEY: kept}
    layer = viewer_model.add_image(np.ones((2, 9, 9)), contrast_limits=limits[0], metadata=about)
    viewer_model.dims.set_current_step(0, 0)
    (copy,) = duplicate(viewer_model, [layer])
    copy.contrast_limits = (0, 7)
    viewer_model.dims.set_current_step(0, 1)
    assert tuple(copy.contrast_limits) == tuple(layer.contrast_limits) == limits[1]
    viewer_model.dims.set_current_step(0, 0)
    assert tuple(copy.contrast_limits) == (0, 7)
    assert tuple(layer.contrast_limits) == limits[0]
    del watch


def test_the_contrast_of_a_channel_split_off_does_not_follow_what_was_another_axis(viewer_model):
    watch = Copies(viewer_model)
    kept = {"axis": 0, "ndim": 4, "limits": {0: (0.0, 1000.0), 1: (0.0, 50.0)}}
    about = {METADATA_KEY: {"picture": "reconstruction"}, CHANNELS_KEY: kept}
    pixels = np.random.default_rng(0).random((2, 3, 9, 9))
    viewer_model.layers.selection.active = viewer_model.add_image(pixels, metadata=about)
    _split_stack(viewer_model.layers)
    napari_s = [tuple(layer.contrast_limits) for layer in viewer_model.layers]
    for plane in range(3):
        viewer_model.dims.set_current_step(0, plane)
        assert [tuple(layer.contrast_limits) for layer in viewer_model.layers] == napari_s
    del watch


def test_the_panel_sees_to_copies_of_a_run_that_is_then_cancelled(viewer, widget, qtbot, stepped):
    stepped.stop_at = 2
    viewer.add_image(np.random.default_rng(0).integers(0, 900, (16, 12), np.uint16), name="cell")
    widget.restore()
    qtbot.waitUntil(
        lambda: stepped.waiting.is_set() and "cell CVDM uncertainty" in viewer.layers, timeout=60_000
    )
    (copy,) = duplicate(viewer, [viewer.layers["cell CVDM"]])
    widget.runs.cancel()
    qtbot.waitUntil(lambda: not widget.running, timeout=30_000)
    assert [layer.name for layer in viewer.layers] == ["cell", copy.name]
    viewer.layers.selection.active = copy
    assert widget.actions_row.result_layers() == [copy]
    assert not widget.actions_row.isHidden()  # it may be saved


def test_what_is_saved_of_a_result_in_the_making_is_a_copy(tmp_path: Path):
    path = tmp_path / "cell.cvdm.ome.tif"
    write_layers(str(path), [layer.as_layer_data_tuple() for layer in in_the_making()])
    for _, attributes, _ in read_layers(str(path)):
        about = attributes["metadata"][METADATA_KEY]
        assert "finished" not in about
        assert about["run"] == "a copy"
