"""OME-TIFF out: pixels with their physical size and their provenance, written whole or not at all."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import ArrayLike, NDArray

from napari_cvdm import __version__
from napari_cvdm.files.tiff import open_description
from napari_cvdm.files.tiff_metadata import find_ome_image
from napari_cvdm.files.whole_file import whole_file
from napari_cvdm.restoration.axes import Axes, name_axes
from napari_cvdm.restoration.errors import AxesError, ImageFileError, InputError
from napari_cvdm.restoration.validation import check_dtype

PROVENANCE_KEY = "napari_cvdm"
"""Under this key the description of the image in a file holds the provenance, as JSON."""

CLASSIC_LIMIT = 2**32 - 2**26
"""From this number of bytes on a file is a BigTIFF: offsets in a classic one end at 4 GB."""

# What OME has no type for goes into the nearest that holds every value (64-bit integers: those up to 2^53).
_STORED_AS = {"float16": "float32", "float128": "float64", "int64": "float64", "uint64": "float64"}


def write_ome_tiff(
    path: str | Path,
    data: ArrayLike,
    axes: str | None = None,
    pixel_size_nm: float | None = None,
    provenance: Mapping[str, Any] | None = None,
    *,
    pixel_height_nm: float | None = None,
    z_spacing_nm: float | None = None,
    time_interval_s: float | None = None,
    channel_names: Sequence[str] = (),
    overwrite: bool = False,
) -> Path:
    """Write an image as a deflate-compressed OME-TIFF (BigTIFF from 4 GB on).

    Under its final name the file appears complete or not at all, even when writing fails or is interrupted.

    Parameters
    ----------
    path : str or Path
        The file to make; its folder must exist.
    data : array-like
        Integers or floats.
    axes : str, optional
        One letter per axis as in `napari_cvdm.restoration.axes`, optional for 2-D. Y and X go last in files,
        axes that OME does not know (Q, S) get a letter of T, Z, C that is free. Where there are more than
        three, axes of length 1 are left out.
    pixel_size_nm, z_spacing_nm : float, optional
        Side of a pixel within the plane, and distance of two planes, in nm.
    pixel_height_nm : float, optional
        For pixels that are not square; `pixel_size_nm` then is the width.
    provenance : mapping, optional
        How the image was made. `read_provenance` gives it back.
    time_interval_s : float, optional
        Time from frame to frame in seconds.
    channel_names : sequence of str
        One per channel, or none.
    overwrite : bool
        Replace a file of this name.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ImageFileError
        If the file exists (unless `overwrite`) or cannot be written: no folder, no permission, disk full.
    InputError, InputTypeError
        If data, axes, sizes or names cannot be stored.
    """
    path = Path(path)
    array = np.asarray(data)
    named = name_axes(array.shape, axes)
    array = in_ome_order(storable(array), named)
    metadata = ome_metadata(
        named, path.name, pixel_size_nm, provenance, z_spacing_nm, time_interval_s, pixel_height_nm
    )
    if channel_names:
        metadata["Channel"] = {"Name": _channel_names(channel_names, ome_channels(named))}
    write_described(path, [(array, metadata)], overwrite)
    return path


def write_described(
    path: Path, images: Sequence[tuple[NDArray[Any], dict[str, Any]]], overwrite: bool
) -> None:
    """Write arrays with what `ome_metadata` says about them into one OME-TIFF, a series for each.

    Where a last axis S was added to what it says, the image is one in colour.

    Raises
    ------
    ImageFileError
        If the file exists or cannot be written.
    """
    big = sum(array.nbytes for array, _ in images) >= CLASSIC_LIMIT
    try:
        with (
            whole_file(path, overwrite=overwrite) as file,
            tifffile.TiffWriter(file, ome=True, bigtiff=big) as tif,
        ):
            for array, metadata in images:
                tif.write(
                    array,
                    photometric="rgb" if metadata["axes"].endswith("S") else "minisblack",
                    compression="zlib",
                    predictor=array.dtype.kind in "iu",
                    metadata=metadata,
                    software="napari-cvdm",
                    **_resolution(metadata),
                )
    except OSError as error:
        raise ImageFileError(f"{path} cannot be written: {error.strerror or error}.") from error


def ome_metadata(
    named: Axes,
    title: str,
    pixel_size_nm: float | None = None,
    provenance: Mapping[str, Any] | None = None,
    z_spacing_nm: float | None = None,
    time_interval_s: float | None = None,
    pixel_height_nm: float | None = None,
) -> dict[str, Any]:
    """Make what tifffile needs to describe an image in OME-XML; see `write_ome_tiff` for the parameters.

    Raises
    ------
    InputError
        If the axes or sizes cannot be stored.
    """
    metadata: dict[str, Any] = {
        "axes": ome_letters(named).replace("Q", ""),
        "Name": _plain_text(title),
        "Creator": f"napari-cvdm {__version__}",
        **_sizes(pixel_size_nm, pixel_height_nm or pixel_size_nm, z_spacing_nm, time_interval_s),
    }
    if provenance is not None:
        metadata["Description"] = json.dumps({PROVENANCE_KEY: provenance}, default=jsonable)
    return metadata


def read_provenance(path: str | Path) -> dict[str, Any] | None:
    """Return the provenance that `write_ome_tiff` stored in a file, or None if there is none.

    Raises
    ------
    ImageFileError
        If the file is missing, not a TIFF, or corrupt.
    """
    with open_description(path) as tif:
        xml = tif.ome_metadata
    return provenance_in(xml)


def provenance_in(xml: str | None, image: int = 0) -> dict[str, Any] | None:
    """Return what OME-XML from this program says of how an image was made; None if it is somebody else's."""
    element = find_ome_image(xml, image, "Description") if xml else None
    if element is None:
        return None
    try:
        provenance = json.loads(element.text or "")[PROVENANCE_KEY]
    except (ValueError, KeyError, TypeError):  # The description is somebody else's.
        return None
    return provenance if isinstance(provenance, dict) else None


def storable(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array in the nearest type that OME-TIFF has.

    Raises
    ------
    InputError, InputTypeError
        If there is none that holds all its values.
    """
    if array.dtype == bool:
        return array.astype(np.uint8)
    check_dtype(array.dtype)
    stored = _STORED_AS.get(array.dtype.name)
    if stored == "float64" and array.dtype.kind in "iu" and max(-int(array.min()), int(array.max())) > 2**53:
        raise InputError(
            "OME-TIFF has no 64-bit integers, and these are too large for its floats. Scale the image."
        )
    return array if stored is None else array.astype(stored)


def in_ome_order(array: NDArray[Any], axes: Axes) -> NDArray[Any]:
    """Return an array with the axes that `ome_letters` keeps of it, Y and X last."""
    left_out = tuple(i for i, letter in enumerate(ome_letters(axes)) if letter == "Q")
    return np.moveaxis(array, (axes.y, axes.x), (-2, -1)).squeeze(left_out)


def ome_channels(axes: Axes) -> int:
    """Return how many channels an image has in a file of OME, where colours are channels."""
    letters = ome_letters(axes)
    return axes.leading_shape[letters.index("C")] if "C" in letters else 1


def ome_letters(axes: Axes) -> str:
    """Return a letter of T, Z, C for each leading axis, and Y and X last: the axes that OME knows.

    Where there are more than three, those of length 1 are left out, of those without a name first: in the
    place of their letter stands a Q.

    Raises
    ------
    AxesError
        If more than three leading axes are longer than 1.
    """
    single = [i for i, length in enumerate(axes.leading_shape) if length == 1]
    single.sort(key=lambda i: axes.leading[i] in "TZC")
    left_out = single[: max(0, len(axes.leading) - 3)]
    kept = [letter for i, letter in enumerate(axes.leading) if i not in left_out]
    if len(kept) > 3:
        raise AxesError(
            f"OME-TIFF and OME-Zarr hold three axes besides Y and X, and of '{axes.names}' {len(kept)} are "
            "longer than 1: take one position of an axis at a time, in a shell with --plane 0=0, for example."
        )
    free = [letter for letter in "TZC" if letter not in kept]
    letters = ""
    for i, letter in enumerate(axes.leading):
        if i in left_out:
            letters += "Q"
        elif letter in "TZC":
            letters += letter
        else:
            # Colours are channels; an unnamed axis may be anything, and time is what viewers show one by one.
            letters += free.pop(free.index("C") if letter == "S" and "C" in free else 0)
    return letters + "YX"


def _sizes(
    width_nm: float | None, height_nm: float | None, z_nm: float | None, interval_s: float | None
) -> dict[str, Any]:
    sizes: dict[str, Any] = {}
    for what, key, value, factor, unit in (
        ("pixel size", "PhysicalSizeX", width_nm, 1e-3, "µm"),
        ("pixel size", "PhysicalSizeY", height_nm, 1e-3, "µm"),
        ("distance of planes", "PhysicalSizeZ", z_nm, 1e-3, "µm"),
        ("time interval", "TimeIncrement", interval_s, 1.0, "s"),
    ):
        if value is None:
            continue
        if not (isfinite(value) and value > 0):
            raise InputError(f"The {what} must be a positive number, not {value}.")
        sizes[key] = float(f"{value * factor:.9g}")
        sizes[key + "Unit"] = unit
    return sizes


def _resolution(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pixel size once more, as TIFF's own tags: ImageJ's opener does not read OME-XML.

    Given in centimetres, it tells the sides of pixels of less than 10 µm in µm. The tags hold fractions of
    32-bit numbers: a size that nobody can mean, such as metres taken for µm, stands in the OME-XML alone.
    """
    sides = [metadata.get(f"PhysicalSize{axis}", 0.0) for axis in "XY"]
    if not all(1e-4 <= side <= 1e5 for side in sides):
        return {}
    return {"resolution": [10_000 / side for side in sides], "resolutionunit": "CENTIMETER"}


def _channel_names(names: Sequence[str], channels: int) -> list[str]:
    if len(names) != channels:
        raise InputError(
            f"There are {channels} channels, but {len(names)} names for them. Give one per channel."
        )
    return [_plain_text(name) for name in names]


def _plain_text(text: str) -> str:
    """Leave out the control characters, which XML cannot hold."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "", text)


def jsonable(value: Any) -> Any:
    """Return what to write for a value that JSON has no type for: numpy's as Python's, others as text."""
    return value.tolist() if isinstance(value, (np.generic, np.ndarray)) else str(value)
