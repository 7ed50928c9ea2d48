"""The learned schedule is computed from what was restored, as it was normalised, with the same model."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import spearmanr
from tifffile import imread

from napari_cvdm.models import load_model, save_model
from napari_cvdm.plugin.doubt import schedule_task as module
from napari_cvdm.plugin.doubt.schedule_task import normalization_of
from napari_cvdm.restoration import schedule_map as map_module
from napari_cvdm.restoration.normalization import Normalization
from napari_cvdm.restoration.schedule_map import schedule_map

DATA = Path(__file__).parents[2] / "data"
NAME = "cell CVDM learned schedule"


def test_it_is_shown_as_a_map_with_a_colour_bar(viewer, use_small_model, panel, qtbot):
    panel.views.choose("schedule")
    qtbot.waitUntil(lambda: NAME in viewer.layers, timeout=60_000)
    layer = viewer.layers[NAME]
    plane = Normalization(100.0, 900.0).apply(viewer.layers["cell"].data)
    np.testing.assert_allclose(layer.data, schedule_map(plane, use_small_model), rtol=1e-5)
    qtbot.waitUntil(lambda: bool(panel.views.bar.labels()[0]), timeout=10_000)
    assert panel.views.bar.isVisible()
    assert layer.colormap.name == "viridis"


def test_the_plane_in_view_of_a_stack(viewer, use_small_model, add_result, open_panel, qtbot):
    original, *_ = add_result((3, 64, 80))
    panel = open_panel()
    viewer.dims.set_current_step(0, 2)
    panel.views.choose("schedule")
    qtbot.waitUntil(lambda: NAME in viewer.layers, timeout=60_000)
    plane = Normalization(100.0, 900.0).apply(original.data[2])
    qtbot.waitUntil(
        lambda: np.allclose(viewer.layers[NAME].data[0], schedule_map(plane, use_small_model), rtol=1e-5)
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": {"name": "small", "sha256": "1" * 64}}, "not the one this result was made with"),
        ({"upscaling": 4}, "its size is another"),
    ],
)
def test_what_cannot_be_computed_is_explained(
    viewer, use_small_model, add_result, open_panel, qtbot, change, words
):
    add_result(metadata=change)
    panel = open_panel()
    panel.views.choose("uncertainty")
    qtbot.waitUntil(lambda: "cell CVDM uncertainty map" in viewer.layers, timeout=20_000)
    panel.views.choose("schedule")
    qtbot.waitUntil(lambda: words in panel.views.hint.text(), timeout=60_000)
    assert "is the reconstruction" in panel.views.hint.text()

    def seen() -> list[str]:
        return [layer.name for layer in viewer.layers if layer.visible and "CVDM" in layer.name]

    qtbot.waitUntil(lambda: seen() == ["cell CVDM"], timeout=10_000)  # and no other view's map
    assert not panel.views.bar.isVisible()
    assert NAME not in viewer.layers
    assert not panel.views.waiting.isVisible()


def test_a_model_from_a_file_of_one_s_own_is_found_again(
    viewer, small_model, add_result, open_panel, qtbot, tmp_path
):
    path = save_model(tmp_path / "mine.safetensors", small_model.network, small_model.card)
    made_by = {"name": "small", "sha256": load_model(path).sha256}  # a name that no list of models has
    original, *_ = add_result(metadata={"model": made_by, "asked": {"model": str(path), "part": None}})
    panel = open_panel()
    panel.views.choose("schedule")
    qtbot.waitUntil(lambda: NAME in viewer.layers, timeout=60_000)
    plane = Normalization(100.0, 900.0).apply(original.data)
    np.testing.assert_allclose(viewer.layers[NAME].data, schedule_map(plane, small_model), rtol=1e-5)


def test_choosing_another_view_stops_it(viewer, use_small_model, panel, qtbot, monkeypatch):
    begun, stopped = [], []

    def endless(plane, model, *, checkpoint):
        begun.append(True)
        try:
            while True:
                checkpoint()
        except Exception:
            stopped.append(True)
            raise

    monkeypatch.setattr(map_module, "schedule_map", endless)
    panel.views.choose("schedule")
    qtbot.waitUntil(lambda: begun == [True], timeout=60_000)
    assert panel.views.waiting.isVisible()
    panel.views.choose("reconstruction")
    qtbot.waitUntil(lambda: stopped == [True], timeout=60_000)
    assert NAME not in viewer.layers


def test_with_the_bundled_weights_it_goes_along_with_brightness():
    """docs/inspecting.md says so."""
    from napari_cvdm import load_model

    recorded = imread(DATA / "tubulin_wf.tif")[:64, :64]
    rates = schedule_map(Normalization.fit(recorded).apply(recorded), load_model())
    brightness = recorded.repeat(2, 0).repeat(2, 1)
    assert spearmanr(rates.ravel(), brightness.ravel()).statistic > 0.5


def test_the_normalisation_is_that_of_the_plane_s_channel():
    entries = [
        {"low": 0.0, "high": 1.0, "first_plane": [0, 0]},
        {"low": 5.0, "high": 9.0, "first_plane": [0, 1]},
    ]
    plane = np.arange(100.0).reshape(10, 10)
    found = normalization_of({"normalisation": entries}, "TCYX", (3, 1, None, None), plane)
    assert (found.low, found.high) == (5, 9)
    found = normalization_of({"normalisation": entries}, "TZYX", (0, 1, None, None), plane)
    assert (found.low, found.high) == (5, 9)  # an entry of its own
    found = normalization_of({"normalisation": entries}, "TZYX", (3, 2, None, None), plane)
    assert (found.low, found.high) == (0, 1)
    found = normalization_of({}, "YX", (None, None), plane)
    assert found.high > 90


def test_in_3d_there_is_no_plane_to_map():
    link = SimpleNamespace(result=None, original=None, current=lambda: None)
    with pytest.raises(ValueError, match="2-D"):
        module.schedule_task(link)(lambda: None)
