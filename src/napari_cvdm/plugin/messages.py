"""What a run tells the main thread."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_cvdm.plugin.contrast import Limits
from napari_cvdm.plugin.devices import Choice
from napari_cvdm.restoration.axes import Axes

if TYPE_CHECKING:
    from napari_cvdm.restoration.events import Event

__all__ = ["DevicesFound", "Done", "Message", "Pictures", "Preparing", "Progress"]


@dataclass(frozen=True)
class Preparing:
    """Something is done that has no measurable progress; ``words`` says what."""

    words: str


@dataclass(frozen=True)
class DevicesFound:
    """What torch found; the widget can offer it from now on."""

    choices: list[Choice]


@dataclass(frozen=True)
class Pictures:
    """The arrays that fill while the run goes on; they are there with the first picture.

    Attributes
    ----------
    reconstruction, uncertainty : ndarray
        float32, the input's axes with Y and X enlarged; zero where nothing has been computed yet.
    axes : Axes
        The input's axes.
    upscaling : int
        Fine pixels for each input pixel along Y and X.
    limits : dict
        Contrast limits to begin with.
    shown : threading.Event
        To be set when the pictures are on the screen; until then the worker leaves the processor to them.
    """

    reconstruction: npt.NDArray[np.float32]
    uncertainty: npt.NDArray[np.float32]
    axes: Axes
    upscaling: int
    limits: Limits
    shown: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Progress:
    """A step was done, and the pictures have changed if ``limits`` are given."""

    event: Event
    limits: Limits | None = None


@dataclass(frozen=True)
class Done:
    """All is done; ``provenance`` says how."""

    provenance: dict[str, Any]


Message = Preparing | DevicesFound | Pictures | Progress | Done
