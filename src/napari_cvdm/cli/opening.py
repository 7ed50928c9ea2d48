"""Opening what a user names: a TIFF file or an OME-Zarr folder, and what to say of it before any work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from napari_cvdm.files.tiff import ImageFile

__all__ = ["open_image", "say_left_out"]


def open_image(source: Path, *, lazily: bool = False) -> ImageFile:
    """Open an image: a TIFF file, or the folder of an OME-Zarr image, which is never read as a whole.

    Parameters
    ----------
    source : Path
        File or folder.
    lazily : bool, optional
        Read no pixels of a TIFF file either.

    Raises
    ------
    ValueError
        If it cannot be opened.
    """
    from napari_cvdm.files.ome_zarr_reading import is_zarr, open_ome_zarr
    from napari_cvdm.files.tiff import open_tiff_lazily, read_tiff

    if is_zarr(source):
        return open_ome_zarr(source)
    return open_tiff_lazily(source) if lazily else read_tiff(source)


def say_left_out(image: ImageFile) -> None:
    """Say on stderr that a file holds more images than the one that is restored."""
    if image.images > 1:
        typer.echo(
            f"warning: {Path(image.source).name} holds {image.images} images, and only the first is "
            "restored. Save each of the others to a file of its own, and restore those files.",
            err=True,
        )
