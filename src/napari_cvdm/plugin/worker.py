"""The work of a run, as a generator that napari runs in a thread.

Nothing here touches the viewer. What the main thread needs to know is yielded as messages; the pictures are
written into arrays that the layers show.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from napari_cvdm.plugin.contrast import RunningLimits
from napari_cvdm.plugin.devices import devices_found
from napari_cvdm.plugin.messages import DevicesFound, Done, Message, Pictures, Preparing, Progress
from napari_cvdm.plugin.torch_loading import load_torch
from napari_cvdm.restoration.axes import Axes, resolve_axes

if TYPE_CHECKING:
    from napari_cvdm.restoration.events import Estimate, Event

__all__ = ["Cancelled", "Job", "RestorationFailed"]

_log = logging.getLogger(__name__)

#: Shortest time between two messages about mere steps, in seconds: more often than this nobody can read them.
_BETWEEN_STEPS = 0.1

#: How long to wait for the first picture to be shown, in seconds; it may never be, if the viewer is busy.
_LONGEST_REST = 2.0


class Cancelled(Exception):
    """The user has asked for the run to stop."""


class RestorationFailed(Exception):
    """A run cannot go on; the message says why and what to do.

    Not a RuntimeError, because napari's generator workers end without a word when one of those is raised.
    """


@dataclass(eq=False)
class Job:
    """One run: what to restore and how. Filled in on the main thread, carried out in a worker.

    Attributes
    ----------
    name : str
        Name of the input layer, for messages.
    data : array-like
        The layer's data at full resolution, of whatever kind; it is read in the worker.
    axes : str
        One letter for each axis but the colour axis.
    rgb : bool
        Whether the last axis of ``data`` holds colours; they are averaged.
    model : str
        Name or path of the model.
    pixel_size, preview, draws, steps, seed, device, tile
        As `napari_cvdm.restore` takes them.
    abort_requested : callable
        Whether the run is to stop; asked before every network pass.
    """

    name: str
    data: Any
    axes: str
    rgb: bool = False
    model: str = "default"
    pixel_size: float | None = None
    preview: bool = False
    draws: int = 8
    steps: int | None = None
    seed: int = 0
    device: str = "auto"
    tile: int | Literal["auto"] = "auto"
    abort_requested: Callable[[], bool] = field(default=lambda: False, repr=False)

    def __repr__(self) -> str:
        # napari shows it when the viewer is closed in mid-run.
        return f"the restoration of '{self.name}'"

    def messages(self) -> Iterator[Message]:
        """Carry out the run.

        Yields
        ------
        Message
            In this order: `Preparing` and `DevicesFound`, `Pictures` with the first picture, then `Progress`,
            last `Done`. The iteration just ends when the run is cancelled.

        Raises
        ------
        RestorationFailed
            For whatever goes wrong.
        """
        try:
            yield from self._carry_out()
            return
        except Cancelled:
            return
        except Exception as error:
            failure = RestorationFailed(_remedy(error))
        finally:
            self.data = None  # napari keeps its workers' functions; the image must not stay with them
        # Outside the except block, so that the exception does not keep the failed pass's tensors in memory.
        raise failure

    def _carry_out(self) -> Iterator[Message]:
        yield Preparing("Loading PyTorch …")
        load_torch()
        self._checkpoint()
        yield DevicesFound(devices_found())
        from napari_cvdm import load_model, restore_events

        self._checkpoint()
        yield Preparing("Loading the model …")
        model = load_model(self.model, progress=_DownloadCheckpoint(self._checkpoint))
        self._checkpoint()
        yield Preparing("Reading the image …")
        image = self._image()
        self._checkpoint()
        yield Preparing("Computing the first picture …")
        events = restore_events(
            image,
            model,
            axes=self.axes,
            pixel_size=self.pixel_size,
            draws=self.draws,
            steps=self.steps,
            seed=self.seed,
            device=self.device,
            tile=self.tile,
            preview=self.preview,
            checkpoint=self._checkpoint,
        )
        for message in _tell(events, resolve_axes(image.shape, self.axes), model.upscaling):
            yield message
            if isinstance(message, Pictures):
                self._wait_until_shown(message)

    def _image(self) -> npt.NDArray[Any]:
        """Read the image into memory, as an array with the axes that ``axes`` names."""
        image = np.asarray(self.data)
        if self.rgb:
            # The mean, not the eye's luminance: a picture in pure blue is as good as one in green.
            image = image[..., :3].mean(axis=-1, dtype=np.float32)
        return image

    def _wait_until_shown(self, pictures: Pictures) -> None:
        """Rest while napari makes the layers, which takes longer if both threads want the processor."""
        for _ in range(round(_LONGEST_REST / 0.02)):
            self._checkpoint()
            if pictures.shown.wait(0.02):
                break

    def _checkpoint(self) -> None:
        if self.abort_requested():
            raise Cancelled


class _DownloadCheckpoint:
    """Lets a run be cancelled while its model is downloaded."""

    total = 0

    def __init__(self, checkpoint: Callable[[], None]) -> None:
        self._checkpoint = checkpoint

    def update(self, amount: int) -> None:
        self._checkpoint()

    def reset(self) -> None:
        pass

    def close(self) -> None:
        pass


def _tell(events: Iterator[Event], axes: Axes, upscaling: int) -> Iterator[Message]:
    """Turn a restoration's events into messages, and its estimates into planes of the pictures."""
    from napari_cvdm.restoration.events import Estimate, Finished

    pictures: Pictures | None = None
    limits = RunningLimits()
    told = 0.0
    for event in events:
        if isinstance(event, Finished):
            yield Done(event.result.provenance)
        elif isinstance(event, Estimate):
            limits.add(event)
            if pictures is None:
                shape = axes.output_shape(upscaling)
                reconstruction, uncertainty = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
                pictures = Pictures(reconstruction, uncertainty, axes, upscaling, limits.now())
                _fill(pictures, event)
                yield pictures
            else:
                _fill(pictures, event)
            yield Progress(_bare(event), limits.now())
        elif time.monotonic() - told >= _BETWEEN_STEPS:
            told = time.monotonic()
            yield Progress(event)


def _fill(pictures: Pictures, estimate: Estimate) -> None:
    pictures.axes.put_plane(pictures.reconstruction, estimate.index, estimate.mean)
    pictures.axes.put_plane(pictures.uncertainty, estimate.index, estimate.std)


def _bare(event: Event) -> Event:
    """Copy an event without the arrays that an estimate has."""
    from napari_cvdm.restoration.events import Event

    return Event(**{f.name: getattr(event, f.name) for f in fields(Event)})


def _remedy(error: Exception) -> str:
    """Say what went wrong and what to do, in words for the user."""
    from napari_cvdm.models import ModelError
    from napari_cvdm.restoration.errors import DeviceError, InputError, InputTypeError

    if isinstance(error, InputError | InputTypeError | DeviceError | ModelError):
        return str(error)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "Memory ran out. Close other programs, set a smaller tile under Advanced, or crop the image."
    if isinstance(error, ImportError):
        return f"Part of the installation is missing ({error}). Reinstall napari-cvdm with its dependencies."
    _log.error("A restoration failed unexpectedly", exc_info=error)
    return (
        f"The restoration failed unexpectedly: {type(error).__name__}: {error}. "
        "The terminal shows the details; please report them."
    )
