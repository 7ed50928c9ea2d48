"""The buttons offer what can be done, and nothing else."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QObject, Qt
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_cvdm.plugin.panel.controls import Controls
from napari_cvdm.plugin.running.waiting import WaitingRuns


@pytest.fixture
def controls(qtbot):
    owner = QObject()
    controls = Controls(WaitingRuns(owner))
    qtbot.addWidget(controls)
    yield controls
    owner.deleteLater()


def show(controls: Controls, **state: object) -> None:
    usual = {"running": False, "stopping": False, "cancelling": False, "ready": True}
    controls.show_state(**(usual | state))


def test_without_an_image_nothing_can_be_started(controls):
    show(controls, ready=False)
    assert not controls.restore_button.isEnabled()
    assert not controls.cancel_button.isVisibleTo(controls)


def test_while_a_run_is_on_the_next_can_be_queued(qtbot, controls):
    show(controls, running=True)
    assert controls.restore_button.text() == "Add to queue"
    for button, clicked in (
        (controls.restore_button, controls.restore_clicked),
        (controls.stop_button, controls.stop_clicked),
        (controls.cancel_button, controls.cancel_clicked),
    ):
        assert button.toolTip()
        with qtbot.waitSignal(clicked, timeout=10_000):
            qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_preview_has_nothing_to_keep_before_its_end(controls):
    show(controls, running=True, can_stop=False)
    assert not controls.stop_button.isEnabled()
    assert "Cancel" in controls.stop_button.toolTip()
    assert controls.cancel_button.isEnabled()
    show(controls, running=True)
    assert "keep what it has" in controls.stop_button.toolTip()
    assert "A run to disk" in controls.stop_button.toolTip(), "it keeps other things, in another way"


def test_what_was_asked_for_is_not_asked_for_twice(controls):
    show(controls, running=True, stopping=True)
    assert not controls.stop_button.isEnabled()
    assert controls.cancel_button.isEnabled()  # a change of mind
    show(controls, running=True, cancelling=True)
    assert not controls.cancel_button.isEnabled()


def test_progress_is_a_bar_once_it_is_known(controls):
    controls.show_begun()
    show(controls, running=True)
    assert controls.progress_bar.maximum() == 0
    controls.show_progress("loading …", -1.0)
    assert controls.progress_bar.maximum() == 0
    controls.show_progress("draw 1 of 8", 0.25)
    assert controls.progress_bar.value() == controls.progress_bar.maximum() // 4
    assert controls.status.text() == "Draw 1 of 8"


def test_what_is_known_of_the_progress_stays_until_the_next_run_begins(controls):
    controls.show_begun()
    controls.show_progress("draw 1 of 8", 0.25)
    show(controls, running=True, ready=False)  # another image was chosen, or the theme
    assert controls.progress_bar.value() == controls.progress_bar.maximum() // 4
    controls.show_begun()
    assert controls.progress_bar.maximum() == 0


def test_what_cannot_be_restored_cannot_be_started_and_the_button_says_why(controls):
    show(controls, refusal="Draw a rectangle first.")
    assert not controls.restore_button.isEnabled()
    assert controls.restore_button.toolTip() == "Draw a rectangle first."
    show(controls, refusal="The card has unknown fields: <img src='/dev/zero'>.")
    assert not Qt.mightBeRichText(controls.restore_button.toolTip())
    show(controls)
    assert controls.restore_button.isEnabled()
    assert controls.restore_button.toolTip() != "Draw a rectangle first."


@pytest.mark.parametrize(
    ("name", "then"), [("cancel", {"running": True, "cancelling": True}), ("stop", {"running": False})]
)
def test_the_keyboard_stays_in_the_panel_when_its_button_can_no_longer_be_pressed(
    qtbot, controls, name, then
):
    window = QWidget()
    qtbot.addWidget(window)
    layout = QVBoxLayout(window)
    for part in (controls, QPushButton("another plugin's")):
        layout.addWidget(part)
    window.show()
    show(controls, running=True)
    button = controls.cancel_button if name == "cancel" else controls.stop_button
    button.setFocus()
    show(controls, running=True)
    assert window.focusWidget() is button
    show(controls, **then)
    assert window.focusWidget() is controls.restore_button
    controls.setParent(None)  # the fixture closes it
