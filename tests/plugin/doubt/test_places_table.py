"""The table of uncertain places fits its dock, and cuts no number off."""

from __future__ import annotations

from qtpy.QtCore import Qt


def test_numbers_are_whole_in_a_narrow_dock(viewer, panel, qtbot):
    panel._sections[2].unfold()
    qtbot.mouseClick(panel.regions.here, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.regions.table.rowCount() > 0, timeout=60_000)
    table = panel.regions.table
    table.setFixedWidth(180)
    qtbot.wait(50)
    for column in range(table.columnCount()):
        needed = max(table.sizeHintForColumn(column), table.horizontalHeader().sectionSizeHint(column))
        assert table.columnWidth(column) >= needed
    assert table.horizontalScrollBar().maximum() > 0
    panel.setStyleSheet("QLabel { font-size: 27px; }")  # as napari's theme does with the size chosen there
    qtbot.waitUntil(lambda: table.columnWidth(1) >= table.sizeHintForColumn(1) > 0, timeout=10_000)
    assert table.sizeHintForColumn(1) > needed
    assert table.fontInfo().pixelSize() == table.horizontalHeader().fontInfo().pixelSize() == 26
    panel.setStyleSheet("")
    table.setFixedWidth(600)
    qtbot.waitUntil(lambda: table.horizontalScrollBar().maximum() == 0, timeout=10_000)
    assert len({table.columnWidth(column) // 10 for column in range(table.columnCount())}) == 1
