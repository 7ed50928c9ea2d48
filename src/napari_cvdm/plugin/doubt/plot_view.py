"""A plot in the panel: drawn in a worker, painted as a picture, saved as picture, drawing or table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QImage, QPalette, QPixmap
from qtpy.QtWidgets import QLabel, QPushButton, QSizePolicy, QWidget
from superqt.utils import qthrottled

from napari_cvdm.assessment.doubt_figures import FigureStyle, rendered, saved
from napari_cvdm.files.csv_table import write_csv
from napari_cvdm.plugin.doubt.exporting import TABLES, write_in_background
from napari_cvdm.plugin.viewer.background import Background
from napari_cvdm.plugin.viewer.file_asking import Kinds, ask_for_file
from napari_cvdm.plugin.viewer.rows import Buttons, stack_in

#: Sizes of the canvas's type and of the canvas in pixels, unless another type is chosen in napari.
_USUAL_TYPE, _USUAL_HEIGHT = 13, 190


@dataclass(frozen=True, eq=False)
class Plot:
    """What is plotted.

    Attributes
    ----------
    draw : callable
        Makes the figure in a given style; called in a worker.
    columns : mapping
        The numbers behind it, under their headings.
    file_name : str
        Proposed for saving, without its end.
    """

    draw: Callable[[FigureStyle], Any]
    columns: Mapping[str, NDArray[Any]]
    file_name: str


class PlotView(QWidget):
    """Shows a `Plot` at its own size and in the theme's colours, with buttons to save it.

    Parameters
    ----------
    empty : str
        What is read while there is nothing to plot.
    name : str
        What a screen reader calls the plot.

    Attributes
    ----------
    save_picture, save_numbers : QPushButton
        Ask for a file, and write to it.
    """

    def __init__(self, empty: str, name: str = "Plot") -> None:
        super().__init__()
        self.canvas = _Canvas(empty)
        self.canvas.setAccessibleName(name)
        self.save_picture = QPushButton("Save plot…")
        self.save_picture.setToolTip("As PNG (pixels), or as SVG or PDF (lines, to be edited).")
        self.save_numbers = QPushButton("Save table…")
        self.save_numbers.setToolTip("As CSV, for a spreadsheet.")
        self._plot: Plot | None = None
        self._drawing = Background(self)
        self._drawing.done.connect(self.canvas.show_pixels)
        self._drawing.failed.connect(self.canvas.show_words)
        self.save_picture.clicked.connect(self._ask_picture)
        self.save_numbers.clicked.connect(self._ask_numbers)
        stack_in(self, self.canvas, Buttons(self.save_picture, self.save_numbers))
        self.show_plot(None)

    def show_plot(self, plot: Plot | None, words: str = "") -> None:
        """Show a plot, or ``words`` in its place."""
        self._plot = plot
        self.save_picture.setEnabled(plot is not None)
        self.save_numbers.setEnabled(plot is not None)
        if plot is None:
            self._drawing.drop()
            self.canvas.show_words(words)
        self._redraw()

    def write(self, path: Path) -> None:
        """Write the plot to a file whose name ends in .png, .svg, .pdf or .csv, in the background."""
        if self._plot is not None:
            write_in_background(partial(_write, self._plot), path)

    def event(self, event: QEvent | None) -> bool:
        """Draw anew where the size or the theme has changed, or what could not be seen before."""
        changes = (QEvent.Type.Resize, QEvent.Type.StyleChange, QEvent.Type.Show)
        if event is not None and event.type() in changes:
            self._redraw()
        return bool(super().event(event))

    @qthrottled(timeout=50, leading=False)
    def _redraw(self) -> None:
        plot, size = self._plot, self.canvas.size()
        if plot is None or not self.isVisible():
            return
        if not self.canvas.drawn:
            self.canvas.show_words("Drawing …")
        palette, enlarged = self.palette(), self.canvas.enlarged
        style = FigureStyle(
            size.width() / enlarged,
            size.height() / enlarged,
            self.canvas.devicePixelRatioF() * enlarged,
            foreground=palette.color(QPalette.ColorRole.WindowText).name(),
            background="none",
        )
        self._drawing.ask(lambda _: rendered(plot.draw(style)))

    def _ask_picture(self) -> None:
        kinds = {"PNG picture (*.png)": (".png",), "SVG drawing (*.svg)": (".svg",), "PDF (*.pdf)": (".pdf",)}
        self._ask_file("Save the plot", kinds, ".png")

    def _ask_numbers(self) -> None:
        self._ask_file("Save the numbers", TABLES, ".csv")

    def _ask_file(self, title: str, kinds: Kinds, usual: str) -> None:
        if self._plot is None:
            return
        path = ask_for_file(self, title, self._plot.file_name + usual, kinds)
        if path is not None:
            self.write(path)


class _Canvas(QLabel):
    """Shows a picture of a plot at its own size, so that its lines stay sharp; or words."""

    def __init__(self, empty: str) -> None:
        super().__init__(empty)
        self._empty = empty
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setMinimumWidth(200)  # narrower, there is no room for plots
        self.setFixedHeight(_USUAL_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def changeEvent(self, event: QEvent | None) -> None:
        """Be as high as a plot with letters of this size needs."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.FontChange:
            self.setFixedHeight(round(_USUAL_HEIGHT * self.enlarged))

    @property
    def enlarged(self) -> float:
        """How many times as large as usual the type is, in napari's preferences."""
        return max(1.0, self.fontInfo().pixelSize() / _USUAL_TYPE)

    def show_pixels(self, pixels: NDArray[np.uint8]) -> None:
        """Show a picture, uint8, shape (height, width, 4)."""
        height, width, _ = pixels.shape
        image = QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()
        image.setDevicePixelRatio(self.devicePixelRatioF())
        self.setPixmap(QPixmap.fromImage(image))

    def show_words(self, words: str) -> None:
        """Show words instead."""
        self.setText(words or self._empty)

    @property
    def drawn(self) -> bool:
        """Whether a plot can be seen."""
        return not self.pixmap().isNull()


def _write(plot: Plot, path: Path) -> None:
    """Write a plot; for a worker."""
    if path.suffix.lower() == ".csv":
        write_csv(path, plot.columns)
    else:
        saved(plot.draw(FigureStyle()), path)
