"""A run whose result memory does not hold: it goes to disk piece by piece, and is shown from there."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_cvdm.plugin.image.file_reading import read_file
from napari_cvdm.plugin.results.contrast import limits_of_channels
from napari_cvdm.plugin.results.layers import PICTURES
from napari_cvdm.plugin.running.messages import Kept, Message, Preparing, Written, Wrote
from napari_cvdm.plugin.running.worker import Cancelled, Job
from napari_cvdm.restoration.axes import Axes

if TYPE_CHECKING:
    from napari_cvdm.files.streaming import Progress

_KEPT = "What is written is kept: restore again with the same settings, to the same folder, to go on."


class _Unwanted(Cancelled):
    """The user wants nothing of what the run has begun."""


class _Stopped(Exception):
    """The user wants the run to end, and to keep what is written."""


@dataclass(eq=False, repr=False)
class DiskJob(Job):
    """A job that writes its result to an OME-Zarr folder, in memory that does not grow with the image.

    Stopped, or given up because its panel or window was closed, it keeps what it has written: the same job to
    the same folder goes on from there. Cancelled, it leaves nothing behind that it has begun, but all that
    another run has left or is writing, and what a run before has kept with what it has added to it.

    Attributes
    ----------
    output : Path
        The folder to make; that of the uncertainty is made beside it.
    discard : bool
        Whether what a stopped run with other settings has left there is thrown away.
    z_spacing, time_interval : float or None
        Distance of planes in nm, and from frame to frame in seconds, for the files' metadata; by default what
        the image's own file says.
    pixel_sides : (float, float) or None
        Height and width of a pixel in nm, likewise; they count where the run was told no pixel size.
    steps_apart : mapping of str to float
        How far apart the image's pixels lie along each axis, for axes whose sizes are not known, likewise.
    origin : mapping of str to float
        Where the image's first pixel lies along each axis, in these steps, likewise.

    The others are those of `Job`.
    """

    output: Path = Path()
    discard: bool = False
    z_spacing: float | None = None
    time_interval: float | None = None
    pixel_sides: tuple[float, float] | None = None
    steps_apart: Mapping[str, float] = field(default_factory=dict)
    origin: Mapping[str, float] = field(default_factory=dict)
    _goes_on: bool = field(default=False, init=False)
    _kept: str = field(default="", init=False)

    @classmethod
    def of(cls, job: Job, output: Path, **more: Any) -> DiskJob:
        """Make a job that does the same, but to disk."""
        return cls(**{f.name: getattr(job, f.name) for f in fields(Job) if f.init}, output=output, **more)

    @property
    def can_be_stopped(self) -> bool:
        """Whether there is something to keep before the end: each piece that is written."""
        return True

    @property
    def kept(self) -> str:
        """What stays on the disk if the run is given up now, in words; empty if nothing does."""
        return "" if self.cancel_requested.is_set() and not self._goes_on else self._kept

    def describe(self) -> dict[str, Any]:
        """Return what was asked for, with the folder."""
        return {**super().describe(), "output": str(self.output)}

    def _carry_out(self) -> Iterator[Message]:
        model = yield from self._load()
        yield Preparing("Measuring intensities …")
        told: queue.SimpleQueue[Message] = queue.SimpleQueue()
        with ThreadPoolExecutor(1) as pool:  # the writer calls back, and this has to be a generator
            future = pool.submit(self._write, model, told)
            while not (future.done() and told.empty()):
                with suppress(queue.Empty):
                    yield told.get(timeout=0.1)
            try:
                written = future.result()
            except _Stopped:
                yield Kept(f"Stopped. {self._kept or 'Nothing was written yet.'}")
                return
        yield written

    def _write(self, model: Any, told: queue.SimpleQueue[Message]) -> Written:
        """Restore and write; in a thread of its own."""
        import dask.array as da

        from napari_cvdm import restore_lazy
        from napari_cvdm.files.streaming import write_restoration
        from napari_cvdm.files.unfinished import remove

        def report(progress: Progress) -> None:
            self._goes_on = progress.resumed > 0 and not self.discard
            self._kept = _KEPT if progress.done else ""
            self._checkpoint()
            if self.stop_requested.is_set():
                raise _Stopped
            told.put(Wrote(f"{progress.done} of {progress.regions} pieces written", progress.fraction))

        folders: dict[str, Path] = {}
        try:
            image = self._image()
            settings = {**self._settings, **self._choice(image)}
            lazy = restore_lazy(self._watched(image), model, axes=self.image_axes, **settings)
            folders = write_restoration(
                lazy, self.output, source={"name": self.name, "path": self.source_path}, progress=report,
                discard=self.discard, given_up=_Unwanted,
                **self._sizes(), steps=self.steps_apart, origin=self.origin,
            )  # fmt: skip
            self._kept = f"The result was written already: {self.output}."
            axes, _ = self._restored(image, model)
            levels = {picture: _levels(folder, axes) for picture, folder in folders.items()}
            mean, std = (da.moveaxis(levels[each][-1], (axes.y, axes.x), (-2, -1)) for each in PICTURES)
            limits = limits_of_channels(mean, std, axes.channel_leading)
            self._checkpoint()
        except _Unwanted:
            if not self._goes_on:
                for folder in folders.values():  # nothing was there before: this run has made them
                    remove(folder)
            raise
        written = {picture: str(folder) for picture, folder in folders.items()}
        return Written(levels, axes, limits, {**lazy.provenance, "written": written})

    def _sizes(self) -> dict[str, Any]:
        """Return the distances of pixels, planes and frames: the layer's, or else its file's."""
        sides, z_spacing, time_interval = self.pixel_sides, self.z_spacing, self.time_interval
        if self.file_has_pixels and self.source_path is not None:
            file = read_file(Path(self.source_path))
            sides = sides or file.pixel_sides
            if z_spacing is None and "Z" in self.axes:
                z_spacing = file.z_spacing
            if time_interval is None and "T" in self.axes:
                time_interval = file.time_interval
        return {"pixel_sides_nm": sides, "z_spacing_nm": z_spacing, "time_interval_s": time_interval}

    def _watched(self, image: Any) -> Any:
        """Return an image that can no longer be read once the run is given up."""
        import dask.array as da

        if not isinstance(image, da.Array):
            image = da.from_array(image, asarray=True, name=False)
        return image.map_blocks(
            self._passed_on, dtype=image.dtype, meta=np.empty((0,) * image.ndim, image.dtype)
        )

    def _checkpoint(self) -> None:
        if self.abort_requested():
            raise _Unwanted if self.cancel_requested.is_set() else Cancelled

    def _passed_on(self, block: Any) -> Any:
        self._checkpoint()
        return block


def _levels(folder: Path, axes: Axes) -> list[Any]:
    """Open the levels of an image that was written, with the axes of what was restored."""
    from napari_cvdm.files.ome_zarr_reading import open_pyramid
    from napari_cvdm.plugin.stored.zarr_layers import restored_level

    written = open_pyramid(folder)
    return [restored_level(level, written.axes, axes) for level in written.levels]
