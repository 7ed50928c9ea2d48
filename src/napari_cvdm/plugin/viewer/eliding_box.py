"""A check box in a dock that is narrower than the name beside it."""

from __future__ import annotations

from html import escape
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QSizePolicy, QStyle, QStyleOptionButton, QStylePainter


class ElidingBox(QCheckBox):
    """Shows the middle of a long name as an ellipsis; its tool tip has the name whole.

    ``words`` are always shown, ``tip`` says what the tick is for.
    """

    def __init__(self, words: str, name: str, tip: str) -> None:
        super().__init__(_literally(words + name))
        self._words, self._name = words, name
        self.setToolTip(f"<p>{escape(words + name)}</p><p>{escape(tip)}</p>" if name else tip)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(60)

    def shown_text(self) -> str:
        """Return the text as it is painted."""
        option, style = self._option(), self.style()
        assert style is not None
        room = style.subElementRect(QStyle.SubElement.SE_CheckBoxContents, option, self)
        metrics = self.fontMetrics()
        left = max(0, room.width() - 2 - metrics.horizontalAdvance(self._words))
        return self._words + metrics.elidedText(self._name, Qt.TextElideMode.ElideMiddle, left)

    def paintEvent(self, event: Any) -> None:
        """Paint as Qt does, but for the text."""
        painter = QStylePainter(self)
        option = self._option()
        option.text = _literally(self.shown_text())
        painter.drawControl(QStyle.ControlElement.CE_CheckBox, option)
        painter.end()

    def _option(self) -> QStyleOptionButton:
        option = QStyleOptionButton()
        self.initStyleOption(option)
        return option


def _literally(text: str) -> str:
    """Return a text for Qt to show as it is: an ampersand would be the mark of a shortcut."""
    return text.replace("&", "&&")
