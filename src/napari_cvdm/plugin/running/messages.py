"""What a run tells the main thread."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_cvdm.plugin.results.contrast import ChannelLimits
from napari_cvdm.plugin.running.devices import Choice
from napari_cvdm.restoration.axes import Axes

if TYPE_CHECKING:
    from napari_cvdm.restoration.events import Event


@dataclass(frozen=True)
class Preparing:
    """Something is done that has no measurable progress; ``words`` says what."""

    words: str


@dataclass(frozen=True)
class DevicesFound:
    """What torch found, which can be offered from now on; ``hint`` says how to get a GPU if there is none."""

    choices: list[Choice]
    hint: str | None = None


@dataclass(frozen=True)
class Pictures:
    """The arrays that fill while the run goes on; they are there with the first picture, or its first tile.

    Attributes
    ----------
    reconstruction, uncertainty : ndarray
        float32, the input's axes with Y and X enlarged; zero where nothing has been computed yet.
    axes : Axes
        Axes of what is restored.
    limits : dict
        Contrast limits to begin with, of each channel that there is something of.
    made : dict
        What a provenance says of where they lie: axes, selection, resampling and upscaling.
    shown : threading.Event
        To be set when the pictures are on the screen; until then the worker leaves the processor to them.
    """

    reconstruction: npt.NDArray[np.float32]
    uncertainty: npt.NDArray[np.float32]
    axes: Axes
    limits: ChannelLimits
    made: dict[str, Any] = field(default_factory=dict)
    shown: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Progress:
    """A step was done, and the pictures have changed if ``limits`` are given."""

    event: Event
    limits: ChannelLimits | None = None


@dataclass(frozen=True)
class Done:
    """All is done, or the run was stopped.

    Attributes
    ----------
    provenance : dict
        How it was done, and whether it was stopped.
    draws : ndarray or None
        The single draws, if they were asked for: float32, (draws, ...).
    """

    provenance: dict[str, Any]
    draws: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Wrote:
    """A part of a result that goes to disk was written: how far it is in words, and as a share."""

    words: str
    fraction: float


@dataclass(frozen=True)
class Kept:
    """A run to disk was ended before its end; ``words`` say what is kept, and how to go on."""

    words: str


@dataclass(frozen=True)
class Written:
    """A result is on the disk.

    Attributes
    ----------
    levels : dict of str to list of array
        For "reconstruction" and "uncertainty", the levels of each, the finest first, read as they are
        looked at.
    axes : Axes
        Axes of what is restored.
    limits : dict
        Contrast limits of each channel.
    provenance : dict
        How it was done.
    """

    levels: dict[str, list[Any]]
    axes: Axes
    limits: ChannelLimits
    provenance: dict[str, Any]


Message = Preparing | DevicesFound | Pictures | Progress | Done | Wrote | Kept | Written
