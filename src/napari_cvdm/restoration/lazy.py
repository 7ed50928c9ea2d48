"""Restoring images that are larger than memory: dask arrays out, computed block by block on any scheduler.

The scheduler, the retries and the transport are dask's. This module says which blocks there are, which pixels
each of them needs, and what a task does (`block` and `resident`).
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import dask.array as da
import numpy as np
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph

from napari_cvdm.restoration.block import BLOCK, EVEN_SIDES, Sampling, plan_blocks, plan_window, spans
from napari_cvdm.restoration.described import Region
from napari_cvdm.restoration.device import stand_in
from napari_cvdm.restoration.engine import percentiles_for
from napari_cvdm.restoration.errors import InputError, InputTypeError
from napari_cvdm.restoration.execution import SINGLE, precision_elsewhere
from napari_cvdm.restoration.fingerprint import measure
from napari_cvdm.restoration.normalization import Normalization, Normalizing
from napari_cvdm.restoration.posterior import PosteriorSettings
from napari_cvdm.restoration.presets import resolve_preset
from napari_cvdm.restoration.provenance import describe
from napari_cvdm.restoration.request import Request, calibration_for, check_request
from napari_cvdm.restoration.resident import EngineSpec, ModelReference, fingerprint_of, reference_to
from napari_cvdm.restoration.result import Restoration
from napari_cvdm.restoration.selection import RegionLike
from napari_cvdm.restoration.tasks import BlockTask, plan_pieces, restore_from_array, restore_from_pieces

if TYPE_CHECKING:
    from napari_cvdm.models import PretrainedModel

Index = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class LazyRestoration:
    """A restoration that has not been computed.

    Attributes
    ----------
    mean, std : dask array
        As in `Restoration`, float32. Compute them together, ``dask.compute(lazy.mean, lazy.std)``: both come
        from the same draws.
    pair : dask array
        Both in one, of shape (2, all other axes, Y, X), one chunk for each block: `mean` and `std` are views
        of it.
    axes : str
        One letter for each axis of ``mean``.
    pixel_size : float or None
        Lateral pixel size of the input in nanometres, if it was given.
    upscaling : int
        Restored pixels per input pixel along Y and X.
    provenance : dict
        How the result is made, in values that JSON can hold; the same in every run.
    fingerprint : str
        Hash of the pixels that intensities were measured on: tells the image from others of its shape.
    """

    mean: Any
    std: Any
    pair: Any
    axes: str
    pixel_size: float | None
    upscaling: int
    provenance: dict[str, Any] = field(repr=False)
    fingerprint: str = ""

    @property
    def restored_pixel_size(self) -> float | None:
        """Lateral pixel size of the restored image in nanometres."""
        return None if self.pixel_size is None else self.pixel_size / self.upscaling

    def compute(self, **options: Any) -> Restoration:
        """Compute all of it, into memory.

        Parameters
        ----------
        **options
            For `dask.compute`, such as ``scheduler="threads"``.

        Returns
        -------
        Restoration
            Without single draws.
        """
        mean, std = da.compute(self.mean, self.std, **options)
        return Restoration(mean, std, None, self.axes, self.pixel_size, self.upscaling, self.provenance)


def restore_lazy(
    image: Any,
    model: PretrainedModel,
    *,
    axes: str | None = None,
    pixel_size: float | None = None,
    draws: int | None = None,
    steps: int | None = None,
    seed: int = 0,
    device: str = "auto",
    tile: int | str = "auto",
    preview: bool = False,
    preset: str | None = None,
    channels: Any = None,
    planes: Mapping[Any, Any] | None = None,
    region: RegionLike | None = None,
    normalize: Normalizing = "stack",
    block: int | Literal["auto"] = "auto",
    halo: int | Literal["auto"] = "auto",
    settings: PosteriorSettings | None = None,
) -> LazyRestoration:
    """Restore an image that need not fit in memory, as dask arrays.

    Intensities are measured at once, which reads the image through once; all else happens when the result is
    computed, on whichever scheduler dask is set to use: threads, processes or a cluster. Each block is read
    with its halo, restored and released, so that memory does not grow with the image.

    Parameters
    ----------
    image : dask array, zarr array, or any array with numpy slicing
        Integers or floats, at least two axes. Of arrays other than dask's, each task reads its own window.
    model : PretrainedModel
        From `napari_cvdm.load_model`. Workers load its file themselves, once per process.
    axes, pixel_size, draws, steps, seed, tile, preview, preset, channels, planes, region, settings
        As for `napari_cvdm.restore`.
    device : str
        As for `napari_cvdm.restore`; each worker decides for itself what "auto" or "cuda" means there.
    normalize : {"stack", "plane", "whole"}
        As for `napari_cvdm.restore`.
    block : int or "auto"
        Side of a block in camera pixels, beyond 256 rounded up to a multiple of that. Other sizes give the
        same pixels, to rounding.
    halo : int or "auto"
        Camera pixels around a block that are computed with it; by default the network's receptive field.

    Returns
    -------
    LazyRestoration

    Raises
    ------
    InputError, InputTypeError, DeviceError
        As for `napari_cvdm.restore`; faults of single pixels are found when their block is computed.
    """
    draws, preview = resolve_preset(preset, draws, preview)
    request = check_request(
        image, model, axes=axes, pixel_size=pixel_size, draws=draws, steps=steps, seed=seed,
        device=stand_in(device), tile=tile, keep_draws=False, preview=preview, settings=settings,
        channels=channels, planes=planes, region=region, normalize=normalize, lazily=True,
    )  # fmt: skip
    side, reach = _block_and_halo(request, block, halo)
    normalizations, fingerprint = measure(image, request.selection, normalize, percentiles_for(model))
    calibration = calibration_for(request, request.draws)
    sampling = Sampling(request.draws, request.steps, request.seed, request.settings, calibration)
    sent = reference_to(model)
    # The sha256 of a model in memory is of what it was made from: its weights may have changed since.
    weights = "" if isinstance(sent, ModelReference) else fingerprint_of(model.network)
    device = str(device)  # of torch's own devices, too
    engine = EngineSpec(device, request.tile, request.settings, weights)
    pair = _build(image, fingerprint, request, sent, side, reach, normalizations, sampling, engine)
    provenance = describe(request, normalizations, {}, request.draws, 0.0)
    del provenance["seconds"]
    provenance |= {
        "device": device,
        "tile": {"requested": request.tile},
        "blocks": {"side": side, "halo": reach},
        "precision": precision_elsewhere(device) if model.tiles_exact else SINGLE,
    }
    mean, std = (da.moveaxis(each, (-2, -1), (request.axes.y, request.axes.x)) for each in (pair[0], pair[1]))
    return LazyRestoration(
        mean, std, pair, request.axes.names, request.pixel_size, model.upscaling, provenance, fingerprint
    )


def _block_and_halo(
    request: Request, block: int | Literal["auto"], halo: int | Literal["auto"]
) -> tuple[int, int]:
    for name, value in (("block", block), ("halo", halo)):
        if value != "auto" and (isinstance(value, bool) or not isinstance(value, numbers.Integral)):
            raise InputTypeError(f"The {name} must be 'auto' or a whole number of pixels, not {value!r}.")
    if not request.model.tiles_exact:  # networks that look at the whole plane get the whole plane
        return max(request.axes.plane_shape), 0
    network: Any = request.model.network
    side = BLOCK if block == "auto" else int(block)
    reach: int = network.receptive_field if halo == "auto" else int(halo)
    if side < 16 or reach < 0:
        raise InputError(f"Blocks need at least 16 pixels and no negative halo, not {side} and {reach}.")
    # Blocks that begin at a multiple of the granularity share no coarse pixel of the networks; and large ones
    # can be stored in chunks of a fair size.
    unit: int = network.granularity if side <= EVEN_SIDES else math.lcm(EVEN_SIDES, network.granularity)
    return -(-side // unit) * unit, reach


def _build(
    image: Any,
    fingerprint: str,
    request: Request,
    model: ModelReference | PretrainedModel,
    side: int,
    reach: int,
    normalizations: dict[Index, Normalization],
    sampling: Sampling,
    engine: EngineSpec,
) -> Any:
    """Build the dask array of means and standard deviations, shape (2, leading axes, Y, X)."""
    selection, axes = request.selection, request.selection.whole
    planes = da.moveaxis(image, (axes.y, axes.x), (-2, -1)) if isinstance(image, da.Array) else None
    name = "restore-" + tokenize(
        image, fingerprint, selection, request.model.sha256, normalizations, sampling, engine, side, reach
    )
    # What all tasks share has a key of its own, so that it reaches each worker once.
    layer: dict[Any, Any] = {f"model-{name}": model}
    if planes is None:
        layer[f"image-{name}"] = image
    part = _part_to_build(request)
    rows, columns = (spans(len(each), side) for each in (part.rows, part.columns))
    windows = [
        plan_window(each, axes.plane_shape, reach, getattr(request.model.network, "granularity", 1))
        for each in plan_blocks(part, side)
    ]
    for index in selection.axes.indices():
        original, plane = selection.original(index), selection.plane_number(index)
        for number, window in enumerate(windows):
            key = (name, 0, *index, *divmod(number, len(columns)))
            task = BlockTask(axes, original, plane, window, normalizations[index], sampling, engine)
            if planes is None:
                layer[key] = (partial(restore_from_array, task), f"model-{name}", f"image-{name}")
            else:
                pieces, keys = plan_pieces(planes.chunks, original, window.source_rows, window.source_columns)
                sources = [(planes.name, *each) for each in keys]
                layer[key] = (partial(restore_from_pieces, task, pieces), f"model-{name}", sources)
    scale = request.model.upscaling
    chunks = (
        (2,),
        *((1,) * n for n in selection.axes.leading_shape),
        tuple(scale * n for n in rows),
        tuple(scale * n for n in columns),
    )
    graph = HighLevelGraph.from_collections(name, layer, dependencies=[] if planes is None else [planes])
    pair = da.Array(graph, name, chunks, dtype=np.float32)
    if part == selection.region or selection.region is None:
        return pair
    wanted = (selection.region.rows, selection.region.columns)
    return pair[(..., *(slice(scale * each.start, scale * each.stop) for each in wanted))]


def _part_to_build(request: Request) -> Region:
    """Return the part of each plane that is cut into blocks: all, for networks that look at all of it."""
    if request.selection.region is not None and request.model.tiles_exact:
        return request.selection.region
    return Region(*(range(n) for n in request.axes.plane_shape))
