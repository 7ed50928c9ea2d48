"""Views are chosen by mouse or keyboard, show what they need, and say what they lack."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_cvdm.plugin.doubt.views import VIEWS
from napari_cvdm.plugin.results.layers import DRAWS_KEY, METADATA_KEY


def visible(viewer) -> set[str]:
    return {layer.name for layer in viewer.layers if layer.visible}


def shows(viewer, qtbot, *names: str) -> None:
    qtbot.waitUntil(lambda: visible(viewer) == set(names), timeout=30_000)


def test_every_view_can_be_reached_with_the_keyboard_and_undone(viewer, add_result, open_panel, qtbot):
    add_result(draws=3)
    panel = open_panel()
    before = visible(viewer)
    expected = {
        "reconstruction": {"cell CVDM"},
        "uncertainty": {"cell CVDM uncertainty", "cell CVDM uncertainty map"},
        "colour": {"cell CVDM", "cell CVDM overlay"},
        "opacity": {"cell", "cell CVDM faded overlay"},
        "beside": {"cell", "cell CVDM"},
        "swipe": {"cell CVDM", "cell (swipe)"},
        "draws": {"cell CVDM draw"},
    }
    combo = panel.views.combo
    combo.setFocus()
    for view in VIEWS[1:-1]:
        qtbot.keyClick(combo, Qt.Key.Key_Down)
        assert panel.views.view == view
        shows(viewer, qtbot, *expected[view.key])
        assert panel.views.hint.text() == view.tip
    panel.views.choose("own")
    shows(viewer, qtbot, *before)
    qtbot.waitUntil(lambda: len(viewer.layers) == 3, timeout=10_000)


def test_a_view_follows_the_plane_and_the_contrast(viewer, add_result, open_panel, qtbot):
    _, reconstruction, _ = add_result((3, 64, 80))
    panel = open_panel()
    panel.views.choose("colour")
    name = "cell CVDM overlay"
    qtbot.waitUntil(lambda: name in viewer.layers, timeout=10_000)
    layer = viewer.layers[name]
    assert layer.rgb

    def grey() -> np.ndarray:
        return layer.data[0, ..., 0].astype(float)

    def expected(plane: int, top: float) -> np.ndarray:
        return np.clip(reconstruction.data[plane] / top, 0, 1) * 255

    current = viewer.dims.current_step[0]
    qtbot.waitUntil(lambda: np.abs(grey() - expected(current, 1000)).max() <= 1, timeout=10_000)
    viewer.dims.set_current_step(0, 2)
    qtbot.waitUntil(lambda: np.abs(grey() - expected(2, 1000)).max() <= 1, timeout=10_000)
    np.testing.assert_allclose(layer.data_to_world((0, 4, 5)), reconstruction.data_to_world((2, 4, 5)))
    reconstruction.contrast_limits = (0, 2000)
    qtbot.waitUntil(lambda: np.abs(grey() - expected(2, 2000)).max() <= 1, timeout=10_000)


@pytest.mark.parametrize(
    ("key", "name", "trace"), [("colour", "overlay", 0.0), ("opacity", "faded overlay", 0.06)]
)
def test_an_overlay_doubts_from_where_the_uncertainty_layer_s_paint_begins(
    viewer, add_result, open_panel, qtbot, key, name, trace
):
    _, reconstruction, uncertainty = add_result((64, 80))
    low, high = 100.0, 300.0
    uncertainty.contrast_limits = (low, high)
    bright = reconstruction.data > 500
    std = uncertainty.data[bright]
    full = low + 0.6 * (high - low)
    panel = open_panel()
    panel.views.choose(key)
    qtbot.waitUntil(lambda: f"cell CVDM {name}" in viewer.layers, timeout=10_000)

    def sure() -> np.ndarray:
        """What doubt takes away from blue, or from what lies below."""
        rgba = viewer.layers[f"cell CVDM {name}"].data[bright].astype(float)
        return rgba[:, 2] / rgba[:, 0] if key == "colour" else rgba[:, 3] / 255

    assert sure()[std <= low] == pytest.approx(1)
    assert sure()[std >= full] == pytest.approx(trace, abs=0.01)
    between = sure()[(std > low) & (std < full)]
    assert between.size > 9
    assert 0.2 < np.median(between) < 0.8
    uncertainty.contrast_limits = (0, high)
    qtbot.waitUntil(lambda: bool((sure() < 1).mean() > 0.9), timeout=10_000)


def test_a_relative_overlay_is_orange_where_the_signal_is_doubtful(viewer, add_result, open_panel, qtbot):
    _, reconstruction, uncertainty = add_result()
    uncertainty.data = uncertainty.data * 3
    panel = open_panel()
    panel.measure.setCurrentIndex(1)
    panel.views.choose("colour")
    qtbot.waitUntil(lambda: "cell CVDM overlay" in viewer.layers, timeout=10_000)
    bright = reconstruction.data > 500
    share = uncertainty.data[bright] / panel.link.look.doubt.signal[bright]
    rgba = viewer.layers["cell CVDM overlay"].data[bright].astype(float)
    blue = rgba[:, 2] / rgba[:, 0]
    assert blue[share < 0.25] == pytest.approx(1)
    assert blue[share > 1] == pytest.approx(0)
    assert 0 < blue[(share > 0.4) & (share < 0.8)].min() < 1


def test_the_swipe_cuts_the_original_where_the_slider_is(viewer, panel, qtbot):
    panel.views.choose("swipe")
    qtbot.waitUntil(lambda: "cell (swipe)" in viewer.layers, timeout=10_000)
    original, cut = viewer.layers["cell"], viewer.layers["cell (swipe)"]
    assert cut.data.shape == (32, 20)
    panel.views.swipe.setValue(250)
    qtbot.waitUntil(lambda: cut.data.shape == (32, 10), timeout=10_000)
    np.testing.assert_array_equal(cut.data, original.data[:, :10])
    np.testing.assert_allclose(cut.data_to_world((3, 4)), original.data_to_world((3, 4)))
    viewer.dims.order = (1, 0)  # rows run from left to right now
    qtbot.waitUntil(lambda: np.array_equal(cut.data, original.data[:8]), timeout=10_000)


def test_the_swipe_looks_as_the_original_looks_now(viewer, panel, qtbot):
    panel.views.choose("swipe")
    qtbot.waitUntil(lambda: "cell (swipe)" in viewer.layers, timeout=10_000)
    original, cut = viewer.layers["cell"], viewer.layers["cell (swipe)"]
    original.contrast_limits, original.gamma, original.colormap = (7, 77), 0.5, "green"
    assert (cut.contrast_limits, cut.gamma, cut.colormap.name) == ([7, 77], 0.5, "green")
    original.data = original.data + 1
    qtbot.waitUntil(lambda: np.array_equal(cut.data, original.data[:, :20]), timeout=10_000)
    panel.link.choose_original(None)
    original.gamma = 2.0  # of no concern any more
    assert cut.gamma == 0.5


def test_draws_are_played_one_after_the_other(viewer, add_result, open_panel, qtbot):
    _, reconstruction, _ = add_result(draws=3)
    draws = reconstruction.metadata["napari_cvdm_draws"]
    panel = open_panel()
    panel.views.choose("draws")
    qtbot.waitUntil(lambda: "cell CVDM draw" in viewer.layers, timeout=10_000)
    layer = viewer.layers["cell CVDM draw"]
    np.testing.assert_array_equal(layer.data, draws[0])
    assert panel.views.draw_number.text() == "1 of 3"
    qtbot.mouseClick(panel.views.play, Qt.MouseButton.LeftButton)
    assert panel.views.play.text() == "Pause"
    seen = set()

    def all_seen() -> bool:
        seen.update(i for i in range(3) if np.array_equal(layer.data, draws[i]))
        return seen == {0, 1, 2}

    qtbot.waitUntil(all_seen, timeout=20_000)
    qtbot.mouseClick(panel.views.play, Qt.MouseButton.LeftButton)
    number = panel.views.draw.value()
    qtbot.wait(700)
    assert panel.views.draw.value() == number


def test_a_draw_is_shown_once(viewer, add_result, open_panel, qtbot):
    add_result(draws=2)
    panel = open_panel()
    panel.views.choose("draws")
    shows(viewer, qtbot, "cell CVDM draw")
    qtbot.wait(200)
    shown_again: list[bool] = []
    viewer.layers["cell CVDM draw"].events.data.connect(lambda: shown_again.append(True))
    qtbot.wait(300)
    assert shown_again == []


def test_what_is_missing_is_explained_and_the_reconstruction_shown(viewer, add_result, open_panel, qtbot):
    add_result(with_original=False)
    panel = open_panel()
    before = visible(viewer)
    for view, lacking in (("draws", "under <i>Advanced</i>"), ("swipe", "<i>Original</i>")):
        panel.views.choose(view)
        assert lacking in panel.views.hint.text()
        assert "is the reconstruction" in panel.views.hint.text()
        assert not panel.views.play.isVisible()
        shows(viewer, qtbot, "cell CVDM")
    panel.views.choose("own")
    shows(viewer, qtbot, *before)


@pytest.mark.parametrize("before", ["uncertainty", "colour", "swipe", "beside"])
def test_no_other_view_is_left_where_one_lacks_something(viewer, panel, qtbot, before):
    panel.views.choose(before)
    qtbot.waitUntil(
        lambda: "cell CVDM uncertainty" not in visible(viewer) or before == "uncertainty", timeout=10_000
    )
    qtbot.waitUntil(lambda: len(viewer.layers) == (3 if before == "beside" else 4), timeout=10_000)
    panel.views.choose("draws")
    shows(viewer, qtbot, "cell CVDM")
    assert not viewer.canvas.grid.enabled
    assert not panel.views.bar.isVisible()
    qtbot.waitUntil(lambda: len(viewer.layers) == 3, timeout=10_000)


def test_an_original_given_up_is_not_shown_side_by_side(viewer, panel, qtbot):
    panel.views.choose("beside")
    qtbot.waitUntil(lambda: viewer.canvas.grid.enabled, timeout=10_000)
    panel.link.choose_original(None)
    qtbot.waitUntil(lambda: not viewer.canvas.grid.enabled, timeout=10_000)
    shows(viewer, qtbot, "cell", "cell CVDM")  # the user's own layer is as it was, below the other
    panel.link.choose_original(viewer.layers["cell"])
    qtbot.waitUntil(lambda: viewer.canvas.grid.enabled, timeout=10_000)


def test_a_picture_in_preparation_does_not_come_after_all(
    viewer, panel, qtbot, monkeypatch, wait_for_workers
):
    begun, go_on = threading.Event(), threading.Event()

    def slow(link):
        def compute(checkpoint) -> np.ndarray:
            begun.set()
            go_on.wait(30)
            return np.zeros((64, 80))

        return compute

    monkeypatch.setattr("napari_cvdm.plugin.doubt.pictures.schedule_task", slow)
    panel.views.choose("schedule")
    qtbot.waitUntil(begun.is_set, timeout=10_000)
    panel.views.choose("draws")
    shows(viewer, qtbot, "cell CVDM")
    assert not panel.views.waiting.isVisible()
    go_on.set()
    wait_for_workers()
    qtbot.wait(200)
    assert len(viewer.layers) == 3
    assert "Keep draws" in panel.views.hint.text()


def test_colours_restored_as_channels_are_not_asked_for_as_an_original(viewer, add_result, open_panel):
    viewer.add_image(np.zeros((32, 40, 3), np.uint8), rgb=True, name="cell")
    asked = {"rgb": True, "colours": "channels", "axes": "YX"}
    add_result((3, 64, 80), with_original=False, metadata={"axes": "CYX", "asked": asked})
    panel = open_panel()
    assert panel.originals.count() == 1  # none
    panel.views.choose("swipe")
    assert "Split RGB" in panel.views.hint.text()
    assert "open it" not in panel.views.hint.text()
    panel.views.choose("draws")
    assert "Keep draws" in panel.views.hint.text()


def test_draws_that_come_with_the_end_of_the_run_are_shown(viewer, add_result, open_panel, qtbot):
    _, reconstruction, _ = add_result(metadata={"finished": False})
    panel = open_panel()
    panel.views.choose("draws")
    assert "with the end of the run" in panel.views.hint.text()
    about = {**reconstruction.metadata[METADATA_KEY], "finished": True}
    reconstruction.metadata = {METADATA_KEY: about, DRAWS_KEY: np.ones((2, 64, 80), np.float32)}
    qtbot.waitUntil(lambda: "cell CVDM draw" in viewer.layers, timeout=10_000)
    assert panel.views.hint.text() == panel.views.view.tip
    assert panel.views.draw_number.text() == "1 of 2"


def test_that_a_run_has_kept_no_draws_is_said_at_its_end(add_result, open_panel, qtbot):
    _, reconstruction, _ = add_result(metadata={"finished": False})
    panel = open_panel()
    panel.views.choose("draws")
    reconstruction.metadata = {METADATA_KEY: {**reconstruction.metadata[METADATA_KEY], "finished": True}}
    qtbot.waitUntil(lambda: "not kept" in panel.views.hint.text(), timeout=10_000)


def test_the_map_s_contrast_is_that_of_the_finished_run(viewer, add_result, open_panel, qtbot):
    _, reconstruction, uncertainty = add_result(metadata={"finished": False})
    panel = open_panel()
    panel.views.choose("uncertainty")
    qtbot.waitUntil(lambda: "cell CVDM uncertainty map" in viewer.layers, timeout=10_000)
    layer = viewer.layers["cell CVDM uncertainty map"]
    before = layer.contrast_limits[1]
    uncertainty.data *= 10
    reconstruction.metadata = {METADATA_KEY: {**reconstruction.metadata[METADATA_KEY], "finished": True}}
    qtbot.waitUntil(lambda: layer.contrast_limits[1] > 5 * before, timeout=10_000)


def test_the_user_s_own_contrast_stays_while_the_plane_changes(viewer, add_result, open_panel, qtbot):
    add_result((3, 64, 80))
    panel = open_panel()
    panel.views.choose("uncertainty")
    qtbot.waitUntil(lambda: "cell CVDM uncertainty map" in viewer.layers, timeout=10_000)
    layer = viewer.layers["cell CVDM uncertainty map"]
    qtbot.waitUntil(lambda: panel.views.bar.labels()[0] == "0", timeout=10_000)
    assert panel.views.bar.isVisible()
    assert layer.colormap.name == "magma"
    layer.contrast_limits = (0, 123)
    data = layer.data
    viewer.dims.set_current_step(0, 2)
    qtbot.waitUntil(lambda: layer.data is not data, timeout=10_000)
    assert layer.contrast_limits == [0, 123]
    panel.measure.setCurrentIndex(1)
    qtbot.waitUntil(lambda: layer.contrast_limits[1] <= 1, timeout=10_000)
