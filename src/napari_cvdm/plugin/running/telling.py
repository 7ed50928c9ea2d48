"""What a restoration reports, as messages for the main thread."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_cvdm.plugin.results.contrast import RunningLimits
from napari_cvdm.plugin.running.messages import Done, Message, Pictures, Progress
from napari_cvdm.restoration.axes import Axes

if TYPE_CHECKING:
    from napari_cvdm.restoration.events import Estimate, Event

#: Shortest time between two messages about mere steps, in seconds: more often than this nobody can read them.
_BETWEEN_STEPS = 0.1


class Pace:
    """Asked before each message about a mere step or tile, whether it can be read."""

    def __init__(self) -> None:
        self._last = 0.0

    def allows(self) -> bool:
        """Whether the message before is old enough; if so, there is a new one."""
        now = time.monotonic()
        if now - self._last < _BETWEEN_STEPS:
            return False
        self._last = now
        return True


def tell(events: Iterator[Event], axes: Axes, made: dict[str, Any], pace: Pace) -> Iterator[Message]:
    """Turn events of a restoration into messages, and its estimates into planes of the pictures.

    ``axes`` are those of what is restored; ``made`` is passed on with the pictures.
    """
    from napari_cvdm.restoration.events import Estimate, Finished

    pictures: Pictures | None = None
    limits = RunningLimits()
    for event in events:
        if isinstance(event, Finished):
            yield Done(event.result.provenance, event.result.draws)
        elif isinstance(event, Estimate):
            limits.add(event, _channel_of(axes, event.index))
            if pictures is None:
                shape = _result_shape(axes, event.mean.shape)
                reconstruction, uncertainty = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
                pictures = Pictures(reconstruction, uncertainty, axes, limits.now(), made)
                _fill(pictures, event)
                yield pictures
            else:
                _fill(pictures, event)
            yield Progress(_bare(event), limits.now())
        elif pace.allows():
            yield Progress(event)


def _channel_of(axes: Axes, index: tuple[int, ...]) -> int:
    """Return the number of the channel that a plane belongs to; 0 without channels."""
    return 0 if axes.channel_leading is None else index[axes.channel_leading]


def _result_shape(axes: Axes, plane: tuple[int, ...]) -> tuple[int, ...]:
    lengths = dict(zip("YX", plane, strict=True))
    return tuple(lengths.get(name, n) for name, n in zip(axes.names, axes.shape, strict=True))


def _fill(pictures: Pictures, estimate: Estimate) -> None:
    pictures.axes.put_plane(pictures.reconstruction, estimate.index, estimate.mean)
    pictures.axes.put_plane(pictures.uncertainty, estimate.index, estimate.std)


def _bare(event: Event) -> Event:
    """Copy an event without the arrays that an estimate has."""
    from napari_cvdm.restoration.events import Event

    return Event(**{f.name: getattr(event, f.name) for f in fields(Event)})
