"""Pictures of a view are made for its result only, whatever happens meanwhile."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_cvdm.plugin.results.layer_contrast import follow_channels
from napari_cvdm.plugin.results.layers import CHANNELS_KEY, DRAWS_KEY


@pytest.mark.parametrize("key", ["uncertainty", "colour", "opacity", "swipe", "draws"])
def test_another_result_gets_its_own_picture(viewer, add_result, open_panel, qtbot, key):
    add_result(run="1", draws=2)
    first = viewer.layers["cell CVDM"]
    add_result(run="2", name="other", draws=2, seed=5)
    panel = open_panel()

    def pictures() -> list[str]:
        return [layer.name for layer in viewer.layers if panel._pictures_kept.owns(layer)]

    panel.views.choose(key)
    qtbot.waitUntil(lambda: [name.split()[0] for name in pictures()] == ["other"], timeout=10_000)
    viewer.layers.selection.active = first
    qtbot.waitUntil(lambda: [name.split()[0] for name in pictures()] == ["cell"], timeout=10_000)


@pytest.mark.parametrize(
    ("key", "picture", "on_top"),
    [
        ("opacity", "cell CVDM faded overlay", "cell"),
        ("colour", "cell CVDM overlay", "cell CVDM"),
        ("swipe", "cell (swipe)", "cell CVDM"),
    ],
)
def test_a_picture_is_covered_by_no_layer_of_its_view_wherever_the_user_moves_that(
    viewer, panel, qtbot, key, picture, on_top
):
    layers = viewer.layers

    def move_up_and_look(name: str) -> None:
        layers.move(layers.index(name), len(layers))
        panel.views.choose("reconstruction")
        panel.views.choose(key)
        qtbot.waitUntil(lambda: picture in layers and layers.index(picture) > layers.index(name))

    move_up_and_look("cell CVDM uncertainty")
    move_up_and_look(on_top)


def test_the_faded_overlay_comes_above_an_original_that_is_opened_meanwhile(
    viewer, add_result, open_panel, qtbot
):
    original, *_ = add_result()
    viewer.layers.remove(original)
    open_panel().views.choose("opacity")
    qtbot.waitUntil(lambda: "cell CVDM faded overlay" in viewer.layers, timeout=20_000)
    viewer.layers.append(original)
    qtbot.waitUntil(lambda: viewer.layers[-1].name == "cell CVDM faded overlay", timeout=20_000)


@pytest.mark.parametrize(("key", "name"), [("colour", "overlay"), ("draws", "draw")])
def test_a_picture_and_marks_go_with_a_result_that_is_moved(viewer, add_result, open_panel, qtbot, key, name):
    _, reconstruction, uncertainty = add_result(draws=2)
    panel = open_panel()
    panel.views.choose(key)
    panel.threshold.mark.click()
    shown = [f"cell CVDM {name}", "cell CVDM doubtful"]
    qtbot.waitUntil(lambda: all(each in viewer.layers for each in shown), timeout=20_000)
    for layer in (reconstruction, uncertainty):
        layer.rotate, layer.scale = 30, (2, 2)
    place = reconstruction.data_to_world((5, 6))
    for each in shown:
        layer = viewer.layers[each]
        qtbot.waitUntil(lambda layer=layer: np.allclose(layer.data_to_world((5, 6)), place), timeout=10_000)


def test_the_learned_schedule_is_not_computed_anew_for_other_contrast(panel, qtbot, monkeypatch, viewer):
    asked = []

    def task(link):
        asked.append(link)
        return lambda checkpoint: np.ones((64, 80), np.float32)

    monkeypatch.setattr("napari_cvdm.plugin.doubt.pictures.schedule_task", task)
    panel.views.choose("schedule")
    qtbot.waitUntil(lambda: "cell CVDM learned schedule" in viewer.layers, timeout=20_000)
    viewer.layers["cell CVDM"].contrast_limits = (0, 700)
    qtbot.wait(200)
    assert len(asked) == 1


def test_relative_uncertainty_is_a_share_of_the_signal(viewer, panel, qtbot):
    panel.measure.setCurrentIndex(1)
    panel.views.choose("uncertainty")
    qtbot.waitUntil(lambda: "cell CVDM uncertainty map" in viewer.layers, timeout=20_000)
    shown = viewer.layers["cell CVDM uncertainty map"].data
    look = panel.link.look
    bright = look.doubt.signal > look.doubt.faintest
    ratio = viewer.layers["cell CVDM uncertainty"].data[bright] / look.doubt.signal[bright]
    np.testing.assert_allclose(shown[bright], ratio, rtol=1e-5)


def test_an_overlay_is_not_painted_all_over_where_the_limits_are_those_of_napari(
    viewer, add_result, open_panel, qtbot
):
    add_result()
    layer = viewer.layers["cell CVDM uncertainty"]
    layer.reset_contrast_limits()
    own = list(layer.contrast_limits)
    panel = open_panel()
    panel.views.choose("colour")
    qtbot.waitUntil(lambda: "cell CVDM overlay" in viewer.layers, timeout=20_000)

    def painted() -> float:
        colours = viewer.layers["cell CVDM overlay"].data
        return float((colours[..., 0] != colours[..., 2]).mean())

    assert 0.01 < painted() < 0.5
    assert layer.contrast_limits == own
    layer.contrast_limits = (own[0] - 1, own[1])  # chosen by somebody
    qtbot.waitUntil(lambda: painted() > 0.6, timeout=20_000)


@pytest.fixture
def of_two_channels(viewer, add_result):
    """A result of which the second channel is twenty times dimmer than the first; returns its layers."""
    _, *layers = add_result((2, 64, 80), draws=2, metadata={"axes": "CYX"})
    limits = {"reconstruction": (0.0, 1000.0), "uncertainty": (50.0, 300.0)}
    for layer, (low, high) in zip(layers, limits.values(), strict=True):
        layer.data[1] /= 20
        layer.metadata[CHANNELS_KEY] = {
            "axis": 0,
            "ndim": 3,
            "limits": {0: (low, high), 1: (low / 20, high / 20)},
        }
    viewer.dims.set_current_step(0, 0)
    follow_channels(viewer.dims, layers)
    return layers


def test_the_map_of_each_channel_has_its_own_contrast(viewer, of_two_channels, open_panel, qtbot):
    panel = open_panel()
    panel.views.choose("uncertainty")
    qtbot.waitUntil(lambda: "cell CVDM uncertainty map" in viewer.layers, timeout=20_000)
    shown = viewer.layers["cell CVDM uncertainty map"]
    bright = shown.contrast_limits[1]
    viewer.dims.set_current_step(0, 1)
    qtbot.waitUntil(lambda: shown.contrast_limits[1] < bright / 10, timeout=20_000)


def test_the_draws_of_each_channel_look_as_its_reconstruction(viewer, of_two_channels, open_panel, qtbot):
    panel = open_panel()
    panel.views.choose("draws")
    qtbot.waitUntil(lambda: "cell CVDM draw" in viewer.layers, timeout=20_000)
    shown = viewer.layers["cell CVDM draw"]
    assert shown.contrast_limits == [0, 1000]
    viewer.dims.set_current_step(0, 1)
    qtbot.waitUntil(lambda: shown.contrast_limits == [0, 50], timeout=20_000)
    shown.contrast_limits = (1, 2)
    panel.views.draw.setValue(1)
    drawn = of_two_channels[0].metadata[DRAWS_KEY][1]
    qtbot.waitUntil(lambda: np.array_equal(shown.data, drawn), timeout=20_000)
    assert shown.contrast_limits == [1, 2]  # as the user has set them


def test_a_rotated_anisotropic_original_is_swiped_in_its_place(viewer, add_result, open_panel, qtbot):
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    original, *_ = add_result(rotate=turn)
    panel = open_panel()
    panel.views.choose("swipe")
    qtbot.waitUntil(lambda: "cell (swipe)" in viewer.layers, timeout=20_000)
    cut = viewer.layers["cell (swipe)"]
    np.testing.assert_allclose(cut.data_to_world((3, 4)), original.data_to_world((3, 4)))


@pytest.mark.parametrize(
    ("lies", "left"),
    [
        ({"rotate": 90}, np.s_[:16]),
        ({"rotate": 270}, np.s_[16:]),
        ({"affine": np.diag([1.0, -1.0, 1.0])}, np.s_[:, 20:]),
    ],
)
def test_the_original_is_on_the_left_of_the_screen_however_it_lies(
    viewer, add_result, open_panel, qtbot, lies, left
):
    _, *layers = add_result(**lies)
    original = viewer.layers["cell"]
    for layer in layers:  # the fixture's shift is that of a layer that is not turned
        layer.translate = original.data_to_world((-0.25, -0.25)) if "rotate" in lies else layer.translate
    panel = open_panel()
    panel.views.choose("swipe")
    qtbot.waitUntil(lambda: "cell (swipe)" in viewer.layers, timeout=20_000)
    cut = viewer.layers["cell (swipe)"]
    np.testing.assert_array_equal(cut.data, original.data[left])
    first = [part.start or 0 for part in (left if isinstance(left, tuple) else (left, slice(0)))]
    np.testing.assert_allclose(cut.data_to_world((0, 0)), original.data_to_world(first))


@pytest.mark.parametrize("at", [0.25, 1.0])
def test_the_original_is_on_the_left_of_the_screen_whichever_way_the_view_is_turned(
    viewer, add_result, open_panel, qtbot, at
):
    original, *_ = add_result()
    panel = open_panel()
    panel.views.swipe.setValue(round(1000 * at))
    panel.views.choose("swipe")
    qtbot.waitUntil(lambda: "cell (swipe)" in viewer.layers, timeout=20_000)
    cut, width = viewer.layers["cell (swipe)"], round(40 * at)
    np.testing.assert_array_equal(cut.data, original.data[:, :width])
    viewer.scene.camera.orientation2d = ("down", "left")
    qtbot.waitUntil(lambda: np.array_equal(cut.data, original.data[:, 40 - width :]), timeout=20_000)
    np.testing.assert_allclose(cut.data_to_world((0, 0)), original.data_to_world((0, 40 - width)))
    viewer.scene.camera.orientation2d = ("up", "right")
    qtbot.waitUntil(lambda: np.array_equal(cut.data, original.data[:, :width]), timeout=20_000)


def test_the_slider_runs_over_the_part_that_was_restored(viewer, add_result, open_panel, qtbot):
    asked = {"shape": [140, 190], "part": [[8, 40, 1], [120, 160, 1]]}
    original, *layers = add_result(metadata={"asked": asked})
    original.data = np.pad(original.data, ((8, 100), (120, 30)))
    for layer in layers:
        layer.translate += original.scale * (8, 120)
    panel = open_panel()
    panel.views.choose("swipe")
    qtbot.waitUntil(lambda: "cell (swipe)" in viewer.layers, timeout=20_000)
    cut = viewer.layers["cell (swipe)"]
    np.testing.assert_array_equal(cut.data, original.data[8:40, 120:140])
    np.testing.assert_allclose(cut.data_to_world((0, 0)), original.data_to_world((8, 120)))


def test_the_map_of_tiny_intensities_is_not_black(viewer, add_result, open_panel, qtbot):
    _, *layers = add_result()
    for layer in layers:
        layer.data = layer.data * np.float32(1e-9)
    panel = open_panel()
    panel.views.choose("uncertainty")
    qtbot.waitUntil(lambda: "cell CVDM uncertainty map" in viewer.layers, timeout=20_000)
    shown = viewer.layers["cell CVDM uncertainty map"]
    assert shown.contrast_limits[1] < 2 * shown.data.max()


def test_an_rgb_original_keeps_its_colours(viewer, add_result, open_panel, qtbot):
    add_result(with_original=False)
    colours = np.zeros((32, 40, 3), np.uint8)
    viewer.add_image(colours, rgb=True, name="cell", scale=(0.065, 0.065), units=("um", "um"))
    panel = open_panel()
    panel.views.choose("swipe")
    qtbot.waitUntil(lambda: "cell (swipe)" in viewer.layers, timeout=20_000)
    assert viewer.layers["cell (swipe)"].data.shape == (32, 20, 3)


class Watched:
    """An array on a disk, so to speak: who reads what of it?"""

    def __init__(self, data: np.ndarray) -> None:
        self._data = data
        self.dtype, self.shape, self.ndim = data.dtype, data.shape, data.ndim
        self.read: list[tuple[bool, int]] = []
        self.go_on = threading.Event()
        self.go_on.set()

    def __getitem__(self, wanted: object) -> np.ndarray:
        self.go_on.wait(10)
        part = self._data[wanted]
        self.read.append((threading.current_thread() is threading.main_thread(), part.size))
        return part


def test_the_swipe_reads_the_plane_in_view_of_a_large_original_and_not_in_the_main_thread(
    viewer, add_result, open_panel, qtbot
):
    original, *_ = add_result((3, 64, 80))
    recorded = original.data.astype(np.uint8)
    viewer.layers.remove(original)
    data = Watched(recorded)
    looks = {"contrast_limits": (0, 255), "colormap": "green", "multiscale": False, "rgb": False}
    where = {name: getattr(original, name) for name in ("scale", "units", "axis_labels")}
    original = viewer.add_image(data, name="cell", **looks, **where)
    panel = open_panel()
    viewer.dims.set_current_step(0, 1)
    qtbot.waitUntil(lambda: panel.link.look.slice.index[0] == 1, timeout=20_000)
    data.read.clear()
    panel.views.choose("swipe")
    qtbot.waitUntil(lambda: "cell (swipe)" in viewer.layers, timeout=20_000)
    cut = viewer.layers["cell (swipe)"]
    assert (False, 32 * 40) in data.read
    assert max(size for _, size in data.read) == 32 * 40
    assert cut.colormap.name == "green"
    np.testing.assert_array_equal(cut.data, recorded[1:2, :, :20])
    viewer.dims.set_current_step(0, 2)
    qtbot.waitUntil(lambda: np.array_equal(cut.data, recorded[2:3, :, :20]), timeout=20_000)
    np.testing.assert_allclose(cut.data_to_world((0, 3, 4)), original.data_to_world((2, 3, 4)))
    data.go_on.clear()
    panel.views.choose("reconstruction")
    panel.views.choose("swipe")
    qtbot.waitUntil(lambda: panel.views._pictures._background.running, timeout=20_000)
    viewer.dims.order = (1, 2, 0)  # while the plane is read; planes lie from left to right now
    data.go_on.set()
    qtbot.waitUntil(lambda: cut.data.shape == (2, 1, 40), timeout=20_000)
