"""Rows of a form behave in narrow and low docks."""

from __future__ import annotations

import pytest
from magicgui.widgets import ComboBox
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_cvdm.plugin.rows import FittingScrollArea, add_row, add_wide, beside, narrow, new_form, note


@pytest.fixture
def page(qtbot):
    page = QWidget()
    qtbot.addWidget(page)
    return page


def test_a_label_takes_the_keyboard_to_its_field(page):
    field = ComboBox(label="Quality", choices=["a"], tooltip="How good.")
    label = add_row(new_form(page), field)
    assert label.buddy() is field.native
    assert label.toolTip() == "How good."
    assert field.native.accessibleName() == "Quality"


def test_notes_show_names_as_they_are(page):
    words = note()
    add_wide(new_form(page), words)
    words.setText("<b>cell</b>")
    from qtpy.QtCore import Qt

    assert words.textFormat() == Qt.TextFormat.PlainText


def test_long_entries_do_not_make_a_form_wide(page):
    field = ComboBox(label="Image", choices=["x" * 500])
    narrow(field)
    add_row(new_form(page), field, beside(field.native, QLabel("i")))
    assert page.minimumSizeHint().width() < 300


def test_a_form_is_as_high_as_it_needs_to_be_and_scrolls_where_there_is_no_room(qtbot, page):
    content = QWidget()
    rows = QVBoxLayout(content)
    for _ in range(20):
        rows.addWidget(QLabel("row"))
    area = FittingScrollArea(content)
    layout = QVBoxLayout(page)
    layout.addWidget(area)
    layout.addStretch()
    page.resize(200, 2000)
    page.show()
    qtbot.waitExposed(page)
    qtbot.waitUntil(lambda: area.height() == content.sizeHint().height(), timeout=5000)
    extra = QLabel("one more")
    before = area.height()
    rows.addWidget(extra)
    qtbot.waitUntil(lambda: area.height() > before, timeout=5000)
    page.resize(200, 200)
    qtbot.waitUntil(lambda: area.verticalScrollBar().maximum() > 0, timeout=5000)
