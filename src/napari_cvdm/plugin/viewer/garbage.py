"""Short garbage collections while something is being worked on."""

from __future__ import annotations

import gc
from threading import Lock
from types import TracebackType

__all__ = ["OldObjectsSpared"]


class OldObjectsSpared:
    """While one of these is held, garbage is looked for among objects made since then only.

    A full collection goes through all objects of napari and torch, which stops the viewer for 0.2 s, in
    whichever thread it happens, and napari asks for one whenever a layer is removed. Nothing is lost by
    leaving the old objects out for a while: what of them becomes garbage meanwhile is collected afterwards,
    or by `collect` if it is too large to wait.
    In a worker, it also keeps the widgets of a viewer that is closed just then from being destroyed there.

    May be made and released in any thread, and used as a context manager.
    """

    _held = 0
    _lock = Lock()

    def __init__(self) -> None:
        with OldObjectsSpared._lock:
            # Objects that somebody else has frozen must stay so, and nothing here could tell them from ours.
            self._holds = OldObjectsSpared._held > 0 or gc.get_freeze_count() == 0
            if self._holds:
                OldObjectsSpared._held += 1
                gc.freeze()

    def release(self) -> None:
        """Look for garbage among all objects again. Does nothing the second time."""
        with OldObjectsSpared._lock:
            if self._holds:
                self._holds = False
                OldObjectsSpared._held -= 1
                if OldObjectsSpared._held == 0:
                    gc.unfreeze()

    @classmethod
    def collect(cls) -> None:
        """Look for garbage among all objects once, be they spared or not."""
        with cls._lock:
            if cls._held:
                gc.unfreeze()
        try:
            gc.collect()  # not under the lock: what is destroyed may release one of these
        finally:
            with cls._lock:
                if cls._held:
                    gc.freeze()

    def __enter__(self) -> OldObjectsSpared:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
