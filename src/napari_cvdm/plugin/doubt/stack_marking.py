"""Marking what is doubtful in all planes of a result, as a layer to keep."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton

from napari_cvdm.assessment.doubt import PlaneDoubt
from napari_cvdm.plugin.doubt.link import Link, Look
from napari_cvdm.plugin.doubt.linked import Result
from napari_cvdm.plugin.doubt.own_layers import OwnLayers
from napari_cvdm.plugin.doubt.words import amount
from napari_cvdm.plugin.results.layers import full_data
from napari_cvdm.plugin.results.placement import where_it_lies
from napari_cvdm.plugin.running.plan import free_memory, memory_words
from napari_cvdm.plugin.viewer.background import Background, Task

_MARK, _MARK_TIP = (
    "Mark the whole stack",
    "Makes a Labels layer of all planes (of channels, of the one in view) at this threshold, to measure with "
    "or to save.",
)
_STOP_TIP = "Give up marking: no layer is made."
#: Bytes for each pixel of a plane while it is marked: as it is read, and five copies of it that are compared.
_FOR_A_PLANE = 24
#: Stands out from grey, from the overlay's orange and from magma, with every kind of colour blindness.
_BLUE = (0.1, 0.65, 1.0, 1.0)


class StackMarking(QPushButton):
    """A button that marks all planes above a threshold. While it is at work, the same button stops it.

    It is hidden where there is but one plane.

    The marks come into the viewer through ``marks``. ``threshold`` returns the threshold in the link's
    measure, or None while there is nothing to look at.
    """

    #: The marks are in the viewer.
    marked = Signal()
    #: Why there are none, in words for the user.
    failed = Signal(str)

    def __init__(self, link: Link, marks: OwnLayers, threshold: Callable[[], float | None]) -> None:
        super().__init__()
        self._link, self._marks, self._threshold = link, marks, threshold
        self._result: Result | None = None
        self._background = Background(self)
        self._background.done.connect(self._on_marked)
        self._background.failed.connect(self._on_failed)
        self.clicked.connect(self._on_clicked)
        link.looked.connect(self._on_looked)
        link.switched.connect(self._on_switched)
        self._turn_to(None)
        self.hide()

    def give_up(self) -> None:
        """Mark no more. The thread ends at the next plane, and its answer goes nowhere."""
        self._background.drop()
        self._turn_to(None)

    def _turn_to(self, result: Result | None) -> None:
        """Be about the planes of a result, with a button that stops; or of none, with one that starts."""
        self._result = result
        self.setText(_MARK if result is None else "Stop")
        self.setToolTip(_MARK_TIP if result is None else _STOP_TIP)
        self._allow()

    def _allow(self) -> None:
        """Let it be pressed where there is a plane to begin with, or something to stop."""
        self.setEnabled(self._link.look is not None or self._result is not None)

    def _on_looked(self, words: str) -> None:
        self._allow()
        if look := self._link.look:
            self.setVisible(look.among_others)

    def _on_switched(self) -> None:
        if self._result != self._link.result:  # and not only what it is compared with
            self.give_up()

    def _on_clicked(self) -> None:
        look, threshold = self._link.look, self._threshold()
        if self._result is not None:
            self.give_up()
        elif look is not None and threshold is not None:
            shape = full_data(look.result.reconstruction).shape
            plane = math.prod(shape[axis] for axis in look.slice.displayed)
            needed, free = math.prod(shape) + _FOR_A_PLANE * plane, free_memory()
            if needed > free:
                self.failed.emit(
                    f"Marks of all planes take {memory_words(needed)} of memory, and {memory_words(free)} "
                    "are free: close what you do not need, or mark the plane in view alone."
                )
                return
            self._turn_to(look.result)
            self._background.ask(_marking_task(look, threshold))

    def _on_marked(self, answer: tuple[Look, float, np.ndarray]) -> None:
        from napari.layers import Labels

        self._turn_to(None)
        # The panel may tell uncertainty otherwise by now than when the button was pressed.
        look, threshold, mask = answer
        reconstruction = look.result.reconstruction
        name = f"{reconstruction.name} doubtful above {amount(threshold, look.measure)}"
        layer = Labels(mask, name=name, **where_it_lies(reconstruction), **mark_looks())
        self._marks.add("stack", layer)
        self._marks.release("stack")
        self.marked.emit()

    def _on_failed(self, words: str) -> None:
        self._turn_to(None)
        self.failed.emit(words)


def mark_looks() -> dict[str, Any]:
    """Return the keyword arguments of a Labels layer that make marks look like marks."""
    from napari.utils.colormaps import DirectLabelColormap

    clear = np.zeros(4, np.float32)
    colormap = DirectLabelColormap(color_dict={None: clear, 0: clear, 1: np.array(_BLUE, np.float32)})
    return {"colormap": colormap, "opacity": 0.9, "blending": "translucent_no_depth"}


def _marking_task(look: Look, threshold: float) -> Task:
    """Plan the marks, plane by plane along the axes on the screen; carried out in another thread."""
    mean, std = (full_data(layer) for layer in look.result.layers)

    def mark(checkpoint: Callable[[], None]) -> tuple[Look, float, np.ndarray]:
        mask = np.zeros(mean.shape, np.uint8)
        for place in look.planes(step=1):
            checkpoint()
            doubt = PlaneDoubt(place.take(mean), place.take(std))
            place.take(mask)[...] = doubt.uncertainty(look.measure) > np.float32(threshold)
        return look, threshold, mask

    return mark
