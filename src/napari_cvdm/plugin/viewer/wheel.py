"""The mouse wheel over a panel's fields: it scrolls the panel, and sets nothing that was not chosen first."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QAbstractSlider, QAbstractSpinBox, QComboBox, QScrollBar, QWidget


class _WheelFilter(QObject):
    """Passes the wheel on to what a field lies in, unless the field has the keyboard."""

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if event is None or event.type() != QEvent.Type.Wheel:
            return False
        if isinstance(watched, QWidget) and watched.hasFocus():
            return False
        event.ignore()  # Qt then asks the widgets around it, of which the scroll area takes it
        return True


def leave_wheel_to_panel(part: QWidget) -> None:
    """Keep the wheel from changing fields, a part itself or within it, that it merely passes over.

    Qt's combo boxes, spin boxes and sliders turn with the wheel wherever the mouse comes to lie while a panel
    is scrolled, and take the keyboard for it. Nobody notices that a setting is another one then.

    Fields that are added to it later are not known to it.
    """
    spared = _WheelFilter(part)
    for kind in (QComboBox, QAbstractSpinBox, QAbstractSlider):
        fields = [part] if isinstance(part, kind) else part.findChildren(kind)
        for field in fields:
            if isinstance(field, QScrollBar):
                continue
            if field.focusPolicy() == Qt.FocusPolicy.WheelFocus:
                field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            field.installEventFilter(spared)
