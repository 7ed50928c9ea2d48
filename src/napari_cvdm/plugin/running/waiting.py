"""Runs that wait for their turn."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from napari_cvdm.plugin.viewer.notices import literally
from napari_cvdm.plugin.viewer.rows import note

if TYPE_CHECKING:
    from napari_cvdm.plugin.running.run import Run

__all__ = ["WaitingList", "WaitingRuns"]


class WaitingRuns(QObject):
    """A queue: what is put in comes out in the same order, or is taken out before.

    Parameters
    ----------
    parent : QObject
        Owner.
    """

    #: Something came or went.
    changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._runs: list[tuple[str, str, Run]] = []

    def __len__(self) -> int:
        """How many runs wait."""
        return len(self._runs)

    @property
    def names(self) -> list[str]:
        """What each run is called, the next one first."""
        return [name for name, _, _ in self._runs]

    @property
    def tips(self) -> list[str]:
        """What there is to say of each run."""
        return [tip for _, tip, _ in self._runs]

    @property
    def runs(self) -> list[Run]:
        """All of them, the next one first."""
        return [run for _, _, run in self._runs]

    def add(self, name: str, run: Run, tip: str = "") -> None:
        """Put a run at the end."""
        self._runs.append((name, tip, run))
        self.changed.emit()

    def take(self, number: int) -> None:
        """Take a run out without starting it."""
        if 0 <= number < len(self._runs):
            *_, run = self._runs.pop(number)
            run.discard()
            self.changed.emit()

    def clear(self) -> None:
        """Take all runs out."""
        while self._runs:
            self.take(0)

    def next(self) -> Run | None:
        """Hand out the run whose turn it is, if there is one."""
        if not self._runs:
            return None
        *_, run = self._runs.pop(0)
        self.changed.emit()
        return run


class WaitingList(QWidget):
    """Shows the runs that wait, each with a button to take it out.

    Parameters
    ----------
    runs : WaitingRuns
        What to show.
    neighbour : QWidget, optional
        Has the keyboard after the button of the last run that waited; otherwise Qt takes it out of the panel.
    """

    def __init__(self, runs: WaitingRuns, neighbour: QWidget | None = None) -> None:
        super().__init__()
        self._runs, self._neighbour = runs, neighbour
        self.buttons: list[QToolButton] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2)
        runs.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        window = self.window()
        at = None if window is None else window.focusWidget()
        place = next((number for number, button in enumerate(self.buttons) if button is at), None)
        while (item := self._layout.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.buttons = []
        for number, (name, tip) in enumerate(zip(self._runs.names, self._runs.tips, strict=True)):
            self._layout.addWidget(self._entry(number, name, tip))
        self.setVisible(bool(len(self._runs)))
        if place is not None:
            beside = [*self.buttons[place:], *self.buttons[-1:], self._neighbour]
            if beside[0] is not None:
                beside[0].setFocus()

    def _entry(self, number: int, name: str, tip: str) -> QWidget:
        entry = QWidget()
        layout = QHBoxLayout(entry)
        layout.setContentsMargins(0, 0, 0, 0)
        words: QLabel = note()
        words.setText(f"Waiting: {name}")
        words.setToolTip(literally(tip))
        words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        button = QToolButton()
        button.setText("✕")
        button.setToolTip("Take this run out of the queue.")
        button.setAccessibleName(f"Take {name} out of the queue")
        button.clicked.connect(partial(self._runs.take, number))
        layout.addWidget(words, 1)
        layout.addWidget(button)
        self.buttons.append(button)
        return entry
