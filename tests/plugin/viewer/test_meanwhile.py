"""While work is waited for, the windows live on, and the user can give it up."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event, current_thread, main_thread

import pytest
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication, QProgressDialog, QPushButton

from napari_cvdm.plugin.viewer.meanwhile import wait_in_dialog


@pytest.fixture
def when_shown(qapp):
    """Have something done with the dialog once it is there, within the event loop that has to go on."""
    timers: list[QTimer] = []

    def register(act: Callable[[QProgressDialog], object]) -> None:
        def look() -> None:
            shown = QApplication.activeModalWidget()
            if isinstance(shown, QProgressDialog):
                timer.stop()
                act(shown)

        timer = QTimer()
        timer.timeout.connect(look)
        timer.start(10)
        timers.append(timer)

    yield register
    for timer in timers:
        timer.stop()


def test_quick_work_is_done_without_a_dialog(when_shown):
    when_shown(lambda dialog: pytest.fail("a dialog appeared"))
    assert wait_in_dialog("Working …", lambda: current_thread() is main_thread()) is False


def test_long_work_shows_a_dialog_that_goes_with_it(when_shown):
    release, said = Event(), []

    def look(dialog: QProgressDialog) -> None:
        said.append((dialog.labelText(), dialog.windowModality()))
        release.set()

    when_shown(look)
    assert wait_in_dialog("Working …", lambda: release.wait(60)) is True
    assert said == [("Working …", Qt.WindowModality.ApplicationModal)]
    assert QApplication.activeModalWidget() is None


def test_given_up_it_is_waited_for_no_more(when_shown):
    release = Event()
    when_shown(lambda dialog: dialog.findChild(QPushButton).click())
    assert wait_in_dialog("Working …", lambda: release.wait(60)) is None
    assert QApplication.activeModalWidget() is None
    release.set()


def test_what_cannot_be_given_up_goes_on_even_if_its_dialog_is_closed(when_shown):
    release = Event()

    def close(dialog: QProgressDialog) -> None:
        assert dialog.findChild(QPushButton) is None
        dialog.close()
        QTimer.singleShot(100, release.set)

    when_shown(close)
    assert wait_in_dialog("Working …", lambda: release.wait(60), can_be_given_up=False) is True


def test_in_another_thread_the_work_is_just_done():
    with ThreadPoolExecutor(1) as pool:
        here = pool.submit(wait_in_dialog, "Working …", current_thread).result()
    assert here is not main_thread()
    assert here.name.startswith("ThreadPoolExecutor")


def test_what_goes_wrong_is_raised_where_it_is_waited_for():
    def fail() -> None:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        wait_in_dialog("Working …", fail)
