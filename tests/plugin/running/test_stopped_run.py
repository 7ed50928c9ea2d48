"""A stopped run is gone on with, thrown away or left alone, as its user says."""

from __future__ import annotations

from pathlib import Path

import pytest
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QMessageBox

from napari_cvdm.plugin.running.stopped_run import ask_about_stopped

FOLDERS = [Path("/a/<b>cell.zarr"), Path("/a/other.zarr")]


@pytest.fixture
def answered(qtbot):
    """Ask, and answer with a button or the Escape key; return the question and the answer."""

    def answered(button: str) -> tuple[QMessageBox, str]:
        boxes = []

        def press() -> None:
            (box,) = (each for each in QApplication.topLevelWidgets() if isinstance(each, QMessageBox))
            boxes.append((box.text(), box.textFormat(), box.informativeText()))
            if button == "Escape":
                QTest.keyClick(box, Qt.Key.Key_Escape)
            else:
                next(each for each in box.buttons() if button in each.text().replace("&", "")).click()

        QTimer.singleShot(50, press)
        answer = ask_about_stopped(None, "Write it to disk", FOLDERS)
        QApplication.processEvents()
        return boxes[0], answer

    return answered


@pytest.mark.parametrize(
    ("button", "answer"),
    [
        ("Go on", "go on"),
        ("Throw away", "throw away"),
        ("Another folder", "elsewhere"),
        ("Escape", "elsewhere"),
    ],
)
def test_each_button_is_an_answer(answered, button, answer):
    assert answered(button)[1] == answer


def test_it_says_which_folders_and_when_one_can_go_on(answered):
    (text, text_format, more), _ = answered("Go on")
    assert "'<b>cell.zarr' and 'other.zarr'" in text
    assert text_format == Qt.TextFormat.PlainText
    assert "same settings" in more
