"""The threshold: words that are right, and marks that follow."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from napari.layers import Labels
from qtpy.QtCore import Qt, QThreadPool
from qtpy.QtWidgets import QLineEdit
from skimage.color import colorconv

from napari_cvdm.plugin.results.layers import METADATA_KEY

MARKS = "cell CVDM doubtful"


def test_it_begins_where_a_tenth_of_the_signal_is_above(panel):
    summary = panel.link.look.curve.at(panel.threshold.threshold)
    assert abs(summary.share_of_signal - 0.1) < 0.03
    assert "of the signal" in panel.threshold.words.text()


def test_numbers_are_written_as_in_the_box_beside_the_slider(add_result, open_panel):
    for layer in add_result()[1:]:
        layer.data = layer.data * 100
    section = open_panel().threshold
    section.slider.setValue(20_000)
    assert "20000" in [box.text() for box in section.slider.findChildren(QLineEdit)]
    assert "lie within ±\u00a032900." in section.words.text()


def test_marks_are_the_pixels_above_and_follow_the_slider(viewer, panel, qtbot):
    std = viewer.layers["cell CVDM uncertainty"].data
    qtbot.mouseClick(
        panel.threshold.mark, Qt.MouseButton.LeftButton, pos=panel.threshold.mark.rect().center() * 0.1
    )
    if not panel.threshold.mark.isChecked():  # the theme's indicator is small
        qtbot.keyClick(panel.threshold.mark, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: MARKS in viewer.layers, timeout=10_000)
    layer = viewer.layers[MARKS]
    assert isinstance(layer, Labels)
    np.testing.assert_array_equal(layer.data, std > np.float32(panel.threshold.threshold))
    panel.threshold.slider.setValue(150)
    qtbot.waitUntil(lambda: np.array_equal(layer.data, std > 150), timeout=10_000)
    panel.threshold.mark.setChecked(False)
    assert MARKS not in viewer.layers


def test_marks_can_be_made_while_they_are_prepared(viewer, add_result, open_panel, qtbot, monkeypatch):
    """napari silences a warning while it makes a layer of labels; here it would be an error."""
    to_rgb, made, prepared = colorconv.lab2rgb, threading.Event(), threading.Event()

    def at_the_same_time(*args):
        if threading.current_thread() is not threading.main_thread():
            prepared.set()
            made.wait(30)
        else:
            made.set()
            assert not prepared.is_set() or QThreadPool.globalInstance().waitForDone(30_000)
        return to_rgb(*args)

    monkeypatch.setattr(colorconv, "lab2rgb", at_the_same_time)
    add_result()
    open_panel().threshold.mark.setChecked(True)
    qtbot.waitUntil(lambda: MARKS in viewer.layers, timeout=10_000)


def test_relative_thresholds_are_per_cent_of_the_signal(viewer, panel, qtbot):
    panel.measure.setCurrentIndex(1)
    qtbot.waitUntil(
        lambda: panel.link.look is not None and panel.link.look.measure == "relative", timeout=10_000
    )
    panel.threshold.slider.setValue(20)
    assert abs(panel.threshold.threshold - 0.2) < 1e-6
    panel.threshold.mark.setChecked(True)
    qtbot.waitUntil(lambda: MARKS in viewer.layers, timeout=10_000)
    expected = panel.link.look.doubt.uncertainty("relative") > np.float32(panel.threshold.threshold)
    np.testing.assert_array_equal(viewer.layers[MARKS].data, expected)


def test_each_measure_remembers_its_threshold(panel, qtbot):
    panel.threshold.slider.setValue(123)
    for index, measure in ((1, "relative"), (0, "absolute")):
        panel.measure.setCurrentIndex(index)
        qtbot.waitUntil(
            lambda measure=measure: panel.link.look is not None and panel.link.look.measure == measure,
            timeout=10_000,
        )
    qtbot.waitUntil(panel.threshold.slider.isEnabled, timeout=10_000)
    assert abs(panel.threshold.threshold - 123) < 1


def test_a_plane_with_larger_errors_makes_the_slider_longer(viewer, add_result, open_panel, qtbot):
    add_result((3, 64, 80))
    panel = open_panel()
    first = panel.link.look
    end, threshold = panel.threshold.slider.maximum(), panel.threshold.threshold
    viewer.dims.set_current_step(0, 2)
    qtbot.waitUntil(lambda: panel.link.look not in (None, first), timeout=10_000)
    assert panel.threshold.slider.maximum() > end + 20
    assert abs(panel.threshold.threshold - threshold) < 0.01


def test_each_channel_has_a_threshold_of_its_own(viewer, add_result, open_panel, qtbot):
    _, *layers = add_result((2, 64, 80), metadata={"axes": "CYX"})
    for layer in layers:
        layer.data[0] /= 100
    viewer.dims.set_current_step(0, 1)
    panel = open_panel()

    def turn_to(channel: int) -> float:
        viewer.dims.set_current_step(0, channel)
        qtbot.waitUntil(lambda: panel.link.look.slice.index[0] == channel, timeout=10_000)
        return panel.threshold.threshold

    panel.threshold.slider.setValue(123)
    assert turn_to(0) < 5
    assert turn_to(1) == pytest.approx(123, abs=1)


def test_another_plane_keeps_the_threshold_and_gets_its_own_marks(viewer, add_result, open_panel, qtbot):
    _, _, uncertainty = add_result((3, 64, 80))
    panel = open_panel()
    panel.threshold.slider.setValue(200)
    panel.threshold.mark.setChecked(True)
    qtbot.waitUntil(lambda: MARKS in viewer.layers, timeout=10_000)
    viewer.dims.set_current_step(0, 2)
    layer = viewer.layers[MARKS]
    qtbot.waitUntil(lambda: np.array_equal(layer.data[0], uncertainty.data[2] > 200), timeout=10_000)
    assert panel.threshold.threshold == 200


def finish_with(layers, panel, qtbot, factor: float) -> None:
    """Let the run end with other errors than it had on the way."""
    reconstruction, uncertainty = layers
    uncertainty.data *= factor
    about = {**reconstruction.metadata[METADATA_KEY], "finished": True, "uncertainty": "calibrated"}
    reconstruction.metadata = {METADATA_KEY: about}
    qtbot.waitUntil(lambda: panel.link.look is not None and panel.link.look.finished, timeout=10_000)


def test_the_end_of_a_run_gets_a_threshold_of_its_own(add_result, open_panel, qtbot):
    _, *layers = add_result(metadata={"finished": False, "uncertainty": None})
    panel = open_panel()
    before = panel.threshold.threshold
    assert "still goes on" in panel.threshold.words.text()
    finish_with(layers, panel, qtbot, 0.01)
    assert abs(panel.threshold.threshold / before - 0.01) < 1e-3
    assert panel.threshold.slider.maximum() < 5
    assert "9 of 10" in panel.threshold.words.text()
    summary = panel.link.look.curve.at(panel.threshold.threshold)
    assert abs(summary.share_of_signal - 0.1) < 0.03


def test_a_threshold_set_by_hand_outlives_the_run(add_result, open_panel, qtbot):
    _, *layers = add_result(metadata={"finished": False})
    panel = open_panel()
    panel.threshold.slider.setValue(123)
    finish_with(layers, panel, qtbot, 2)
    assert panel.threshold.threshold == 123


def no_memory(*args):
    raise MemoryError


def test_a_plane_that_cannot_be_marked_says_why_and_has_no_old_marks(viewer, panel, qtbot, monkeypatch):
    panel.threshold.mark.setChecked(True)
    qtbot.waitUntil(lambda: MARKS in viewer.layers, timeout=10_000)
    monkeypatch.setattr(type(panel.link.look.doubt), "uncertainty", no_memory)
    panel.threshold.slider.setValue(150)
    qtbot.waitUntil(lambda: "Memory ran out" in panel.threshold.words.text(), timeout=10_000)
    assert not panel.threshold.mark.isChecked()
    assert MARKS not in viewer.layers


def test_marks_that_the_user_deletes_stay_away(viewer, add_result, open_panel, qtbot):
    add_result((3, 64, 80))
    panel = open_panel()
    panel.threshold.mark.setChecked(True)
    qtbot.waitUntil(lambda: MARKS in viewer.layers, timeout=10_000)
    viewer.layers.remove(MARKS)
    assert not panel.threshold.mark.isChecked()
    before = panel.link.look
    viewer.dims.set_current_step(0, 2)
    qtbot.waitUntil(lambda: panel.link.look not in (None, before), timeout=10_000)
    qtbot.wait(200)
    assert MARKS not in viewer.layers
    panel.threshold.mark.setChecked(True)
    qtbot.waitUntil(lambda: MARKS in viewer.layers, timeout=10_000)


def test_marks_that_come_when_their_result_has_gone_are_not_shown(viewer, add_result, open_panel):
    add_result(run="1")
    add_result(run="2", name="other")
    panel = open_panel()
    look = panel.link.look
    panel.threshold.mark.setChecked(True)
    viewer.layers.remove("other CVDM")
    panel.threshold._on_marked((look, np.ones((64, 80), np.uint8)))
    assert "other CVDM doubtful" not in viewer.layers


def test_marks_that_are_made_anew_for_another_result_keep_their_tick(viewer, add_result, open_panel, qtbot):
    add_result(run="1")
    add_result(run="2", name="other")
    panel = open_panel()
    panel.threshold.mark.setChecked(True)
    qtbot.waitUntil(lambda: "other CVDM doubtful" in viewer.layers, timeout=10_000)
    viewer.layers.selection.active = viewer.layers["cell CVDM"]
    qtbot.waitUntil(lambda: MARKS in viewer.layers, timeout=10_000)
    assert "other CVDM doubtful" not in viewer.layers
    assert panel.threshold.mark.isChecked()
