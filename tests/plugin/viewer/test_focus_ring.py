"""What has the keyboard's focus is framed, in the colours of the theme."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QPushButton, QVBoxLayout, QWidget

from napari_cvdm.plugin.viewer.focus_ring import FocusRing
from napari_cvdm.plugin.viewer.pages import Page

_COLOUR = "#123456"
_Panel = tuple[QWidget, Page, QPushButton, QCheckBox, QPushButton]


@pytest.fixture
def panel(qtbot) -> _Panel:
    window = QWidget()
    button, tick, outside = QPushButton("Save"), QCheckBox("Keep"), QPushButton("Elsewhere")
    area = Page(button, tick)
    layout = QVBoxLayout(window)
    layout.addWidget(area)
    layout.addWidget(outside)
    window.setStyleSheet(f"QWidget {{ border: 0px; background: #ffffff; color: {_COLOUR}; }}")
    qtbot.addWidget(window)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    outside.setFocus()
    qtbot.keyClick(outside, Qt.Key.Key_Tab)
    return window, area, button, tick, outside


def _is_framed(widget: QWidget) -> bool:
    picture = widget.grab().toImage()
    corners = ((0, 0), (picture.width() - 1, picture.height() - 1))
    return all(picture.pixelColor(*corner).name() == _COLOUR for corner in corners)


def test_what_tab_comes_to_is_framed_and_nothing_else(panel: _Panel, qtbot) -> None:
    window, *stops = panel
    for stop in stops:
        if not stop.hasFocus():
            qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        assert stop.hasFocus()
        inside = stop is not stops[-1]
        qtbot.waitUntil(lambda stop=stop, inside=inside: _is_framed(stop) == inside)
        assert not any(_is_framed(other) for other in stops if other is not stop)
        assert not isinstance(stop.childAt(stop.rect().center()), FocusRing)  # a click goes to the widget
    qtbot.waitUntil(lambda: not window.findChildren(FocusRing))


def test_the_frame_stays_as_large_as_what_it_is_around(panel: _Panel, qtbot) -> None:
    window, _, button, *_ = panel
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
    before = button.width()
    window.resize(window.width() + 100, window.height())
    qtbot.waitUntil(lambda: button.width() > before and _is_framed(button))


def test_the_mouse_brings_no_frame(panel: _Panel, qtbot) -> None:
    _, _, button, tick, _ = panel
    qtbot.mouseClick(tick, Qt.MouseButton.LeftButton)
    tick.setFocus(Qt.FocusReason.MouseFocusReason)
    assert tick.hasFocus()
    assert not _is_framed(tick)
    assert not _is_framed(button)
