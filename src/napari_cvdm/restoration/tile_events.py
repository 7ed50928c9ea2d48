"""Progress within one network pass, of planes that need several tiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from napari_cvdm.restoration.events import Event


class TileEvents:
    """Tells of the tiles of the pass that is under way.

    Parameters
    ----------
    tell : callable
        Receives an `Event` of stage "tile" after each of several tiles.
    work : int
        All work of the restoration, in units of one denoising step of a plane.
    """

    def __init__(self, tell: Callable[[Event], object], work: int) -> None:
        self._tell, self._work = tell, work
        self._pass: Event | None = None
        self._before = self._within = 0
        self._told = 0.0

    def begin(self, event: Event, before: int, within: int) -> None:
        """Note which pass is next.

        Parameters
        ----------
        event : Event
            What will be under way.
        before, within : int
            Work that is done before the pass, and that the pass is.
        """
        self._pass, self._before, self._within = event, before, within

    def __call__(self, done: int, tiles: int) -> None:
        """Tell that ``done`` of so many tiles are done."""
        if self._pass is None:
            return
        # A pass that runs out of memory begins again with smaller tiles.
        self._told = max(self._told, (self._before + self._within * done / tiles) / self._work)
        self._tell(
            replace(
                self._pass,
                stage="tile",
                under_way=self._pass.stage,
                fraction=self._told,
                tile=done,
                tiles=tiles,
            )
        )
