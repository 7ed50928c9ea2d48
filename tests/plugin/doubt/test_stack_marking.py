"""The whole stack is marked on request, as a layer to keep; or not, when it is not wanted any more."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_cvdm.assessment.doubt import PlaneDoubt
from napari_cvdm.plugin.doubt import stack_marking

PLANES = 9


def click(qtbot, panel):
    qtbot.mouseClick(panel.threshold.whole, Qt.MouseButton.LeftButton)


class Marked:
    """Counts the planes that are marked, and can hold the marking at one of them."""

    def __init__(self) -> None:
        self.planes, self.hold_at = 0, 0
        self.held, self.go_on = threading.Event(), threading.Event()

    def __call__(self, mean, std) -> PlaneDoubt:
        self.planes += 1
        if self.planes == self.hold_at:
            self.held.set()
            self.go_on.wait(60)
        return PlaneDoubt(mean, std)


@pytest.fixture
def marked(monkeypatch):
    marked = Marked()
    monkeypatch.setattr(stack_marking, "PlaneDoubt", marked)
    yield marked
    marked.go_on.set()


@pytest.fixture
def at_work(add_result, open_panel, marked, qtbot):
    """The panel while it marks a stack, held at the third plane, and the layers of that."""
    add_result((2, 64, 80), name="other", run="other")
    layers = add_result((PLANES, 32, 40))
    panel = open_panel()
    marked.hold_at = 3
    click(qtbot, panel)
    qtbot.waitUntil(marked.held.is_set, timeout=10_000)
    assert panel.threshold.whole.text() == "Stop"
    return panel, layers


@pytest.fixture
def has_stopped(viewer, marked, qtbot, wait_for_workers):
    """Whether the button can be pressed anew, and no plane is marked after the one at work."""

    def has_stopped(panel) -> bool:
        assert panel.threshold.whole.text() == "Mark the whole stack"
        marked.go_on.set()
        wait_for_workers()
        qtbot.wait(50)  # what the worker has sent arrives
        return marked.planes == 3 and not any("above" in layer.name for layer in viewer.layers)

    return has_stopped


def test_the_whole_stack_is_marked_as_a_layer_to_keep(viewer, add_result, open_panel, qtbot):
    _, _, uncertainty = add_result((2, 3, 64, 80), metadata={"axes": "TZYX"})
    panel = open_panel()
    panel.threshold.slider.setValue(200)
    assert panel.threshold.whole.isVisible()
    click(qtbot, panel)
    name = "cell CVDM doubtful above 200"
    qtbot.waitUntil(lambda: name in viewer.layers, timeout=20_000)
    np.testing.assert_array_equal(viewer.layers[name].data, uncertainty.data > 200)
    np.testing.assert_array_equal(viewer.layers[name].scale, uncertainty.scale)
    assert panel.threshold.whole.text() == "Mark the whole stack"


def test_of_channels_the_one_in_view_is_marked(viewer, add_result, open_panel, qtbot):
    """The intensities of another are not to be compared with this threshold."""
    add_result((2, 3, 64, 80), metadata={"axes": "CZYX"})
    viewer.dims.set_current_step(0, 1)
    panel = open_panel()
    panel.threshold.slider.setValue(200)
    click(qtbot, panel)
    qtbot.waitUntil(lambda: viewer.layers[-1].name.startswith("cell CVDM doubtful above"), timeout=10_000)
    marked = viewer.layers[-1].data
    assert marked[1].any(axis=(1, 2)).all()
    assert not marked[0].any()


def test_a_single_plane_has_no_stack_to_mark(panel):
    assert not panel.threshold.whole.isVisible()


def test_a_second_click_stops(viewer, at_work, has_stopped, qtbot):
    panel, _ = at_work
    click(qtbot, panel)
    assert has_stopped(panel)
    click(qtbot, panel)  # and a third begins again
    qtbot.waitUntil(lambda: any("above" in layer.name for layer in viewer.layers), timeout=30_000)
    assert panel.threshold.whole.text() == "Mark the whole stack"


@pytest.mark.parametrize("layer", [1, 2])
def test_a_result_that_goes_is_marked_no_more(viewer, at_work, has_stopped, layer):
    panel, layers = at_work
    viewer.layers.remove(layers[layer])
    assert has_stopped(panel)


def test_a_result_that_is_not_looked_at_any_more_is_marked_no_more(viewer, at_work, has_stopped):
    panel, _ = at_work
    viewer.layers.selection.active = viewer.layers["other CVDM"]
    assert has_stopped(panel)


def test_another_original_is_no_reason_to_stop(at_work):
    panel, _ = at_work
    panel.link.choose_original(None)
    assert panel.threshold.whole.text() == "Stop"
    panel.threshold.whole.give_up()


def test_marks_that_do_not_fit_into_memory_are_not_begun(
    viewer, add_result, open_panel, qtbot, marked, monkeypatch
):
    add_result((3, 64, 80))
    panel = open_panel()
    needed = 3 * 64 * 80 + 24 * 64 * 80  # the marks, and what a plane takes in the meantime
    monkeypatch.setattr(stack_marking, "free_memory", lambda: needed - 1)
    click(qtbot, panel)
    words = panel.threshold.words.text()
    assert words.startswith("Marks of all planes take 1 MB of memory")
    assert words.endswith("or mark the plane in view alone.")
    assert (panel.threshold.whole.text(), marked.planes) == ("Mark the whole stack", 0)
    monkeypatch.setattr(stack_marking, "free_memory", lambda: needed)
    click(qtbot, panel)
    qtbot.waitUntil(lambda: any("above" in layer.name for layer in viewer.layers), timeout=10_000)


def no_memory(*args):
    raise MemoryError


def test_a_stack_that_cannot_be_marked_says_why(add_result, open_panel, qtbot, monkeypatch):
    add_result((3, 64, 80))
    panel = open_panel()
    monkeypatch.setattr(stack_marking, "PlaneDoubt", no_memory)
    click(qtbot, panel)
    qtbot.waitUntil(lambda: "Memory ran out" in panel.threshold.words.text(), timeout=10_000)
    assert panel.threshold.whole.text() == "Mark the whole stack"


def test_a_marked_stack_is_named_in_the_measure_of_the_click(viewer, add_result, open_panel, qtbot):
    add_result((3, 64, 80))
    panel = open_panel()
    panel.threshold.slider.setValue(200)
    click(qtbot, panel)
    panel.measure.setCurrentIndex(1)
    qtbot.waitUntil(lambda: "cell CVDM doubtful above 200" in viewer.layers, timeout=10_000)


def test_it_can_be_stopped_where_there_is_no_plane_in_view(viewer, at_work, has_stopped, qtbot):
    panel, _ = at_work
    viewer.dims.ndisplay = 3
    qtbot.waitUntil(lambda: panel.link.look is None, timeout=10_000)
    assert not panel.threshold.slider.isEnabled()
    click(qtbot, panel)
    assert has_stopped(panel)
    assert not panel.threshold.whole.isEnabled()
    viewer.dims.ndisplay = 2
    qtbot.waitUntil(panel.threshold.whole.isEnabled, timeout=10_000)
