"""The plugin's panels share a place among the docks, as tabs, however they were opened."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QWidget

from napari_cvdm.plugin.viewer.graphics import dock_of, main_window_of

#: napari ends the names of a plugin's docks like this.
_OURS = "(napari-cvdm)"


class SharedPlace(QObject):
    """Puts a panel's dock, when it is first shown, into one place with those of the plugin that are there.

    From its menu, napari docks panels above each other, and leaves the upper one two rows of its form. What
    the user arranges afterwards stays.
    """

    def __init__(self, panel: QWidget) -> None:
        super().__init__(panel)
        self._panel = panel
        panel.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Wait until napari has placed the dock; nothing is kept from the panel."""
        if event is not None and event.type() == QEvent.Type.Show:
            self._panel.removeEventFilter(self)
            QTimer.singleShot(0, self._share)
        return False

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
