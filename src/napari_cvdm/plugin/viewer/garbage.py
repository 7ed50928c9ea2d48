"""Short garbage collections while something is being worked on."""

from __future__ import annotations

import gc
from threading import Lock
from typing import Any

#: Python 3.12 counts its immortal objects, a few hundred, as frozen; `gc.freeze` freezes all there are.
_FROZEN_BY_PYTHON = 2_000

#: Collections of the middle generation between two of all objects, while Python takes those for few; 10 else.
_PATIENT = 100


def are_objects_frozen() -> bool:
    """Whether objects are left out when Python looks for garbage, by somebody's wish."""
    return gc.get_freeze_count() > _FROZEN_BY_PYTHON


class OldObjectsSpared:
    """While one of these is held, garbage is looked for among objects made since then only.

    A full collection goes through all objects of napari and torch, which stops the viewer for 0.2 s, in
    whichever thread it happens, and napari asks for one whenever a layer is removed. Nothing is lost by
    leaving the old objects out for a while: what of them becomes garbage meanwhile is collected afterwards,
    or by `collect` if it is too large to wait. Nor does a collection of the few new objects bring one of all
    about soon afterwards.
    In a worker, it also keeps the widgets of a viewer that is closed just then from being destroyed there.

    May be made and released in any thread, and used as a context manager.
    """

    _held = 0
    _lock = Lock()
    #: Whether old objects are left out just now; to count the frozen ones takes 30 ms.
    _sparing = False
    #: Python's thresholds, while others hold.
    _usual: tuple[int, int, int] | None = None

    def __init__(self) -> None:
        with OldObjectsSpared._lock:
            if OldObjectsSpared._on_collection not in gc.callbacks:
                gc.callbacks.append(OldObjectsSpared._on_collection)
            # Objects that somebody else has frozen must stay so, and nothing here could tell them from ours.
            self._holds = OldObjectsSpared._held > 0 or not are_objects_frozen()
            if self._holds:
                OldObjectsSpared._held += 1
                self._spare()

    def release(self) -> None:
        """Look for garbage among all objects again. Does nothing the second time."""
        with OldObjectsSpared._lock:
            if self._holds:
                self._holds = False
                OldObjectsSpared._held -= 1
                if OldObjectsSpared._held == 0:
                    self._spare(False)

    @classmethod
    def _spare(cls, on: bool = True) -> None:
        cls._sparing = on
        (gc.freeze if on else gc.unfreeze)()

    @classmethod
    def collect(cls) -> None:
        """Look for garbage among all objects once, be they spared or not."""
        with cls._lock:
            if cls._held:
                cls._spare(False)
        try:
            gc.collect()  # not under the lock: what is destroyed may release one of these
        finally:
            with cls._lock:
                if cls._held:
                    cls._spare()

    @classmethod
    def _on_collection(cls, phase: str, info: dict[str, Any]) -> None:
        """Have Python wait after a collection that did not see old objects, until one sees all.

        It collects anew when a quarter as many objects are new as it saw the last time. Python calls this.
        """
        if phase != "stop" or info["generation"] < 2:
            return
        if cls._sparing:
            if cls._usual is None:
                cls._usual = gc.get_threshold()
                gc.set_threshold(*cls._usual[:2], max(_PATIENT, cls._usual[2]))
        elif cls._usual is not None:
            gc.set_threshold(*cls._usual)
            cls._usual = None

    def __enter__(self) -> OldObjectsSpared:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
