"""What a layer's file says about it: read in the background, because a large file takes its time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_cvdm.plugin.image.reading import FileReading
from napari_cvdm.plugin.stored.kinds import kind_of

if TYPE_CHECKING:
    from napari_cvdm.files.image_file import ImageFile
    from napari_cvdm.files.tiff_metadata import PhysicalScale

__all__ = ["is_tiff", "read_distances", "read_file"]

_TIFF = {".tif", ".tiff", ".lsm", ".stk", ".btf", ".tf8"}


def is_tiff(path: Path) -> bool:
    """Whether a file is a TIFF by its name."""
    return path.suffix.lower() in _TIFF


def read_file(path: Path, *, own: bool = False) -> FileReading:
    """Read axes and pixel size off a file, but no pixels.

    Parameters
    ----------
    path : Path
        The file a layer was opened from.
    own : bool
        Whether this plugin has opened it.

    Returns
    -------
    FileReading
        Empty for what is neither TIFF nor OME-Zarr or cannot be read: the layer is there already, so that is
        no fault. Also for one of several layers that were saved in one file: they say all that the file does,
        and what it says of the first image is not true of the others.
    """
    if own and kind_of(path) in ("set", "zarr set"):
        return FileReading(path)
    found = _metadata(path)
    if found is None:
        return FileReading(path)
    axes, shape, scale = found
    return FileReading(path, axes, shape, scale.pixel_size, scale.channel_names, scale.pixel_sides)


def read_distances(path: Path) -> dict[str, float | None]:
    """Read what a TIFF file or an OME-Zarr says of the axes that a restoration does not change.

    Returns
    -------
    dict
        The distance of planes in nanometres by "Z", the time from frame to frame in seconds by "T"; empty
        for what is neither of them or cannot be read.
    """
    found = _metadata(path)
    return {} if found is None else {"Z": found[2].z_spacing, "T": found[2].time_interval}


def _metadata(path: Path) -> tuple[str, tuple[int, ...], PhysicalScale | ImageFile] | None:
    """Return letters and lengths of the axes, and the sizes; None if there is nothing to be read."""
    import tifffile

    from napari_cvdm.files.ome_zarr_reading import is_zarr, open_ome_zarr
    from napari_cvdm.files.tiff import open_tiff
    from napari_cvdm.files.tiff_images import image_of
    from napari_cvdm.files.tiff_metadata import read_scale
    from napari_cvdm.restoration.axes import AXIS_MEANINGS
    from napari_cvdm.restoration.errors import ImageFileError

    try:
        if is_zarr(path):
            image = open_ome_zarr(path)
            return image.axes, tuple(image.data.shape), image
        if not is_tiff(path):
            return None
        with open_tiff(path) as tif:
            series = image_of(path, tif)
            axes = "".join(letter if letter in AXIS_MEANINGS else "Q" for letter in series.axes)
            return axes, tuple(int(n) for n in series.shape), read_scale(tif, series)
    except (ImageFileError, tifffile.TiffFileError, OSError, ValueError, IndexError):
        return None
