"""Files dropped on the panel go where they belong; all others go on to napari."""

from __future__ import annotations

from pathlib import Path

import pytest
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QWidget

from napari_cvdm.plugin.dropping import Drops


@pytest.fixture
def dropped(qtbot):
    widget, weights, results = QWidget(), [], []
    qtbot.addWidget(widget)
    Drops(widget, weights.append, results.append)

    def drop(*paths: str) -> bool:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(path) for path in paths])
        copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        enter = QDragEnterEvent(QPointF(5, 5).toPoint(), copy, data, left, none)
        enter.ignore()
        QApplication.sendEvent(widget, enter)
        if enter.isAccepted():
            QApplication.sendEvent(widget, QDropEvent(QPointF(5, 5), copy, data, left, none))
        return enter.isAccepted()

    return drop, weights, results


def test_weights_are_added_and_results_opened(dropped):
    drop, weights, results = dropped
    assert drop("/data/Our Lab.SAFETENSORS", "/data/cell.cvdm.ome.tif", "/data/theirs.h5", "/data/notes.txt")
    assert weights == [Path("/data/Our Lab.SAFETENSORS"), Path("/data/theirs.h5")]
    assert results == [Path("/data/cell.cvdm.ome.tif")]


def test_what_is_not_ours_is_left_to_napari(dropped):
    drop, weights, results = dropped
    assert not drop("/data/photo.png")
    assert not weights
    assert not results
