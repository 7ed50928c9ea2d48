"""What the panel is about: a result, its original, the plane in view, and the numbers of that plane."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal
from superqt.utils import qthrottled

from napari_cvdm.assessment.doubt import Measure, PlaneDoubt, ThresholdCurve
from napari_cvdm.plugin.doubt.in_register import lay_on_original
from napari_cvdm.plugin.doubt.linked import Result, find_results
from napari_cvdm.plugin.doubt.originals import original_of
from napari_cvdm.plugin.doubt.slices import Slice, current_slice, go_to
from napari_cvdm.plugin.doubt.words import outside_words
from napari_cvdm.plugin.results.layers import full_data, is_for_show, real
from napari_cvdm.plugin.results.placement import PLACE_EVENTS
from napari_cvdm.plugin.viewer.background import Background
from napari_cvdm.plugin.viewer.following import follow

if TYPE_CHECKING:
    from napari.layers import Image, Layer

_CHANGES_OF_THE_PLANE = ("current_step", "ndisplay", "order")

NO_RESULT = (
    "Restore an image first, or open a saved result that has both the reconstruction and its uncertainty: "
    "this panel then shows how far to trust it."
)
NOT_A_PLANE = "Switch the viewer to 2-D to look at a plane's uncertainty."


@dataclass(frozen=True, eq=False)
class Look:
    """One look at one plane, its thresholds in ``measure``; ``finished`` says whether the run was over."""

    result: Result
    slice: Slice
    measure: Measure
    doubt: PlaneDoubt
    curve: ThresholdCurve
    finished: bool = True

    @property
    def among_others(self) -> bool:
        """Whether there are more planes than this one; of a long film, to list them all takes a while."""
        shape, kept = full_data(self.result.reconstruction).shape, self.result.channel_axis
        return any(n > 1 for axis, n in enumerate(shape) if axis not in (*self.slice.displayed, kept))

    def planes(self, step: int | None = None) -> list[Slice]:
        """Return all planes along the same axes, of channels those of the one in view alone."""
        shape = full_data(self.result.reconstruction).shape
        return self.slice.parallel(shape, self.result.channel_axis, step)


class Link(QObject):
    """Follows a result in the viewer. Lives on the main thread; planes are read and sorted in another.

    Attributes
    ----------
    result, original : Result and Image, or None
        What is looked at.
    measure : {"absolute", "relative"}
        In what uncertainty is told.
    look : Look or None
        The plane in view; None until it has been read, and where there is none.
    """

    #: There may be other results, or other names.
    changed = Signal()
    #: Another result or original is looked at.
    switched = Signal()
    #: There is a new `look`, or none (its words say why).
    looked = Signal(str)
    #: Contrast limits of the result's layers have changed.
    contrast_changed = Signal()
    #: A layer of the result lies elsewhere now.
    moved = Signal()

    def __init__(self, viewer: Any, parent: QObject) -> None:
        super().__init__(parent)
        self.viewer = real(viewer)
        self.results: list[Result] = []
        self.result: Result | None = None
        self.original: Image | None = None
        self.measure: Measure = "absolute"
        self.look: Look | None = None
        self._alone = False
        self._closed = False
        self._redrawn = False  # since the plane was last read
        self._background = Background(self)
        self._background.done.connect(self._on_read)
        self._background.failed.connect(self._lose)
        for name in _CHANGES_OF_THE_PLANE:
            self.viewer.dims.events[name].connect(self.refresh)
        self.viewer.layers.selection.events.active.connect(self._follow_selection)

    def rescan(self) -> None:
        """See which results and originals there are now."""
        if self._closed:
            return
        layers = list(self.viewer.layers)
        self.results = find_results(layers)
        if self.result not in self.results:
            self.choose(self.results[-1] if self.results else None)
        elif self.original not in layers and not self._alone:
            self._compare_with(original_of(self.result, layers))
        self.changed.emit()

    def choose(self, result: Result | None) -> None:
        """Look at a result, and at whatever layer its provenance names.

        A result that is looked at already keeps what it is compared with: the user may have chosen that.
        """
        if result is not None and result == self.result:
            return
        self._follow(result)
        self.original = None if result is None else original_of(result, list(self.viewer.layers))
        self._alone = False
        self._lie_together()
        self._forget()
        self.switched.emit()
        self.refresh()

    def choose_original(self, original: Image | None) -> None:
        """Compare with another layer; or with none, whatever layers come, until one is chosen."""
        self._alone = original is None
        self._compare_with(original)

    def _compare_with(self, original: Image | None) -> None:
        if original is not self.original:
            self.original = original
            self._lie_together(filter(is_for_show, self.viewer.layers))
            self.switched.emit()
            if self.look is not None:  # or why there is none would be said no longer
                self.looked.emit("")

    def _lie_together(self, pictures: Iterable[Layer] = ()) -> None:
        place = self._nearest()
        if self.result and self.original and lay_on_original(self.result, self.original, list(pictures)):
            # The result was in view, and lies elsewhere now.
            self.viewer.reset_view()
            if place is not None:
                go_to(self.result.reconstruction, place, self.viewer.dims)

    def set_measure(self, measure: Measure) -> None:
        """Tell uncertainty in image units or relative to the signal."""
        self.measure = measure
        self._forget()
        self.refresh()

    def close(self) -> None:
        """Follow nothing any more."""
        self._closed = True
        self.refresh.cancel()
        self._background.drop()
        self._follow(None)
        for name in _CHANGES_OF_THE_PLANE:
            self.viewer.dims.events[name].disconnect(self.refresh)
        self.viewer.layers.selection.events.active.disconnect(self._follow_selection)

    def current(self) -> Slice | None:
        """Return the plane in view, if there is one of the result."""
        place = self._nearest()
        return None if place is None or place.outside else place

    @property
    def outside(self) -> bool:
        """Whether the viewer shows a plane that the result does not have."""
        place = self._nearest()
        return place is not None and bool(place.outside)

    def go_there(self) -> None:
        """Bring the result's nearest plane into view."""
        place = self._nearest()
        if self.result is not None and place is not None:
            go_to(self.result.reconstruction, place, self.viewer.dims)

    def _nearest(self) -> Slice | None:
        return current_slice(self.result.reconstruction, self.viewer.dims) if self.result else None

    def _follow_selection(self) -> None:
        active = self.viewer.layers.selection.active
        for result in self.results:
            if active in result.layers and result != self.result:
                self.choose(result)

    def _on_data(self) -> None:
        self._forget()
        self.refresh()

    def _on_contrast(self) -> None:
        self.contrast_changed.emit()

    def _on_moved(self) -> None:
        self.moved.emit()
        self.refresh()  # another of its planes may be in view

    def _on_redrawn(self) -> None:
        """A layer was sliced anew: of interest only while a run is still writing to it."""
        if self.result and not self.result.finished:
            self._redrawn = True
            self.refresh()

    def _follow(self, result: Result | None) -> None:
        slots = {
            "data": self._on_data,
            "set_data": self._on_redrawn,
            "contrast_limits": self._on_contrast,
            "metadata": self.refresh,  # the run may be over
            **dict.fromkeys(PLACE_EVENTS, self._on_moved),
        }
        now, before = (each.layers if each else (None, None) for each in (result, self.result))
        for layer, other in zip(now, before, strict=True):
            follow(layer, other, slots)
        self.result = result

    def _forget(self) -> None:
        """Know nothing of the plane, nor take what is being read for it: that may be of old pixels."""
        self.look = None
        self._background.drop()

    @qthrottled(timeout=60, leading=False)
    def refresh(self) -> None:
        """Look at the plane in view, soon; changes in between share that look."""
        result, measure, place = self.result, self.measure, self._nearest()
        if result is None or place is None or place.outside:
            self._background.drop()
            if result is None or place is None:
                self._lose(NO_RESULT if result is None else NOT_A_PLANE)
            else:
                self._lose(outside_words(result.reconstruction, place, self.viewer.dims))
            return
        finished, look = result.finished, self.look
        known = None if look is None else (look.slice, look.measure, look.finished)
        if known == (place, measure, finished) and not self._redrawn:
            return  # another axis has moved, or it has moved back
        if self._background.running:  # or, while a stack plays or a run is at work, no look would end
            self.refresh()
            return
        self._redrawn = False
        mean, std = (full_data(layer) for layer in result.layers)

        def read(checkpoint: Callable[[], None]) -> Look:
            doubt = PlaneDoubt(place.take(mean), place.take(std))
            checkpoint()
            return Look(result, place, measure, doubt, ThresholdCurve(doubt, measure), finished)

        self._background.ask(read)

    def _on_read(self, look: Look) -> None:
        self.look = look
        self.looked.emit("")

    def _lose(self, words: str) -> None:
        self.look = None
        self.looked.emit(words)
