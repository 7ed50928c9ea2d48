"""The layer that the form is about, and what is understood of it."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal
from superqt.utils import create_worker

from napari_cvdm.plugin.image.answers import Answers
from napari_cvdm.plugin.image.pixel_sizes import NOT_KNOWN, length_words
from napari_cvdm.plugin.image.reading import FileReading, LayerReading, read_layer, with_file, with_roles
from napari_cvdm.plugin.viewer.following import follow
from napari_cvdm.plugin.viewer.quiet_worker import QuietWorker

if TYPE_CHECKING:
    from napari.layers import Image

#: Changes of a layer after which it is read anew.
_LAYER_CHANGES = ("data", "scale", "units", "axis_labels", "affine")

#: What was said of each layer, with the number of axes that it had then: axes are told by their number. Kept
#: for the panel that is opened after this one.
_ANSWERS: weakref.WeakKeyDictionary[Any, tuple[int, Answers]] = weakref.WeakKeyDictionary()
#: The pixel size that was set for each layer, in nanometres; 0 for not known.
_PIXEL_SIZES: weakref.WeakKeyDictionary[Any, float] = weakref.WeakKeyDictionary()


class Subject(QObject):
    """Reads the chosen layer and its file, and remembers what the user has said about each layer.

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

    @property
    def reading(self) -> LayerReading | None:
        """What is understood, completed by what the user has said."""
        if self.layer is None or self.understood is None:
            return None
        if len(self.understood.axes) != self.layer.ndim:
            # napari tells the viewer of new pixels first, and whoever follows its sliders asks then.
            self.understood = self._understand(self.layer)
        return with_roles(self.understood, self.answers.roles)

    @property
    def answers(self) -> Answers:
        """What the user has said of the layer, unless it was said of another number of axes."""
        if self.layer is None or self.understood is None:
            return Answers()
        ndim, answers = _ANSWERS.get(self.layer, (0, Answers()))
        return answers if ndim == len(self.understood.axes) else Answers()

    @property
    def pixel_size(self) -> tuple[float | None, str]:
        """The pixel size in nanometres, and where it comes from or why it is not known."""
        if self.layer is None or self.understood is None:
            return None, ""
        found, origin = self.understood.pixel_size, self.understood.pixel_size_origin
        set_by_user = _PIXEL_SIZES.get(self.layer)
        if set_by_user is None:
            return found, origin
        if not set_by_user:
            return None, NOT_KNOWN
        return set_by_user, f"set by you; {length_words(found)} {origin}" if found else "set by you"

    def set_pixel_size(self, nanometres: float) -> None:
        """Take down the pixel size that the user has set for the layer."""
        if self.layer is not None:
            _PIXEL_SIZES[self.layer] = nanometres

    def answer(self, answers: Answers) -> None:
        """Take down what the user has said about the layer."""
        if self.layer is not None and self.understood is not None:
            _ANSWERS[self.layer] = len(self.understood.axes), answers

    def set_layer(self, layer: Image | None) -> bool:
        """Turn to a layer, or to none; return whether it is another than before."""
        is_new = layer is not self.layer
        self._follow(layer)
        if is_new or layer is None:  # the same layer tells when it changes; reading takes a while
            self.read()
        return is_new

    def close(self) -> None:
        """Be about no layer any more."""
        self._follow(None)

    def _follow(self, layer: Image | None) -> None:
        self.layer = follow(layer, self.layer, dict.fromkeys(_LAYER_CHANGES, self.read))

    def read(self) -> None:
        """Read the layer, and its file as soon as that has been read in the background."""
        self.understood = None if self.layer is None else self._understand(self.layer)
        self.changed.emit()

    def _understand(self, layer: Image) -> LayerReading:
        reading = read_layer(layer)
        if reading.path is None:
            return reading
        if layer not in self._files:
            self._read_file(layer, reading.path)
        return with_file(reading, self._files[layer])

    def _read_file(self, layer: Image, path: Path) -> None:
        self._files[layer] = FileReading()
        own = layer.source.reader_plugin == "napari-cvdm"
        # Raises in the main thread what is a fault of the program, and not of the file.
        worker = create_worker(
            _read_for, weakref.ref(layer), path, own, _start_thread=False, _worker_class=QuietWorker
        )
        worker.returned.connect(self._on_file_read)
        worker.start()

    def _on_file_read(self, answer: tuple[weakref.ref[Image], FileReading]) -> None:
        layer = answer[0]()
        if layer is not None:
            self._files[layer] = answer[1]
            self.read()


def _read_for(layer: weakref.ref[Image], path: Path, own: bool) -> tuple[weakref.ref[Image], FileReading]:
    """Read a layer's file; for a worker, which must not keep the layer alive."""
    from napari_cvdm.plugin.image.file_reading import read_file

    return layer, read_file(path, own=own)
