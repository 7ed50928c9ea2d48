"""Measuring how fast a model runs here, in the background, once the user turns to the panel."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_cvdm.plugin.viewer.quiet_worker import QuietWorker
from napari_cvdm.plugin.viewer.torch_loading import load_torch

if TYPE_CHECKING:
    from napari_cvdm.restoration.timing import Speed

Key = tuple[str, str, int | str]
"""Model, device and tile, which a speed belongs to."""


class Measuring(QObject):
    """Knows the speeds that were measured, and measures those that are missing."""

    #: A speed has become known.
    measured = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._speeds: dict[Key, Speed | None] = {}
        self._worker: object = None
        self._key: Key = ("", "", "")
        self._given_up = threading.Event()

    @property
    def busy(self) -> bool:
        """Whether something is being measured."""
        return self._worker is not None

    def speed(self, model: str, device: str, tile: int | str) -> Speed | None:
        """Return a speed, or None if it was not measured or could not be."""
        return self._speeds.get((model, device, tile))

    def measure(self, model: str, device: str, tile: int | str) -> None:
        """Measure in the background, unless that was done or something else is being measured."""
        key: Key = (model, device, tile)
        if self.busy or key in self._speeds:
            return
        self._key = key
        self._given_up = given_up = threading.Event()
        worker = QuietWorker(_measure, *key, given_up)
        # Methods of this object, and no functions: Qt lets go of them when the panel is closed meanwhile.
        worker.returned.connect(self._keep)
        worker.errored.connect(self._on_failed)
        self._worker = worker
        worker.start()

    def give_up(self) -> None:
        """Leave the processor to something more important; what is not known can be measured later."""
        self._given_up.set()

    def _on_failed(self, error: Exception) -> None:
        """Say nothing: whatever is wrong will be said when it matters, by the run."""
        self._keep(None)

    def _keep(self, speed: Speed | None) -> None:
        self._worker = None
        if speed is not None or not self._given_up.is_set():
            self._speeds[self._key] = speed
        self.measured.emit()


def _measure(model: str, device: str, tile: int | str, given_up: threading.Event) -> Speed:
    """Measure; for a worker."""
    load_torch()
    from napari_cvdm import load_model
    from napari_cvdm.restoration.timing import measure_speed

    def checkpoint() -> None:
        if given_up.is_set():
            raise InterruptedError

    return measure_speed(load_model(model), device=device, tile=tile, checkpoint=checkpoint)
