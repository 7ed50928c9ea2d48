"""The dock widget, in a real viewer, with a restoration that the test holds in its hands."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import tifffile
from napari.settings import get_plugin_settings
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtWidgets import QApplication

from napari_cvdm.plugin.panel.form import CUSTOM
from napari_cvdm.plugin.results.layers import FOR_SHOW, METADATA_KEY
from napari_cvdm.plugin.running import measuring, runs
from napari_cvdm.plugin.viewer.preferences import read_preferences
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.presets import PRESETS

IMAGE = np.random.default_rng(0).integers(100, 1000, (32, 24), np.uint16)
RESULTS = {"cell CVDM", "cell CVDM uncertainty"}


def click(qtbot: Any, widget: Any) -> None:
    qtbot.mouseClick(widget.controls.restore_button, Qt.MouseButton.LeftButton, pos=QPoint(10, 10))


def cancel(qtbot: Any, widget: Any) -> None:
    qtbot.mouseClick(widget.controls.cancel_button, Qt.MouseButton.LeftButton, pos=QPoint(10, 10))


def finish(qtbot: Any, widget: Any) -> None:
    qtbot.waitUntil(lambda: not widget.running, timeout=60_000)


def names(viewer: Any) -> set[str]:
    return {layer.name for layer in viewer.layers}


def wait_until_stopped(qtbot: Any, widget: Any, stepped: Any) -> None:
    qtbot.waitUntil(stepped.waiting.is_set, timeout=60_000)
    layers = 2 if stepped.stop_at else 0  # which the run waits for, but not for ever
    qtbot.waitUntil(lambda: len(widget.runs.current.layers) == layers, timeout=60_000)
    qtbot.wait(50)  # what the worker has sent arrives


@pytest.fixture
def notifications() -> Any:
    notification_manager.records.clear()
    yield lambda: [(str(record.severity), record.message) for record in notification_manager.records]
    notification_manager.records.clear()


class TestForm:
    def test_turns_to_what_the_user_turned_to_last(self, viewer, widget):
        first = viewer.add_image(IMAGE, name="first")
        assert widget.form.layer.value is first
        second = viewer.add_image(IMAGE, name="second")
        assert widget.form.layer.value is second
        viewer.layers.selection.active = first
        assert widget.form.layer.value is first
        widget.form.layer.value = second  # by the user
        assert widget.subject.layer is second
        viewer.layers.selection.active = None
        viewer.layers.selection.active = first
        assert widget.form.layer.value is widget.subject.layer is first
        widget.form.layer.value = second
        viewer.layers.remove(second)
        assert widget.form.layer.value is first
        third = viewer.add_image(IMAGE, name="third")
        assert widget.form.layer.value is widget.subject.layer is third

    def test_results_do_not_turn_it(self, viewer, widget, qtbot, stepped):
        first, other = (viewer.add_image(IMAGE, name=name) for name in ("cell", "other"))
        assert viewer.layers.selection.active is other
        widget.form.layer.value = first
        click(qtbot, widget)
        finish(qtbot, widget)
        assert viewer.layers.selection.active is viewer.layers["cell CVDM"]
        assert widget.subject.layer is first
        viewer.layers.selection.active = other
        assert widget.subject.layer is other

    def test_pictures_and_marks_of_the_uncertainty_panel_are_no_subject(self, viewer, widget):
        image = viewer.add_image(IMAGE, name="cell")
        parts = widget.form.part.choices
        viewer.add_image(IMAGE, name="cell CVDM overlay", metadata=FOR_SHOW)
        viewer.add_shapes(name="cell CVDM look again", metadata=FOR_SHOW)
        assert widget.form.layer.choices == (image,)
        assert widget.subject.layer is image
        assert widget.form.part.choices == parts
        assert viewer.add_shapes(name="Region") in widget.form.part.choices

    def test_says_what_it_understood_and_keeps_up_with_changes(self, viewer, widget):
        assert not widget.controls.restore_button.isEnabled()
        assert "Drop an image" in widget.form.understood.text()
        layer = viewer.add_image(np.stack([[IMAGE] * 2] * 12), axis_labels=("t", "c", "y", "x"))
        assert widget.form.understood.text() == "12 time points, 2 channels, 24 × 32 pixels"
        assert widget.controls.restore_button.isEnabled()
        layer.axis_labels = ("z", "c", "y", "x")
        assert widget.form.understood.text().startswith("12 planes of depth")
        viewer.layers.clear()
        assert not widget.controls.restore_button.isEnabled()

    def test_the_pixel_size_follows_the_layer_until_the_user_sets_it(self, viewer, widget):
        layer = viewer.add_image(IMAGE, scale=(0.065, 0.065), units=("um", "um"))
        assert widget.form.pixel_size.value() == pytest.approx(65)
        layer.scale = (0.1, 0.1)
        assert widget.form.pixel_size.value() == pytest.approx(100)
        assert widget.form.pixel_size_origin.text() == "from the layer"
        widget.form.pixel_size.setValue(80)
        assert widget.form.pixel_size_origin.text() == "set by you; 100 nm from the layer"
        layer.scale = (0.2, 0.2)
        assert widget.form.pixel_size.value() == 80
        words = "set by you; 200 nm from the layer"
        assert widget.form.pixel_size_origin.text() == words
        other = viewer.add_image(IMAGE, scale=(0.05, 0.05), units=("um", "um"))
        assert widget.form.pixel_size.value() == pytest.approx(50)
        widget.form.pixel_size.setValue(0)
        viewer.layers.selection.active = layer
        assert (widget.form.pixel_size.value(), widget.form.pixel_size_origin.text()) == (80, words)
        viewer.layers.selection.active = other
        assert widget.form.pixel_size.value() == 0  # the user does not believe the layer
        assert widget.form.pixel_size_origin.text().startswith("Not known")

    def test_a_size_in_millimetres_is_not_known_and_the_last_image_s_is_not_kept(self, viewer, widget):
        viewer.add_image(IMAGE, name="fine", scale=(0.065, 0.065), units=("um", "um"))
        coarse = viewer.add_image(IMAGE, name="coarse", units=("mm", "mm"))
        assert widget.form.layer.value is coarse
        assert widget.form.pixel_size.value() == 0
        assert "1 mm wide" in widget.form.pixel_size_origin.text()
        assert widget.form.job(widget.subject.reading).pixel_size is None
        viewer.layers.selection.active = viewer.layers["fine"]
        assert widget.form.pixel_size_origin.text() == "from the layer"

    def test_opens_on_an_image_of_impossible_size(self, viewer):
        viewer.add_image(IMAGE, units=("mm", "mm"))
        _, widget = viewer.window.add_plugin_dock_widget("napari-cvdm", "CVDM super-resolution")
        assert widget.form.pixel_size.text() == "not known"
        assert "1 mm wide" in widget.form.pixel_size_origin.text()

    def test_what_is_said_of_one_stack_is_not_shown_for_another_of_its_shape(self, viewer, widget):
        first, second = (viewer.add_image(np.stack([IMAGE] * 5), name=name) for name in "ab")
        viewer.layers.selection.active = first
        widget.form.inquiry.roles[0].setCurrentText("Time points")
        viewer.layers.selection.active = second
        assert widget.form.inquiry.answers().roles == {}
        assert widget.subject.reading.axes == "QYX"
        viewer.layers.selection.active = first
        assert widget.form.inquiry.answers().roles == {0: "T"}
        assert widget.form.understood.text().startswith("5 time points")

    def test_ticks_of_channels_come_back_with_their_image(self, viewer, widget):
        film, other = (
            viewer.add_image(np.stack([IMAGE] * 3), name=name, axis_labels=("c", "y", "x")) for name in "ab"
        )
        viewer.layers.selection.active = film
        for number in (0, 2):
            widget.form.inquiry.channels[number].setChecked(False)
        plan = widget.form.plan.text()
        assert plan.startswith("1 plane ")
        viewer.layers.selection.active = other
        assert widget.form.plan.text().startswith("3 planes ")
        viewer.layers.selection.active = film
        assert widget.form.inquiry.chosen_channels() == [1]
        assert widget.form.plan.text() == plan

    @pytest.mark.parametrize("part", ["all", "plane"])
    def test_what_is_said_of_axes_is_forgotten_when_they_are_others(self, viewer, widget, part):
        layer = viewer.add_image(np.stack([[[IMAGE] * 4] * 3] * 2))
        widget.form.inquiry.roles[2].setCurrentText("Channels")
        assert "4 channels" in widget.form.understood.text()
        widget.form.part.value = part
        layer.data = layer.data[0, 0, 0]
        assert widget.form.understood.text() == "24 × 32 pixels"
        assert widget.form.plan.text().startswith("1 plane of 24 × 32 pixels")
        assert widget.form.inquiry.isHidden()
        assert set(widget.form.part.choices) == {"all", "view"}
        layer.data = np.zeros((3, *IMAGE.shape), np.uint16)
        assert set(widget.form.part.choices) == {"all", "plane", "view"}

    def test_axes_and_pixel_size_come_from_the_file_if_the_layer_lost_them(
        self, viewer, widget, qtbot, tmp_path
    ):
        path = tmp_path / "stack.tif"
        tifffile.imwrite(
            path,
            np.zeros((3, 2, 32, 24), np.uint16),
            imagej=True,
            resolution=(1 / 0.108, 1 / 0.108),
            metadata={"axes": "TCYX", "unit": "um"},
        )
        viewer.open(path, plugin="napari")
        qtbot.waitUntil(lambda: widget.form.pixel_size.value() > 0, timeout=30_000)
        assert widget.form.pixel_size.value() == pytest.approx(108, abs=0.1)
        assert widget.form.pixel_size_origin.text() == "from the file"
        assert widget.form.understood.text() == "3 time points, 2 channels, 24 × 32 pixels"

    def test_begins_with_the_user_s_preferences(self, viewer):
        section = get_plugin_settings("napari-cvdm").restoration
        section.preset, section.draws, section.device, section.tile = "custom", 6, "cpu", 128
        section.default_model = "/models/mine.safetensors"
        _, widget = viewer.window.add_plugin_dock_widget("napari-cvdm", "CVDM super-resolution")
        form = widget.form
        assert (form.draws.value, form.device.value, form.tile.value) == (6, "cpu", 128)
        assert form.model.value == "/models/mine.safetensors"
        assert form.quality.value is CUSTOM

    def test_settings_that_cannot_be_written_hinder_no_run(self, viewer, widget, qtbot, stepped, monkeypatch):
        def fail(*arguments: Any) -> None:
            raise OSError(28, "No space left on device")

        viewer.add_image(IMAGE, name="cell")
        widget.form.draws.value = 3
        with monkeypatch.context() as patch:
            patch.setattr(type(get_plugin_settings("napari-cvdm")), "save", fail)
            click(qtbot, widget)
        finish(qtbot, widget)
        assert names(viewer) == {"cell", *RESULTS}
        assert read_preferences().draws == 3  # until napari is closed

    def test_what_its_parts_have_to_say_is_shown(self, widget, notifications):
        field, actions = widget.form.model_field, widget.actions_row
        for number, signal in enumerate((field.failed, actions.failed)):
            signal.emit(words := f"Choose another file than {number}.")
            assert widget.status.text() == words
            assert notifications()[-1] == ("error", words)
        for number, signal in enumerate((field.added, actions.told, widget._opening.told)):
            signal.emit(words := f"{number} was added.")
            assert widget.status.text() == words

    def test_the_time_is_measured_when_the_user_turns_to_it_but_in_no_run(self, widget, monkeypatch):
        turned: list[bool] = []
        monkeypatch.setattr(widget.advice, "measure", lambda: turned.append(widget.running))
        for current in (None, object()):
            with monkeypatch.context() as patch:
                patch.setattr(widget.runs, "current", current)
                QApplication.sendEvent(widget, QEvent(QEvent.Type.Enter))
                QApplication.instance().focusChanged.emit(None, widget.controls.restore_button)
                QApplication.instance().focusChanged.emit(widget.controls.restore_button, None)
        assert turned == [False, False]

    def test_the_plan_follows_the_view_if_that_is_what_is_restored(self, viewer, widget, monkeypatch):
        viewer.add_image(IMAGE, name="cell")
        shown: list[str] = []
        with monkeypatch.context() as patch:
            patch.setattr(widget.advice, "show_plan", lambda: shown.append(widget.form.part.value))
            for part, times in (("all", 0), ("view", 2)):
                widget.form.part.value = part
                shown.clear()
                viewer.scene.camera.zoom *= 2
                viewer.scene.camera.center = (0, *(number + 1 for number in viewer.scene.camera.center[1:]))
                assert shown == [part] * times

    def test_a_run_takes_the_place_of_a_measurement(self, viewer, widget, qtbot, stepped, monkeypatch):
        given_up: list[bool] = []
        viewer.add_image(IMAGE, name="cell")
        with monkeypatch.context() as patch:
            patch.setattr(widget.advice.measuring, "give_up", lambda: given_up.append(widget.running))
            click(qtbot, widget)
        finish(qtbot, widget)
        assert given_up == [False]

    def test_a_run_does_not_depend_on_being_remembered(self, viewer, widget, qtbot, stepped, monkeypatch):
        queued: list[bool] = []
        monkeypatch.setattr("napari_cvdm.plugin.widget.remember", lambda used: queued.append(widget.running))
        viewer.add_image(IMAGE, name="cell")
        click(qtbot, widget)
        finish(qtbot, widget)
        assert queued == [True]


class TestRun:
    def test_adds_a_reconstruction_and_an_uncertainty(self, viewer, widget, qtbot, stepped):
        viewer.add_image(IMAGE, name="cell", scale=(0.1, 0.1), units=("um", "um"))
        click(qtbot, widget)
        finish(qtbot, widget)
        assert names(viewer) == RESULTS | {"cell"}
        for name in RESULTS:
            layer = viewer.layers[name]
            assert layer.data.shape == (64, 48)
            np.testing.assert_allclose(layer.scale, (0.05, 0.05))
            np.testing.assert_allclose(layer.translate, (-0.025, -0.025))
            assert layer.metadata[METADATA_KEY]["draws"] == 8
        assert viewer.layers.selection.active is viewer.layers["cell CVDM"]
        assert widget.form.layer.value is viewer.layers["cell"]
        assert widget.controls.restore_button.text() == "Restore"
        assert "8 draws" in widget.status.text()
        assert stepped.calls[0].thread != threading.get_ident()

    def test_the_form_s_settings_are_used(self, viewer, widget, qtbot, stepped):
        viewer.add_image(IMAGE)
        form = widget.form
        form.pixel_size.setValue(65)
        assert form.pixel_size_origin.text() == widget.subject.pixel_size[1] != ""
        form.draws.value, form.seed.value, form.tile.value = 2, 7, 128
        form.steps.value, form.device.value = 4, "cpu"
        click(qtbot, widget)
        finish(qtbot, widget)
        call = stepped.calls[0]
        assert (call.pixel_size, call.draws, call.seed, call.tile) == (65, 2, 7, 128)
        assert (call.steps, call.device, call.preview) == (4, "cpu", False)
        form.pixel_size.setValue(0)
        form.steps.value = form.tile.value = 0
        form.quality.value = PRESETS["preview"]
        click(qtbot, widget)
        finish(qtbot, widget)
        call = stepped.calls[1]
        assert (call.pixel_size, call.steps, call.tile, call.preview) == (None, None, "auto", True)

    def test_restores_the_plane_shown_beside_a_layer_in_smaller_units(self, viewer, widget, qtbot, stepped):
        stack = np.stack([IMAGE + number for number in range(8)])
        layer = viewer.add_image(stack, name="cell", scale=(0.3, 0.1, 0.1), units=("um",) * 3)
        viewer.add_image(IMAGE, name="other", scale=(100, 100), units=("nm",) * 2)
        widget.form.layer.value = layer
        widget.form.part.value = "plane"
        viewer.dims.set_current_step(0, 5)
        click(qtbot, widget)
        finish(qtbot, widget)
        assert stepped.calls[0].planes == {0: slice(5, 6, 1)}

    def test_what_waits_is_given_up_and_that_is_said_if_its_memory_has_gone(
        self, viewer, widget, qtbot, stepped, monkeypatch
    ):
        said = []
        widget.runs.warned.connect(said.append)
        viewer.add_image(IMAGE, name="cell")
        stepped.stop_at = 1
        for _ in range(2):
            click(qtbot, widget)
        wait_until_stopped(qtbot, widget, stepped)
        monkeypatch.setattr(runs, "free_memory", lambda: 10_000)
        stepped.go_on()
        finish(qtbot, widget)
        assert len(stepped.calls) == 1
        assert "(cell, 8 draws) was not started" in said[0]

    def test_shows_the_first_picture_and_how_far_it_is(self, viewer, widget, qtbot, stepped):
        viewer.add_image(np.stack([IMAGE // 9, IMAGE]), name="cell")
        stepped.stop_at = 2  # both planes' first pictures are done, no draw is
        click(qtbot, widget)
        wait_until_stopped(qtbot, widget, stepped)
        assert widget.controls.restore_button.text() == "Add to queue"
        assert widget.controls.cancel_button.isVisibleTo(widget)
        assert widget.form.isEnabled()
        assert "first picture" in widget.status.text()
        bar = widget.controls.progress_bar
        assert 0 < bar.value() < bar.maximum()
        reached = bar.value()
        viewer.add_image(IMAGE, name="next")  # chosen while the run goes on
        assert widget.subject.layer is viewer.layers["next"]
        assert (bar.value(), bar.maximum() > 0) == (reached, True)
        assert "first picture" in widget.status.text()  # which is still about the run
        reconstruction = viewer.layers["cell CVDM"]
        np.testing.assert_array_equal(reconstruction.data[1, ::2, ::2], IMAGE)
        qtbot.waitUntil(lambda: reconstruction.contrast_limits[1] > IMAGE.max() / 2, timeout=10_000)
        stepped.go_on()
        finish(qtbot, widget)
        assert not widget.controls.progress_bar.isVisibleTo(widget)
        assert not widget.controls.cancel_button.isVisibleTo(widget)

    @pytest.mark.parametrize("stop_at", [0, 1, 4])
    def test_cancel_leaves_nothing_behind(self, viewer, widget, qtbot, stepped, stop_at):
        viewer.add_image(IMAGE, name="cell")
        stepped.stop_at = stop_at
        click(qtbot, widget)
        wait_until_stopped(qtbot, widget, stepped)
        assert (names(viewer) == {"cell"}) == (stop_at == 0)
        cancel(qtbot, widget)
        finish(qtbot, widget)
        assert names(viewer) == {"cell"}
        assert widget.controls.restore_button.text() == "Restore"
        assert widget.status.text() == "Cancelled."
        stepped.stop_at = None
        click(qtbot, widget)  # the viewer and the widget are as good as new
        finish(qtbot, widget)
        assert names(viewer) == RESULTS | {"cell"}

    def test_cancel_shows_an_additive_input_again(self, viewer, widget, qtbot, stepped):
        layer = viewer.add_image(IMAGE, name="cell", blending="additive")
        stepped.stop_at = 2
        click(qtbot, widget)
        wait_until_stopped(qtbot, widget, stepped)
        assert not layer.visible
        cancel(qtbot, widget)
        finish(qtbot, widget)
        assert layer.visible

    def test_an_error_is_shown_with_its_remedy(self, viewer, widget, qtbot, stepped, notifications):
        viewer.add_image(IMAGE, name="cell")
        stepped.stop_at, stepped.error = 3, InputError("Too dark: expose for longer.")
        stepped.go_on()
        click(qtbot, widget)
        finish(qtbot, widget)
        assert notifications() == [("error", "Too dark: expose for longer.")]
        assert widget.status.text() == "Too dark: expose for longer."
        assert names(viewer) == {"cell"}
        assert widget.controls.restore_button.isEnabled()
        assert widget.controls.restore_button.text() == "Restore"

    def test_warnings_of_the_restoration_are_shown(self, viewer, widget, qtbot, stepped, notifications):
        viewer.add_image(IMAGE, name="cell")
        stepped.warnings = ["The pixel size lies outside the range."]
        click(qtbot, widget)
        finish(qtbot, widget)
        assert notifications() == [("warning", "The pixel size lies outside the range.")]


class TestInMidRun:
    def test_the_input_may_be_deleted(self, viewer, widget, qtbot, stepped):
        layer = viewer.add_image(IMAGE, name="cell")
        stepped.stop_at = 2
        click(qtbot, widget)
        wait_until_stopped(qtbot, widget, stepped)
        viewer.layers.remove(layer)
        stepped.go_on()
        finish(qtbot, widget)
        assert names(viewer) == RESULTS

    def test_one_result_may_be_deleted(self, viewer, widget, qtbot, stepped):
        viewer.add_image(IMAGE, name="cell")
        stepped.stop_at = 2
        click(qtbot, widget)
        wait_until_stopped(qtbot, widget, stepped)
        viewer.layers.remove("cell CVDM uncertainty")
        stepped.go_on()
        finish(qtbot, widget)
        assert names(viewer) == {"cell", "cell CVDM"}

    def test_deleting_both_results_is_cancelling(self, viewer, widget, qtbot, stepped):
        viewer.add_image(IMAGE, name="cell")
        stepped.stop_at = 2
        click(qtbot, widget)
        wait_until_stopped(qtbot, widget, stepped)
        for name in RESULTS:
            viewer.layers.remove(name)
        stepped.go_on()
        finish(qtbot, widget)
        assert names(viewer) == {"cell"}
        assert widget.status.text() == "Cancelled."

    def test_other_layers_may_come_and_go(self, viewer, widget, qtbot, stepped):
        cell = viewer.add_image(IMAGE, name="cell")
        stepped.stop_at = 2
        click(qtbot, widget)
        wait_until_stopped(qtbot, widget, stepped)
        cell.name = "renamed"
        viewer.add_image(IMAGE, name="other")
        viewer.layers.selection.active = viewer.layers["other"]
        stepped.go_on()
        finish(qtbot, widget)
        assert names(viewer) == RESULTS | {"renamed", "other"}

    def test_the_last_words_go_with_their_image(self, viewer, widget, qtbot, stepped):
        cell = viewer.add_image(IMAGE, name="cell")
        click(qtbot, widget)
        finish(qtbot, widget)
        assert widget.status.text().startswith("Done")
        assert widget.controls.restore_button.isEnabled()
        viewer.layers.remove(cell)
        assert widget.status.text() == ""
        assert not widget.controls.restore_button.isEnabled()

    def test_what_cannot_be_restored_is_not_started(self, viewer, widget):
        viewer.add_image(np.zeros((4, 60), np.uint16), name="strip")
        assert not widget.controls.restore_button.isEnabled()
        assert "60" in widget.controls.restore_button.toolTip()
        viewer.add_image(IMAGE, name="cell")
        assert widget.controls.restore_button.isEnabled()

    def test_the_user_s_contrast_limits_are_kept(self, viewer, widget, qtbot, stepped):
        viewer.add_image(IMAGE, name="cell")
        stepped.stop_at = 2
        click(qtbot, widget)
        wait_until_stopped(qtbot, widget, stepped)
        viewer.layers["cell CVDM"].contrast_limits = (123, 456)
        stepped.go_on()
        finish(qtbot, widget)
        assert viewer.layers["cell CVDM"].contrast_limits == [123, 456]

    def test_the_dock_may_be_closed(self, viewer, widget, qtbot, stepped, notifications):
        viewer.add_image(IMAGE, name="cell")
        stepped.stop_at = 2
        click(qtbot, widget)
        wait_until_stopped(qtbot, widget, stepped)
        gone: list[bool] = []
        widget.destroyed.connect(lambda: gone.append(True))
        viewer.window.remove_dock_widget(widget)
        assert "panel was closed" in notifications()[0][1]
        qtbot.waitUntil(lambda: bool(gone), timeout=30_000)
        assert names(viewer) == {"cell"}
        _, again = viewer.window.add_plugin_dock_widget("napari-cvdm", "CVDM super-resolution")
        assert again is not widget
        stepped.stop_at = None
        click(qtbot, again)
        finish(qtbot, again)
        assert names(viewer) == RESULTS | {"cell"}

    def test_what_is_measured_is_given_up_when_the_dock_is_closed(self, viewer, widget, qtbot, monkeypatch):
        begun, given_up = threading.Event(), threading.Event()

        def measure(*key_and_checkpoint: Any) -> None:
            begun.set()
            try:
                while not time.sleep(0.01):
                    key_and_checkpoint[-1]()
            finally:
                given_up.set()

        monkeypatch.setattr(measuring, "_measure", measure)
        viewer.add_image(IMAGE, name="cell")
        widget.advice.measure()
        qtbot.waitUntil(begun.is_set, timeout=30_000)
        with qtbot.waitSignal(widget.destroyed, timeout=10_000):
            viewer.window.remove_dock_widget(widget)
        assert given_up.wait(10)


class TestLayerKinds:
    @pytest.mark.parametrize("axes", ["TYX", "ZYX", "TZYX", "CYX", "TZCYX"])
    def test_stacks_opened_from_a_tiff(self, viewer, widget, qtbot, stepped, tmp_path: Path, axes):
        sizes = {"T": 2, "Z": 3, "C": 2, "Y": 32, "X": 24}
        shape = tuple(sizes[letter] for letter in axes)
        path = tmp_path / "cell.ome.tif"
        tifffile.imwrite(path, np.broadcast_to(IMAGE, shape), metadata={"axes": axes})
        (layer,) = viewer.open(path, plugin="napari")
        layer.name = "cell"
        expected = {"T": "2 time points", "Z": "3 planes of depth", "C": "2 channels"}
        words = ", ".join(expected[letter] for letter in axes[:-2])
        qtbot.waitUntil(lambda: widget.form.understood.text().startswith(words), timeout=30_000)
        widget.form.draws.value = 1
        click(qtbot, widget)
        finish(qtbot, widget)
        assert stepped.calls[0].axes == axes
        assert viewer.layers["cell CVDM"].data.shape == (*shape[:-2], 64, 48)
        assert not viewer.layers["cell CVDM"].rgb

    def test_a_dask_layer_is_read_in_the_worker(self, viewer, widget, qtbot, stepped):
        threads = set()

        def plane(block: np.ndarray) -> np.ndarray:
            threads.add(threading.get_ident())
            return block

        lazy = da.from_array(np.stack([IMAGE] * 3), chunks=(1, 32, 24)).map_blocks(plane, dtype=np.uint16)
        viewer.add_image(lazy, name="cell", contrast_limits=(0, 1000))
        threads.clear()
        click(qtbot, widget)
        finish(qtbot, widget)
        assert isinstance(stepped.calls[0].image, da.Array), "it is not read as a whole"
        assert threads
        assert threading.get_ident() not in threads
        assert viewer.layers["cell CVDM"].data.shape == (3, 64, 48)

    def test_a_multiscale_layer_is_restored_at_full_resolution(self, viewer, widget, qtbot, stepped):
        viewer.add_image([IMAGE, IMAGE[::2, ::2]], multiscale=True, name="cell")
        click(qtbot, widget)
        finish(qtbot, widget)
        np.testing.assert_array_equal(stepped.calls[0].image, IMAGE)

    def test_an_rgb_layer_is_averaged_and_says_so(self, viewer, widget, qtbot, stepped):
        colours = np.stack([IMAGE // 4] * 3, axis=-1).astype(np.uint8)
        layer = viewer.add_image(colours, rgb=True, name="cell")
        assert layer.rgb
        assert "in colour (RGB)" in widget.form.understood.text()
        click(qtbot, widget)
        finish(qtbot, widget)
        assert viewer.layers["cell CVDM"].data.shape == (64, 48)

    def test_3d_display_works_too(self, viewer, widget, qtbot, stepped):
        viewer.add_image(np.stack([IMAGE] * 3), name="cell")
        viewer.dims.ndisplay = 3
        click(qtbot, widget)
        finish(qtbot, widget)
        assert viewer.layers["cell CVDM"].data.shape == (3, 64, 48)


def test_opening_the_widget_loads_neither_torch_nor_dask():
    # In a process of its own, because the tests have loaded both. napari's window loads dask, so the viewer
    # here is a mere model.
    code = """
import sys
from qtpy.QtWidgets import QApplication
app = QApplication([])
from napari.components import ViewerModel
before = set(sys.modules)
from napari_cvdm.plugin.widget import CVDMWidget
CVDMWidget(ViewerModel())
print(sorted({"torch", "dask", "tifffile", "skimage"} & (set(sys.modules) - before)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
