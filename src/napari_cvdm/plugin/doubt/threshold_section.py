"""The part of the panel that draws the line between what to trust and what not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QWidget
from superqt import QLabeledDoubleSlider
from superqt.utils import qthrottled, signals_blocked

from napari_cvdm.plugin.doubt.link import Link, Look
from napari_cvdm.plugin.doubt.own_layers import OwnLayers
from napari_cvdm.plugin.doubt.stack_marking import StackMarking, mark_looks
from napari_cvdm.plugin.doubt.words import threshold_words
from napari_cvdm.plugin.viewer.background import Background
from napari_cvdm.plugin.viewer.rows import note, stack_in

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_cvdm.assessment.doubt import Measure
    from napari_cvdm.plugin.doubt.linked import Result

#: Share of the signal that is above the threshold to begin with.
_AT_FIRST = 0.1


class ThresholdSection(QWidget):
    """A slider in image units or per cent of the signal, what lies above it, and marks in the image."""

    #: The threshold has changed, in the link's measure.
    changed = Signal(float)

    def __init__(self, link: Link, marks: OwnLayers) -> None:
        super().__init__()
        self._link, self._marks = link, marks
        self._set_for: tuple[Result, Measure, int | None, bool] | None = None
        self._chosen: dict[tuple[Result, Measure, int | None], float] = {}
        self._shown: Layer | None = None
        self.slider = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        for part in (self.slider, *self.slider.findChildren(QWidget)):
            part.setToolTip("Pixels less certain than this count as doubtful. Type a number, or drag.")
            part.setAccessibleName("Threshold of uncertainty")
        self.words = note(markup=True)
        self.mark = QCheckBox("Mark in the image")
        self.mark.setToolTip("Adds a Labels layer for the plane in view, which follows the slider.")
        self.whole = StackMarking(link, marks, lambda: self.threshold)
        self._marking, self._preparing = Background(self), Background(self)
        stack_in(self, self.slider, self.words, self.mark, self.whole)
        self._connect()

    @property
    def threshold(self) -> float | None:
        """The threshold in the link's measure, or None while there is nothing to look at."""
        if self._link.look is None:
            return None
        return float(self.slider.value()) / self._per_unit()

    def showEvent(self, event: Any) -> None:
        """Have ready what the first marks need."""
        super().showEvent(event)
        self._preparing.ask(_prepare_marks)

    def close_down(self) -> None:
        """Want nothing any more; marks stay in the viewer."""
        self._mark_plane.cancel()
        self._marking.drop()
        self.whole.give_up()
        self._shown = None
        self._link.viewer.layers.events.removed.disconnect(self._on_removed)

    def _per_unit(self) -> float:
        return 100.0 if self._link.measure == "relative" else 1.0

    def _on_looked(self, words: str) -> None:
        look = self._link.look
        for part in (self.slider, self.words, self.mark):  # what is marking the stack can still be stopped
            part.setEnabled(look is not None)
        if look is None:
            self.words.setText("")
            if self._link.result is None:  # do not keep the layers of a result that is gone
                self._set_for = None
                self._chosen.clear()
            return
        scope = _scope(look)
        # While a run goes on, its errors grow and shrink; only a threshold that the user has set stays then.
        passing = not look.finished and scope not in self._chosen
        relative, top = look.measure == "relative", max(look.curve.highest, 1e-9)
        end = min(top, 5.0) * self._per_unit() if relative else top
        with signals_blocked(self.slider):
            if passing or (*scope, look.finished) != self._set_for:
                # Another plane of the same stack keeps the threshold, so that planes can be compared.
                if self._set_for is not None and self._set_for[0] != look.result:
                    self._chosen.clear()
                self._set_for = (*scope, look.finished)
                self.slider.setDecimals(1 if relative else max(0, 2 - int(np.floor(np.log10(top)))))
                self.slider.setRange(0, end)
                self.slider.setSingleStep(end / 100)  # type: ignore[arg-type]
                first = look.curve.threshold_for(_AT_FIRST) * self._per_unit()
                self.slider.setValue(self._chosen.get(scope, first))
            elif end > self.slider.maximum():
                self.slider.setMaximum(end)  # type: ignore[arg-type]
        if look.finished:
            self._chosen.setdefault(scope, float(self.slider.value()))
        self._tell()

    def _on_moved(self) -> None:
        if self._link.look is not None:
            self._chosen[_scope(self._link.look)] = float(self.slider.value())
        self._tell()

    def _tell(self) -> None:
        look, threshold = self._link.look, self.threshold
        if look is None or threshold is None:
            return
        result = look.result
        calibrated = result.calibrated if look.finished else None
        words = threshold_words(look.curve.at(threshold), look.measure, calibrated, result.interval_factor)
        self.words.setText(words)
        self.changed.emit(threshold)
        if self.mark.isChecked():
            self._mark_plane()

    def _on_mark(self, marked: bool) -> None:
        if marked:
            self._mark_plane()
        else:
            self._mark_plane.cancel()
            self._marking.drop()
            self._marks.remove("plane")
            self._shown = None

    @qthrottled(timeout=40, leading=False)
    def _mark_plane(self) -> None:
        look, threshold = self._link.look, self.threshold
        if look is None or threshold is None:
            return
        self._marking.ask(
            lambda _: (look, (look.doubt.uncertainty(look.measure) > np.float32(threshold)).astype(np.uint8))
        )

    def _on_marked(self, answer: tuple[Any, np.ndarray]) -> None:
        look, mask = answer
        if self.mark.isChecked() and look.result == self._link.result:
            name = f"{look.result.reconstruction.name} doubtful"
            looks = {"name": name, **mark_looks()}
            self._shown = self._marks.show_plane("plane", mask, look.slice, look.result, **looks)

    def _on_removed(self, event: Any) -> None:
        """Take the tick away with marks that the user has deleted: they would come back with a plane."""
        layer = event.value
        if layer is self._shown and self._marks.owns(layer):  # no longer, when it is removed here
            self.mark.setChecked(False)

    def _on_failed(self, words: str) -> None:
        self.words.setText(escape(words))

    def _on_mark_failed(self, words: str) -> None:
        self.mark.setChecked(False)  # marks of another threshold or plane would be taken for these
        self._on_failed(words)

    def _connect(self) -> None:
        self.slider.valueChanged.connect(self._on_moved)
        self.mark.toggled.connect(self._on_mark)
        self.whole.marked.connect(lambda: self.mark.setChecked(False))  # the stack's marks show the same
        self.whole.failed.connect(self._on_failed)
        self._marking.done.connect(self._on_marked)
        self._marking.failed.connect(self._on_mark_failed)
        self._link.looked.connect(self._on_looked)
        self._link.moved.connect(self._tell)  # marks go with the plane
        self._link.viewer.layers.events.removed.connect(self._on_removed)


def _scope(look: Look) -> tuple[Result, Measure, int | None]:
    """Return for what a threshold holds; other planes of the same channel can then be compared."""
    return look.result, look.measure, look.result.channel_at(look.slice.index)


def _prepare_marks(checkpoint: Callable[[], None]) -> None:
    """Let napari and vispy prepare beside the viewer what they would prepare on the main thread otherwise.

    No layer is made for that: napari silences a warning meanwhile, and Python puts the earlier filters of
    warnings back for all threads, so that the warning would be shown in the one that makes marks just then.
    """
    import skimage.color.colorconv  # noqa: F401  takes long to load, and all labels need it

    with suppress(ImportError):
        from vispy.visuals.line.dash_atlas import DashAtlas

        DashAtlas()  # keeps its patterns of dashes, which all labels need
