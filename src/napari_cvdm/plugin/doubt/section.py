"""A part of the panel under a heading that folds it away, and what such parts are built of."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from qtpy.QtCore import QEvent, QSize, Qt
from qtpy.QtGui import QResizeEvent, QShowEvent
from qtpy.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_cvdm.plugin.viewer.notices import literally
from napari_cvdm.plugin.viewer.rows import stack_in
from napari_cvdm.plugin.viewer.wheel import leave_wheel_to_panel

PAINTED = "painted"
"""Name of Qt objects that paint their text themselves, to get a size of type that follows the theme's."""

_STYLE = (
    "#heading {{ border: none; background: transparent; font-weight: bold; font-size: {pixels}px; "
    "text-align: left; padding: 4px 0px; }} "
    "QTableView, QHeaderView, #" + PAINTED + " {{ font-size: {smaller}px; }}"
)


class Section(QWidget):
    """A heading that can be clicked or reached with Tab, and what is below it."""

    def __init__(self, title: str, content: QWidget, tip: str, unfolded: bool = False) -> None:
        super().__init__()
        self.heading = QToolButton()
        self.heading.setObjectName("heading")
        self.heading.setText(title)
        self.heading.setToolTip(tip)
        self.heading.setCheckable(True)
        self.heading.setChecked(unfolded)
        self.heading.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.heading.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.heading.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._measure = QLabel(self)  # napari's theme states the size of type of labels, not of what is below
        self._measure.hide()
        self.heading.toggled.connect(self._fold)
        self.content = content
        stack_in(self, self.heading, content).setSpacing(2)
        leave_wheel_to_panel(content)
        self._fold(unfolded)

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the theme's size of type."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.StyleChange:
            self._match_type()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Follow the theme of the window that the section was put in."""
        super().showEvent(event)
        self._match_type()

    def _match_type(self) -> None:
        self._measure.ensurePolished()
        pixels = self._measure.fontInfo().pixelSize()
        style = _STYLE.format(pixels=pixels, smaller=pixels - 1)  # numbers, of which a table has many
        if style != self.styleSheet():
            self.setStyleSheet(style)

    def unfold(self) -> None:
        """Open it."""
        self.heading.setChecked(True)

    def _fold(self, unfolded: bool) -> None:
        arrow = Qt.ArrowType.DownArrow if unfolded else Qt.ArrowType.RightArrow
        self.heading.setArrowType(arrow)
        self.content.setVisible(unfolded)


class Buttons(QWidget):
    """Buttons side by side, or one below the other where that would make the dock wide."""

    def __init__(self, *buttons: QPushButton) -> None:
        super().__init__()
        self._buttons = buttons
        self._line = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._line.setContentsMargins(0, 0, 0, 0)
        self._line.setSizeConstraint(QBoxLayout.SizeConstraint.SetNoConstraint)
        for button in buttons:
            self._line.addWidget(button)

    def minimumSizeHint(self) -> QSize:
        """As narrow as the widest button."""
        shown = [button.minimumSizeHint().width() for button in self._shown()]
        return QSize(max(shown, default=0), self._line.minimumSize().height())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """See whether they fit side by side."""
        super().resizeEvent(event)
        self._settle()

    def event(self, event: QEvent | None) -> bool:
        """Notice that a button has another text, or was hidden or shown."""
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self._settle()
        return bool(super().event(event))

    def _shown(self) -> list[QPushButton]:
        return [button for button in self._buttons if not button.isHidden()]

    def _settle(self) -> None:
        shown = self._shown()
        needed = sum(button.minimumSizeHint().width() for button in shown)
        fits = needed + self._line.spacing() * (len(shown) - 1) <= self.width()
        direction = QBoxLayout.Direction.LeftToRight if fits else QBoxLayout.Direction.TopToBottom
        if direction != self._line.direction():
            self._line.setDirection(direction)
            self.updateGeometry()


def note(words: str = "") -> QLabel:
    """Make a label that wraps, so that it never makes the dock wide."""
    label = QLabel(words)
    label.setWordWrap(True)
    label.setMinimumWidth(1)
    label.setTextFormat(Qt.TextFormat.RichText)
    return label


def fill(
    combo: QComboBox, entries: Sequence[tuple[str, Any]], chosen: Any, about: Sequence[str] = ()
) -> None:
    """Offer named values, with one of them chosen; nobody is told that another one is.

    ``about`` is what the tool tip of each entry says besides its name.
    """
    with signals_blocked(combo):
        combo.clear()
        for number, (name, value) in enumerate(entries):
            combo.addItem(name, value)
            if value is chosen or value == chosen:
                combo.setCurrentIndex(number)
    for number, words in enumerate(about):
        lines = filter(None, (combo.itemText(number), words))
        combo.setItemData(number, f"<p>{'<br>'.join(map(escape, lines))}</p>", Qt.ItemDataRole.ToolTipRole)
    words = about[combo.currentIndex()] if about else ""
    combo.setToolTip(literally(words) or combo.currentText())
