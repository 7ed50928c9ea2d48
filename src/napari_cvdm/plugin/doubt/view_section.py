"""The part of the panel that chooses how to look at a result."""

from __future__ import annotations

from html import escape
from typing import Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSlider,
    QWidget,
)
from superqt.utils import qdebounced

from napari_cvdm.plugin.doubt.colour_bar import ColourBar
from napari_cvdm.plugin.doubt.link import Link
from napari_cvdm.plugin.doubt.linked import COLOURS_PARTED
from napari_cvdm.plugin.doubt.originals import why_none
from napari_cvdm.plugin.doubt.own_layers import OwnLayers
from napari_cvdm.plugin.doubt.pictures import Pictures
from napari_cvdm.plugin.doubt.views import VIEWS, Arrangement, View
from napari_cvdm.plugin.viewer.eliding import eliding_combo
from napari_cvdm.plugin.viewer.rows import note, stack_in

_MISSING = {
    "original": "This needs the image that was restored: open it, and choose it under <i>Original</i>.",
    "draws": (
        "The single draws of this run were not kept. Tick <i>Keep draws</i>, under <i>Advanced</i> in the "
        "CVDM panel, and restore again to see them."
    ),
}
_DRAWS_LATER = "The single draws come with the end of the run, if <i>Keep draws</i> was ticked before it."
_INSTEAD = "What you see is the reconstruction."
#: Time that each draw is shown in the animation, in milliseconds: slow enough to see what moves.
_FRAME = 300


class ViewSection(QWidget):
    """Chooses a view, and has the controls that single views need."""

    def __init__(self, link: Link, own: OwnLayers, arrangement: Arrangement) -> None:
        super().__init__()
        self._link, self._arrangement = link, arrangement
        self._pictures = Pictures(link, own, self)
        self.combo = eliding_combo()
        self.combo.setAccessibleName("View")
        for view in VIEWS:
            self.combo.addItem(view.name, view)
            self.combo.setItemData(self.combo.count() - 1, view.tip, Qt.ItemDataRole.ToolTipRole)
        self.combo.setToolTip(
            "How to look at the result. Layers are shown and hidden for it, and put back after."
        )
        self.hint = note(markup=True)
        self.waiting = QProgressBar()
        self.waiting.setRange(0, 0)
        self.waiting.setAccessibleName("The learned schedule is being computed")
        self.waiting.setTextVisible(False)
        self.waiting.setMaximumHeight(6)
        self.swipe = _slider(
            1000, 500, "Drag: your image is left of the line, the reconstruction right of it."
        )
        self.draw = _slider(0, 0, "One of the sharp images that the uncertainty was made from.")
        self.swipe.setAccessibleName("Where your image ends")
        self.draw.setAccessibleName("Number of the draw")
        self.draw_number = QLabel()
        self.play = QPushButton("Play")
        self.play.setCheckable(True)
        self.play.setToolTip(
            "Run through the draws. What stays still is well determined; what flickers is not."
        )
        self._frames = QTimer(self)
        self._frames.setInterval(_FRAME)
        self.bar = ColourBar()
        self._lacked = False
        self._arrange()
        self._connect()
        self._show_controls()

    @property
    def view(self) -> View:
        """The chosen view."""
        chosen: View = self.combo.currentData()
        return chosen

    def choose(self, key: str) -> None:
        """Choose a view."""
        self.combo.setCurrentIndex([view.key for view in VIEWS].index(key))

    def close_down(self) -> None:
        """Stop the animation, and put the layers back."""
        self._frames.stop()
        self._tidy.cancel()
        self._pictures.close()
        self._arrangement.restore()

    @property
    def _shown(self) -> str:
        """What is to be seen: the chosen view, or the reconstruction where that view lacks something."""
        return "reconstruction" if self._missing() else self.view.key

    def _on_chosen(self) -> None:
        self.play.setChecked(False)
        self.waiting.hide()  # it comes back if there is something to wait for
        self._show_controls()
        if self.view.key != "beside" and not self._missing():  # what is missing may be leaving just now
            self._arrangement.leave_grid()
        self._pictures.prepare(self._shown)

    def _on_ready(self, key: str) -> None:
        if key == self._shown:
            self._arrangement.show(self._shown)
            self.bar.show_scale_of(*self._pictures.scalar())
            self._show_controls()
            self._tidy()

    @qdebounced(timeout=100)
    def _tidy(self) -> None:
        if self._arrangement.tidy(self._shown):
            self._tidy()  # the event loop comes round in between

    def _on_failed(self, words: str) -> None:
        """Say why there is no picture, and leave none of another view in its place."""
        self.hint.setText(f"{escape(words)} {_INSTEAD}")
        self.bar.hide()
        self._arrangement.show("reconstruction")
        self._tidy()

    def _on_busy(self, busy: bool) -> None:
        self.waiting.setVisible(busy and self.view.key == "schedule")

    def _on_switched(self) -> None:
        """Another result or original: what can be shown may be something else."""
        if self.view.key != "own":
            self._on_chosen()
        self._show_controls()

    def _on_looked(self, words: str) -> None:
        if self._lacked and not self._missing():  # the draws come with the end of the run
            self._on_chosen()
        elif self._lacked:  # or the run is over, and has kept none
            self._show_controls()
        elif not words and self.view.key in ("uncertainty", "colour", "opacity", "schedule", "swipe"):
            self._pictures.renew()

    def _on_swiped(self, value: int) -> None:
        self._pictures.swipe = value / self.swipe.maximum()
        self._pictures.renew_soon()

    def _on_draw(self, value: int) -> None:
        self._pictures.draw = value
        self._show_number()
        if self.view.key == "draws":
            self._pictures.renew_soon()

    def _show_number(self) -> None:
        self.draw_number.setText(f"{self.draw.value() + 1} of {self.draw.maximum() + 1}")

    def _on_played(self, playing: bool) -> None:
        self.play.setText("Pause" if playing else "Play")
        self._frames.start() if playing else self._frames.stop()

    def _next_draw(self) -> None:
        self.draw.setValue((self.draw.value() + 1) % (self.draw.maximum() + 1))

    def _missing(self) -> bool:
        result, needs = self._link.result, self.view.needs
        if result is None:
            return True
        return (needs == "original" and self._link.original is None) or (
            needs == "draws" and result.draws is None
        )

    def _lack(self) -> str:
        """Say what the view lacks, and how to get it."""
        result, needs = self._link.result, self.view.needs
        if needs == "original" and result is not None and result.colours_parted:
            return f"{COLOURS_PARTED} {_INSTEAD}"
        if needs == "draws" and result is not None and not result.finished:
            return f"{_DRAWS_LATER} {_INSTEAD}"
        why = why_none(result, self._link.viewer.layers) if needs == "original" and result else ""
        return f"{escape(why)} {_MISSING[needs]} {_INSTEAD}".strip()

    def _show_controls(self) -> None:
        missing = self._lacked = self._link.result is not None and self._missing()
        key = self.view.key
        self.hint.setText(self._lack() if missing else self.view.tip)
        self.bar.setVisible(key in ("uncertainty", "schedule") and not missing)
        self.swipe.setVisible(key == "swipe" and not missing)
        self._draw_row.setVisible(key == "draws" and not missing)
        if key == "draws" and not missing and self._link.result is not None:
            draws: Any = self._link.result.draws
            self.draw.setMaximum(max(0, draws.shape[0] - 1))
            self._show_number()
        self.combo.setEnabled(self._link.result is not None)

    def _arrange(self) -> None:
        self._draw_row = QWidget()
        line = QHBoxLayout(self._draw_row)
        line.setContentsMargins(0, 0, 0, 0)
        for control in (self.play, self.draw, self.draw_number):
            line.addWidget(control)
        stack_in(self, self.combo, self.swipe, self._draw_row, self.waiting, self.bar, self.hint)
        self.waiting.hide()

    def _connect(self) -> None:
        self.combo.currentIndexChanged.connect(self._on_chosen)
        self.swipe.valueChanged.connect(self._on_swiped)
        self.draw.valueChanged.connect(self._on_draw)
        self.play.toggled.connect(self._on_played)
        self._frames.timeout.connect(self._next_draw)
        self._pictures.ready.connect(self._on_ready)
        self._pictures.failed.connect(self._on_failed)
        self._pictures.busy.connect(self._on_busy)
        self._link.switched.connect(self._on_switched)
        self._link.looked.connect(self._on_looked)


def _slider(high: int, value: int, tip: str) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(0, high)
    slider.setValue(value)
    slider.setToolTip(tip)
    slider.setMinimumWidth(40)
    return slider
