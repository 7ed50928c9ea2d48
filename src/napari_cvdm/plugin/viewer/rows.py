"""Rows of a panel: a label and a field, buttons, and now and then a note."""

from __future__ import annotations

import re
from typing import Any

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QBoxLayout,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

#: Spaces around "×" and between a number and its unit.
_NOT_TO_BREAK = re.compile(r"(?<=\d) (?=×|(?:pixels|nm|µm|MB|GB|s|min|h|%)\b|%)|(?<=×) (?=\d)")
#: Within the names of files and folders, which have no spaces: not within a number, nor before one's sign.
_MAY_BREAK = re.compile(r"(?<=\w[/\\_.-])(?=\w)(?!(?<=\d[./])\d)")
#: A form narrower than so many times the size of its type has its labels above the fields: some 270 pixels at
#: napari's usual size, less than the panels take by themselves.
_NARROW = 21


def new_form(parent: QWidget) -> QFormLayout:
    """Lay a widget out as a form whose fields take what width there is."""
    layout = QFormLayout(parent)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    layout.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    return layout


def wrap_where_narrow(form: QFormLayout, width: int) -> None:
    """Put labels above their fields where there is no room beside them."""
    wrap = QFormLayout.RowWrapPolicy
    # Themes state the size of type of labels, not of the widget that holds the form.
    first = form.itemAt(0, QFormLayout.ItemRole.LabelRole)
    label = first.widget() if first is not None else None
    if label is not None:
        narrow = width < _NARROW * label.fontInfo().pixelSize()
        form.setRowWrapPolicy(wrap.WrapAllRows if narrow else wrap.DontWrapRows)


class _TypeHeight(QObject):
    """Keeps a field as high as its type needs; napari's theme lets forms press it down to 20 pixels."""

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        changes = (QEvent.Type.Polish, QEvent.Type.StyleChange, QEvent.Type.FontChange)
        if event is not None and event.type() in changes and isinstance(watched, QAbstractSpinBox):
            watched.setMinimumHeight(watched.sizeHint().height())
        return False


def add_row(layout: QFormLayout, field: Any, content: QWidget | None = None) -> QLabel:
    """Add a magicgui field, or the row that it is in, with its label; return the label."""
    field.native.setAccessibleName(field.label)
    field.native.installEventFilter(_TypeHeight(field.native))
    return add_labelled(layout, field.label, field.native, field.tooltip, content)


def add_labelled(
    layout: QFormLayout, words: str, field: QWidget, tip: str = "", content: QWidget | None = None
) -> QLabel:
    """Add a field, or the row that it is in, with a label that takes the keyboard to it; return the label."""
    label = QLabel(words)
    label.setBuddy(field)
    label.setToolTip(tip)
    layout.addRow(label, content or field)
    return label


def add_wide(layout: QFormLayout, widget: QWidget) -> None:
    """Add a widget below the field before it."""
    layout.addRow("", widget)


def beside(*widgets: QWidget) -> QWidget:
    """Put widgets beside each other; the first takes what width there is."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(3)
    for number, widget in enumerate(widgets):
        layout.addWidget(widget, 1 if number == 0 else 0)
    return row


def stack_in(column: QWidget, *parts: QWidget) -> QVBoxLayout:
    """Put parts below each other in a widget, as wide as it is; return its layout."""
    layout = QVBoxLayout(column)
    layout.setContentsMargins(0, 0, 0, 0)
    for part in parts:
        layout.addWidget(part)
    return layout


def stacked(*widgets: QWidget) -> QWidget:
    """Put widgets below each other, as one row of a form."""
    column = QWidget()
    stack_in(column, *widgets)
    return column


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


class _Note(QLabel):
    """A label that breaks its lines between words and in long names, and not within "200 × 160 pixels".

    It is just as high as its text, and no layout has to ask: Qt's forms, when they do, lay out what is beside
    wrapped text by heights of before, and press fields down until their words are cut off.
    """

    def __init__(self) -> None:
        super().__init__()
        self._words = ""

    def setText(self, words: str | None) -> None:
        self._words = words or ""
        super().setText(_MAY_BREAK.sub("\u200b", _NOT_TO_BREAK.sub("\u00a0", self._words)))
        self._fit()

    def hasHeightForWidth(self) -> bool:
        return False

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent | None) -> None:
        super().changeEvent(event)
        if event is not None and event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    def _fit(self) -> None:
        self.setMinimumHeight(0)  # or the label would never become lower again
        self.setFixedHeight(max(0, self.heightForWidth(self.width())))

    def text(self) -> str:
        return self._words


def note(words: str = "", markup: bool = False) -> QLabel:
    """Make a label for a sentence or two; it has no height while it has nothing to say.

    Only with ``markup`` are they HTML: names of files and models are not.
    """
    label = _Note()
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.RichText if markup else Qt.TextFormat.PlainText)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    label.setText(words)
    return label
