"""The light of a channel is not added to itself, and nothing of the user's is hidden."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image
from napari.layers._layer_actions import _duplicate_layer

from napari_cvdm.plugin.doubt.originals import note_restored
from napari_cvdm.plugin.results.layers import FOR_SHOW, METADATA_KEY
from napari_cvdm.plugin.results.underneath import Underneath

IMAGE = np.random.default_rng(0).integers(100, 1000, (32, 24), np.uint16)


@pytest.fixture
def viewer_model(qapp) -> ViewerModel:
    return ViewerModel()


def add_result(viewer_model: ViewerModel, run: str, source: Image, rows: slice = slice(0, 64)) -> list[Image]:
    note_restored(run, source)
    pictures = (("reconstruction", "additive"), ("uncertainty", "translucent_no_depth"))
    return [
        viewer_model.add_image(
            np.zeros((64, 48), np.float32)[rows],
            name=f"{run} {picture}",
            scale=(0.5, 0.5),
            translate=(0.5 * rows.start, 0),
            blending=blending,
            metadata={METADATA_KEY: {"picture": picture, "run": run}},
        )
        for picture, blending in pictures
    ]


def visible(viewer_model: ViewerModel) -> list[str]:
    return [layer.name for layer in viewer_model.layers if layer.visible]


def test_an_earlier_result_of_the_same_input_gives_way(viewer_model):
    cell, other = (
        viewer_model.add_image(IMAGE, name=name, blending="additive") for name in ("cell", "other")
    )
    earlier = add_result(viewer_model, "a", cell)
    add_result(viewer_model, "b", other)
    new, _ = add_result(viewer_model, "c", cell)
    under = Underneath(viewer_model, cell)
    under.hide_results(new)
    assert visible(viewer_model) == [
        "cell",
        "other",
        *(f"{run} {picture}" for run in "bc" for picture in ("reconstruction", "uncertainty")),
    ]
    assert under.hidden == earlier


@pytest.mark.parametrize(("rows", "hidden"), [(slice(10, 40), 2), (slice(0, 64), 2), (slice(30, 64), 0)])
def test_one_of_another_part_stays(viewer_model, rows, hidden):
    cell = viewer_model.add_image(IMAGE, name="cell", blending="additive")
    add_result(viewer_model, "a", cell, rows)
    new, _ = add_result(viewer_model, "b", cell, slice(0, 40) if hidden == 0 else slice(0, 64))
    under = Underneath(viewer_model, cell)
    under.hide_results(new)
    assert len(under.hidden) == hidden


def test_one_of_other_axes_stays(viewer_model):
    """As of an image in colour, that was restored to its channels first and then to their average."""
    cell = viewer_model.add_image(IMAGE, name="cell", blending="additive")
    for layer in add_result(viewer_model, "a", cell):
        layer.data = np.zeros((3, 64, 48), np.float32)
    new, _ = add_result(viewer_model, "b", cell)
    under = Underneath(viewer_model, cell)
    under.hide_results(new)
    assert under.hidden == []


def test_what_the_user_has_made_of_an_earlier_result_stays(viewer_model):
    cell = viewer_model.add_image(IMAGE, name="cell", blending="additive")
    first, *_ = add_result(viewer_model, "a", cell)
    viewer_model.layers.selection = {first}
    _duplicate_layer(viewer_model.layers)
    opaque, _ = add_result(viewer_model, "b", cell)
    opaque.blending = "opaque"
    new, _ = add_result(viewer_model, "c", cell)
    Underneath(viewer_model, cell).hide_results(new)
    assert [name for name in visible(viewer_model) if name[0] in "ab"] == [
        "a reconstruction copy",
        "b reconstruction",
        "b uncertainty",
    ]


def test_a_second_run_takes_the_place_of_the_first_until_it_is_cancelled(viewer, widget, qtbot, stepped):
    viewer.add_image(IMAGE, name="cell", blending="additive")
    for number in range(3):
        if number == 2:
            stepped.stop_at = 1
        widget.restore()
        qtbot.waitUntil(lambda: not widget.running or stepped.waiting.is_set(), timeout=60_000)
    last = ["cell CVDM [2]", "cell CVDM uncertainty [2]"]
    qtbot.waitUntil(lambda: visible(viewer) == last, timeout=10_000)
    widget.runs.cancel()
    qtbot.waitUntil(lambda: not widget.running, timeout=60_000)
    assert visible(viewer) == ["cell CVDM [1]", "cell CVDM uncertainty [1]"]


def test_only_light_that_is_seen_and_lies_above_is_added_to_a_layer():
    lowest, light = Image(np.zeros((6, 6))), Image(np.zeros((6, 6)), blending="additive")

    def is_lit(*layers: Image) -> bool:
        return Underneath(SimpleNamespace(layers=layers), lowest).is_lit()

    assert is_lit(lowest, light)
    assert not is_lit(light, lowest)
    assert not is_lit(light)
    assert not is_lit(lowest, Image(IMAGE, blending="additive", metadata=FOR_SHOW))  # a map of the panel's
    light.visible = False
    assert not is_lit(lowest, light)
