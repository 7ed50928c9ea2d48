"""The profile along a line that is drawn with the mouse."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtCore import Qt

from napari_cvdm.assessment.doubt import PlaneDoubt, ThresholdCurve
from napari_cvdm.assessment.profile import sample
from napari_cvdm.plugin.doubt.link import Look
from napari_cvdm.plugin.doubt.linked import Result
from napari_cvdm.plugin.doubt.profile_section import _around, _sampling
from napari_cvdm.plugin.doubt.slices import Slice

LINES = "cell CVDM profile"


def add_line(viewer, panel, qtbot, vertices) -> None:
    panel._sections[3].unfold()
    qtbot.mouseClick(panel.profile.draw, Qt.MouseButton.LeftButton)
    layer = viewer.layers[LINES]
    assert viewer.layers.selection.active is layer
    assert layer.mode == "add_line"
    layer.add(np.array(vertices, float), shape_type="line")


def columns(panel):
    return panel.profile.plot._plot.columns


def points(panel) -> int:
    """Of how many points a profile is shown; none while there is none."""
    return 0 if panel.profile.plot._plot is None else len(columns(panel)["reconstruction"])


def test_a_line_gives_reconstruction_band_and_original_in_micrometres(viewer, panel, qtbot):
    add_line(viewer, panel, qtbot, [(10, 5), (10, 65)])
    qtbot.waitUntil(lambda: panel.profile.plot.canvas.drawn, timeout=60_000)
    table = columns(panel)
    mean, std = viewer.layers["cell CVDM"].data[10], viewer.layers["cell CVDM uncertainty"].data[10]
    np.testing.assert_allclose(table["reconstruction"], mean[5:66], rtol=1e-5)
    np.testing.assert_allclose(table["standard deviation"], std[5:66], rtol=1e-5)
    np.testing.assert_allclose(table["distance (µm)"][-1], 60 * 0.0325)
    recorded = viewer.layers["cell"].data
    # Fine pixel 10 lies a quarter of a pixel above the middle of camera row 5.
    expected = 0.25 * recorded[4] + 0.75 * recorded[5]
    middle = table["original"][np.arange(1, 59, 2)]
    at = (np.arange(6, 64, 2) - 0.5) / 2
    np.testing.assert_allclose(middle, np.interp(at, np.arange(40), expected), rtol=1e-5)


def test_a_line_drawn_with_the_mouse_is_plotted(viewer, panel, qtbot):
    panel._sections[3].unfold()
    qtbot.mouseClick(panel.profile.draw, Qt.MouseButton.LeftButton)
    layer = viewer.layers[LINES]
    canvas = viewer.window._qt_viewer.canvas.native
    viewer.window.show()
    qtbot.waitUntil(canvas.isVisible, timeout=30_000)
    qtbot.wait(200)
    middle = canvas.rect().center()
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=middle)
    for step in range(1, 6):
        qtbot.mouseMove(canvas, middle + type(middle)(12 * step, 0))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=middle + type(middle)(60, 0))
    qtbot.waitUntil(lambda: len(layer.data) == 1, timeout=10_000)


def test_a_line_across_needs_no_mouse(viewer, panel, qtbot):
    panel._sections[3].unfold()
    panel.profile.across.setFocus()
    qtbot.keyClick(panel.profile.across, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: panel.profile.plot.canvas.drawn, timeout=60_000)
    (line,) = viewer.layers[LINES].data
    np.testing.assert_allclose(line[:, 1], (0.1 * 79, 0.9 * 79))


def test_the_plot_follows_the_plane(viewer, add_result, open_panel, qtbot):
    original, reconstruction, _ = add_result((3, 64, 80))
    panel = open_panel()
    viewer.dims.set_current_step(0, 0)
    add_line(viewer, panel, qtbot, [(0, 10, 5), (0, 10, 65)])
    for plane in (0, 2):
        viewer.dims.set_current_step(0, plane)
        qtbot.waitUntil(
            lambda plane=plane: (
                panel.profile.plot._plot is not None
                and np.allclose(
                    columns(panel)["reconstruction"], reconstruction.data[plane, 10, 5:66], rtol=1e-5
                )
            ),
            timeout=30_000,
        )
        # Fine pixels 10 lie a quarter of a pixel before the middle of camera row 5, and of camera column 5.
        recorded = 0.25 * original.data[plane, 4] + 0.75 * original.data[plane, 5]
        expected = np.interp((np.arange(5, 66) - 0.5) / 2, np.arange(40), recorded)
        np.testing.assert_allclose(columns(panel)["original"], expected, rtol=1e-5)


def test_the_selected_line_is_plotted_and_a_deleted_layer_is_made_anew(viewer, panel, qtbot):
    add_line(viewer, panel, qtbot, [(10, 5), (10, 65)])
    layer = viewer.layers[LINES]
    layer.add(np.array([(20, 5), (20, 25)], float), shape_type="line")
    layer.selected_data = {0}
    layer.mode = "select"
    layer.events.highlight()
    qtbot.waitUntil(lambda: points(panel) == 61, timeout=30_000)
    viewer.layers.remove(layer)
    add_line(viewer, panel, qtbot, [(10, 5), (10, 15)])
    qtbot.waitUntil(lambda: points(panel) == 11, timeout=30_000)


def test_a_line_without_length_is_explained(viewer, panel, qtbot):
    add_line(viewer, panel, qtbot, [(10, 5), (10, 5)])
    qtbot.waitUntil(lambda: "no length" in panel.profile.plot.canvas.text(), timeout=30_000)


def test_without_an_original_there_is_none_in_the_table(panel):
    look = panel.link.look
    world = np.array([look.result.reconstruction.data_to_world(p) for p in ((10, 5), (10, 15))])
    _, profile = _sampling(look, None, world)(lambda: None)
    assert profile.original is None
    assert profile.unit == "µm"


@pytest.mark.parametrize("line", [((10, 5), (10, 25)), ((60, 60), (90, 120)), ((-9, -9), (-2, 3))])
def test_of_a_large_original_what_lies_around_the_line_is_read(line):
    recorded = np.random.default_rng(0).random((2, 40, 50))
    read: list[np.ndarray] = []

    class Watched:
        dtype, shape, ndim = recorded.dtype, recorded.shape, recorded.ndim

        def __getitem__(self, wanted: object) -> np.ndarray:
            read.append(recorded[wanted])
            return read[-1]

    sharp = Image(np.ones((2, 80, 100)), scale=(1, 0.5, 0.5), translate=(0, -0.25, -0.25))
    place = Slice((1, None, None))
    doubt = PlaneDoubt(*(place.take(sharp.data) for _ in range(2)))
    look = Look(Result(sharp, sharp), place, "absolute", doubt, ThresholdCurve(doubt, "absolute"))
    original = Image(Watched(), multiscale=False, rgb=False, contrast_limits=(0, 1))
    read.clear()
    ends = [sharp.data_to_world((1, *end)) for end in line]
    _, profile = _sampling(look, original, np.array(ends))(lambda: None)
    points = np.linspace(ends[0][1:], ends[1][1:], len(profile.original))
    np.testing.assert_allclose(profile.original, sample(recorded[1], points))
    assert sum(part.size for part in read) < recorded[1].size / 2


def test_of_an_original_of_one_row_that_row_is_read():
    assert _around(np.array([(0.2, 3.0), (0.4, 7.5)]), (1, 50), (0, 1)) == [range(1), range(3, 9)]


@pytest.mark.parametrize("step", [1, 2, 4])
def test_a_profile_of_a_thinned_plane_lies_where_its_pixels_are(step):
    ramp = np.tile(np.arange(33, dtype=np.float32), (33, 1))
    result, place = Result(Image(ramp), Image(ramp + 1)), Slice((None, None), step)
    doubt = PlaneDoubt(place.take(ramp), place.take(ramp + 1))
    look = Look(result, place, "absolute", doubt, ThresholdCurve(doubt, "absolute"))
    _, profile = _sampling(look, None, np.array([(5.0, 0.0), (5.0, 32.0)]))(lambda: None)
    np.testing.assert_allclose(profile.mean, np.arange(33), rtol=1e-5)


def test_a_profile_reaches_the_last_pixel_of_a_thinned_plane_and_ends_there():
    even = np.ones((32, 32), np.float32)
    result, place = Result(Image(even), Image(even)), Slice((None, None), 4)
    doubt = PlaneDoubt(place.take(even), place.take(even))
    look = Look(result, place, "absolute", doubt, ThresholdCurve(doubt, "absolute"))
    _, profile = _sampling(look, None, np.array([(5.0, 0.0), (5.0, 40.0)]))(lambda: None)
    np.testing.assert_array_equal(np.isnan(profile.mean), np.arange(41) > 31)


def test_a_line_across_goes_through_the_view_beside_a_layer_in_smaller_units(viewer, panel, qtbot):
    viewer.add_image(np.zeros((64, 80)), scale=(32.5, 32.5), units=("nm", "nm"))
    reconstruction = viewer.layers["cell CVDM"]
    viewer.scene.camera.center = (0, *(1000 * np.array(reconstruction.data_to_world((20, 40)))))
    panel._sections[3].unfold()
    panel.profile.across.click()
    (line,) = viewer.layers[LINES].data
    np.testing.assert_allclose(line[:, 0], 20, atol=1e-6)
    qtbot.waitUntil(lambda: panel.profile.plot.canvas.drawn, timeout=60_000)
    expected = reconstruction.data[20, 8:71].mean()
    np.testing.assert_allclose(np.mean(columns(panel)["reconstruction"]), expected, rtol=0.05)


def test_a_line_and_an_original_in_other_units_are_sampled_at_the_same_place(viewer, panel, qtbot):
    original, sharp = viewer.layers["cell"], viewer.layers["cell CVDM"]
    original.scale, original.units = np.array(original.scale) * 1000, ("nm", "nm")
    add_line(viewer, panel, qtbot, [(10, 5), (10, 65)])
    lines = viewer.layers[LINES]
    lines.scale, lines.translate = np.array(lines.scale) * 1000, np.array(lines.translate) * 1000
    lines.units = ("nm", "nm")
    panel.profile._sample()
    qtbot.waitUntil(lambda: panel.profile.plot.canvas.drawn, timeout=60_000)
    table = columns(panel)
    np.testing.assert_allclose(table["reconstruction"], sharp.data[10, 5:66], rtol=1e-5)
    # Fine pixel 10 lies a quarter of a pixel above the middle of camera row 5.
    expected = 0.25 * original.data[4] + 0.75 * original.data[5]
    at = (np.arange(6, 64, 2) - 0.5) / 2
    np.testing.assert_allclose(
        table["original"][np.arange(1, 59, 2)], np.interp(at, np.arange(40), expected), rtol=1e-5
    )


def test_what_was_said_in_3d_goes_with_it_though_there_is_no_line(viewer, panel, qtbot):
    panel._sections[3].unfold()
    words = panel.profile.plot.canvas
    before = words.text()
    viewer.dims.ndisplay = 3
    qtbot.waitUntil(lambda: "2-D" in words.text(), timeout=10_000)
    viewer.dims.ndisplay = 2
    qtbot.waitUntil(lambda: words.text() == before, timeout=10_000)


def test_a_profile_that_comes_when_its_result_has_gone_is_not_plotted(viewer, panel):
    look = panel.link.look
    answer = _sampling(look, None, np.array([(0.0, 0.0), (0.0, 1.0)]))(lambda: None)
    viewer.layers.remove("cell CVDM")
    panel.profile._on_sampled(answer)
    assert panel.profile.plot._plot is None


def test_a_plot_goes_with_its_line_whatever_layer_is_selected(panel, viewer, qtbot):
    panel._sections[3].unfold()
    panel.profile.across.click()
    qtbot.waitUntil(lambda: panel.profile.plot._plot is not None, timeout=60_000)
    assert viewer.layers.selection.active is not viewer.layers[LINES]
    qtbot.wait(200)  # what the new line has brought about is over
    viewer.layers.remove(LINES)
    qtbot.waitUntil(lambda: panel.profile.plot._plot is None, timeout=10_000)
