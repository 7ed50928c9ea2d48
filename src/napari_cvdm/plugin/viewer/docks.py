"""The docks of the plugin's panels: they share a place, as tabs, and a panel taken out of its dock ends."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt, QTimer, Signal
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from napari_cvdm.plugin.viewer.graphics import dock_of, main_window_of, make_canvas_current

#: napari ends the names of a plugin's docks like this.
_OURS = "(napari-cvdm)"
#: Panels taken out of their dock, until they are deleted; nobody else may hold them.
_CLOSED: set[QWidget] = set()


class PanelDock(QObject):
    """Looks after a panel's dock: puts it, when it is first shown, into one place with the plugin's others.

    From its menu, napari docks panels above each other, and leaves the upper one two rows of its form. What
    the user arranges afterwards stays.

    napari closes a dock by taking the panel out of it. The panel is then kept until `delete_panel`, and none
    is left for the garbage collector to find: Python may collect in any thread, but a Qt widget must be
    destroyed on the main thread.
    """

    #: The panel was taken out of its dock.
    taken_out = Signal()
    #: It has not been docked again at once.
    closed = Signal()

    def __init__(self, panel: QWidget, viewer: Any) -> None:
        super().__init__(panel)
        self._panel, self._placed = panel, False
        self._removing = viewer.layers.events.removing
        self._removing.connect(self._make_canvas_current)
        self._window: Callable[[], QMainWindow | None] = lambda: None
        panel.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Take notice of being shown and taken out; nothing is kept from the panel."""
        if event is not None and event.type() == QEvent.Type.ParentChange and self._panel.parent() is None:
            _CLOSED.add(self._panel)
            self.taken_out.emit()
            QTimer.singleShot(0, self.tell_if_closed)
        elif event is not None and event.type() == QEvent.Type.Show:
            if window := main_window_of(self._panel):
                self._window = weakref.ref(window)  # for the time after the dock is closed
            if not self._placed:
                self._placed = True
                QTimer.singleShot(0, self._share)  # once napari has placed the dock
        return False

    def _make_canvas_current(self) -> None:
        """Do what must be done before a layer is removed, see `graphics.make_canvas_current`."""
        make_canvas_current(main_window_of(self._panel) or self._window())

    def tell_if_closed(self) -> None:
        """Emit `closed` if the panel is out of its dock, and not deleted yet."""
        if self._panel.parent() is not None:  # docked again
            _CLOSED.discard(self._panel)
        elif self._panel in _CLOSED:
            self.closed.emit()

    def delete_panel(self) -> None:
        """Let Qt delete the panel."""
        self._removing.disconnect(self._make_canvas_current)
        _CLOSED.discard(self._panel)
        self._panel.deleteLater()

    def _share(self) -> None:
        window, own = main_window_of(self._panel), dock_of(self._panel)
        if window is None or own is None or own.isFloating():
            return
        beside = window.tabifiedDockWidgets(own)
        for dock in window.findChildren(QDockWidget, options=Qt.FindChildOption.FindDirectChildrenOnly):
            ours = dock is not own and dock.objectName().endswith(_OURS)
            here = window.dockWidgetArea(dock) == window.dockWidgetArea(own)
            if ours and here and not (dock.isFloating() or dock.isHidden() or dock in beside):
                window.tabifyDockWidget(dock, own)
                own.raise_()
                return
