"""The page of a panel: it scrolls up and down, is never cut off at the side, and its sections fold away."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QApplication, QFrame, QPushButton, QScrollArea, QWidget

from napari_cvdm.plugin.viewer.focus_ring import FocusRing
from napari_cvdm.plugin.viewer.rows import stack_in
from napari_cvdm.plugin.viewer.wheel import leave_wheel_to_panel

_HEADING = (
    "text-align: left; border: none; outline: none; background: transparent; font-weight: bold; "
    "padding: 4px 0px;"
)


class Page(QScrollArea):
    """Puts widgets below each other, as wide as there is room, and lets them scroll where it is too low.

    It asks for the width that they need, which depends on the size of the user's type and on what they show.
    What has the keyboard's focus is framed, be it a part of it or itself, when arrow keys scroll.
    """

    def __init__(self, *parts: QWidget, name: str = "") -> None:
        super().__init__()
        content = QWidget()
        column = stack_in(content, *parts)
        column.setContentsMargins(4, 4, 4, 4)
        column.addStretch()
        leave_wheel_to_panel(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName(name)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(content)
        self._ask_for_room()
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._on_focus)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Notice that the content needs another width."""
        if event is not None and event.type() == QEvent.Type.LayoutRequest and watched is self.widget():
            self._ask_for_room()
        return bool(super().eventFilter(watched, event))

    def _ask_for_room(self) -> None:
        content, bar = self.widget(), self.verticalScrollBar()
        if content is not None and bar is not None:
            around = bar.sizeHint().width() + 2 * self.frameWidth()  # themes draw a frame where there is none
            self.setMinimumWidth(content.minimumSizeHint().width() + around)

    def _on_focus(self, before: QWidget | None, now: QWidget | None) -> None:
        if now is not None and (now is self or self.isAncestorOf(now)):
            FocusRing(now)


class Section(QWidget):
    """A heading that can be clicked or reached with Tab, and what it shows and hides below it."""

    def __init__(self, title: str, content: QWidget, tip: str, unfolded: bool = False) -> None:
        super().__init__()
        self.content, self._title = content, title
        self.heading = QPushButton()
        self.heading.setCheckable(True)
        self.heading.setChecked(unfolded)
        self.heading.setStyleSheet(_HEADING)
        self.heading.setToolTip(tip)
        self.heading.setAccessibleName(title)
        self.heading.toggled.connect(self._fold)
        stack_in(self, self.heading, content).setSpacing(2)
        self._fold(unfolded)

    def unfold(self) -> None:
        """Open it."""
        self.heading.setChecked(True)

    def _fold(self, unfolded: bool) -> None:
        self.heading.setText(f"{'▾' if unfolded else '▸'} {self._title}")  # icons would not follow the theme
        self.content.setVisible(unfolded)  # or the keyboard would reach what cannot be seen
