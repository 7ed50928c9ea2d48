"""The part of the panel that shows how uncertainty is spread over the plane."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QWidget

from napari_cvdm.assessment.doubt_figures import Histogram, draw_histogram, histogram_of
from napari_cvdm.plugin.doubt.link import Link, Look
from napari_cvdm.plugin.doubt.plot_view import Plot, PlotView
from napari_cvdm.plugin.viewer.background import Background
from napari_cvdm.plugin.viewer.rows import stack_in

_LABELS = {"absolute": "uncertainty (image units)", "relative": "uncertainty (share of the signal)"}


class HistogramSection(QWidget):
    """A histogram of the plane's uncertainty, with the threshold in it."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self._link = link
        self._threshold: float | None = None
        self._counted: tuple[Look, Histogram] | None = None
        self._counting = Background(self)
        self._counting.done.connect(self._on_counted)
        self._counting.failed.connect(self._on_failed)
        self.plot = PlotView("The histogram appears with a result.", "Histogram of the uncertainty")
        stack_in(self, self.plot)
        link.looked.connect(self._count)

    def set_threshold(self, threshold: float) -> None:
        """Show where the threshold is."""
        self._threshold = threshold
        self._show()

    def showEvent(self, event: Any) -> None:
        """Count what was not counted while it could not be seen."""
        super().showEvent(event)
        self._count()

    def _count(self, words: str = "") -> None:
        look = self._link.look
        if look is None:
            self._counting.drop()
            self._counted = None
            self.plot.show_plot(None, words)
        elif not self.isVisible():
            self._counted = None  # which would keep the layers of a result that the user has deleted
        elif self._counted is None or self._counted[0] is not look:
            self._counting.ask(lambda _: (look, histogram_of(look.doubt.uncertainty(look.measure))))

    def _on_counted(self, counted: tuple[Look, Histogram]) -> None:
        self._counted = counted
        self._show()

    def _on_failed(self, words: str) -> None:
        self._counted = None  # of another plane
        self.plot.show_plot(None, words)

    def _show(self) -> None:
        if self._counted is None or not self.isVisible():
            return
        (look, histogram), threshold = self._counted, self._threshold
        label = _LABELS[look.measure]
        name = f"{look.result.reconstruction.name} uncertainty histogram"
        plot = Plot(
            lambda style: draw_histogram(histogram, threshold, style, label), histogram.columns(), name
        )
        self.plot.show_plot(plot)
