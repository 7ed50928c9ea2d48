"""Work that somebody waits for, while the windows live on and the user can give it up."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import current_thread, main_thread
from time import monotonic
from typing import TypeVar

from qtpy.QtCore import QEventLoop, Qt
from qtpy.QtWidgets import QApplication, QProgressDialog

from napari_cvdm.plugin.viewer.garbage import OldObjectsSpared

T = TypeVar("T")

#: Before the dialog appears, in seconds: one that comes and goes at once would flicker.
_WITHOUT_DIALOG = 0.5
#: Between two looks at events, in seconds; more of them would take the work's processor.
_REST = 0.05
_NO_INPUT = QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents


def wait_in_dialog(words: str, work: Callable[[], T], *, can_be_given_up: bool = True) -> T | None:
    """Do work in a thread, and return what it returns; for functions that napari calls and waits for.

    Meanwhile the windows are painted, and runs go on. Work that lasts shows a dialog, and until it is done
    the user can do nothing but give it up. Where there can be no dialog, the work is just done.

    What it raises is raised here. None is returned if the user gives it up; the thread then works on to its
    end, for nobody.
    """
    if QApplication.instance() is None or current_thread() is not main_thread():
        return work()
    pool = ThreadPoolExecutor(1)
    outcome = pool.submit(_sparing_old_objects, work)
    pool.shutdown(wait=False)
    until = monotonic() + _WITHOUT_DIALOG
    while not _is_done(outcome) and monotonic() < until:
        QApplication.processEvents(_NO_INPUT)
    if outcome.done() or _outlasts(words, outcome, can_be_given_up):
        return outcome.result()
    return None


def _sparing_old_objects(work: Callable[[], T]) -> T:
    with OldObjectsSpared():
        return work()


def _is_done(outcome: Future[T]) -> bool:
    """Rest for a moment, and say whether the work is done."""
    return bool(wait([outcome], _REST).done)


def _outlasts(words: str, outcome: Future[T], can_be_given_up: bool) -> bool:
    """Show a dialog until the work is done; say whether the user has waited for it."""
    dialog = QProgressDialog(words, "Cancel", 0, 0, QApplication.activeWindow())
    if not can_be_given_up:
        dialog.setCancelButton(None)
    dialog.setWindowTitle("CVDM super-resolution")
    dialog.setWindowModality(Qt.WindowModality.ApplicationModal)
    dialog.show()
    given_up = False
    while not (_is_done(outcome) or given_up):
        if dialog.isVisible():
            QApplication.processEvents()
        else:  # closed, although it has no button
            QApplication.processEvents(_NO_INPUT)
        given_up = can_be_given_up and dialog.wasCanceled()
    dialog.hide()
    dialog.deleteLater()
    return not given_up
