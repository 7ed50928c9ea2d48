"""The layer that the form is about, and what is understood of it."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_cvdm.plugin.reading import FileReading, LayerReading, read_layer, with_file, with_roles

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_cvdm.plugin.worker import Colours

__all__ = ["Subject"]

#: Changes of a layer after which it is read anew.
_LAYER_CHANGES = ("data", "scale", "units", "axis_labels", "affine")


class Subject(QObject):
    """Reads the chosen layer and its file, and remembers what the user has said about each layer.

    Parameters
    ----------
    parent : QObject
        Owner.

    Attributes
    ----------
    layer : napari.layers.Image or None
        The chosen layer.
    understood : LayerReading or None
        What layer and file tell.
    """

    #: What is understood has changed.
    changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.layer: Image | None = None
        self.understood: LayerReading | None = None
        # By the layer, not by the path: a file may be written anew under its name, and opened again.
        self._files: weakref.WeakKeyDictionary[Any, FileReading] = weakref.WeakKeyDictionary()
        self._roles: weakref.WeakKeyDictionary[Any, dict[int, str]] = weakref.WeakKeyDictionary()
        self._colours: weakref.WeakKeyDictionary[Any, Colours] = weakref.WeakKeyDictionary()
        self._pixel_sizes: weakref.WeakKeyDictionary[Any, float] = weakref.WeakKeyDictionary()

    @property
    def reading(self) -> LayerReading | None:
        """What is understood, completed by what the user has said."""
        return None if self.understood is None else with_roles(self.understood, self.roles)

    @property
    def roles(self) -> dict[int, str]:
        """Letters that the user has given to axes without a name, by the number of the axis."""
        return {} if self.layer is None else self._roles.get(self.layer, {})

    @property
    def colours(self) -> Colours:
        """What is to become of the layer's colours."""
        return "average" if self.layer is None else self._colours.get(self.layer, "average")

    @property
    def pixel_size(self) -> float | None:
        """What the user has set for the layer, in nanometres, 0 for not known; None if nothing was set."""
        return None if self.layer is None else self._pixel_sizes.get(self.layer)

    def set_pixel_size(self, nanometres: float) -> None:
        """Take down the pixel size that the user has set for the layer."""
        if self.layer is not None:
            self._pixel_sizes[self.layer] = nanometres

    def answer(self, roles: dict[int, str], colours: Colours) -> None:
        """Take down what the user has said about the layer."""
        if self.layer is not None:
            self._roles[self.layer] = roles
            self._colours[self.layer] = colours

    def set_layer(self, layer: Image | None) -> bool:
        """Turn to a layer, or to none; return whether it is another than before."""
        is_new = layer is not self.layer
        if is_new:
            self.disconnect_layer()
            self.layer = layer
            if layer is not None:
                for name in _LAYER_CHANGES:
                    layer.events[name].connect(self.read)
        if is_new or layer is None:  # the same layer tells when it changes; reading takes a while
            self.read()
        return is_new

    def disconnect_layer(self) -> None:
        """Listen to the layer no longer."""
        if self.layer is not None:
            for name in _LAYER_CHANGES:
                self.layer.events[name].disconnect(self.read)

    def read(self, event: Any = None) -> None:
        """Read the layer, and its file as soon as that has been read in the background."""
        if self.layer is None:
            self.understood = None
        else:
            reading = read_layer(self.layer)
            if reading.path is not None and self.layer not in self._files:
                self._read_file(self.layer, reading.path)
            elif reading.path is not None:
                reading = with_file(reading, self._files[self.layer])
            self.understood = reading
        self.changed.emit()

    def _read_file(self, layer: Image, path: Path) -> None:
        from superqt.utils import create_worker

        self._files[layer] = FileReading()
        worker = create_worker(_read_for, weakref.ref(layer), path, _start_thread=False)
        worker.returned.connect(self._on_file_read)
        worker.start()

    def _on_file_read(self, answer: tuple[weakref.ref[Image], FileReading]) -> None:
        layer = answer[0]()
        if layer is not None:
            self._files[layer] = answer[1]
            self.read()


def _read_for(layer: weakref.ref[Image], path: Path) -> tuple[weakref.ref[Image], FileReading]:
    """Read a layer's file; for a worker, which must not keep the layer alive."""
    from napari_cvdm.plugin.file_reading import read_file

    return layer, read_file(path)
