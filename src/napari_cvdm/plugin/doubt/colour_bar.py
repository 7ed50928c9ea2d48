"""What the colours of a map mean: a bar in the panel, which is quicker there than on napari's canvas."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QRect, QSize, Qt
from qtpy.QtGui import QImage, QPainter, QPalette
from qtpy.QtWidgets import QLabel, QSizePolicy

from napari_cvdm.assessment.doubt import Measure
from napari_cvdm.plugin.doubt.words import amount
from napari_cvdm.plugin.viewer.following import follow

_BAR = 12


class ColourBar(QLabel):
    """The colours of an image layer between its contrast limits, which it follows.

    A label, because those have the size of type that is chosen in napari.
    """

    def __init__(self) -> None:
        super().__init__()
        self._layer: Any = None
        self._measure: Measure = "absolute"
        self.setAccessibleName("Colour bar")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip("Values of the colours. Change the layer's contrast limits to spread them otherwise.")

    def show_scale_of(self, layer: Any, measure: Measure) -> None:
        """Follow an image layer whose values are told in that measure; None for none."""
        self._measure = measure
        slots = {"contrast_limits": self._on_changed, "colormap": self._on_changed}
        self._layer = follow(layer, self._layer, slots)
        self.update()

    def labels(self) -> tuple[str, str, str]:
        """Return what stands below the left end, the middle and the right end."""
        if self._layer is None:
            return "", "", ""
        low, high = self._layer.contrast_limits
        left, middle, right = (amount(float(value), self._measure) for value in (low, (low + high) / 2, high))
        return left, middle, right

    def sizeHint(self) -> QSize:
        """As wide as there is room, and high enough for the numbers."""
        return QSize(200, _BAR + 4 + self.fontMetrics().height())

    def minimumSizeHint(self) -> QSize:
        """May be narrow."""
        return QSize(60, self.sizeHint().height())

    def paintEvent(self, event: Any) -> None:
        """Paint the bar and its numbers."""
        if self._layer is None:
            return
        colours = self._layer.colormap.map(np.linspace(0, 1, 256))
        pixels = np.ascontiguousarray((colours * 255).astype(np.uint8))
        painter = QPainter(self)
        bar = QRect(2, 0, self.width() - 4, _BAR)
        painter.drawImage(bar, QImage(pixels.tobytes(), 256, 1, 1024, QImage.Format.Format_RGBA8888))
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        below = QRect(2, _BAR + 2, self.width() - 4, self.height() - _BAR - 2)
        sides = (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignRight)
        for words, side in zip(self.labels(), sides, strict=True):
            painter.drawText(below, int(side | Qt.AlignmentFlag.AlignTop), words)
        painter.end()

    def _on_changed(self) -> None:
        self.update()
