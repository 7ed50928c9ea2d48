"""Runs that wait are listed, and can be taken out of the queue."""

from __future__ import annotations

import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QObject, Qt
from qtpy.QtWidgets import QApplication, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_cvdm.plugin.running.runs import Runs, Waiting
from napari_cvdm.plugin.running.waiting import WaitingList


class Run:
    """Stands in for a run that has not begun."""

    discarded = False

    def discard(self) -> None:
        self.discarded = True


@pytest.fixture
def runs(qapp):
    owner = QObject()
    yield Runs(ViewerModel(), owner)
    owner.deleteLater()


def wait(runs: Runs, name: str, settings: str = "") -> Run:
    run = Run()
    runs.waiting.append(Waiting(run, name, settings))
    runs.changed.emit()
    return run


def names(runs: Runs) -> list[str]:
    return [each.name for each in runs.waiting]


def test_a_click_takes_a_run_out(qtbot, runs):
    neighbour = QPushButton()
    qtbot.addWidget(neighbour)
    shown = WaitingList(runs, neighbour, neighbour)
    qtbot.addWidget(shown)
    first, second = wait(runs, "first"), wait(runs, "second")
    qtbot.mouseClick(shown.buttons[0], Qt.MouseButton.LeftButton)
    assert names(runs) == ["second"]
    assert first.discarded
    assert not second.discarded
    assert len(shown.buttons) == 1
    shown.show()
    QApplication.processEvents()
    seen = [label.text() for label in shown.findChildren(QLabel) if label.isVisible()]
    assert seen == ["Waiting: second"]


def test_the_keyboard_goes_on_to_the_next_run_and_after_the_last_to_the_neighbour(qtbot, runs):
    window, neighbour = QWidget(), QPushButton()
    qtbot.addWidget(window)
    layout = QVBoxLayout(window)
    shown = WaitingList(runs, neighbour, neighbour)
    for part in (neighbour, shown, QPushButton()):
        layout.addWidget(part)
    window.show()
    assert shown.isHidden()
    for name in ("first", "second", "third"):
        wait(runs, name)
    shown.buttons[1].setFocus()
    for left in (["first", "third"], ["first"], []):
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Space)
        assert names(runs) == left
        assert window.focusWidget() is (shown.buttons[-1] if left else neighbour)
        assert shown.isHidden() == (not left)
    neighbour.setFocus()
    wait(runs, "another")
    assert window.focusWidget() is neighbour  # which has it, keeps it


def test_tab_comes_to_the_runs_where_they_are_seen(qtbot, runs):
    window, above, below = QWidget(), QPushButton(), QPushButton()
    qtbot.addWidget(window)
    layout = QVBoxLayout(window)
    shown = WaitingList(runs, above, above)
    for part in (above, shown, below):
        layout.addWidget(part)
    window.show()
    for name in ("first", "second"):
        wait(runs, name)
    QApplication.processEvents()  # the rows are shown
    above.setFocus()
    for following in (*shown.buttons, below):
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        assert window.focusWidget() is following


def test_a_name_is_no_markup(qtbot, runs):
    neighbour = QPushButton()
    qtbot.addWidget(neighbour)
    shown = WaitingList(runs, neighbour, neighbour)
    qtbot.addWidget(shown)
    wait(runs, "<b>cell</b>", "model <img src='/dev/zero'>")
    (label,) = shown.findChildren(QLabel)
    assert label.textFormat() == Qt.TextFormat.PlainText
    assert "model" in label.toolTip()
    assert not Qt.mightBeRichText(label.toolTip())
