"""OME-Zarr out: a pyramid of levels with physical sizes, into which regions are written in any order.

The layout and its metadata are those of OME-NGFF 0.5, written by ome-zarr and zarr.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_cvdm import __version__
from napari_cvdm.files.ome_tiff import PROVENANCE_KEY, jsonable, ome_letters
from napari_cvdm.restoration.axes import Axes
from napari_cvdm.restoration.errors import InputError

CHUNK = 512
"""Largest side of a chunk, unless regions can be cut into tiny ones only, and of the coarsest level."""

_LEAST_CHUNK = 64

_ORDER = "TCZYX"
"""The order that OME-NGFF wants: time, channel, space."""

_KINDS = {"T": "time", "C": "channel", "Z": "space", "Y": "space", "X": "space"}


@dataclass(frozen=True)
class ZarrLayout:
    """What an OME-Zarr image looks like. Made by `plan_layout`.

    Attributes
    ----------
    axes : str
        Letters of T, C, Z, Y, X, in this order.
    order : tuple of int
        Position of each of these axes in the image, whose Y and X are last.
    shapes : tuple of tuple of int
        Of every level, the finest first.
    chunk : int
        Side of a chunk.
    """

    axes: str
    order: tuple[int, ...]
    shapes: tuple[tuple[int, ...], ...]
    chunk: int

    @property
    def leading_shape(self) -> tuple[int, ...]:
        """Lengths of the axes before Y and X, in the order of the file."""
        return self.shapes[0][:-2]


def plan_layout(axes: Axes, shape: Sequence[int], region: int) -> ZarrLayout:
    """Plan the levels of an image.

    Parameters
    ----------
    axes : Axes
        Of the image; Y and X are last in `shape`, whatever they are here.
    shape : sequence of int
        Lengths of the leading axes, Y and X.
    region : int
        Side of the regions that are written at once. Where there are several, chunks are chosen so that no
        two share one.

    Raises
    ------
    AxesError
        If there are more axes than the format holds.
    """
    letters = ome_letters(axes)
    # Of more than three leading axes, those of length 1 are left out: Q.
    kept = (i for i, letter in enumerate(letters) if letter in _ORDER)
    order = tuple(sorted(kept, key=lambda i: _ORDER.index(letters[i])))
    level = tuple(int(shape[i]) for i in order)
    shapes = [level]
    while max(level[-2:]) > CHUNK:
        level = (*level[:-2], -(-level[-2] // 2), -(-level[-1] // 2))
        shapes.append(level)
    chunk = CHUNK
    if max(shapes[0][-2:]) > region:
        sides = [n for n in range(1, region + 1) if region % n == 0]
        chunk = max(n for n in sides if n <= CHUNK)
        if chunk < min(_LEAST_CHUNK, region):  # millions of files of a few bytes: rather larger chunks
            chunk = min(n for n in sides if n > CHUNK)
    return ZarrLayout("".join(letters[i] for i in order), order, tuple(shapes), chunk)


def create_ome_zarr(
    folder: Path,
    layout: ZarrLayout,
    *,
    name: str,
    pixel_size_nm: float | None = None,
    z_spacing_nm: float | None = None,
    time_interval_s: float | None = None,
    pixel_height_nm: float | None = None,
    steps: Mapping[str, float] | None = None,
    origin: Mapping[str, float] | None = None,
    provenance: Mapping[str, Any] | None = None,
    dtype: npt.DTypeLike = np.float32,
) -> None:
    """Create an image of zeros: its levels and all of its metadata.

    Parameters
    ----------
    folder : Path
        The store to make.
    layout : ZarrLayout
        From `plan_layout`.
    name : str
        Title of the image.
    pixel_size_nm, z_spacing_nm : float, optional
        Side of a pixel of the finest level, and distance of planes, in nm.
    time_interval_s : float, optional
        From frame to frame, in seconds.
    pixel_height_nm : float, optional
        For pixels that are not square; `pixel_size_nm` then is the width.
    steps : mapping of str to float, optional
        Of the finest level along each axis, where its size is not known: numbers without a unit; 1 if left
        out.
    origin : mapping of str to float, optional
        Where the centre of the first pixel lies along each axis, in steps of the finest level; 0 if left out.
    provenance : mapping, optional
        How the image was made.
    dtype : data-type
        Of the pixels of all levels: integers or floats.
    """
    import zarr
    from ome_zarr.format import FormatV05
    from ome_zarr.writer import write_multiscales_metadata
    from zarr.codecs import ZstdCodec

    group = zarr.open_group(zarr.storage.LocalStore(folder), mode="w", zarr_format=3)
    height = pixel_height_nm or pixel_size_nm
    sizes = {"Y": height, "X": pixel_size_nm, "Z": z_spacing_nm, "T": time_interval_s}
    datasets = []
    for level, shape in enumerate(layout.shapes):
        group.create_array(
            str(level),
            shape=shape,
            chunks=(*(1 for _ in shape[:-2]), layout.chunk, layout.chunk),
            dtype=np.dtype(dtype).newbyteorder("="),
            compressors=ZstdCodec(level=3),
            dimension_names=[letter.lower() for letter in layout.axes],
        )
        transformations = _transformations(layout.axes, level, sizes, steps or {}, origin or {})
        datasets.append({"path": str(level), "coordinateTransformations": transformations})
    axes = [
        {"name": letter.lower(), "type": _KINDS[letter]}
        | ({"unit": "second" if letter == "T" else "micrometer"} if sizes.get(letter) else {})
        for letter in layout.axes
    ]
    write_multiscales_metadata(group, datasets, fmt=FormatV05(), axes=axes, name=name)
    if provenance is not None:
        group.attrs[PROVENANCE_KEY] = json.loads(json.dumps(provenance, default=jsonable))
    group.attrs["creator"] = f"napari-cvdm {__version__}"


def write_region(
    folder: Path, layout: ZarrLayout, index: tuple[int, ...], top: int, left: int, pixels: npt.NDArray[Any]
) -> None:
    """Write a part of one plane to the finest level.

    Parameters
    ----------
    folder : Path
        From `create_ome_zarr`.
    layout : ZarrLayout
        Likewise.
    index : tuple of int
        The plane, one number for each leading axis of the image, in the image's order.
    top, left : int
        Its first pixel, at the border of a chunk.
    pixels : ndarray
        Shape (rows, columns).
    """
    ordered = tuple(index[i] for i in layout.order[:-2])
    _write(folder, 0, ordered, top, left, pixels)


def coarsen_region(folder: Path, layout: ZarrLayout, level: int, index: tuple[int, ...], row: int) -> None:
    """Make a row of chunks of a level by averaging 2 × 2 pixels of the level below it.

    Means of integers are rounded.

    Parameters
    ----------
    folder, layout
        As for `write_region`.
    level : int
        From 1.
    index : tuple of int
        The plane, in the order of the file.
    row : int
        Number of the row of chunks.
    """
    height, width = layout.shapes[level][-2:]
    rows = slice(row * layout.chunk, min(height, (row + 1) * layout.chunk))
    below = _level(folder, level - 1)
    for left in range(0, width, layout.chunk):
        columns = slice(left, min(width, left + layout.chunk))
        fine = np.asarray(
            below[(*index, slice(2 * rows.start, 2 * rows.stop), slice(2 * columns.start, 2 * columns.stop))]
        )
        # An odd last row or column has no partner: it counts twice.
        fine = np.pad(fine, [(0, n % 2) for n in fine.shape], mode="edge")
        coarse = fine.reshape(fine.shape[0] // 2, 2, fine.shape[1] // 2, 2).mean(
            axis=(1, 3), dtype=np.float64
        )
        _write(folder, level, index, rows.start, left, _as_pixels(coarse, below.dtype))


def coarse_regions(layout: ZarrLayout) -> list[tuple[int, tuple[int, ...], int]]:
    """List what `coarsen_region` must be called with, in order, to fill all levels above the finest."""
    return [
        (level, index, row)
        for level, shape in enumerate(layout.shapes)
        if level
        for index in np.ndindex(*layout.leading_shape)
        for row in range(-(-shape[-2] // layout.chunk))
    ]


def _write(
    folder: Path, level: int, index: tuple[int, ...], top: int, left: int, pixels: npt.NDArray[Any]
) -> None:
    """Write a part of a level, from the border of a chunk on, such that a power cut does not undo it."""
    array = _level(folder, level)
    rows, columns = pixels.shape
    array[(*index, slice(top, top + rows), slice(left, left + columns))] = pixels
    side = array.chunks[-1]
    for row in range(top // side, -(-(top + rows) // side)):
        for column in range(left // side, -(-(left + columns) // side)):
            path = folder / str(level) / array.metadata.encode_chunk_key((*index, row, column))
            if path.exists():  # zarr leaves out chunks of nothing but zeros
                with path.open("r+b") as file:
                    os.fsync(file.fileno())


def _as_pixels(means: npt.NDArray[np.float64], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Turn means of pixels into such pixels."""
    if dtype.kind in "iu":
        greatest: Any = np.iinfo(dtype).max
        if float(greatest) > greatest:  # of 64-bit integers, which floats round up to what would wrap around
            greatest = np.nextafter(float(greatest), 0)
        means = np.minimum(np.rint(means), greatest)
    return means.astype(dtype)


def _level(folder: Path, level: int) -> Any:
    import zarr

    return zarr.open_array(zarr.storage.LocalStore(folder), path=str(level), mode="r+")


def _transformations(
    axes: str,
    level: int,
    sizes: Mapping[str, float | None],
    unitless: Mapping[str, float],
    origin: Mapping[str, float],
) -> list[dict[str, Any]]:
    named = {"Y": "pixel size", "X": "pixel size", "Z": "distance of planes", "T": "time interval"}
    for what, value in ((named[letter], value) for letter, value in sizes.items()):
        if value is not None and not (np.isfinite(value) and value > 0):
            raise InputError(f"The {what} must be a positive number, not {value}.")
    known = {letter: size / (1 if letter == "T" else 1000) for letter, size in sizes.items() if size}
    steps = {**unitless, **known}
    # The first pixel of a coarser level is the mean of 2^level × 2^level: its centre lies between theirs.
    shift = (2**level - 1) / 2
    scale, translation = [], []
    for letter in axes:
        step, start = steps.get(letter, 1.0), origin.get(letter, 0.0)
        within = letter in "YX"
        scale.append(float(f"{step * 2**level if within else step:.9g}"))
        translation.append(float(f"{(start + shift if within else start) * step:.9g}"))
    return [
        {"type": "scale", "scale": scale},
        {"type": "translation", "translation": translation},
    ]
