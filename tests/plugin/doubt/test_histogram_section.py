"""The histogram counts the plane in view and shows the threshold."""

from __future__ import annotations

import numpy as np

from napari_cvdm.assessment.doubt_figures import FigureStyle
from napari_cvdm.plugin.doubt import histogram_section


def test_it_counts_the_plane_once_it_is_unfolded(viewer, panel, qtbot):
    assert panel.histogram.plot._plot is None
    panel._sections[4].unfold()
    qtbot.waitUntil(lambda: panel.histogram.plot.canvas.drawn, timeout=60_000)
    assert panel.histogram.plot._plot.columns["pixels"].sum() == 64 * 80


def test_the_threshold_divides_it(viewer, panel, qtbot):
    panel._sections[4].unfold()
    qtbot.waitUntil(lambda: panel.histogram.plot._plot is not None, timeout=30_000)
    panel.threshold.slider.setValue(100)
    (axes,) = panel.histogram.plot._plot.draw(FigureStyle()).axes
    (line,) = axes.lines
    assert line.get_xdata()[0] == 100
    assert axes.get_xlabel() == "uncertainty (image units)"


def test_it_follows_plane_and_measure(viewer, add_result, open_panel, qtbot):
    _, _, uncertainty = add_result((3, 64, 80))
    uncertainty.data[2] = 77
    panel = open_panel()
    viewer.dims.set_current_step(0, 2)
    panel._sections[4].unfold()

    def filled() -> bool:
        plot = panel.histogram.plot._plot
        return plot is not None and np.count_nonzero(plot.columns["pixels"]) == 1

    qtbot.waitUntil(filled, timeout=30_000)
    panel.measure.setCurrentIndex(1)
    qtbot.waitUntil(lambda: not filled(), timeout=30_000)


def test_a_plane_that_cannot_be_counted_says_why(viewer, add_result, open_panel, qtbot, monkeypatch):
    add_result((3, 64, 80))
    panel = open_panel()
    panel._sections[4].unfold()
    plot = panel.histogram.plot
    qtbot.waitUntil(lambda: plot._plot is not None, timeout=30_000)

    def no_memory(*args):
        raise MemoryError

    monkeypatch.setattr(histogram_section, "histogram_of", no_memory)
    viewer.dims.set_current_step(0, 2)
    qtbot.waitUntil(lambda: "Memory ran out" in plot.canvas.text(), timeout=10_000)
    panel.threshold.slider.setValue(100)
    assert plot._plot is None  # that of the plane before would be taken for this one's
