"""Waiting for a server's answer no longer than it may take, while whoever asked can still cancel."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

__all__ = ["answer_in_time"]

Answer = TypeVar("Answer")

_MOMENT_SECONDS = 0.1


def answer_in_time(
    ask: Callable[[], Answer],
    most_seconds: float,
    overdue: Exception,
    alive: Callable[[], object] | None = None,
) -> Answer:
    """Wait for an answer while another thread asks.

    A server that sends the first lines byte by byte is never silent: no time-out of the connection would end
    the wait for it.

    Parameters
    ----------
    ask : callable
        Returns the answer, or raises.
    most_seconds : float
        How long it may take.
    overdue : Exception
        Raised when it takes longer. The thread is left to itself.
    alive : callable, optional
        Called every tenth of a second; what it raises ends the wait.

    Returns
    -------
    object
        The answer; what `ask` raises is raised.
    """
    answers: list[Answer] = []
    faults: list[Exception] = []
    left = threading.Event()

    def put() -> None:
        try:
            answers.append(ask())
        except Exception as error:
            faults.append(error)
        if left.is_set():
            _close(answers)

    asking, started = threading.Thread(target=put, daemon=True), time.monotonic()
    asking.start()
    try:
        while not (answers or faults):
            asking.join(_MOMENT_SECONDS)
            if alive is not None:
                alive()
            if not (answers or faults) and time.monotonic() - started > most_seconds:
                raise overdue
    except BaseException:
        left.set()
        _close(answers)
        raise
    if faults:
        raise faults[0]
    return answers[0]


def _close(answers: Iterable[object]) -> None:
    """Let go of the connection of an answer that nobody waits for any more."""
    for answer in answers:
        if hasattr(answer, "close"):
            answer.close()
