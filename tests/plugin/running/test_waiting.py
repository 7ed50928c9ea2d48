"""Runs wait in order, and can be taken out of the queue."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QObject, Qt
from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from napari_cvdm.plugin.running.waiting import WaitingList, WaitingRuns


class Run:
    """Stands in for a run that has not begun."""

    discarded = False

    def discard(self) -> None:
        self.discarded = True


@pytest.fixture
def runs():
    owner = QObject()
    yield WaitingRuns(owner)
    owner.deleteLater()


def test_first_come_first_served(qapp, runs):
    first, second = Run(), Run()
    runs.add("first", first)
    runs.add("second", second)
    assert (len(runs), runs.names) == (2, ["first", "second"])
    assert runs.next() is first
    assert runs.next() is second
    assert runs.next() is None
    assert not first.discarded


def test_a_click_takes_a_run_out(qtbot, runs):
    shown = WaitingList(runs)
    qtbot.addWidget(shown)
    assert not shown.isVisibleTo(None) or not shown.isVisible()
    first, second = Run(), Run()
    runs.add("first", first)
    runs.add("second", second)
    qtbot.mouseClick(shown.buttons[0], Qt.MouseButton.LeftButton)
    assert runs.names == ["second"]
    assert first.discarded
    assert not second.discarded
    assert len(shown.buttons) == 1


def test_the_keyboard_goes_on_to_the_next_run_and_after_the_last_to_the_neighbour(qtbot, runs):
    window, neighbour = QWidget(), QPushButton()
    qtbot.addWidget(window)
    layout = QVBoxLayout(window)
    shown = WaitingList(runs, neighbour)
    for part in (neighbour, shown, QPushButton()):
        layout.addWidget(part)
    for name in ("first", "second", "third"):
        runs.add(name, Run())
    window.show()
    shown.buttons[1].setFocus()
    for left in (["first", "third"], ["first"], []):
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Space)
        assert runs.names == left
        assert window.focusWidget() is (shown.buttons[-1] if left else neighbour)
    neighbour.setFocus()
    runs.add("another", Run())
    assert window.focusWidget() is neighbour  # which has it, keeps it


def test_clearing_discards_them_all(qapp, runs):
    waiting = [Run(), Run()]
    for run in waiting:
        runs.add("run", run)
    runs.clear()
    assert all(run.discarded for run in waiting)
    assert len(runs) == 0


def test_a_name_is_no_markup(qtbot, runs):
    shown = WaitingList(runs)
    qtbot.addWidget(shown)
    runs.add("<b>cell</b>", Run(), tip="model <img src='/dev/zero'>")
    (label,) = shown.findChildren(QLabel)
    assert label.textFormat() == Qt.TextFormat.PlainText
    assert not Qt.mightBeRichText(label.toolTip())
