"""What a restoration reports, as messages for the main thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_cvdm.plugin.results.contrast import RunningLimits
from napari_cvdm.plugin.running.messages import Done, Message, Pictures, Progress
from napari_cvdm.restoration.axes import Axes

if TYPE_CHECKING:
    from napari_cvdm.restoration.events import Estimate, Event, Part

#: Shortest time between two messages about mere steps, in seconds: more often than this nobody can read them.
_BETWEEN_STEPS = 0.1


class Teller:
    """Turns what a restoration reports into messages, and its pixels into those of the pictures.

    Parameters
    ----------
    axes : Axes
        Those of what is restored.
    made : dict
        Passed on with the pictures.
    report : callable
        Takes the messages that cannot wait for the next event: those of `on_part` and `on_tile`.
    """

    def __init__(self, axes: Axes, made: dict[str, Any], report: Callable[[Message], object]) -> None:
        self._axes, self._made, self._report = axes, made, report
        self._limits = RunningLimits()
        self._pictures: Pictures | None = None
        self._changed = False  # by a part that no message has told of
        self._last = 0.0

    def tell(self, events: Iterator[Event]) -> Iterator[Message]:
        """Turn events into messages."""
        from napari_cvdm.restoration.events import Estimate, Finished

        for event in events:
            if isinstance(event, Finished):
                yield Done(event.result.provenance, event.result.draws)
            elif isinstance(event, Estimate):
                self._limits.add(event, self._channel_of(event.index))
                rows, columns = event.mean.shape
                begun = self._begun((rows, columns))
                self._fill(event, ...)
                if begun:
                    yield begun
                yield Progress(_bare(event), self._limits.now())
            elif self._is_readable():
                yield Progress(event)

    def on_part(self, part: Part) -> None:
        """Show a part of a plane's first picture; its limits are reported with the tile."""
        self._limits.add_part(part, self._channel_of(part.index))
        begun = self._begun(part.plane_shape)
        rows, columns = (slice(span.start, span.stop) for span in (part.rows, part.columns))
        self._fill(part, (rows, columns))
        self._changed = True
        if begun:
            self._report(begun)

    def on_tile(self, event: Event) -> None:
        """Report that a tile is done."""
        if self._is_readable() or self._changed:
            self._report(Progress(event, self._limits.now() if self._changed else None))
            self._changed = False

    def _begun(self, plane_shape: tuple[int, int]) -> Pictures | None:
        """Make the pictures; return them the first time."""
        if self._pictures is not None:
            return None
        shape = self._axes.with_planes_of(*plane_shape).shape
        pictures = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        self._pictures = Pictures(*pictures, self._axes, self._limits.now(), self._made)
        return self._pictures

    def _fill(self, given: Estimate | Part, where: Any) -> None:
        assert self._pictures is not None  # made before
        self._axes.plane(self._pictures.reconstruction, given.index)[where] = given.mean
        self._axes.plane(self._pictures.uncertainty, given.index)[where] = given.std

    def _channel_of(self, index: tuple[int, ...]) -> int:
        """Return the number of the channel that a plane belongs to; 0 without channels."""
        return 0 if self._axes.channel_leading is None else index[self._axes.channel_leading]

    def _is_readable(self) -> bool:
        """Whether the last message about a mere step or tile is old enough for another."""
        now = time.monotonic()
        if now - self._last < _BETWEEN_STEPS:
            return False
        self._last = now
        return True


def _bare(event: Event) -> Event:
    """Copy an event without the arrays that an estimate has."""
    from napari_cvdm.restoration.events import Event

    return Event(**{f.name: getattr(event, f.name) for f in fields(Event)})
