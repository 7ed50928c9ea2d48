"""A part of the panel under a heading that folds it away."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

__all__ = ["Section", "note"]


class Section(QWidget):
    """A heading that can be clicked or reached with Tab, and what is below it.

    Parameters
    ----------
    title : str
        The heading.
    content : QWidget
        What is folded away.
    tip : str
        What the part is good for.
    unfolded : bool
        Whether it is open at first.
    """

    #: The section was opened (True) or closed.
    toggled = Signal(bool)

    def __init__(self, title: str, content: QWidget, tip: str, unfolded: bool = False) -> None:
        super().__init__()
        self.heading = QToolButton()
        self.heading.setText(title)
        self.heading.setToolTip(tip)
        self.heading.setCheckable(True)
        self.heading.setChecked(unfolded)
        self.heading.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.heading.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.heading.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.heading.setStyleSheet(
            "QToolButton { border: none; background: transparent; font-weight: bold; text-align: left; "
            "padding: 4px 0px; } QToolButton:focus { text-decoration: underline; }"
        )
        self.heading.toggled.connect(self._fold)
        self.content = content
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.heading)
        layout.addWidget(content)
        self._fold(unfolded)

    @property
    def unfolded(self) -> bool:
        """Whether the content can be seen."""
        return bool(self.heading.isChecked())

    def unfold(self) -> None:
        """Open it."""
        self.heading.setChecked(True)

    def _fold(self, unfolded: bool) -> None:
        arrow = Qt.ArrowType.DownArrow if unfolded else Qt.ArrowType.RightArrow
        self.heading.setArrowType(arrow)
        self.content.setVisible(unfolded)
        self.toggled.emit(unfolded)


def note(words: str = "") -> QLabel:
    """Make a label that wraps, so that it never makes the dock wide."""
    label = QLabel(words)
    label.setWordWrap(True)
    label.setMinimumWidth(1)
    label.setTextFormat(Qt.TextFormat.RichText)
    return label
