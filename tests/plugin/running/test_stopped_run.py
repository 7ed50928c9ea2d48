"""A stopped run is gone on with, thrown away or left alone, as its user says."""

from __future__ import annotations

from pathlib import Path

import pytest
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QMessageBox

from napari_cvdm.plugin.running.stopped_run import ask_about_stopped, differences
from napari_cvdm.plugin.running.worker import Job

FOLDERS = [Path("/a/<b>cell.zarr"), Path("/a/other.zarr")]


@pytest.fixture
def answered(qtbot):
    """Ask, and answer with a button or the Escape key; return the question and the answer."""

    def answered(button: str, differing: tuple[str, ...] = ()):
        boxes = []

        def press() -> None:
            (box,) = (each for each in QApplication.topLevelWidgets() if isinstance(each, QMessageBox))
            boxes.append((box.text(), box.textFormat(), box.informativeText()))
            if button == "Escape":
                QTest.keyClick(box, Qt.Key.Key_Escape)
            else:
                next(each for each in box.buttons() if button in each.text().replace("&", "")).click()

        QTimer.singleShot(50, press)
        answer = ask_about_stopped(None, "Write it to disk", FOLDERS, differing)
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
    assert more == "Only the same image with the same settings can go on from there."


@pytest.mark.parametrize(("button", "answer"), [("Throw away", "throw away"), ("Escape", "elsewhere")])
def test_nobody_can_go_on_with_what_is_known_to_differ(answered, button, answer):
    differing = ("draws (8, now 24)", "seed (0, now 1)")
    (_, _, more), _ = answered("Another folder", differing)
    assert more.endswith("Different are: draws (8, now 24), seed (0, now 1).")
    assert answered(button, differing)[1] == answer


@pytest.mark.parametrize(
    ("differing", "can_go_on", "by_enter"),
    [((), True, "Go on"), (("seed (0, now 1)",), False, "Another folder…")],
)
def test_a_button_that_would_be_refused_is_not_offered_and_enter_throws_nothing_away(
    qtbot, differing, can_go_on, by_enter
):
    def look() -> None:
        (box,) = (each for each in QApplication.topLevelWidgets() if isinstance(each, QMessageBox))
        enabled.update({each.text().replace("&", ""): each.isEnabled() for each in box.buttons()})
        default.append(box.defaultButton().text().replace("&", ""))
        box.reject()

    enabled: dict[str, bool] = {}
    default: list[str] = []
    QTimer.singleShot(50, look)
    ask_about_stopped(None, "Write it to disk", FOLDERS, differing)
    assert enabled == {"Go on": can_go_on, "Throw away": True, "Another folder…": True}
    assert default == [by_enter]


def test_settings_that_differ_are_known_beforehand():
    stopped = {
        "source": {"name": "cell"},
        "restoration": {"pixel_size_nm": 65.0, "draws": 8, "seed": 0, "steps": 10},
    }
    same = {"data": None, "axes": "YX", "pixel_size": 65.0}
    assert differences(Job("cell", **same), stopped) == []
    assert differences(Job("cell", **same, steps=10), stopped) == []
    assert differences(Job("cell", **same), {}) == []  # it cannot be read
    other = Job("film", None, "YX", steps=5, seed=3, draws=24)
    assert differences(other, stopped) == [
        "image (cell, now film)",
        "pixel size (65 nm, now not known)",
        "draws (8, now 24)",
        "seed (0, now 3)",
        "steps per draw (10, now 5)",
    ]
    assert differences(Job("cell", **same, preview=True, steps=5), stopped) == ["draws (8, now 0)"]
