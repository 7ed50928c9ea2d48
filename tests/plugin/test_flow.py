"""The panel as it is used: in a real viewer, with a mouse, one flow after the other."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import tifffile
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication

from napari_cvdm.files.image_set import read_image_set
from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.plugin.panel import advice
from napari_cvdm.plugin.results.layers import METADATA_KEY
from napari_cvdm.plugin.running import to_disk
from napari_cvdm.plugin.running.planning import jobs_of
from napari_cvdm.plugin.running.telling import Teller
from napari_cvdm.plugin.stored.saving import save_layers
from napari_cvdm.plugin.viewer.world import sight_of
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.presets import PRESETS
from napari_cvdm.restoration.restore import restore

MICROGRAPH = Path(__file__).parents[1] / "data" / "tubulin_wf.tif"
IMAGE = np.random.default_rng(0).integers(100, 1000, (32, 24), np.uint16)


def click(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton, pos=QPoint(8, 8))


def finish(qtbot, widget):
    qtbot.waitUntil(lambda: not widget.running and not widget.runs.waiting, timeout=120_000)


def names(viewer):
    return [layer.name for layer in viewer.layers]


@pytest.fixture
def panel(viewer, widget, use_small_model):
    """The panel, set to be quick."""
    widget.form.draws.value = 1
    widget.form.steps.value = 1
    return widget


def centre(layer, index):
    return np.asarray(layer.data_to_world(index))


def look_at(viewer, place, length):
    """Bring a place of the world to the middle of the canvas, whose shorter side then shows that length."""
    viewer.scene.camera.center = (0, *place[-2:])
    viewer.scene.camera.zoom = min(viewer.canvas.size) / length


class TestLargePlanes:
    @pytest.mark.parametrize("cancelled", [False, True])
    def test_their_first_picture_is_seen_tile_by_tile(
        self, viewer, panel, qtbot, use_small_model, monkeypatch, cancelled
    ):
        go_on, on_tile = threading.Event(), Teller.on_tile

        def tell_and_wait(self, event):
            on_tile(self, event)
            if event.tile == 2:
                go_on.wait(60)

        monkeypatch.setattr(Teller, "on_tile", tell_and_wait)
        image = np.tile(IMAGE, (3, 3))
        viewer.add_image(image, name="cell")
        panel.form.tile.value = 32
        click(qtbot, panel.controls.restore_button)
        qtbot.waitUntil(lambda: names(viewer) == ["cell", "cell CVDM", "cell CVDM uncertainty"])
        qtbot.waitUntil(lambda: "tile 2 of" in panel.controls.status.text(), timeout=30_000)
        result = viewer.layers["cell CVDM"]
        assert result.data.shape == (192, 144)
        seen = result.data != 0
        assert seen.any()
        assert not seen[-1].any()  # the last tile has yet to come
        if cancelled:
            click(qtbot, panel.controls.cancel_button)
        go_on.set()
        finish(qtbot, panel)
        if cancelled:
            assert names(viewer) == ["cell"]
        else:
            whole = restore(image, use_small_model, draws=1, steps=1, tile=32, device="cpu")
            np.testing.assert_array_equal(result.data, whole.mean)


class TestParts:
    def test_the_current_plane_lies_in_its_place(self, viewer, panel, qtbot):
        stack = viewer.add_image(np.stack([IMAGE] * 5), name="cell", scale=(2.0, 0.1, 0.1))
        viewer.dims.set_point(0, 6.0)
        panel.form.part.value = "plane"
        assert panel.form.plan.text().startswith("1 plane of 24 × 32 pixels")
        click(qtbot, panel.controls.restore_button)
        finish(qtbot, panel)
        result = viewer.layers["cell (plane) CVDM"]
        assert result.data.shape == (1, 64, 48)
        np.testing.assert_allclose(centre(result, (0, 0.5, 0.5)), centre(stack, (3, 0, 0)))
        np.testing.assert_allclose(centre(result, (0, 62.5, 46.5)), centre(stack, (3, 31, 23)))

    @pytest.mark.parametrize("part", ["plane", "view"])
    def test_what_is_seen_must_be_rows_and_columns(self, viewer, panel, part):
        viewer.add_image(np.stack([IMAGE] * 9), name="cell")
        panel.form.part.value = part
        assert panel.controls.restore_button.isEnabled()
        viewer.dims.order = (1, 0, 2)  # depth and columns
        assert panel.form.plan.text().startswith("A plane has rows and columns: let the viewer show these")
        assert not panel.controls.restore_button.isEnabled()
        panel.form.part.value = "all"
        assert panel.controls.restore_button.isEnabled()
        panel.form.part.value = part
        viewer.dims.order = (0, 2, 1)
        assert panel.controls.restore_button.isEnabled()
        viewer.dims.order = (1, 0, 2)
        viewer.dims.ndisplay = 3  # a plane of the volume is the one that the slider stands at, in 2-D
        assert panel.controls.restore_button.isEnabled() == (part == "plane")

    def test_the_current_view_is_cut_where_it_is_seen(self, viewer, panel, qtbot):
        viewer.add_image(np.tile(IMAGE, (8, 8)), name="cell")
        panel.form.part.value = "view"
        look_at(viewer, (60, 70), 40.2)
        half = 20.1 * np.array(viewer.canvas.size) / min(viewer.canvas.size)
        first, last = (np.round(np.array((60, 70)) + sign * half).astype(int) for sign in (-1, 1))
        rows, columns = np.minimum(last, (255, 191)) - np.maximum(first, 0) + 1
        assert panel.form.plan.text().startswith(f"1 plane of {columns} × {rows} pixels")  # at once
        click(qtbot, panel.controls.restore_button)
        finish(qtbot, panel)
        result = viewer.layers["cell (view) CVDM"]
        assert result.data.shape == (2 * rows, 2 * columns)
        np.testing.assert_allclose(centre(result, (0.5, 0.5)), np.maximum(first, 0))

    def test_the_plan_follows_the_grid(self, viewer, panel):
        layer = viewer.add_image(np.tile(IMAGE, (8, 8)), name="cell")
        viewer.add_image(np.tile(IMAGE, (8, 8)), name="another")
        panel.form.layer.value, panel.form.part.value = layer, "view"
        look_at(viewer, (60, 70), 40)
        alone = panel.form.plan.text()
        viewer.canvas.grid.enabled = True  # beside each other, there is room for half of each
        (job,) = jobs_of(panel.form, panel.subject.reading, sight_of(viewer))
        rows, columns = job.part.shape
        assert panel.form.plan.text().startswith(f"1 plane of {columns} × {rows} pixels")
        assert panel.form.plan.text() != alone
        viewer.canvas.grid.enabled = False
        assert panel.form.plan.text() == alone

    def test_the_view_of_a_pyramid_is_what_is_seen_and_not_the_chunks_it_is_read_in(
        self, viewer, panel, qtbot
    ):
        pixels = np.random.default_rng(0).integers(100, 1000, (2048, 2048), np.uint16)
        where = {"scale": (0.065, 0.065), "units": ("um", "um")}
        levels = [da.from_array(pixels[::step, ::step], chunks=256) for step in (1, 2, 4)]
        layer = viewer.add_image(levels, multiscale=True, name="pyramid", **where)
        # Of layers with a single level, napari itself knows what is in view.
        witness = viewer.add_image(pixels, name="witness", **where)
        panel.form.layer.value, panel.form.part.value = layer, "view"
        viewer.window.show()
        for place, angle in (((300, 320), 0), ((1400, 500), 0), ((1400, 500), 30)):
            layer.rotate = witness.rotate = angle
            before = witness.corner_pixels
            look_at(viewer, centre(layer, place), 122 * 0.065)
            qtbot.waitUntil(lambda old=before: not np.array_equal(witness.corner_pixels, old), timeout=30_000)
            (job,) = jobs_of(panel.form, panel.subject.reading, sight_of(viewer))
            first, last = witness.corner_pixels
            seen = np.array([(r.start, r.stop - 1) for r in job.part.ranges]).T
            np.testing.assert_allclose(seen, (first, last), atol=1)
            rows, columns = job.part.shape
            assert min(rows, columns) < (125 if angle == 0 else 200)
            assert panel.form.plan.text().startswith(f"1 plane of {columns} × {rows} pixels")
            assert np.abs(layer.corner_pixels - (first, last)).max() > 50  # napari has loaded far more

    @pytest.mark.parametrize("where", ["plane", "view", "rectangle"])
    def test_what_is_tried_first_comes_again_in_the_whole(self, viewer, panel, qtbot, where):
        frames = [np.tile(IMAGE, (3, 3)) * share for share in (1.0, 0.5)]
        stack = viewer.add_image(np.stack(frames), name="cell", scale=(1, 0.1, 0.2), rotate=30)
        viewer.dims.set_current_step(0, 1)
        own = np.s_[1:, :, :]
        if where == "view":
            look_at(viewer, centre(stack, (1, 40, 30)), 3.0)
        if where != "rectangle":
            panel.form.part.value = where
        if where == "rectangle":
            corners = [centre(stack, (1, y, x)) for y, x in ((20, 10), (20, 49), (59, 49), (59, 10))]
            panel.form.part.value = viewer.add_shapes([np.array(corners)], shape_type="polygon")
            own = np.s_[:, 40:120, 20:100]
        click(qtbot, panel.controls.restore_button)
        finish(qtbot, panel)
        tried = next(layer for layer in viewer.layers if layer.name.endswith(") CVDM"))
        if where == "view":
            _, rows, columns = tried.metadata[METADATA_KEY]["asked"]["part"]
            assert rows[0] > 0 or rows[1] < 96
            own = np.s_[1:, 2 * rows[0] : 2 * rows[1], 2 * columns[0] : 2 * columns[1]]
        panel.form.part.value = "all"
        click(qtbot, panel.controls.restore_button)
        finish(qtbot, panel)
        whole = viewer.layers["cell CVDM"]
        np.testing.assert_allclose(tried.data, whole.data[own], atol=1e-4 * np.ptp(whole.data))
        first = tuple(part.start or 0 for part in own)
        np.testing.assert_allclose(centre(tried, (0, 0, 0)), centre(whole, first), atol=1e-9)

    def test_a_resampled_view_lies_in_its_place(self, viewer, widget, qtbot):
        widget.form.quality.value = PRESETS["preview"]
        y, x = np.mgrid[:150, :170]
        spot = 100 + 5000 * np.exp(-((y - 70) ** 2 + (x - 91) ** 2) / 8)
        image = viewer.add_image(spot, name="cell", scale=(0.2, 0.2), units=("um", "um"))
        widget.form.resample.setChecked(True)
        look_at(viewer, centre(image, (72, 90)), 16.0)
        widget.form.part.value = "view"
        click(qtbot, widget.controls.restore_button)
        finish(qtbot, widget)
        result = viewer.layers["cell (view) CVDM"]
        brightest = np.unravel_index(np.argmax(result.data), result.data.shape)
        np.testing.assert_allclose(centre(result, brightest), centre(image, (70, 91)), atol=0.06)

    def test_a_rectangle_in_a_shapes_layer_is_offered_and_used(self, viewer, panel, qtbot):
        image = viewer.add_image(np.tile(IMAGE, (4, 4)), name="cell", rotate=30, scale=(0.1, 0.2))
        corners = [centre(image, index) for index in ((10, 20), (10, 49), (39, 49), (39, 20))]
        shapes = viewer.add_shapes([np.array(corners)], shape_type="polygon", name="Region")
        assert panel.form.layer.value is image  # a Shapes layer is nothing to restore
        panel.form.part.value = shapes
        click(qtbot, panel.controls.restore_button)
        finish(qtbot, panel)
        result = viewer.layers["cell (region) CVDM"]
        assert result.data.shape == (60, 60)
        np.testing.assert_allclose(centre(result, (0.5, 0.5)), centre(image, (10, 20)))
        viewer.layers.remove(shapes)
        assert panel.form.part.value == "all"

    def test_a_rectangle_leaves_out_the_borders_of_a_registered_stack(self, viewer, panel, qtbot):
        registered = np.stack([IMAGE.astype(np.float32)] * 2)
        registered[0, :5], registered[1, :, 20:] = np.nan, np.nan
        viewer.add_image(registered, name="film", axis_labels=("t", "y", "x"), contrast_limits=(100, 1000))
        click(qtbot, panel.controls.restore_button)
        finish(qtbot, panel)
        assert "draw a rectangle" in panel.status.text()
        panel.form.part.value = viewer.add_shapes([[(5, 0), (5, 19), (31, 19), (31, 0)]])
        click(qtbot, panel.controls.restore_button)
        finish(qtbot, panel)
        result = viewer.layers["film (region) CVDM"]
        assert result.data.shape == (2, 54, 40)
        assert np.isfinite(result.data).all()


class TestQuestions:
    def test_what_is_said_of_one_image_is_not_said_of_the_next(self, viewer, panel, qtbot):
        viewer.add_image(np.where(IMAGE > 900, np.nan, IMAGE), name="no numbers", contrast_limits=(0, 900))
        click(qtbot, panel.controls.restore_button)
        finish(qtbot, panel)
        assert "not finite" in panel.status.text()
        viewer.add_image(IMAGE, name="cell")
        assert panel.status.text() == ""

    def test_an_unnamed_axis_is_asked_for_and_the_answer_counts(self, viewer, panel, qtbot):
        viewer.add_image(np.stack([IMAGE] * 3), name="cell")
        assert panel.form.inquiry.isVisibleTo(panel)
        panel.form.inquiry.roles[0].setCurrentText("Channels")
        assert panel.form.understood.text() == "3 channels, 24 × 32 pixels"
        panel.form.inquiry.channels[1].setChecked(False)
        click(qtbot, panel.controls.restore_button)
        finish(qtbot, panel)
        (result,) = (layer for layer in viewer.layers if layer.name.endswith("CVDM"))
        assert result.metadata[METADATA_KEY]["axes"] == "CYX"
        assert result.data.shape == (2, 64, 48)
        assert [centre(result, (i, 0, 0))[0] for i in (0, 1)] == [0, 2]  # each in its place

    def test_each_channel_is_seen_in_its_own_contrast_and_stored_with_it(
        self, viewer, panel, qtbot, tmp_path
    ):
        viewer.add_image(
            np.stack([20 * IMAGE.astype(np.float32), IMAGE]), axis_labels=tuple("cyx"), name="cell"
        )
        viewer.dims.set_current_step(0, 1)
        click(qtbot, panel.controls.restore_button)
        finish(qtbot, panel)
        layers = viewer.layers["cell CVDM"], viewer.layers["cell CVDM uncertainty"]
        dim = [tuple(layer.contrast_limits) for layer in layers]
        viewer.dims.set_current_step(0, 0)
        bright = [tuple(layer.contrast_limits) for layer in layers]
        assert np.divide(bright, dim) == pytest.approx(np.full((2, 2), 20), rel=0.05)
        layers[0].contrast_limits = (1, 2000)
        save_layers(tmp_path / "two.cvdm.ome.tif", [layer.as_layer_data_tuple() for layer in layers])
        viewer.layers.clear()
        viewer.open(str(tmp_path / "two.cvdm.ome.tif"), plugin="napari-cvdm")
        again = viewer.layers["cell CVDM"]
        viewer.dims.set_current_step(0, 1)
        qtbot.waitUntil(lambda: tuple(again.contrast_limits) == pytest.approx(dim[0]), timeout=10_000)
        viewer.dims.set_current_step(0, 0)
        assert tuple(again.contrast_limits) == (1, 2000)
        assert tuple(viewer.layers["cell CVDM uncertainty"].contrast_limits) == pytest.approx(bright[1])

    def test_a_stack_taken_for_colour_can_be_restored_as_channels(self, viewer, panel, qtbot):
        colours = np.stack([IMAGE // 4] * 3, axis=-1).astype(np.uint8)
        viewer.add_image(colours, rgb=True, name="cell")
        panel.form.inquiry.colours.setCurrentText("Restore each as a channel")
        click(qtbot, panel.controls.restore_button)
        finish(qtbot, panel)
        result = viewer.layers["cell CVDM"]
        assert result.data.shape == (3, 64, 48)
        assert not result.rgb
        for channel in range(3):
            np.testing.assert_allclose(centre(result, (channel, 0.5, 0.5))[1:], (0, 0))

    def test_pixels_unknown_to_the_model_are_resampled_with_one_tick(self, viewer, widget, qtbot):
        widget.form.quality.value = PRESETS["preview"]
        image = viewer.add_image(IMAGE, name="cell", scale=(0.2, 0.2), units=("um", "um"))
        assert "larger" in widget.form.mismatch.text()
        widget.form.resample.setFocus()
        qtbot.keyClick(widget.form.resample, Qt.Key.Key_Space)  # by the keyboard, for once
        assert widget.form.wants_resampling
        click(qtbot, widget.controls.restore_button)
        finish(qtbot, widget)
        result = viewer.layers["cell CVDM"]
        provenance = result.metadata[METADATA_KEY]
        assert provenance["resampling"]["from_pixel_size_nm"] == pytest.approx(200)
        assert result.data.shape[0] > 64
        edges = [centre(result, (-0.5, -0.5)), centre(result, [n - 0.5 for n in result.data.shape])]
        np.testing.assert_allclose(edges, [centre(image, (-0.5, -0.5)), centre(image, (31.5, 23.5))])


class TestRuns:
    def test_two_runs_in_a_row(self, viewer, panel, qtbot, stepped):
        viewer.add_image(IMAGE, name="cell")
        stepped.stop_at = 2
        click(qtbot, panel.controls.restore_button)
        qtbot.waitUntil(stepped.waiting.is_set, timeout=60_000)
        click(qtbot, panel.controls.restore_button)
        assert [each.name for each in panel.runs.waiting] == ["cell, 1 draw"]
        stepped.go_on()
        finish(qtbot, panel)
        assert set(names(viewer)) == {
            "cell",
            "cell CVDM",
            "cell CVDM uncertainty",
            "cell CVDM [1]",
            "cell CVDM uncertainty [1]",
        }

    @pytest.mark.parametrize("held_at", [0, 2])  # before the first picture, and after
    def test_a_queue_for_which_there_is_no_memory_goes_on_on_the_disk(
        self, viewer, panel, qtbot, stepped, little_memory, monkeypatch, held_at
    ):
        layer = viewer.add_image(IMAGE, name="cell")

        def filled() -> int:
            data = [each.data for each in viewer.layers if each is not layer]
            return sum(each.nbytes for each in data if isinstance(each, np.ndarray))

        # A run takes 51 kB, and its results half of that: there is room for two, one after the other.
        monkeypatch.setattr(advice, "free_memory", lambda: 80_000 - filled())
        stepped.stop_at = held_at
        click(qtbot, panel.controls.restore_button)
        qtbot.waitUntil(
            lambda: stepped.waiting.is_set() and (not held_at or filled() > 24_000), timeout=60_000
        )
        assert "disk" not in panel.form.plan.text()
        click(qtbot, panel.controls.restore_button)
        assert "the runs before it leave free" in panel.form.plan.text()
        click(qtbot, panel.controls.restore_button)
        assert len(panel.runs.waiting) == 2
        stepped.go_on()
        finish(qtbot, panel)
        assert filled() == 2 * 24_576
        assert "cell CVDM [2]" in viewer.layers
        assert little_memory.exists()

    def test_stop_here_keeps_fewer_draws_and_says_so(self, viewer, widget, qtbot, use_small_model):
        viewer.open(MICROGRAPH, plugin="napari")
        widget.form.draws.value = 1000
        click(qtbot, widget.controls.restore_button)
        # From the third draw on: on a busy computer its own words may never be on the screen.
        begun = re.compile(r"raw ([3-9]|\d\d+) of 1000")
        qtbot.waitUntil(lambda: begun.search(widget.status.text()) is not None, timeout=120_000)
        click(qtbot, widget.controls.stop_button)
        finish(qtbot, widget)
        (result,) = (
            layer for layer in viewer.layers if "of 1000 draws" in layer.name and "unc" not in layer.name
        )
        provenance = result.metadata[METADATA_KEY]
        assert 2 <= provenance["draws"] < 1000
        assert provenance["stopped"]["draws_asked_for"] == 1000
        assert result.name == f"tubulin_wf ({provenance['draws']} of 1000 draws) CVDM"
        assert "Stopped early" in widget.status.text() or "stopped early" in widget.status.text()

    def test_what_was_used_is_what_the_next_panel_begins_with(self, viewer, panel, qtbot):
        viewer.add_image(IMAGE, name="cell")
        panel.form.draws.value, panel.form.tile.value = 3, 64
        click(qtbot, panel.controls.restore_button)
        finish(qtbot, panel)
        viewer.window.remove_dock_widget(panel)
        _, again = viewer.window.add_plugin_dock_widget("napari-cvdm", "CVDM super-resolution")
        assert (again.form.draws.value, again.form.tile.value) == (3, 64)

    def test_the_hint_about_gpus_comes_once_unless_the_cpu_was_chosen(
        self, viewer, panel, qtbot, monkeypatch
    ):
        from napari.settings import get_plugin_settings
        from napari.utils.notifications import notification_manager

        from napari_cvdm.restoration import device as devices

        monkeypatch.setattr(devices, "gpu_hint", lambda: "Get a GPU.")
        get_plugin_settings("napari-cvdm").restoration.gpu_hint = True
        viewer.add_image(IMAGE, name="cell")
        notification_manager.records.clear()
        for device, times in (("cpu", 0), ("auto", 1), ("auto", 1)):
            panel.form.set_device(device)
            click(qtbot, panel.controls.restore_button)
            finish(qtbot, panel)
            said = [record.message for record in notification_manager.records]
            assert said.count("Get a GPU.") == times
        notification_manager.records.clear()

    def test_a_save_that_fails_once_the_panel_is_closed_is_told(
        self, viewer, panel, qtbot, monkeypatch, make_result, tmp_path, save_as
    ):
        from napari.utils.notifications import notification_manager

        go_on, gone = threading.Event(), []

        def fill_disk(*_, **__):
            go_on.wait(30)
            raise InputError("The disk is full. Choose another folder.")

        monkeypatch.setattr("napari_cvdm.plugin.stored.saving.save_layers", fill_disk)
        for layer in make_result():
            viewer.add_layer(layer)
        save_as(panel.actions_row, tmp_path / "cell")
        panel.destroyed.connect(lambda: gone.append(True))
        viewer.window.remove_dock_widget(panel)
        qtbot.waitUntil(lambda: bool(gone), timeout=30_000)
        notification_manager.records.clear()
        go_on.set()
        qtbot.waitUntil(lambda: bool(notification_manager.records), timeout=30_000)
        assert [record.message for record in notification_manager.records] == [
            "The disk is full. Choose another folder."
        ]
        notification_manager.records.clear()

    def test_nothing_is_left_when_the_panel_is_closed(self, viewer, panel, qtbot, wait_for_workers):
        viewer.add_image(IMAGE, name="cell")
        click(qtbot, panel.controls.restore_button)
        finish(qtbot, panel)
        kind = type(panel)
        gone: list[bool] = []
        panel.destroyed.connect(lambda: gone.append(True))
        viewer.window.remove_dock_widget(panel)
        qtbot.waitUntil(lambda: bool(gone), timeout=30_000)
        wait_for_workers()
        assert not [widget for widget in QApplication.allWidgets() if isinstance(widget, kind)]


class TestDisk:
    def test_what_memory_does_not_hold_goes_to_disk_and_opens_from_there(
        self, viewer, panel, qtbot, little_memory
    ):
        film = np.stack([np.tile(IMAGE, (9, 1))] * 2)
        layer = viewer.add_image(da.from_array(film), name="film", scale=(1, 0.1, 0.2), rotate=30)
        panel.form.quality.value = PRESETS["preview"]
        assert "will be written to disk" in panel.form.plan.text()
        click(qtbot, panel.controls.restore_button)
        finish(qtbot, panel)
        result = viewer.layers["film CVDM"]
        assert [level.shape for level in result.data] == [(2, 576, 48), (2, 288, 24)]
        assert not isinstance(result.data[0], np.ndarray)
        np.testing.assert_allclose(centre(result, (1, 0.5, 0.5)), centre(layer, (1, 0, 0)), atol=1e-9)
        np.testing.assert_allclose(centre(result, (0, 574.5, 46.5)), centre(layer, (0, 287, 23)), atol=1e-9)
        assert "written to" in panel.status.text()
        click(qtbot, panel.actions_row.save_button)  # a dialog would stop the test here
        assert "on the disk already" in panel.status.text()
        viewer.layers.clear()
        viewer.open(little_memory, plugin="napari-cvdm")
        assert [layer.metadata[METADATA_KEY]["picture"] for layer in viewer.layers] == [
            "reconstruction",
            "uncertainty",
        ]

    def test_a_stopped_run_makes_way_for_one_with_other_settings(
        self, viewer, panel, qtbot, little_memory, written_pieces, monkeypatch
    ):
        viewer.add_image(np.tile(IMAGE, (40, 3, 3)), name="film", axis_labels=("t", "y", "x"))
        panel.form.draws.value = 40
        click(qtbot, panel.controls.restore_button)
        qtbot.waitUntil(lambda: written_pieces(little_memory) > 0, timeout=60_000)
        click(qtbot, panel.controls.stop_button)
        finish(qtbot, panel)
        assert "What is written is kept" in panel.status.text()
        panel.form.draws.value = 1
        answers, differing = ["go on", "throw away"], []
        monkeypatch.setattr(
            to_disk, "ask_about_stopped", lambda *asked: differing.append(asked[3]) or answers.pop(0)
        )
        click(qtbot, panel.controls.restore_button)
        finish(qtbot, panel)
        assert "throw it away" in panel.status.text()
        assert differing == [("draws (40, now 1)",)]
        click(qtbot, panel.controls.restore_button)
        finish(qtbot, panel)
        assert "written to" in panel.status.text()

    def test_cancelling_leaves_nothing_on_the_disk(self, viewer, panel, qtbot, little_memory):
        viewer.add_image(np.tile(IMAGE, (9, 9)), name="film")
        panel.form.draws.value = 1000
        click(qtbot, panel.controls.restore_button)
        qtbot.waitUntil(lambda: "pieces written" in panel.status.text(), timeout=60_000)
        click(qtbot, panel.controls.cancel_button)
        finish(qtbot, panel)
        assert not [path for path in little_memory.parent.iterdir() if "film" in path.name]
        assert [layer.name for layer in viewer.layers] == ["film"]

    def test_cancelling_keeps_what_was_stopped_and_is_gone_on_with(
        self, widget, qtbot, run_to_disk, written_pieces, little_memory, monkeypatch
    ):
        monkeypatch.setattr(to_disk, "ask_about_stopped", lambda *_: "go on")
        run_to_disk()
        click(qtbot, widget.controls.stop_button)
        finish(qtbot, widget)
        written = run_to_disk()
        click(qtbot, widget.controls.cancel_button)
        finish(qtbot, widget)
        assert widget.status.text().startswith("Cancelled. What is written is kept")
        assert written_pieces(little_memory) >= written

    def test_closing_the_panel_keeps_what_is_written_and_the_next_one_can_go_on(
        self,
        viewer,
        widget,
        qtbot,
        run_to_disk,
        written_pieces,
        little_memory,
        wait_for_workers,
        monkeypatch,
    ):
        from napari.utils.notifications import notification_manager

        written = run_to_disk()
        notification_manager.records.clear()
        viewer.window.remove_dock_widget(widget)
        (told,) = (record.message for record in notification_manager.records)
        assert "panel was closed. What is written is kept" in told
        wait_for_workers()
        assert written_pieces(little_memory) >= written
        _, again = viewer.window.add_plugin_dock_widget("napari-cvdm", "CVDM super-resolution")
        asked, counted = [], []
        monkeypatch.setattr(to_disk, "ask_about_stopped", lambda *about: asked.append(about[3]) or "go on")
        again.runs.progressed.connect(lambda words, _: counted.append(words))
        click(qtbot, again.controls.restore_button)
        qtbot.waitUntil(lambda: any("pieces written" in words for words in counted), timeout=60_000)
        click(qtbot, again.controls.stop_button)
        finish(qtbot, again)
        assert asked == [()]  # nothing is different
        assert int(next(words for words in counted if "pieces" in words).split(" of ")[0]) >= written


class TestLayers:
    @pytest.mark.parametrize("kind", ["dask", "rotated", "multiscale"])
    def test_layers_of_every_kind_are_restored_in_their_place(self, viewer, panel, qtbot, kind):
        crop = tifffile.imread(MICROGRAPH)[:32, :40]
        data = np.broadcast_to(crop, (1, 2, 2, 32, 40))
        if kind == "dask":
            layer = viewer.add_image(da.from_array(data, chunks=(1, 1, 1, 32, 40)), name="cell")
        elif kind == "rotated":
            layer = viewer.add_image(crop, name="cell", rotate=40, scale=(0.1, 0.3), shear=[0.3])
        else:
            layer = viewer.add_image([crop, crop[::2, ::2]], multiscale=True, name="cell")
        viewer.dims.ndisplay = 2
        click(qtbot, panel.controls.restore_button)
        finish(qtbot, panel)
        result = viewer.layers["cell CVDM"]
        leading = (0,) * (layer.ndim - 2)
        assert result.data.shape[-2:] == (64, 80)
        np.testing.assert_allclose(centre(result, (*leading, 0.5, 0.5)), centre(layer, (*leading, 0, 0)))
        np.testing.assert_allclose(centre(result, (*leading, 62.5, 78.5)), centre(layer, (*leading, 31, 39)))

    @pytest.mark.parametrize("kind", ["imagej", "ome", "big-endian"])
    def test_tiffs_as_other_software_makes_them(self, viewer, panel, qtbot, tmp_path, kind):
        stack = np.stack([tifffile.imread(MICROGRAPH)[:24, :32] + 9 * i for i in range(4)]).reshape(
            2, 2, 24, 32
        )
        path = tmp_path / ("cell.ome.tif" if kind == "ome" else "cell.tif")
        density = (1 / 0.065, 1 / 0.065)
        if kind == "imagej":
            tifffile.imwrite(
                path, stack, imagej=True, resolution=density, metadata={"axes": "TCYX", "unit": "um"}
            )
        elif kind == "ome":
            metadata = {"axes": "TCYX", "PhysicalSizeX": 0.065, "PhysicalSizeY": 0.065}
            tifffile.imwrite(path, stack, metadata=metadata)
        else:
            tifffile.imwrite(path, stack, byteorder=">", imagej=True, metadata={"axes": "TCYX"})
        viewer.open(path, plugin="napari")
        words = "2 time points, 2 channels, 32 × 24 pixels"
        qtbot.waitUntil(lambda: panel.form.understood.text() == words, timeout=30_000)
        if kind in ("imagej", "ome"):
            assert panel.form.pixel_size.value() == pytest.approx(65, abs=0.1)
        click(qtbot, panel.controls.restore_button)
        finish(qtbot, panel)
        (result,) = (layer for layer in viewer.layers if layer.name.endswith("CVDM"))
        assert result.data.shape == (2, 2, 48, 64)
        for index in np.ndindex(2, 2):
            binned = result.data[index].reshape(24, 2, 32, 2).mean(axis=(1, 3))
            assert np.corrcoef(binned.ravel(), stack[index].ravel())[0, 1] > 0.9


@pytest.mark.parametrize("name", ["cell.cvdm.ome.tif", "cell.cvdm.ome.zarr"])
def test_a_size_that_the_user_typed_is_known_of_an_original_saved_beside_its_result(
    viewer, panel, qtbot, tmp_path, name
):
    viewer.add_image(np.stack([IMAGE] * 3), name="cell")  # without a scale
    panel.form.inquiry.roles[0].setCurrentText("Planes of depth")
    panel.form.pixel_size.setValue(65)
    click(qtbot, panel.controls.restore_button)
    finish(qtbot, panel)
    places = {layer.name: centre(layer, (1, 2, 3)) for layer in viewer.layers}
    assert places.keys() == {"cell", "cell CVDM", "cell CVDM uncertainty"}
    path = str(tmp_path / name)
    viewer.layers.save(path)
    viewer.layers.clear()
    viewer.open(path, plugin="napari-cvdm")
    assert {layer.name: pytest.approx(centre(layer, (1, 2, 3))) for layer in viewer.layers} == places
    panel.form.layer.value = original = viewer.layers["cell"]
    qtbot.wait(500)  # its file may be looked at
    assert (panel.form.pixel_size.value(), panel.form.pixel_size_origin.text()) == (65, "from the file")
    assert set(map(str, original.units)) == {"pixel"}
    # As the user who saves again finds it.
    again = save_layers(tmp_path / "again.ome.tif", [original.as_layer_data_tuple()])
    assert read_tiff(again).pixel_size == 65
    if name.endswith("tif"):  # so do other programs
        sizes = {image.name: (image.pixel_size_nm, image.axes) for image in read_image_set(path)}
        assert sizes == {
            "cell": (65, "ZYX"),
            "cell CVDM": (32.5, "ZYX"),
            "cell CVDM uncertainty": (32.5, "ZYX"),
        }
