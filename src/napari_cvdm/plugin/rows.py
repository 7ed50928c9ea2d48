"""Rows of a form: a label, a field, and now and then a note below it."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import QFormLayout, QFrame, QHBoxLayout, QLabel, QScrollArea, QSizePolicy, QWidget

__all__ = ["FittingScrollArea", "add_row", "add_wide", "beside", "narrow", "new_form", "note"]


class FittingScrollArea(QScrollArea):
    """A scroll area that is as high as its content where there is room, and scrolls where there is not.

    Parameters
    ----------
    content : QWidget
        What it shows.
    """

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.setWidget(content)
        content.installEventFilter(self)

    def sizeHint(self) -> QSize:
        """As high as the content is at the present width."""
        content = self.widget()
        if content is None:
            return super().sizeHint()
        hint = content.sizeHint()
        height = content.heightForWidth(self.width()) if content.hasHeightForWidth() else hint.height()
        return QSize(hint.width(), max(height, hint.height()))

    def minimumSizeHint(self) -> QSize:
        """Leave the content its width, and let its height shrink."""
        content = self.widget()
        width = content.minimumSizeHint().width() if content is not None else 0
        return QSize(width, 120)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Take another height when the content wants one."""
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return bool(super().eventFilter(watched, event))


def new_form(parent: QWidget) -> QFormLayout:
    """Lay a widget out as a form whose fields take what width there is."""
    layout = QFormLayout(parent)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    layout.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    return layout


def add_row(layout: QFormLayout, field: Any, content: QWidget | None = None) -> QLabel:
    """Add a magicgui field with its label, which takes the keyboard to it; return the label."""
    label = QLabel(field.label)
    label.setBuddy(field.native)
    label.setToolTip(field.tooltip)
    field.native.setAccessibleName(field.label)
    layout.addRow(label, content or field.native)
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


def note() -> QLabel:
    """Make a label for a sentence or two; it has no height while it has nothing to say."""
    label = QLabel()
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)  # names of files and models are not markup
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return label


def narrow(combo: Any) -> None:
    """Keep long entries of a combo box from making the dock wide."""
    combo.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    combo.native.setMinimumWidth(60)
