"""What every reader of files returns: an image, and which it is of those in its file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from napari_cvdm.restoration.errors import ImageFileError

if TYPE_CHECKING:
    from napari_cvdm.files.tiff_images import FileSet

COPY_AGAIN = "Copy it again from where it was made."
"""The remedy for a file that is truncated or damaged."""


@dataclass(frozen=True)
class ImageFile:
    """An image as it was read from a file.

    Attributes
    ----------
    data : ndarray, or an array to be sliced
        In the type of the file. Lazily opened, it is a `TiffSlices` or a zarr array: sliced like an ndarray,
        it reads what is asked for.
    axes : str
        One letter per axis of `data`, as `napari_cvdm.restoration.axes` knows them. Axes whose meaning the
        file does not tell are Q; samples of colour are S.
    source : str
        Path of the file.
    pixel_size : float or None
        Side of a pixel within the plane in nm, if the file tells.
    z_spacing : float or None
        Distance of two planes in nm, if the file tells.
    time_interval : float or None
        Time from frame to frame in seconds, if the file tells.
    channel_names : tuple of str
        Empty if the file has none.
    scale, translation : tuple of float
        Of an OME-Zarr that states them: its step along each axis, and where the first pixel is, in its own
        units.
    images : int
        How many images the file holds, of which this is one; thumbnails, labels and the like do not count.
    number : int
        Which of them it is, from 0.
    file_set : FileSet or None
        The files that its planes lie in, if these are several.
    pixel_sides : (float, float) or None
        Height and width of a pixel in nm, if the file tells and they differ.
    opacity : bool
        Whether the file calls the last of the colour samples in each pixel opacity (alpha).
    """

    data: NDArray[Any] | Any
    axes: str
    source: str
    pixel_size: float | None = None
    z_spacing: float | None = None
    time_interval: float | None = None
    channel_names: tuple[str, ...] = ()
    images: int = 1
    number: int = 0
    file_set: FileSet | None = None
    pixel_sides: tuple[float, float] | None = None
    scale: tuple[float, ...] = ()
    translation: tuple[float, ...] = ()
    opacity: bool = False


def check_number(path: str | Path, number: int, images: int) -> None:
    """Raise `ImageFileError` if a file that holds some images, at least one, has none of a number."""
    if not 0 <= number < images:
        held = f"{images} images, numbers 0 to {images - 1}" if images > 1 else "1 image, number 0"
        raise ImageFileError(f"{path} holds {held}; there is no number {number}.")
