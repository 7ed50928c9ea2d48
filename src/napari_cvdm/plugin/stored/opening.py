"""Opening saved results without holding up the viewer."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal
from qtpy.QtWidgets import QWidget

from napari_cvdm.plugin.doubt.in_register import lying_on_originals
from napari_cvdm.plugin.results.layers import LayerData
from napari_cvdm.plugin.stored.reopening import (
    read_saved,
    settle_added,
    shown_pictures,
    whole_runs,
)
from napari_cvdm.plugin.viewer.garbage import OldObjectsSpared
from napari_cvdm.plugin.viewer.graphics import main_window_of
from napari_cvdm.plugin.viewer.lasting import WindowClosing
from napari_cvdm.plugin.viewer.notices import show_error
from napari_cvdm.plugin.viewer.quiet_worker import QuietWorker
from napari_cvdm.restoration.errors import ImageFileError

#: Between two layers, in milliseconds: napari takes a tenth of a second for each.
_REST = 10


class Opening(QObject):
    """Opens saved results, whatever they are called, one after the other: read in a worker, then added.

    ``viewer.open`` would read them on the main thread, and refuse this plugin for files that do not end as
    its manifest says.

    They are opened even if the panel where they were dropped is closed meanwhile, but not if its window is.
    """

    #: Words for the user: what is going on, and how it went.
    told = Signal(str)

    def __init__(self, viewer: Any, panel: QWidget) -> None:
        super().__init__(panel)
        self._viewer = viewer
        #: The first of them is being opened.
        self._paths: deque[Path] = deque()
        #: What was read of it, and is not added yet.
        self._layers: deque[LayerData] = deque()
        self._runs: list[str] = []
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._add)

    def open(self, path: Path) -> None:
        """Open a file or folder for which `is_saved_result` is true, after those that are waiting."""
        window = main_window_of(self)
        if window is not None and self.parent() is not window:
            self.setParent(window)
            WindowClosing(window, self).closed.connect(self._paths.clear)
        self._paths.append(path)
        if len(self._paths) == 1:
            self._read()

    def _read(self) -> None:
        self.told.emit(f"Opening {self._paths[0].name} …")
        worker = QuietWorker(read_saved, self._paths[0], shown_pictures(self._viewer.layers))
        worker.returned.connect(self._on_read)
        worker.errored.connect(self._on_failed)
        worker.start()

    def _on_read(self, layers: list[LayerData]) -> None:
        self._layers.extend(lying_on_originals(layers, self._viewer.layers))
        self._runs = whole_runs(layers)
        self._add()

    def _add(self) -> None:
        """Add a layer, and the next one in a while; after the last, turn to the next file."""
        if not self._paths:  # the window was closed
            return
        if not self._layers:
            try:
                settle_added(self._viewer, self._runs)
            finally:
                self._go_on(f"Opened {self._paths[0].name}.")
            return
        from napari.layers._source import layer_source

        data, attributes, _ = self._layers.popleft()
        try:
            # As napari tells of what it opens: the other panel takes a result without a file for a copy.
            with OldObjectsSpared(), layer_source(path=str(self._paths[0]), reader_plugin="napari-cvdm"):
                self._viewer.add_image(data, **attributes)
        finally:  # what another plugin's callbacks raise is for napari to show
            self._timer.start(_REST)

    def _on_failed(self, error: Exception) -> None:
        if not self._paths:
            return
        self._go_on(str(error))
        if not isinstance(error, ImageFileError):  # a fault of the program, which napari shows as such
            raise error
        show_error(str(error))

    def _go_on(self, words: str) -> None:
        self.told.emit(words)
        self._paths.popleft()
        if self._paths:
            self._read()
