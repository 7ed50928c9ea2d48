"""Parts of the panel fold away by mouse and by keyboard, and never make it wide."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_cvdm.plugin.doubt.colour_bar import ColourBar
from napari_cvdm.plugin.doubt.places_table import PlacesTable
from napari_cvdm.plugin.doubt.plot_view import PlotView
from napari_cvdm.plugin.doubt.section import PAINTED, Buttons, Section, fill, note


def test_it_unfolds_by_mouse_and_by_keyboard(qtbot):
    section = Section("Histogram", QLabel("content"), "What it is good for.")
    qtbot.addWidget(section)
    section.show()
    assert not section.content.isVisible()
    qtbot.mouseClick(section.heading, Qt.MouseButton.LeftButton)
    assert section.content.isVisible()
    section.heading.setFocus()
    qtbot.keyClick(section.heading, Qt.Key.Key_Space)
    assert not section.content.isVisible()
    section.unfold()
    assert section.content.isVisible()
    assert section.heading.toolTip() == "What it is good for."


@pytest.mark.parametrize("make", [ColourBar, PlacesTable, lambda: PlotView("Nothing yet.")])
def test_heading_and_content_have_the_theme_s_size_of_type(qtbot, make):
    page = QWidget()
    qtbot.addWidget(page)
    section = Section("View", make(), "What for.", unfolded=True)
    QVBoxLayout(page).addWidget(section)
    page.show()
    for pixels in (12, 22):
        page.setStyleSheet(f"QLabel {{font-size: {pixels}px}}")
        assert section.heading.fontInfo().pixelSize() == pixels
        painted = section.findChild(QWidget, PAINTED) or section.content
        assert painted.fontInfo().pixelSize() == pixels - 1


def test_notes_wrap(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    layout = QVBoxLayout(widget)
    layout.addWidget(note("a long note " * 30))
    assert widget.minimumSizeHint().width() < 100


def test_buttons_stand_below_each_other_where_it_is_narrow(qtbot):
    first, second, hidden = QPushButton("Find in this plane"), QPushButton("In all planes"), QPushButton("x")
    buttons = Buttons(first, second, hidden)
    hidden.hide()
    qtbot.addWidget(buttons)
    wide = first.minimumSizeHint().width() + second.minimumSizeHint().width() + 20
    buttons.resize(wide, 60)
    buttons.show()
    qtbot.waitUntil(lambda: first.y() == second.y() and first.x() < second.x(), timeout=10_000)
    assert buttons.minimumSizeHint().width() < wide - 40
    buttons.resize(wide - 60, 60)
    qtbot.waitUntil(lambda: first.x() == second.x() and first.y() < second.y(), timeout=10_000)
    assert first.width() >= first.minimumSizeHint().width()
    buttons.resize(wide, 60)
    qtbot.waitUntil(lambda: first.y() == second.y(), timeout=10_000)
    second.setText("A longer text than there is room for")
    qtbot.waitUntil(lambda: first.y() < second.y(), timeout=10_000)


def test_filling_a_choice_anew_tells_nobody(qtbot):
    combo, told = QComboBox(), []
    qtbot.addWidget(combo)
    combo.currentIndexChanged.connect(told.append)
    fill(combo, [("none", None), ("a long name", 1), ("other", 2)], 1)
    fill(combo, [("none", None), ("a long name", 1)], 1)
    assert (combo.currentData(), combo.toolTip(), told) == (1, "a long name", [])


def test_entries_of_a_choice_tell_more_in_their_tips(qtbot):
    combo, role = QComboBox(), Qt.ItemDataRole.ToolTipRole
    qtbot.addWidget(combo)
    fill(combo, [("cell", 1), ("cell [1]", 2)], 2, ["Preview", "<b>bold</b>"])
    assert combo.itemData(0, role) == "<p>cell<br>Preview</p>"
    assert "<b>" not in combo.itemData(1, role) + combo.toolTip()  # what a file states is no markup
    fill(combo, [("cell", 1)], 1, [""])
    assert (combo.itemData(0, role), combo.toolTip()) == ("<p>cell</p>", "cell")
