"""Files dropped on the panel go where they belong; all others go on to the canvas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QWidget

from napari_cvdm.plugin.panel import dropping
from napari_cvdm.plugin.stored.saving import save_layers


@pytest.fixture
def dropped(qtbot, monkeypatch):
    widget, canvas = QWidget(), Canvas()
    taken: dict[str, list] = {"weights": [], "results": [], "others": canvas.taken}
    for each in (widget, canvas):
        qtbot.addWidget(each)
    monkeypatch.setattr(dropping, "drop_target_of", lambda window: canvas)
    dropping.Drops(widget, taken["weights"].append, taken["results"].append)

    def drop(*urls: QUrl) -> dict[str, list]:
        data = QMimeData()
        data.setUrls(list(urls))
        copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        enter = QDragEnterEvent(QPointF(5, 5).toPoint(), copy, data, left, none)
        enter.ignore()
        QApplication.sendEvent(widget, enter)
        assert not any(taken.values())  # they are only dragged over it
        if enter.isAccepted():
            QApplication.sendEvent(widget, QDropEvent(QPointF(5, 5), copy, data, left, none))
        return taken

    return drop


class Canvas(QWidget):
    """Stands for napari's canvas."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[str] = []
        self.setAcceptDrops(True)

    def dragEnterEvent(self, event):
        event.accept()

    def dropEvent(self, event):
        self.taken += [url.toLocalFile() or url.toString() for url in event.mimeData().urls()]


def test_each_file_goes_where_it_belongs(dropped, make_result, tmp_path):
    saved, raw = tmp_path / "saved.ome.tif", tmp_path / "raw.ome.tif"
    save_layers(saved, [layer.as_layer_data_tuple() for layer in make_result()])
    tifffile.imwrite(raw, np.zeros((9, 9), np.uint8))
    names = ["/data/Our Lab.SAFETENSORS", str(saved), "/data/theirs.h5", str(raw), "/data/photo.png"]
    taken = dropped(*map(QUrl.fromLocalFile, names), QUrl("https://example.org/cell.tif"))
    assert taken["weights"] == [Path("/data/Our Lab.SAFETENSORS"), Path("/data/theirs.h5")]
    assert taken["results"] == [saved]  # known by what it holds, not by its name
    assert taken["others"] == [str(raw), "/data/photo.png", "https://example.org/cell.tif"]


def test_what_is_no_file_is_not_accepted(dropped):
    assert dropped() == {"weights": [], "results": [], "others": []}
