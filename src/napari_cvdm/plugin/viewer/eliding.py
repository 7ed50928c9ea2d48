"""Combo boxes in a dock that is narrower than their entries."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import (
    QComboBox,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QToolTip,
)
from superqt.utils import signals_blocked

from napari_cvdm.plugin.viewer.notices import literally


class Eliding(QObject):
    """Has a combo box show the middle of a long entry as an ellipsis; its list and its tool tip show all.

    Qt cuts the end off, which is where names of files and models differ.
    """

    def __init__(self, combo: QComboBox) -> None:
        super().__init__(combo)
        self._combo = combo
        self._given: dict[int, str] = {}
        combo.installEventFilter(self)
        if (view := combo.view()) is not None:
            view.setTextElideMode(Qt.TextElideMode.ElideMiddle)

    def shown_text(self) -> str:
        """Return the entry as it is painted."""
        combo = self._combo
        option = QStyleOptionComboBox()
        combo.initStyleOption(option)
        style = combo.style()
        assert style is not None
        control, field = QStyle.ComplexControl.CC_ComboBox, QStyle.SubControl.SC_ComboBoxEditField
        width = style.subControlRect(control, option, field, combo).width() - 6
        return combo.fontMetrics().elidedText(combo.currentText(), Qt.TextElideMode.ElideMiddle, width)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Paint, and put whole entries into the tool tips."""
        if watched is not self._combo or event is None:
            return False
        if event.type() == QEvent.Type.Paint:
            self._paint()
            return True
        name = self._combo.currentText()
        # Qt takes a tip for markup if it looks like it: one that is a name is shown from here, too.
        if event.type() == QEvent.Type.ToolTip and (
            self.shown_text() != name or self._combo.toolTip() == name
        ):
            self._show_tip(event)
            return True
        if event.type() in (QEvent.Type.MouseButtonPress, QEvent.Type.KeyPress):
            self._give_tips()
        return False

    def _paint(self) -> None:
        painter = QStylePainter(self._combo)
        option = QStyleOptionComboBox()
        self._combo.initStyleOption(option)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        option.currentText = self.shown_text()
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()

    def _show_tip(self, event: Any) -> None:
        words = dict.fromkeys(filter(None, (self._combo.currentText(), self._combo.toolTip())))
        QToolTip.showText(event.globalPos(), f"<p>{'<br>'.join(map(escape, words))}</p>", self._combo)

    def _give_tips(self) -> None:
        """Let the entries of the list, which may be elided too, say in full what they are.

        Those that have been given a tip by somebody else keep it.
        """
        for number in range(self._combo.count()):
            if self._combo.itemData(number, Qt.ItemDataRole.ToolTipRole) in (None, self._given.get(number)):
                self._given[number] = f"<p>{escape(self._combo.itemText(number))}</p>"
                self._combo.setItemData(number, self._given[number], Qt.ItemDataRole.ToolTipRole)


def let_elide(combo: QComboBox) -> Eliding:
    """Let a combo box be narrower than its entries."""
    combo.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    combo.setMinimumWidth(60)
    return Eliding(combo)


def eliding_combo() -> QComboBox:
    """Make a combo box that may be narrower than its entries."""
    combo = QComboBox()
    let_elide(combo)
    return combo


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
