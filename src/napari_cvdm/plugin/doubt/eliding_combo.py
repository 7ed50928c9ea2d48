"""A combo box that may be narrower than its entries."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QSizePolicy, QStyle, QStyleOptionComboBox, QStylePainter

from napari_cvdm.plugin.wheel import leave_wheel_to_panel

__all__ = ["ElidingCombo"]


class ElidingCombo(QComboBox):
    """Shows the middle of a long name as an ellipsis; the list and the tool tip have it whole."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(60)
        leave_wheel_to_panel(self)

    def shown_text(self) -> str:
        """Return the text as it is painted."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        style = self.style()
        width = self.width() - 24
        if style is not None:
            control, field = QStyle.ComplexControl.CC_ComboBox, QStyle.SubControl.SC_ComboBoxEditField
            width = style.subControlRect(control, option, field, self).width() - 6
        return self.fontMetrics().elidedText(self.currentText(), Qt.TextElideMode.ElideMiddle, width)

    def paintEvent(self, event: Any) -> None:
        """Paint as Qt does, but for the text."""
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        option.currentText = self.shown_text()
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()
