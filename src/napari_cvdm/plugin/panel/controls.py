"""The buttons that start and end runs, and how far the present one is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget

from napari_cvdm.plugin.running.waiting import WaitingList
from napari_cvdm.plugin.viewer.notices import literally
from napari_cvdm.plugin.viewer.rows import note, stack_in

if TYPE_CHECKING:
    from napari.utils.theme import Theme

    from napari_cvdm.plugin.running.runs import Runs

_BAR_STEPS = 1000
_RESTORE_TIP = "Start with these settings. Nothing of yours is changed: the results are layers of their own."
_QUEUE_TIP = "Start this one when the runs before it are done."
_STOP_TIP = (
    "End the run and keep what it has, as soon as every plane has its first picture. The results say that "
    "they have fewer draws. A run to disk ends at once, shows no results, and can go on from there later."
)
_CANCEL_TIP = (
    "Give this run up; those that wait go on. Nothing of it stays, unless it goes on with what an earlier "
    "run to disk has kept."
)
_NO_STOP_TIP = "A preview is made as a whole: Cancel gives it up."


class Controls(QWidget):
    """Restore, Stop here, Cancel; progress; the queue; one line of words.

    Whoever makes this connects the button Restore.
    """

    def __init__(self, runs: Runs) -> None:
        super().__init__()
        self._runs = runs
        self.restore_button = QPushButton("Restore")
        self.stop_button = QPushButton("Stop here")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip(_CANCEL_TIP)
        self.progress_bar = QProgressBar()
        self.progress_bar.setAccessibleName("Progress of the run")
        self.progress_bar.setTextVisible(False)
        self.progress_bar.setMaximumHeight(8)
        self.status = note()
        self.restore_button.setMinimumHeight(34)
        self._ways_out = QWidget()
        ways_out = QHBoxLayout(self._ways_out)
        ways_out.setContentsMargins(0, 0, 0, 0)
        ways_out.addWidget(self.stop_button)
        ways_out.addWidget(self.cancel_button)
        waiting = WaitingList(runs, self.restore_button, self.cancel_button)
        stack_in(self, self.restore_button, self.progress_bar, self._ways_out, self.status, waiting)
        self.stop_button.clicked.connect(runs.stop)
        self.cancel_button.clicked.connect(runs.cancel)
        runs.began.connect(self._show_begun)
        runs.progressed.connect(self._show_progress)

    def show_state(self, *, ready: bool, refusal: str, theme: Theme) -> None:
        """Show which buttons can be pressed.

        Restore, if there is an image and no ``refusal`` says why it cannot be restored, stands out in the
        colour that napari's theme has for what matters.
        """
        run = self._runs.current
        running, can_stop = run is not None, run is None or run.job.can_be_stopped
        stopping, cancelling = run is not None and run.stopping, run is not None and run.cancelling
        window = self.window()
        at = None if window is None else window.focusWidget()
        self.restore_button.setText("Add to queue" if running else "Restore")
        self.restore_button.setToolTip(literally(refusal) or (_QUEUE_TIP if running else _RESTORE_TIP))
        self.restore_button.setEnabled(ready and not refusal)
        self.restore_button.setStyleSheet(
            ""
            if running
            else f"QPushButton:enabled {{ background-color: {theme.current.as_hex()}; font-weight: bold; }}"
            f"QPushButton:enabled:hover {{ background-color: {theme.highlight.as_hex()}; }}"
        )
        self.progress_bar.setVisible(running)
        self._ways_out.setVisible(running)
        self.stop_button.setText("Stopping …" if stopping else "Stop here")
        self.stop_button.setEnabled(running and can_stop and not (stopping or cancelling))
        self.stop_button.setToolTip(_STOP_TIP if can_stop else _NO_STOP_TIP)
        self.cancel_button.setText("Cancelling …" if cancelling else "Cancel")
        self.cancel_button.setEnabled(running and not cancelling)
        left = [button for button in (self.stop_button, self.cancel_button) if button is at]
        if any(not (running and button.isEnabled()) for button in left):
            self.restore_button.setFocus()  # Qt would take the keyboard out of the panel

    def _show_begun(self) -> None:
        self.progress_bar.setRange(0, 0)

    def _show_progress(self, words: str, fraction: float) -> None:
        """Show what is being done, and its share of the work; negative while that is not known."""
        self.status.setText(words)
        self.progress_bar.setRange(0, _BAR_STEPS if fraction >= 0 else 0)
        self.progress_bar.setValue(round(fraction * _BAR_STEPS))
