"""Long entries neither make a dock wide nor lose their ends."""

from __future__ import annotations

import numpy as np
import pytest
from magicgui.widgets import ComboBox
from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtGui import QHelpEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QComboBox, QLabel, QToolTip, QWidget

from napari_cvdm.plugin.viewer.eliding import eliding_combo, fill, let_elide
from napari_cvdm.plugin.viewer.rows import add_row, beside, new_form

NAME = "2024-03-07 cell 12 position 4 tubulin 488 nm <b>after</b> treatment CVDM"


@pytest.fixture
def combo(qtbot):
    field = ComboBox(label="Image", choices=[NAME, "x"], tooltip="What to restore.")
    qtbot.addWidget(field.native)
    field.native.elided = let_elide(field.native)
    field.native.resize(150, 24)
    field.native.show()
    return field.native


def pixels(widget) -> np.ndarray:
    image = widget.grab().toImage()
    return np.frombuffer(image.constBits().asarray(image.sizeInBytes()), np.uint8).copy()


def test_the_middle_is_left_out_and_that_is_painted_as_qt_would(qtbot, combo):
    shown = combo.elided.shown_text()
    assert shown.startswith("2024")
    assert "…" in shown
    assert shown.endswith("CVDM")
    assert combo.fontMetrics().horizontalAdvance(shown) < combo.width() - 20  # beside the arrow
    plain = QComboBox()
    qtbot.addWidget(plain)
    plain.addItem(shown)
    plain.resize(combo.size())
    plain.show()
    assert np.array_equal(pixels(combo), pixels(plain))
    combo.resize(900, 24)
    assert combo.elided.shown_text() == NAME


def test_the_tip_and_the_list_have_all_of_it(combo, qtbot):
    tip = QHelpEvent(QEvent.Type.ToolTip, QPoint(5, 5), combo.mapToGlobal(QPoint(5, 5)))
    QApplication.sendEvent(combo, tip)
    assert "&lt;b&gt;after&lt;/b&gt; treatment CVDM<br>What to restore." in QToolTip.text()
    QToolTip.hideText()
    QTest.mousePress(combo, Qt.MouseButton.LeftButton)
    assert combo.view().textElideMode() == Qt.TextElideMode.ElideMiddle
    assert "&lt;b&gt;after" in combo.itemData(0, Qt.ItemDataRole.ToolTipRole)
    combo.hidePopup()


def test_a_tip_that_is_the_entry_is_not_said_twice(combo):
    combo.setToolTip(NAME)
    for width in (120, 900):
        combo.resize(width, 24)
        place = QPoint(5, 5)
        QApplication.sendEvent(combo, QHelpEvent(QEvent.Type.ToolTip, place, combo.mapToGlobal(place)))
        assert QToolTip.text().count("tubulin 488") == 1
        assert "&lt;b&gt;after" in QToolTip.text()  # a name, and no markup
        QToolTip.hideText()


def test_entries_keep_tips_of_their_own_and_the_others_follow_their_words(qtbot):
    combo = eliding_combo()
    qtbot.addWidget(combo)
    combo.addItems(["Overlay", "cell"])
    combo.setItemData(0, "What it is good for.", Qt.ItemDataRole.ToolTipRole)
    for name in ("cell", "cell [1]"):
        combo.setItemText(1, name)
        QTest.keyClick(combo, Qt.Key.Key_Shift)
        tips = [combo.itemData(number, Qt.ItemDataRole.ToolTipRole) for number in (0, 1)]
        assert tips == ["What it is good for.", f"<p>{name}</p>"]


def test_long_entries_do_not_make_a_form_wide(qtbot):
    page = QWidget()
    qtbot.addWidget(page)
    field = ComboBox(label="Image", choices=["x" * 500])
    let_elide(field.native)
    add_row(new_form(page), field, beside(field.native, QLabel("i")))
    assert page.minimumSizeHint().width() < 300


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
