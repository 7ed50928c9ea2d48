"""Short garbage collections while a run is on."""

from __future__ import annotations

import gc

__all__ = ["OldObjectsSpared"]


class OldObjectsSpared:
    """While one of these is held, garbage is looked for among objects made since then only.

    A full collection goes through all objects of napari and torch, which stops the viewer for 0.2 s, and
    napari asks for one whenever a layer is removed. Nothing is lost by leaving the old objects out for a
    while: what of them becomes garbage meanwhile is collected afterwards.
    """

    _held = 0

    def __init__(self) -> None:
        # Objects that somebody else has frozen must stay so, and nothing here could tell them from ours.
        self._holds = OldObjectsSpared._held > 0 or gc.get_freeze_count() == 0
        if self._holds:
            OldObjectsSpared._held += 1
            gc.freeze()

    def release(self) -> None:
        """Look for garbage among all objects again. Does nothing the second time."""
        if self._holds:
            self._holds = False
            OldObjectsSpared._held -= 1
            if OldObjectsSpared._held == 0:
                gc.unfreeze()
