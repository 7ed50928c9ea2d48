"""Several images in one OME-TIFF: a reconstruction with its uncertainty, and how they were made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cvdm.files.ome_tiff import (
    in_ome_order,
    ome_metadata,
    provenance_in,
    read_provenance,
    storable,
    write_described,
)
from napari_cvdm.files.physical_scale import PhysicalScale
from napari_cvdm.files.tiff import open_tiff
from napari_cvdm.files.tiff_metadata import scale_from_ome
from napari_cvdm.restoration.axes import Axes, name_axes
from napari_cvdm.restoration.errors import ImageFileError
from napari_cvdm.restoration.validation import check_memory

ARRAY_KEY = "array"
"""Key under which what is said of an image holds its axes and shape."""


@dataclass(frozen=True)
class StoredImage:
    """One image of a set.

    Attributes
    ----------
    name : str
        Its title.
    data : ndarray
        Integers or floats. Any array that can be sliced will do, such as one of dask or zarr. OME-TIFF takes
        it as a whole; for OME-Zarr no more of it is in memory than it reads or computes at once.
    axes : str
        One letter for each axis, as `napari_cvdm.restoration.axes` names them.
    pixel_size_nm : float or None
        Side of a pixel within the plane; its width, if `pixel_height_nm` is given.
    about : dict
        How it was made, in values that JSON can hold; `read_image_set` gives it back.
    z_spacing_nm : float or None
        Distance of two planes along an axis Z.
    time_interval_s : float or None
        Time from frame to frame along an axis T, in seconds.
    pixel_height_nm : float or None
        Height of a pixel that is not square; to be written, and not read again.
    """

    name: str
    data: NDArray[Any]
    axes: str
    pixel_size_nm: float | None = None
    about: dict[str, Any] = field(default_factory=dict)
    z_spacing_nm: float | None = None
    time_interval_s: float | None = None
    pixel_height_nm: float | None = None


def write_image_set(path: str | Path, images: Sequence[StoredImage], *, overwrite: bool = False) -> Path:
    """Write images into one OME-TIFF, which appears under its name whole or not at all.

    Other programs see as many images (series) as there are; those that show only one show the first.

    Parameters
    ----------
    path : str or Path
        The file to make; its folder must exist.
    images : sequence of StoredImage
        At least one.
    overwrite : bool
        Replace a file of this name.

    Raises
    ------
    ImageFileError
        If the file exists or cannot be written.
    InputError
        If an image has more axes than OME-TIFF can hold, or all together are larger than memory.
    """
    path = Path(path)
    # Before it is read: the system would end the program over it.
    check_memory(
        sum(getattr(image.data, "nbytes", 0) for image in images),
        "OME-TIFF is written as a whole:",
        "Save to OME-Zarr (a name that ends in .ome.zarr) instead.",
    )
    # Whatever cannot be stored is said before a file is made.
    write_described(path, [_prepare(image) for image in images], overwrite)
    return path


def is_image_set(path: str | Path) -> bool:
    """Whether `write_image_set` has written a file; False for whatever cannot be read."""
    try:
        return ARRAY_KEY in (read_provenance(path) or {})
    except ImageFileError:
        return False


def read_image_set(path: str | Path) -> list[StoredImage]:
    """Read what `write_image_set` has written, in the order and with the axes it was given.

    Raises
    ------
    ImageFileError
        If the file cannot be read, or was not written by `write_image_set`.
    """
    with open_tiff(path) as tif:
        abouts = _descriptions(tif.ome_metadata, len(tif.series))
        if len(abouts) != len(tif.series):
            raise ImageFileError(f"{path} was not saved by napari-cvdm: open it as any other image.")
        return [
            _restore(_as_channels(series), series.name, about, scale_from_ome(str(tif.ome_metadata), number))
            for number, (series, about) in enumerate(zip(tif.series, abouts, strict=True))
        ]


def _prepare(image: StoredImage) -> tuple[NDArray[Any], dict[str, Any]]:
    array = np.asarray(image.data)
    named = name_axes(array.shape, image.axes)
    about = {**image.about, ARRAY_KEY: {"axes": named.names, "shape": list(array.shape)}}
    colours = _is_photograph(array, named)
    plane = name_axes(array.shape[:-1], named.names[:-1]) if colours else named
    metadata = ome_metadata(
        plane,
        image.name,
        image.pixel_size_nm,
        about,
        image.z_spacing_nm if "Z" in named.names else None,
        image.time_interval_s if "T" in named.names else None,
        image.pixel_height_nm,
    )
    if not colours:
        return in_ome_order(storable(array), named), metadata
    metadata["axes"] += "S"
    return np.stack([in_ome_order(array[..., i], plane) for i in range(array.shape[-1])], axis=-1), metadata


def _is_photograph(array: NDArray[Any], named: Axes) -> bool:
    """Whether an image holds what other programs show in colour: red, green, blue, and perhaps opacity."""
    return named.names.endswith("S") and array.dtype in (np.uint8, np.uint16) and array.shape[-1] in (3, 4)


def _as_channels(series: Any) -> NDArray[Any]:
    """Read an image; colours come in front of its rows, as channels do."""
    array: NDArray[Any] = series.asarray()
    return np.moveaxis(array, -1, -3) if series.axes.endswith("S") else array


def _restore(array: NDArray[Any], name: str, about: dict[str, Any], scale: PhysicalScale) -> StoredImage:
    """Undo what a file does to an array: axes of length one are gone, Y and X are last."""
    try:
        stored = about.pop(ARRAY_KEY)
        named = name_axes(tuple(stored["shape"]), stored["axes"])
        moved = np.moveaxis(np.empty(named.shape, bool), (named.y, named.x), (-2, -1)).shape
        data = np.moveaxis(array.reshape(moved), (-2, -1), (named.y, named.x))
    except (KeyError, TypeError, ValueError) as error:
        raise ImageFileError(
            f"The description of '{name}' does not fit its pixels: it was altered."
        ) from error
    return StoredImage(name, data, named.names, scale.pixel_size, about, scale.z_spacing, scale.time_interval)


def _descriptions(xml: str | None, count: int) -> list[dict[str, Any]]:
    """Return what is said about the first ``count`` images; fewer if an image is somebody else's."""
    found: list[dict[str, Any]] = []
    for number in range(count):
        about = provenance_in(xml, number)
        if about is None or ARRAY_KEY not in about:
            return found
        found.append(about)
    return found
