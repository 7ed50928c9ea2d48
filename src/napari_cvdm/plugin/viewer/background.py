"""Work off the GUI thread of which only the latest answer counts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_cvdm.plugin.viewer.quiet_worker import QuietWorker

_log = logging.getLogger(__name__)

Task = Callable[[Callable[[], None]], Any]
"""Takes a checkpoint, which it calls now and then and which raises `Stopped`; returns the answer."""


class Stopped(Exception):
    """The answer is not wanted any more."""


class Background(QObject):
    """Carries out one task at a time in a thread. A new task replaces those that have not begun.

    When the parent is destroyed, answers go nowhere.
    """

    #: The answer to the latest task.
    done = Signal(object)
    #: What went wrong with the latest task, in words for the user.
    failed = Signal(str)
    #: Whether there is something to wait for.
    busy = Signal(bool)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._running: _Run | None = None
        self._next: Task | None = None
        # Not a method of this object: it is gone by then.
        self._begun: list[_Run] = []
        self.destroyed.connect(partial(_stop_all, self._begun))

    @property
    def running(self) -> bool:
        """Whether a task is at work, be it wanted or not."""
        return self._running is not None

    def ask(self, task: Task) -> None:
        """Have a task done, as soon as the one in progress has ended; that one is asked to stop."""
        if self._running is None:
            self._start(task)
            self.busy.emit(True)
        else:
            self._running.wanted = False
            self._next = task

    def drop(self) -> None:
        """Forget about all tasks."""
        self._next = None
        if self._running is not None:
            self._running.wanted = False

    def _start(self, task: Task) -> None:
        self._running = _Run(task)
        self._begun[:] = [self._running]
        worker = QuietWorker(self._running)
        worker.returned.connect(self._on_returned)
        worker.start()

    def _on_returned(self, run: _Run) -> None:
        self._running, task, self._next = None, self._next, None
        answer, run.answer = run.answer, None  # the run is kept for a while; the arrays must not be
        if task is not None:
            self._start(task)
        else:
            self.busy.emit(False)
        if run.wanted and run.error is not None:
            self.failed.emit(run.error)
        elif run.wanted:
            self.done.emit(answer)


class _Run:
    """One task in its thread. Never raises: what goes wrong is kept in words."""

    def __init__(self, task: Task) -> None:
        self._task: Task | None = task
        self.wanted = True
        self.answer: Any = None
        self.error: str | None = None

    def __call__(self) -> _Run:
        try:
            assert self._task is not None
            self.answer = self._task(self._checkpoint)
        except Stopped:
            self.wanted = False
        except Exception as error:
            self.error = in_words(error)
        finally:
            self._task = None  # the worker is kept for a while; the arrays must not be
        return self

    def _checkpoint(self) -> None:
        if not self.wanted:
            raise Stopped


def _stop_all(runs: list[_Run], owner: QObject | None = None) -> None:
    for run in runs:
        run.wanted = False


def in_words(error: Exception) -> str:
    """Say what went wrong in a computation, in words for the user."""
    if isinstance(error, MemoryError):
        return "Memory ran out. Close other programs or look at a smaller image."
    if type(error).__module__.startswith("napari_cvdm.") or isinstance(error, OSError):
        return str(error)
    _log.error("A computation in the background failed", exc_info=error)
    return f"This could not be computed: {type(error).__name__}: {error}. The terminal shows the details."
