"""A lazy restoration into OME-Zarr, region by region, here or on a cluster, resumed where it stopped."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_cvdm.files.names import ZARR_ENDINGS, without_ending
from napari_cvdm.files.ome_zarr import (
    ZarrLayout,
    coarse_regions,
    coarsen_region,
    create_ome_zarr,
    plan_layout,
    write_region,
)
from napari_cvdm.files.ome_zarr_channels import name_channels
from napari_cvdm.files.pixel_grid import restored_grid
from napari_cvdm.files.unfinished import Unfinished, delivered, resume_or_begin
from napari_cvdm.files.whole_file import refuse_existing
from napari_cvdm.files.zarr_packages import require_zarr
from napari_cvdm.restoration.axes import Axes

if TYPE_CHECKING:
    from napari_cvdm.restoration.lazy import LazyRestoration

CONTENTS = ("reconstruction", "uncertainty")
"""The two images of a result, in the order of `LazyRestoration.pair`."""

_LAYOUT_VERSION = 3  # to be raised when what is written changes, so that no run goes on from another's parts


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes
    ----------
    done, regions : int
        Regions that are written, and how many there will be.
    resumed : int
        How many of them were there when the run began.
    fraction : float
        Share of the work that is done, 0 to 1, with what is done of the region at work.
    """

    done: int
    regions: int
    resumed: int
    fraction: float


def zarr_targets(output: Path) -> dict[str, Path]:
    """Return where the two images of a result go: ``out.ome.zarr`` and ``out_uncertainty.ome.zarr``."""
    stem = without_ending(output.name, ZARR_ENDINGS)
    uncertainty = f"{stem}_uncertainty{output.name[len(stem) :]}"
    return {CONTENTS[0]: output, CONTENTS[1]: output.with_name(uncertainty)}


def write_restoration(
    lazy: LazyRestoration,
    output: str | Path,
    *,
    source: Mapping[str, Any] | None = None,
    client: Any = None,
    progress: Callable[[Progress], object] | None = None,
    overwrite: bool = False,
    discard: bool = False,
    given_up: type[BaseException] | tuple[type[BaseException], ...] = (),
    z_spacing_nm: float | None = None,
    time_interval_s: float | None = None,
    pixel_sides_nm: tuple[float, float] | None = None,
    channel_names: Sequence[str] = (),
    steps: Mapping[str, float] | None = None,
    origin: Mapping[str, float] | None = None,
) -> dict[str, Path]:
    """Compute a lazy restoration and write it as two OME-Zarr images, in memory that does not grow.

    An interrupted run leaves what it has finished in a hidden folder beside the output. The same call finds
    it there and goes on; the bytes in the end are those of a run that was never interrupted.

    Parameters
    ----------
    lazy : LazyRestoration
        From `napari_cvdm.restore_lazy`.
    output : str or Path
        Folder of the reconstruction, ending in .zarr; the uncertainty goes beside it, see `zarr_targets`.
    source : mapping, optional
        What tells the input from others (such as its path, size and date), so that a run is resumed with the
        same input alone. Its "name" is noted in the provenance.
    client : distributed.Client, optional
        The cluster to compute on; it must see the same disk. By default this process computes.
    progress : callable, optional
        Told of every region, of those of coarser levels too, and more often where this process computes.
        What it raises ends the run, which can be resumed, unless this call has begun it and it is one of
        `given_up`.
    overwrite : bool
        Replace results that exist, and do as with `discard`.
    discard : bool
        Throw away what an unfinished run of another request has left.
    given_up : exception type or tuple of them
        Raised by `progress` or by a chunk of a dask image, they say that nothing that this call has begun is
        to stay. What a call before has finished does, unless `overwrite` or `discard` gives that up too.
    z_spacing_nm, time_interval_s, channel_names
        Of the input, for the metadata.
    pixel_sides_nm : (float, float), optional
        Height and width of an input pixel that is not square, for a restoration that was given no pixel size.
    steps : mapping of str to float, optional
        Of the input along each axis, without a unit where sizes are not known; 1 if left out.
    origin : mapping of str to float, optional
        Where the centre of the input's first pixel lies along each axis, in steps of the input; 0 if left
        out. What follows from restoring a part of it is added here.

    Returns
    -------
    dict of str to Path
        The images, as `zarr_targets` gives them.

    Raises
    ------
    ImageFileError
        If a result exists or cannot be written, or packages are missing.
    """
    require_zarr()
    output = Path(output)
    targets = zarr_targets(output)
    check_targets(targets, overwrite)
    axes = Axes(lazy.axes, tuple(lazy.mean.shape))
    layout = plan_layout(axes, lazy.pair.shape[1:], lazy.provenance["blocks"]["side"] * lazy.upscaling)
    grid = restored_grid(
        lazy, pixel_sides_nm=pixel_sides_nm, z_spacing_nm=z_spacing_nm, time_interval_s=time_interval_s,
        steps=steps, origin=origin,
    )  # fmt: skip
    named = {"source": source["name"]} if source and source.get("name") else {}
    about = {**lazy.provenance, "shape": list(axes.shape), **named}  # files leave out some axes of length 1
    request = {
        "layout": _LAYOUT_VERSION,
        "axes": lazy.axes,
        "shape": list(lazy.mean.shape),
        "source": dict(source or {}),
        "pixels": lazy.fingerprint,
        "restoration": lazy.provenance,
    }
    with resume_or_begin(output, request, discard=overwrite or discard, given_up=given_up) as unfinished:
        if not unfinished.is_begun():
            for name in CONTENTS:
                create_ome_zarr(
                    unfinished.folder / name,
                    layout,
                    name=targets[name].name,
                    **grid,
                    provenance=about | {"content": name},
                )
            unfinished.begin()
        _Writer(lazy, layout, unfinished, client, progress).run()
        if "channels" not in unfinished.done:
            for name in CONTENTS:
                name_channels(unfinished.folder / name, layout, channel_names, name)
            unfinished.mark("channels")
        unfinished.deliver(targets, overwrite=overwrite)
    return targets


def check_targets(targets: Mapping[str, Path], overwrite: bool) -> None:
    """Raise `ExistsAlreadyError` if a result exists that may not be replaced.

    One that an unfinished run has put there itself, before it was killed, does not hinder its completion.
    """
    own = delivered(targets[CONTENTS[0]], targets)
    for name, path in targets.items():
        refuse_existing(path, overwrite or name in own)


def write_pair(
    pair: npt.NDArray[np.float32],
    folder: str,
    layout: ZarrLayout,
    index: tuple[int, ...],
    top: int,
    left: int,
) -> npt.NDArray[np.bool_]:
    """Write the mean and the standard deviation of one block to their images; runs on a worker."""
    pixels = pair.reshape(2, *pair.shape[-2:])
    for name, part in zip(CONTENTS, pixels, strict=True):
        write_region(Path(folder) / name, layout, index, top, left, part)
    return np.ones(1, bool)


class _Writer:
    """Writes what is missing."""

    def __init__(
        self,
        lazy: LazyRestoration,
        layout: ZarrLayout,
        unfinished: Unfinished,
        client: Any,
        progress: Callable[[Progress], object] | None,
    ) -> None:
        self._lazy, self._layout, self._unfinished = lazy, layout, unfinished
        self._client, self._progress = client, progress or (lambda _: None)
        self._coarse = coarse_regions(layout)
        self._total = int(np.prod(lazy.pair.numblocks))
        self._missing = [
            place for place in np.ndindex(*lazy.pair.numblocks) if _name(place) not in unfinished.done
        ]
        self._resumed = self._done = self._total - len(self._missing)

    def run(self) -> None:
        """Write all blocks, then the coarser levels; who is told may end the run up to the last moment."""
        self._tell(0.0)
        if self._missing and self._client is None:
            self._run_here()
        elif self._missing:
            self._run_on_cluster()
        for level, index, row in self._coarse:
            name = f"level{level} {index} {row}"
            if name not in self._unfinished.done:
                self._tell(0.0)
                for content in CONTENTS:
                    coarsen_region(self._unfinished.folder / content, self._layout, level, index, row)
                self._unfinished.mark(name)
        self._tell(0.0)

    def _written(self, write: Callable[[str], Callable[..., Any]]) -> tuple[Any, dict[Any, str]]:
        """Return a dask array with a chunk for every block that is missing, and their names by key.

        To compute a chunk is to write its block, as what `write` gives for its name does. All are in one
        graph, which many thousands need.
        """
        import dask.array as da
        from dask.highlevelgraph import HighLevelGraph

        pair = self._lazy.pair
        starts = [np.cumsum((0, *lengths)).tolist() for lengths in pair.chunks[-2:]]
        folder = str(self._unfinished.folder.absolute())
        # Under a name of its own: a scheduler must not take another run's writing for this one's.
        label = f"write-{uuid.uuid4().hex}"
        layer: dict[Any, Any] = {f"layout-{label}": self._layout}
        for number, place in enumerate(self._missing):
            corner = starts[0][place[-2]], starts[1][place[-1]]
            block, layout = (pair.name, *place), f"layout-{label}"
            layer[label, number] = (write(_name(place)), block, folder, layout, place[1:-2], *corner)
        graph = HighLevelGraph.from_collections(label, layer, dependencies=[pair])
        written = da.Array(graph, label, chunks=((1,) * len(self._missing),), dtype=bool)
        return written, {(label, number): _name(place) for number, place in enumerate(self._missing)}

    def _run_here(self) -> None:
        """Compute in this process, one block after the other; each may use all of its cores."""
        from dask.base import compute
        from dask.local import get_sync

        from napari_cvdm.restoration.tasks import watching

        written, _ = self._written(lambda name: partial(self._write_here, name))
        with watching(self._tell):
            compute(written, scheduler=get_sync)  # by its name, older dask warns if there is a cluster

    def _write_here(self, name: str, *block: Any) -> npt.NDArray[np.bool_]:
        """Write a block and note it, in its task: dask tells its callbacks of any run of this process."""
        written = write_pair(*block)
        self._finish(name)
        return written

    def _run_on_cluster(self) -> None:
        """Compute on the workers. Blocks that a worker takes with it when it dies are computed on another."""
        from distributed import as_completed, futures_of

        from napari_cvdm.restoration.cluster import explained

        written, names = self._written(lambda _: write_pair)
        with explained():
            futures = futures_of(self._client.persist(written))
            try:
                for future in as_completed(futures):
                    future.result()
                    self._finish(names[future.key])
            finally:
                self._client.cancel(futures)

    def _finish(self, name: str) -> None:
        self._unfinished.mark(name)
        self._done += 1
        self._tell(0.0)

    def _tell(self, part: float) -> None:
        fraction = min(1.0, (self._done + part) / self._total)
        self._progress(Progress(self._done, self._total, self._resumed, fraction))


def _name(place: tuple[int, ...]) -> str:
    """Return the name of a block in the journal."""
    return f"block {place[1:]}"
