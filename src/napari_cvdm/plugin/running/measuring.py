"""Measuring how fast a model runs here, in the background, once the user turns to the panel."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_cvdm.plugin.viewer.background import Background
from napari_cvdm.plugin.viewer.torch_loading import load_torch

if TYPE_CHECKING:
    from napari_cvdm.restoration.timing import Speed

Key = tuple[str, str, int | str]
"""Model, device and tile, which a speed belongs to."""


class Measuring(QObject):
    """Knows the speeds that were measured, and measures those that are missing."""

    #: A speed has become known, or will not.
    measured = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._speeds: dict[Key, Speed | None] = {}
        self._key: Key = ("", "", "")
        self._background = Background(self)
        self._background.done.connect(self._keep)
        # Nothing is said: whatever is wrong will be said when it matters, by the run.
        self._background.failed.connect(self._on_failed)
        self._background.busy.connect(self._on_busy)

    @property
    def busy(self) -> bool:
        """Whether something is being measured."""
        return self._background.running

    def speed(self, model: str, device: str, tile: int | str) -> Speed | None:
        """Return a speed, or None if it was not measured or could not be."""
        return self._speeds.get((model, device, tile))

    def measure(self, model: str, device: str, tile: int | str) -> None:
        """Measure in the background, unless that was done; what else is being measured is given up."""
        key: Key = (model, device, tile)
        if key not in self._speeds and not (self.busy and key == self._key):
            self._key = key
            self._background.ask(lambda checkpoint: _measure(*key, checkpoint))

    def give_up(self) -> None:
        """Leave the processor to something more important; what is not known can be measured later."""
        self._background.drop()

    def _on_failed(self, words: str) -> None:
        self._keep(None)

    def _keep(self, speed: Speed | None) -> None:
        self._speeds[self._key] = speed
        self.measured.emit()

    def _on_busy(self, busy: bool) -> None:
        if not busy:
            self.measured.emit()


def _measure(model: str, device: str, tile: int | str, checkpoint: Callable[[], None]) -> Speed:
    """Measure; for a worker."""
    load_torch()
    from napari_cvdm import load_model
    from napari_cvdm.restoration.timing import measure_speed

    return measure_speed(load_model(model), device=device, tile=tile, checkpoint=checkpoint)
