"""A page scrolls, is never cut off at the side, and its sections fold away by mouse and by keyboard."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_cvdm.plugin.viewer.pages import Page, Section


@pytest.fixture
def page(qtbot):
    page = QWidget()
    qtbot.addWidget(page)
    return page


def test_a_page_scrolls_where_there_is_no_room(qtbot, page):
    labels = [QLabel("row") for _ in range(20)]
    area = Page(*labels)
    layout = QVBoxLayout(page)
    layout.addWidget(area)
    page.resize(200, 2000)
    page.show()
    qtbot.waitExposed(page)
    assert area.verticalScrollBar().maximum() == 0
    assert labels[1].y() - labels[0].y() < 60  # the room is left at the end
    page.resize(200, 150)
    qtbot.waitUntil(lambda: area.verticalScrollBar().maximum() > 0, timeout=10_000)


def test_the_keyboard_passes_by_what_is_folded(qtbot, page):
    content, below = QLineEdit("more"), QLineEdit("below")
    section = Section("Advanced", content, "")
    layout = QVBoxLayout(page)
    layout.addWidget(section)
    layout.addWidget(below)
    page.show()
    heading = section.heading
    heading.setFocus()
    qtbot.keyClick(heading, Qt.Key.Key_Tab)
    assert page.focusWidget() is below


def test_what_is_folded_is_in_line_and_explains_itself(qtbot, page):
    above, section = QLabel("above"), Section("Advanced", QLabel("more"), "What is rarely needed.")
    layout = QVBoxLayout(page)
    layout.addWidget(above)
    layout.addWidget(section)
    page.show()
    button, content = section.heading, section.content
    button.click()
    for part in (button, content):
        assert part.mapTo(page, part.rect().topLeft()).x() == above.x()
    assert (button.toolTip(), button.accessibleName()) == ("What is rarely needed.", "Advanced")


def test_it_is_as_wide_as_it_needs_to_be_and_no_wider(qtbot):
    content, button = QWidget(), QPushButton("short")
    QVBoxLayout(content).addWidget(button)
    page = Page(content, name="a page")
    qtbot.addWidget(page)
    page.show()
    page.resize(1, 100)
    least = page.width()
    assert button.width() >= button.minimumSizeHint().width()
    button.setText("a long text on a button " * 3)
    qtbot.waitUntil(lambda: page.minimumWidth() > 300, timeout=10_000)
    button.setMinimumHeight(400)  # so that it scrolls up and down, which takes room
    page.resize(1, 100)
    qtbot.waitUntil(page.verticalScrollBar().isVisible, timeout=10_000)
    assert page.viewport().width() >= content.minimumSizeHint().width()
    button.setText("short")
    qtbot.waitUntil(lambda: page.minimumWidth() == least, timeout=10_000)


def test_it_unfolds_by_mouse_and_by_keyboard(qtbot):
    section = Section("Histogram", QLabel("content"), "What it is good for.")
    qtbot.addWidget(section)
    section.show()
    assert not section.content.isVisible()
    assert section.heading.text() == "▸ Histogram"
    qtbot.mouseClick(section.heading, Qt.MouseButton.LeftButton)
    assert section.content.isVisible()
    assert section.heading.text() == "▾ Histogram"
    section.heading.setFocus()
    qtbot.keyClick(section.heading, Qt.Key.Key_Space)
    assert not section.content.isVisible()
    section.unfold()
    assert section.content.isVisible()
    assert section.heading.toolTip() == "What it is good for."


def test_the_heading_has_the_theme_s_size_of_type(qtbot):
    page = QWidget()
    qtbot.addWidget(page)
    section = Section("View", QLabel("content"), "What for.")
    QVBoxLayout(page).addWidget(section)
    page.show()
    for pixels in (12, 22):
        page.setStyleSheet(f"QPushButton {{font-size: {pixels}px}}")
        assert section.heading.fontInfo().pixelSize() == pixels
