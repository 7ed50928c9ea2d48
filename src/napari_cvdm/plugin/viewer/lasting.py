"""Work that ends with its own viewer's window, whichever other windows are closed meanwhile."""

from __future__ import annotations

import weakref
from contextlib import suppress
from typing import Any

from qtpy.QtCore import QEvent, QObject, Signal
from qtpy.QtWidgets import QMainWindow
from superqt.utils import GeneratorWorker

from napari_cvdm.plugin.viewer.quiet_worker import Quiet


class LastingWorker(Quiet, GeneratorWorker[Any, Any, Any]):
    """A worker that napari cannot end while the window it works for is on the screen.

    napari enters a worker with the window that was active last, and asks it to quit when that one closes.
    With two viewers that may be the other.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._window: weakref.ref[QMainWindow] | None = None

    def belong_to(self, window: QMainWindow | None) -> None:
        """Work for a window, or for none: then whoever asks it to quit is heard."""
        self._window = None if window is None else weakref.ref(window)

    def work(self) -> Any:
        """Take step after step. When given up, what the steps have open is closed here, before `finished`."""
        try:
            return super().work()
        finally:
            self._gen.close()

    def quit(self) -> None:
        """End before the next step, unless there is still somebody to work for. napari calls this."""
        window = None if self._window is None else self._window()
        with suppress(RuntimeError):  # Qt has destroyed the window
            if window is not None and window.isVisible():
                return
        self.give_up()

    def give_up(self, *_: Any) -> None:
        """End before the next step."""
        super().quit()


class WindowClosing(QObject):
    """Tells that a window has closed; not that its user is asked about it, nor that it is hidden."""

    #: The window has been closed.
    closed = Signal()

    def __init__(self, window: QMainWindow, parent: QObject) -> None:
        super().__init__(parent)
        self._asked = False
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Take notice; nothing is kept from the window."""
        if event is not None and event.type() == QEvent.Type.Close:
            self._asked = True
        elif (
            event is not None and event.type() == QEvent.Type.Hide and not event.spontaneous() and self._asked
        ):
            self.closed.emit()
        return False
