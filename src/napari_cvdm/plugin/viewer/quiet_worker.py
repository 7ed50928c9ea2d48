"""Work in a thread that leaves Python's warnings to the rest of the program."""

from __future__ import annotations

from typing import Any

from superqt.utils import FunctionWorker, WorkerBase


class Quiet(WorkerBase[Any]):
    """A worker that changes nothing in how warnings are shown; to be named before another class of worker.

    superqt's own worker shows the warnings of the whole program while it works, and puts back at its end what
    it found at its beginning. Of two that overlap, the one that ends last puts back the other: from then on
    nobody is shown a warning, and whatever the other worked on stays in memory. Where another thread has
    silenced a warning for a moment, such an end lets it through. napari itself shows the warnings of every
    thread, each of them once.
    """

    def run(self) -> None:
        """Do the work, and tell how it ended; Qt calls this in a thread."""
        self.started.emit()
        self._running = True
        try:
            result = self.work()
        except Exception as error:
            self.errored.emit(error)
        else:
            if isinstance(result, RuntimeError):  # Qt has deleted those who would be told
                return
            if not self.abort_requested:
                self.returned.emit(result)
        self._running = False
        self.finished.emit()
        self._finished.emit(self)


class QuietWorker(Quiet, FunctionWorker[Any]):
    """A worker for a function and its arguments."""
