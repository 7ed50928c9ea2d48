"""A frame around what has the keyboard's focus: napari's themes hide it on buttons, lists and ticks."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QPainter, QPaintEvent
from qtpy.QtWidgets import QWidget


class FocusRing(QWidget):
    """Lies on a widget until that loses the focus, and shows a line in the colour of the theme's text.

    As other styles do, it shows nothing while the user goes about with the mouse.
    """

    def __init__(self, around: QWidget) -> None:
        super().__init__(around)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        around.installEventFilter(self)
        self.setGeometry(around.rect())
        self.show()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Stay as large as the widget, and go with the focus."""
        if event is not None and event.type() == QEvent.Type.FocusOut:
            self.hide()
            self.deleteLater()
        elif event is not None and event.type() == QEvent.Type.Resize and isinstance(watched, QWidget):
            self.setGeometry(watched.rect())
        return False

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the line."""
        window = self.window()
        if window is not None and window.testAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange):
            painter = QPainter(self)
            painter.setPen(self.palette().windowText().color())
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
            painter.end()
