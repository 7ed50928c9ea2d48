"""What a restoration reports, as messages for the main thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from napari_cvdm.plugin.image.parts import Covered
from napari_cvdm.plugin.results.contrast import RunningLimits
from napari_cvdm.plugin.running.messages import Done, Message, Pictures, Progress
from napari_cvdm.restoration.axes import Axes

if TYPE_CHECKING:
    from napari_cvdm.restoration.events import Estimate, Event

__all__ = ["TileReports", "tell"]

#: Shortest time between two messages about mere steps, in seconds: more often than this nobody can read them.
_BETWEEN_STEPS = 0.1


def tell(events: Iterator[Event], axes: Axes, covered: Covered | None = None) -> Iterator[Message]:
    """Turn a restoration's events into messages, and its estimates into planes of the pictures.

    Parameters
    ----------
    events : iterator of Event
        From `napari_cvdm.restore_events`.
    axes : Axes
        Of what is restored.
    covered : dict, optional
        As `Pictures` has it.
    """
    from napari_cvdm.restoration.events import Estimate, Finished

    pictures: Pictures | None = None
    limits = RunningLimits()
    told = 0.0
    for event in events:
        if isinstance(event, Finished):
            yield Done(event.result.provenance, event.result.draws)
        elif isinstance(event, Estimate):
            limits.add(event, _channel_of(axes, event.index))
            if pictures is None:
                shape = _result_shape(axes, event.mean.shape)
                reconstruction, uncertainty = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
                pictures = Pictures(reconstruction, uncertainty, axes, limits.now(), covered)
                _fill(pictures, event)
                yield pictures
            else:
                _fill(pictures, event)
            yield Progress(_bare(event), limits.now())
        elif time.monotonic() - told >= _BETWEEN_STEPS:
            told = time.monotonic()
            yield Progress(event)


class TileReports:
    """Turns the events of single tiles into messages, no more of them than can be read.

    They come from within a network pass, while the iterator of all other messages waits.

    Parameters
    ----------
    report : callable
        Receives the messages, in the thread of the restoration.
    """

    def __init__(self, report: Callable[[Message], object]) -> None:
        self._report = report
        self._told = 0.0

    def __call__(self, event: Event) -> None:
        """Report a tile."""
        if time.monotonic() - self._told >= _BETWEEN_STEPS:
            self._told = time.monotonic()
            self._report(Progress(event))


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
