"""Nothing of the page is cut off at the side, however large the type."""

from __future__ import annotations

from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_cvdm.plugin.doubt.page import Page


def test_it_is_as_wide_as_it_needs_to_be_and_no_wider(qtbot):
    content, button = QWidget(), QPushButton("short")
    inner = QWidget()
    for part, inside in ((content, inner), (inner, button)):
        QVBoxLayout(part).addWidget(inside)
    page = Page(content, "a page")
    qtbot.addWidget(page)
    page.show()
    page.resize(1, 100)
    least = page.width()
    assert least >= 220
    button.setText("a long text on a button " * 3)
    qtbot.waitUntil(lambda: page.minimumWidth() > 300, timeout=10_000)
    button.setMinimumHeight(400)  # so that it scrolls up and down, which takes room
    page.resize(1, 100)
    qtbot.waitUntil(page.verticalScrollBar().isVisible, timeout=10_000)
    assert page.viewport().width() >= content.minimumSizeHint().width()
    button.setText("short")
    qtbot.waitUntil(lambda: page.minimumWidth() == least, timeout=10_000)
