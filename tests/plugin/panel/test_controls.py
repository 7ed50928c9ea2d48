"""The buttons offer what can be done, and nothing else."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from napari.components import ViewerModel
from napari.utils.theme import get_theme
from qtpy.QtCore import QObject, Qt
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_cvdm.plugin.panel.controls import Controls
from napari_cvdm.plugin.running.runs import Runs


@pytest.fixture
def runs(qapp):
    owner = QObject()
    yield Runs(ViewerModel(), owner)
    owner.deleteLater()


@pytest.fixture
def controls(qtbot, runs):
    controls = Controls(runs)
    qtbot.addWidget(controls)
    return controls


@pytest.fixture
def show(runs, controls):
    """Show what can be pressed, during a run or without one."""

    def show(running: bool = False, *, ready: bool = True, refusal: str = "", **run: bool) -> None:
        told = {"stopping": False, "cancelling": False} | run
        job = SimpleNamespace(can_be_stopped=told.pop("can_stop", True))
        runs.current = SimpleNamespace(job=job, **told) if running else None
        controls.show_state(ready=ready, refusal=refusal, theme=get_theme("dark"))

    return show


def test_without_an_image_nothing_can_be_started(controls, show):
    show(ready=False)
    assert not controls.restore_button.isEnabled()
    assert not controls.cancel_button.isVisibleTo(controls)


def test_while_a_run_is_on_the_next_can_be_queued_and_it_can_be_ended(qtbot, runs, controls, show):
    show(running=True)
    assert controls.restore_button.text() == "Add to queue"
    ended: list[str] = []
    runs.current.stop, runs.current.cancel = lambda: ended.append("stop"), lambda: ended.append("cancel")
    for button in (controls.stop_button, controls.cancel_button):
        assert button.toolTip()
        with qtbot.waitSignal(runs.changed, timeout=10_000):
            qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert ended == ["stop", "cancel"]


def test_a_preview_has_nothing_to_keep_before_its_end(controls, show):
    show(running=True, can_stop=False)
    assert not controls.stop_button.isEnabled()
    assert "Cancel" in controls.stop_button.toolTip()
    assert controls.cancel_button.isEnabled()
    show(running=True)
    assert "keep what it has" in controls.stop_button.toolTip()
    assert "A run to disk" in controls.stop_button.toolTip(), "it keeps other things, in another way"


def test_what_was_asked_for_is_seen_and_not_asked_for_twice(controls, show):
    stop, cancel = controls.stop_button, controls.cancel_button
    show(running=True)
    assert (stop.text(), cancel.text()) == ("Stop here", "Cancel")
    assert stop.isEnabled()
    show(running=True, stopping=True)
    assert (stop.text(), cancel.text()) == ("Stopping …", "Cancel")
    assert not stop.isEnabled()
    assert cancel.isEnabled()  # a change of mind
    show(running=True, cancelling=True)
    assert (stop.text(), cancel.text()) == ("Stop here", "Cancelling …")
    assert not stop.isEnabled()
    assert not cancel.isEnabled()


def test_progress_is_a_bar_once_it_is_known_and_until_the_next_run_begins(runs, controls, show):
    runs.began.emit()
    show(running=True)
    assert controls.progress_bar.maximum() == 0
    runs.progressed.emit("loading …", -1.0)
    assert controls.progress_bar.maximum() == 0
    runs.progressed.emit("Draw 1 of 8", 0.25)
    assert controls.status.text() == "Draw 1 of 8"
    show(running=True, ready=False)  # another image was chosen, or the theme
    assert controls.progress_bar.value() == controls.progress_bar.maximum() // 4
    runs.began.emit()
    assert controls.progress_bar.maximum() == 0


def test_what_cannot_be_restored_cannot_be_started_and_the_button_says_why(controls, show):
    show(refusal="Draw a rectangle first.")
    assert not controls.restore_button.isEnabled()
    assert controls.restore_button.toolTip() == "Draw a rectangle first."
    show(refusal="The card has unknown fields: <img src='/dev/zero'>.")
    assert not Qt.mightBeRichText(controls.restore_button.toolTip())
    show()
    assert controls.restore_button.isEnabled()
    assert controls.restore_button.toolTip() != "Draw a rectangle first."


@pytest.mark.parametrize(
    ("name", "then"), [("cancel", {"running": True, "cancelling": True}), ("stop", {"running": False})]
)
def test_the_keyboard_stays_in_the_panel_when_its_button_can_no_longer_be_pressed(
    qtbot, controls, show, name, then
):
    window = QWidget()
    qtbot.addWidget(window)
    layout = QVBoxLayout(window)
    other = QPushButton("another plugin's")
    for part in (controls, other):
        layout.addWidget(part)
    window.show()
    show(running=True)
    button = controls.cancel_button if name == "cancel" else controls.stop_button
    button.setFocus()
    show(running=True)
    assert window.focusWidget() is button
    show(**then)
    assert window.focusWidget() is controls.restore_button
    show(running=True)
    other.setFocus()
    show(**then)
    assert window.focusWidget() is other  # it is taken from nobody else
    controls.setParent(None)  # the fixture closes it
