"""The list of the runs that wait for their turn."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from napari_cvdm.plugin.viewer.notices import literally
from napari_cvdm.plugin.viewer.rows import note, stack_in

if TYPE_CHECKING:
    from napari_cvdm.plugin.running.runs import Runs, Waiting


class WaitingList(QWidget):
    """Shows the runs that wait, each with a button to take it out.

    ``neighbour`` gets the keyboard after the button of the last run that waited: Qt would take it out of the
    panel. From ``above`` Tab goes to the buttons: Qt puts what is made last behind all else in the window.
    """

    def __init__(self, runs: Runs, neighbour: QWidget, above: QWidget) -> None:
        super().__init__()
        self._runs, self._neighbour, self._above = runs, neighbour, above
        self.buttons: list[QToolButton] = []
        self._layout = stack_in(self)
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
        for number, waiting in enumerate(self._runs.waiting):
            self._layout.addWidget(self._entry(number, waiting))
        for before, button in itertools.pairwise([self._above, *self.buttons]):
            QWidget.setTabOrder(before, button)
        self.setVisible(bool(self._runs.waiting))
        if place is not None:
            [*self.buttons[place:], *self.buttons[-1:], self._neighbour][0].setFocus()

    def _entry(self, number: int, waiting: Waiting) -> QWidget:
        entry = QWidget()
        layout = QHBoxLayout(entry)
        layout.setContentsMargins(0, 0, 0, 0)
        words: QLabel = note()
        words.setText(f"Waiting: {waiting.name}")
        words.setToolTip(literally(waiting.settings))
        words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        button = QToolButton()
        button.setText("✕")
        button.setToolTip("Take this run out of the queue.")
        button.setAccessibleName(f"Take {waiting.name} out of the queue")
        button.clicked.connect(partial(self._runs.take_out, number))
        layout.addWidget(words, 1)
        layout.addWidget(button)
        self.buttons.append(button)
        return entry
