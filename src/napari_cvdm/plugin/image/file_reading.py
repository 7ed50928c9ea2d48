"""What a layer's file says about it: read in the background, because a large file takes its time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_cvdm.plugin.image.reading import FileReading
from napari_cvdm.plugin.stored.kinds import is_saved_result, kind_of

if TYPE_CHECKING:
    from napari_cvdm.files.image_file import ImageFile
    from napari_cvdm.files.physical_scale import PhysicalScale

_SAVED_HERE = (
    "Its file was saved by this plugin. To open all that is in it, as it was, delete this layer and drop the "
    "file on this panel."
)
_SEVERAL = "Its file holds {} images, of which napari opens the first: restore others in a shell (--image)."
_TIFF = {".tif", ".tiff", ".lsm", ".stk", ".btf", ".tf8"}


def is_tiff(path: Path) -> bool:
    """Whether a file is a TIFF by its name."""
    return path.suffix.lower() in _TIFF


def read_file(path: Path, *, own: bool = False) -> FileReading:
    """Read axes and pixel size off the file that a layer was opened from, be it this plugin's ``own`` reader.

    Empty for what is neither TIFF nor OME-Zarr or cannot be read: the layer is there already, so that is no
    fault. Also for one of several layers that were saved in one file: they say all that the file does, and
    what it says of the first image is not true of the others.
    """
    import tifffile

    from napari_cvdm.files.ome_zarr_reading import is_zarr, open_ome_zarr
    from napari_cvdm.files.tiff import open_tiff
    from napari_cvdm.files.tiff_images import image_of, images_in
    from napari_cvdm.files.tiff_metadata import read_scale
    from napari_cvdm.restoration.axes import AXIS_MEANINGS
    from napari_cvdm.restoration.errors import ImageFileError

    if own and kind_of(path) in ("set", "zarr set"):
        return FileReading()
    try:
        if is_zarr(path):
            image = open_ome_zarr(path)
            return _reading(image.axes, image.data.shape, image)
        if not is_tiff(path):
            return FileReading()
        with open_tiff(path) as tif:
            series = image_of(path, tif)
            axes = "".join(letter if letter in AXIS_MEANINGS else "Q" for letter in series.axes)
            reading = _reading(axes, series.shape, read_scale(tif, series))
            images = len(images_in(tif))
        note = _SAVED_HERE if is_saved_result(path) else _SEVERAL.format(images) if images > 1 else ""
        return replace(reading, note=note)
    except (ImageFileError, tifffile.TiffFileError, OSError, ValueError, IndexError):
        return FileReading()


def _reading(axes: str, shape: Sequence[int], sizes: PhysicalScale | ImageFile) -> FileReading:
    return FileReading(
        axes,
        tuple(int(n) for n in shape),
        sizes.pixel_size,
        sizes.channel_names,
        sizes.pixel_sides,
        sizes.z_spacing,
        sizes.time_interval,
    )
