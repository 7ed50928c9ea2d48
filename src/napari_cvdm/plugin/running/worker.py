"""The work of a run, as a generator that napari runs in a thread.

Nothing here touches the viewer. What the main thread needs to know is yielded as messages; the pictures are
written into arrays that the layers show.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from napari_cvdm.plugin.image.input_pixels import Colours, are_in_file, given_image
from napari_cvdm.plugin.image.parts import Part, selected
from napari_cvdm.plugin.running.claim import Claim
from napari_cvdm.plugin.running.devices import devices_found
from napari_cvdm.plugin.running.messages import DevicesFound, Done, Message, Pictures, Preparing
from napari_cvdm.plugin.running.telling import Teller
from napari_cvdm.plugin.stored.download_checkpoint import DownloadCheckpoint
from napari_cvdm.plugin.viewer.failures import RestorationFailed, in_plain_words
from napari_cvdm.plugin.viewer.torch_loading import load_torch
from napari_cvdm.restoration.axes import Axes, resolve_axes
from napari_cvdm.restoration.errors import GivenUp
from napari_cvdm.restoration.validation import is_read_in_pieces

#: How long to wait for the first picture to be shown, in seconds; it may never be, if the viewer is busy.
_LONGEST_REST = 2.0

#: A part is measured with all of the image, in bytes, up to this size: more would take long to read.
_MOST_TO_READ = 2**31

_MEASURED_ON_PART = (
    "Intensities were measured on this part alone, because reading all of the image would take long: they "
    "may differ a little from those of a run on everything."
)


class Cancelled(GivenUp):
    """The run is given up: the user has asked for it, or closed what it works for."""


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
        Whether the last axis of ``data`` holds colours.
    colours : {"average", "channels"}
        What becomes of them.
    part : Part or None
        What part of ``data`` to restore, colours not counted; None for all.
    model : str
        Name or path of the model.
    pixel_size, preview, draws, steps, seed, device, tile, resample, keep_draws
        As `napari_cvdm.restore` takes them.
    first_plane : tuple of int or None
        Index of the plane to begin with, within the part.
    first_place : (float, float)
        Where in the part's planes to begin, as shares of height and width.
    source_path : str or None
        The file the layer was opened from.
    abort_requested : callable
        Whether the run is to be given up; asked before every network pass.
    report : callable or None
        Takes messages about what is done within a pass, between those that `messages` yields; without it,
        there are none.
    stop_requested : threading.Event
        To be set when the run is to end with what it has.
    cancel_requested : threading.Event
        To be set before the run is given up, if nothing that it has begun on the disk is to stay.
    claim : Claim
        What of the free memory the results have yet to fill.
    run_id : str
        Shared by the results of this run, and by no others.
    normalize : {"stack", "whole"}
        Whether intensities are measured on what is restored, or on the whole image.
    file_has_pixels : bool or None
        Whether the file of ``source_path`` has these pixels; None while nobody has looked.
    """

    name: str
    data: Any
    axes: str
    rgb: bool = False
    colours: Colours = "average"
    part: Part | None = None
    model: str = "default"
    pixel_size: float | None = None
    preview: bool = False
    draws: int = 8
    steps: int | None = None
    seed: int = 0
    device: str = "auto"
    tile: int | Literal["auto"] = "auto"
    resample: bool = False
    keep_draws: bool = False
    first_plane: tuple[int, ...] | None = None
    first_place: tuple[float, float] = (0, 0)
    source_path: str | None = None
    abort_requested: Callable[[], bool] = field(default=lambda: False, repr=False)
    report: Callable[[Message], object] | None = field(default=None, repr=False)
    stop_requested: threading.Event = field(default_factory=threading.Event, repr=False)
    cancel_requested: threading.Event = field(default_factory=threading.Event, repr=False)
    claim: Claim = field(default_factory=Claim, repr=False)
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    normalize: Literal["stack", "whole"] = field(init=False)
    file_has_pixels: bool | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Decide whether a part is measured with all of the image, which it then gets the pixels of."""
        too_much = is_read_in_pieces(self.data) and getattr(self.data, "nbytes", 0) > _MOST_TO_READ
        self.normalize = "stack" if self.part is None or too_much else "whole"

    def __repr__(self) -> str:
        # napari shows it when the viewer is closed in mid-run.
        return f"the restoration of '{self.name}'"

    @property
    def image_axes(self) -> str:
        """One letter for each axis of the image that is restored."""
        return f"C{self.axes}" if self.rgb and self.colours == "channels" else self.axes

    @property
    def can_be_stopped(self) -> bool:
        """Whether there is something to keep before the end."""
        return not self.preview

    @property
    def kept(self) -> str:
        """What stays on the disk if the run is given up now, in words; empty if nothing does."""
        return ""

    def describe(self) -> dict[str, Any]:
        """Return what was asked for, in values that JSON can hold, so that the run can be repeated."""
        return {
            **self._settings,
            "source_path": self.source_path,
            "file_has_pixels": self.file_has_pixels,
            "axes": self.axes,
            "rgb": self.rgb,
            "colours": self.colours,
            "part": None if self.part is None else self.part.describe(),
            "shape": None if self.data is None else [int(n) for n in self.data.shape[: len(self.axes)]],
            "model": self.model,
            "resample": self.resample,
            "keep_draws": self.keep_draws,
        }

    def messages(self) -> Iterator[Message]:
        """Carry out the run.

        Yields
        ------
        Message
            In this order: `Preparing` and `DevicesFound`, `Pictures` with the first picture (or, before, to
            ``report`` with its first tile), then `Progress`, last `Done`. The iteration just ends when the
            run is cancelled.

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
            failure = RestorationFailed(f"{in_plain_words(error)} {self.kept}".rstrip())
        finally:
            self.data = None  # napari keeps its workers' functions; the image must not stay with them
        # Outside the except block, so that the exception does not keep the failed pass's tensors in memory.
        raise failure

    def _carry_out(self) -> Iterator[Message]:
        model = yield from self._load()
        from napari_cvdm import restore_events  # which imports torch, so not before that is loaded smoothly

        yield Preparing("Reading the image …")
        image = self._image()
        yield Preparing("Computing the first picture …")
        teller = Teller(*self._restored(image, model), self._report)
        events = restore_events(
            image,
            model,
            axes=self.image_axes,
            **self._settings,
            **self._choice(image),
            resample=self.resample,
            keep_draws=self.keep_draws,
            checkpoint=self._checkpoint,
            stop=self.stop_requested.is_set,
            first_plane=self.first_plane,
            first_place=self.first_place,
            on_tile=teller.on_tile if self.report else None,
            on_part=teller.on_part if self.report else None,
        )
        for message in teller.tell(self.claim.watch(events)):
            if isinstance(message, Done) and self._measured_on_part:
                message.provenance["warnings"] = [*message.provenance.get("warnings", ()), _MEASURED_ON_PART]
            yield message
            if isinstance(message, Pictures):
                self._wait_until_shown(message)

    def _report(self, message: Message) -> None:
        assert self.report is not None  # or nobody would have been told of parts and tiles
        self.report(message)
        if isinstance(message, Pictures):
            self._wait_until_shown(message)

    def _load(self) -> Generator[Message, None, Any]:
        """Load torch and the model, which is returned."""
        yield Preparing("Loading PyTorch …")
        load_torch()
        self._checkpoint()
        from napari_cvdm import load_model
        from napari_cvdm.restoration.device import gpu_hint

        yield DevicesFound(devices_found(), gpu_hint())

        yield Preparing("Loading the model …")
        return load_model(self.model, progress=DownloadCheckpoint(self._checkpoint))

    def _image(self) -> Any:
        """Return the whole image as an array with the axes that ``image_axes`` names."""
        if self.source_path is not None:
            self.file_has_pixels = are_in_file(self.data, self.axes, Path(self.source_path))
        return given_image(self.data, rgb=self.rgb, colours=self.colours)

    @property
    def _settings(self) -> dict[str, Any]:
        """What a restoration takes as it is, be it in memory or to disk."""
        return {
            "pixel_size": self.pixel_size,
            "preview": self.preview,
            "draws": self.draws,
            "steps": self.steps,
            "seed": self.seed,
            "device": self.device,
            "tile": self.tile,
            "normalize": self.normalize,
        }

    @property
    def _measured_on_part(self) -> bool:
        return self.part is not None and self.normalize == "stack"

    def _choice(self, image: Any) -> dict[str, Any]:
        """Return which part of the image to restore."""
        before = len(self.image_axes) - len(self.axes)
        return {} if self.part is None else self.part.chosen(self.axes, image.shape[before:], leading=before)

    def _restored(self, image: Any, model: Any) -> tuple[Axes, dict[str, Any]]:
        """Return the axes of what is restored, and what the provenance will say of where it lies."""
        known = model.card.pixel_size_nm if self.resample else None
        whole = resolve_axes(image.shape, self.image_axes)
        selection, plan = selected(whole, self._choice(image), self.pixel_size, known)
        return selection.restored, {
            "axes": selection.restored.names,
            "selection": selection.describe(),
            "resampling": None if plan is None else plan.describe(),
            "upscaling": model.upscaling,
        }

    def _wait_until_shown(self, pictures: Pictures) -> None:
        """Rest while napari makes the layers, which takes longer if both threads want the processor."""
        for _ in range(round(_LONGEST_REST / 0.02)):
            self._checkpoint()
            if pictures.shown.wait(0.02):
                break

    def _checkpoint(self) -> None:
        if self.abort_requested():
            raise Cancelled
