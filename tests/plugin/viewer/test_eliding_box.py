"""A check box with a long name keeps what matters of it, and is as narrow as need be."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QCheckBox

from napari_cvdm.plugin.viewer.eliding_box import ElidingBox

NAME = "Alexa Fluor 488 <b>anti</b>-tubulin & DAPI, camera 2, after treatment 561"


@pytest.fixture
def box(qtbot):
    box = ElidingBox("Restore channel 1: ", NAME, "What the tick is for.")
    qtbot.addWidget(box)
    box.resize(250, 24)
    box.show()
    return box


def pixels(widget) -> np.ndarray:
    image = widget.grab().toImage()
    return np.frombuffer(image.constBits().asarray(image.sizeInBytes()), np.uint8).copy()


def test_the_middle_of_the_name_is_left_out_and_the_words_stay(box):
    shown = box.shown_text()
    assert shown.startswith("Restore channel 1: A")
    assert "…" in shown
    assert shown.endswith("561")
    assert box.fontMetrics().horizontalAdvance(shown) < box.width() - 15  # beside the tick
    box.resize(170, 24)
    assert box.shown_text().startswith("Restore channel 1: ")
    box.resize(900, 24)
    assert box.shown_text() == f"Restore channel 1: {NAME}"


def test_what_is_shown_is_painted_as_qt_would(qtbot, box):
    plain = QCheckBox(box.shown_text().replace("&", "&&"))
    qtbot.addWidget(plain)
    plain.resize(box.size())
    plain.show()
    assert "…" in plain.text()
    assert np.array_equal(pixels(box), pixels(plain))


def test_the_tool_tip_has_all_of_it_and_no_markup(box):
    assert "Alexa Fluor 488 &lt;b&gt;anti&lt;/b&gt;-tubulin &amp; DAPI" in box.toolTip()
    assert "What the tick is for." in box.toolTip()
    assert ElidingBox("Restore channel 1", "", "What for.").toolTip() == "What for."


def test_it_can_be_ticked_all_over_what_is_seen(box):
    QTest.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(200, 12))
    assert box.isChecked()
