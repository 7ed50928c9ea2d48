"""Waiting for a server's answer no longer than it may take, while whoever asked can still cancel."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any, TypeVar

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
    """
    answer: Future[Answer] = Future()

    def put() -> None:
        try:
            answer.set_result(ask())
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=put, daemon=True).start()
    started = time.monotonic()
    try:
        while not wait([answer], _MOMENT_SECONDS).done:
            if alive is not None:
                alive()
            if time.monotonic() - started > most_seconds:
                raise overdue
    except BaseException:
        answer.add_done_callback(_close)
        raise
    return answer.result()


def _close(unwanted: Future[Any]) -> None:
    """Let go of the connection of an answer that nobody waits for any more."""
    if unwanted.exception() is None and hasattr(unwanted.result(), "close"):
        unwanted.result().close()
