"""Rows of a form behave in narrow and low docks."""

from __future__ import annotations

import pytest
from magicgui.widgets import ComboBox
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_cvdm.plugin.rows import add_row, add_wide, beside, narrow, new_form, note, scrolled


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
    narrow(field.native)
    add_row(new_form(page), field, beside(field.native, QLabel("i")))
    assert page.minimumSizeHint().width() < 300


def test_a_page_scrolls_where_there_is_no_room(qtbot, page):
    labels = [QLabel("row") for _ in range(20)]
    area = scrolled(*labels)
    layout = QVBoxLayout(page)
    layout.addWidget(area)
    page.resize(200, 2000)
    page.show()
    qtbot.waitExposed(page)
    assert area.verticalScrollBar().maximum() == 0
    assert labels[1].y() - labels[0].y() < 60  # the room is left at the end
    page.resize(200, 150)
    qtbot.waitUntil(lambda: area.verticalScrollBar().maximum() > 0, timeout=5000)
