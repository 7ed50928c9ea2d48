"""Work in a thread that leaves to the rest of the program what is everybody's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from qtpy.QtCore import QThreadPool
from superqt.utils import FunctionWorker, WorkerBase

from napari_cvdm.plugin.viewer.garbage import OldObjectsSpared


class Quiet(WorkerBase[Any]):
    """A worker that disturbs nobody; to be named before another class of worker.

    It changes nothing in how warnings are shown. superqt's own worker shows the warnings of the whole program
    while it works, and puts back at its end what it found at its beginning. Of two that overlap, the one that
    ends last puts back the other: from then on nobody is shown a warning, and whatever the other worked on
    stays in memory. Where another thread has silenced a warning for a moment, such an end lets it through.
    napari itself shows the warnings of every thread, each of them once.

    It takes no place in Qt's pool, and looks for garbage among new objects only: to load a large library
    would otherwise stop the viewer.
    """

    def run(self) -> None:
        """Do the work, and tell how it ended; Qt calls this in a thread."""
        # When the program ends, Qt deletes those who would be told, and what a thread raises aborts it.
        with suppress(RuntimeError):
            self.started.emit()
            self._running = True
            try:
                with _place_left_to_others(), OldObjectsSpared():
                    result = self.work()
            except Exception as error:
                self.errored.emit(error)
            else:
                if not (self.abort_requested or isinstance(result, RuntimeError)):
                    self.returned.emit(result)
            self._running = False
            self.finished.emit()
            self._finished.emit(self)


class QuietWorker(Quiet, FunctionWorker[Any]):
    """A worker for a function and its arguments."""


@contextmanager
def _place_left_to_others() -> Iterator[None]:
    """Leave the place that this thread takes in Qt's pool to others, for as long as the block lasts.

    The pool has as many places as there are processor cores, and what finds none waits without a word: on two
    cores, one restoration and one check would keep everything else waiting. The pool still waits for the
    worker when napari is closed, but its ``activeThreadCount`` leaves it out.
    """
    pool = QThreadPool.globalInstance()
    assert pool is not None
    pool.releaseThread()
    try:
        yield
    finally:
        pool.reserveThread()
