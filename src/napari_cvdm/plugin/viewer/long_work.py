"""Work that may last does not keep Qt's threads from work that is waited for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from qtpy.QtCore import QThreadPool


@contextmanager
def place_left_to_others() -> Iterator[None]:
    """Leave the place that this thread takes in Qt's pool to others, for as long as the block lasts.

    The pool has as many places as there are processor cores, and what finds none waits without a word: on two
    cores, one restoration and one check would keep everything else waiting. Used in a worker, or around its
    function. The pool still waits for the worker when napari is closed, but its ``activeThreadCount`` leaves
    it out.
    """
    pool = QThreadPool.globalInstance()
    assert pool is not None
    pool.releaseThread()
    try:
        yield
    finally:
        pool.reserveThread()
