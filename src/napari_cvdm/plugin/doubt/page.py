"""The panel's page: it scrolls up and down, and is never cut off at the side."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QWidget

from napari_cvdm.plugin.viewer.rows import Scrolling

#: In pixels: narrower, there is no room for plots.
_LEAST_WIDTH = 220


class Page(Scrolling):
    """Shows a widget as `Scrolling` does, and asks for the room that it needs.

    How much that is depends on the size of the user's type, and on what the widget shows.
    """

    def __init__(self, content: QWidget, name: str) -> None:
        super().__init__(content, name)
        self._ask_for_room()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Notice that the content needs another width."""
        if event is not None and event.type() == QEvent.Type.LayoutRequest and watched is self.widget():
            self._ask_for_room()
        return bool(super().eventFilter(watched, event))

    def _ask_for_room(self) -> None:
        content, bar = self.widget(), self.verticalScrollBar()
        if content is not None and bar is not None:
            around = bar.sizeHint().width() + 2 * self.frameWidth()  # themes draw a frame where there is none
            needed = content.minimumSizeHint().width() + around
            self.setMinimumWidth(max(_LEAST_WIDTH, needed))
