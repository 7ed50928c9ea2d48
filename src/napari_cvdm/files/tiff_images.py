"""Which images lie in a TIFF file, and how to read them when some of their planes lie in others.

tifffile lists the images of a whole set of OME-TIFF files, whichever of them is opened; its first image may
well be another file's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_cvdm.files.image_file import check_number
from napari_cvdm.files.ome_images import images_here, ome_images, ome_root
from napari_cvdm.restoration.errors import ImageFileError

_MOST_NAMES = 3
# What slide scanners call the pictures beside the image.
_COMPANIONS = frozenset({"label", "macro", "map", "overview", "thumbnail"})


@dataclass(frozen=True)
class FileSet:
    """The files that the planes of one image lie in: equal for that image, whichever of them is opened.

    Attributes
    ----------
    files : tuple of str
        Full paths, in the order of the planes.
    start : int
        Where the first of them describes the first plane.
    """

    files: tuple[str, ...]
    start: int


def image_of(path: str | Path, tif: tifffile.TiffFile, number: int = 0) -> tifffile.TiffPageSeries:
    """Return an image of which an open file holds planes: all of them, or some.

    Parameters
    ----------
    path : str or Path
        What to call the file.
    tif : tifffile.TiffFile
        Open.
    number : int
        Which one, of `images_in`.

    Raises
    ------
    ImageFileError
        If there are fewer, or all that the file describes lies in other files.
    """
    here = images_in(tif)
    if not here:
        raise ImageFileError(
            f"{path} says that its pixels lie in other files ({_names(tif.series)}): open those. If it was "
            "renamed, give it back the name it had."
        )
    check_number(path, number, len(here))
    return here[number]


def file_set_of(series: tifffile.TiffPageSeries) -> FileSet | None:
    """Return the files that an image lies in, if these are several. No plane may be missing."""
    if not series.is_multifile:
        return None
    pages: list[Any] = list(series.pages)
    paths = dict.fromkeys(page.parent.filehandle.path for page in pages)
    return FileSet(tuple(str(Path(path).resolve()) for path in paths), pages[0].offset)


def ome_number_of(tif: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> int | None:
    """Return the number of the image in the OME-XML that describes a series, or None if that is not certain.

    Parameters
    ----------
    tif : tifffile.TiffFile
        Open, with OME-XML.
    series : tifffile.TiffPageSeries
        From `image_of`.
    """
    root = ome_root(tif.ome_metadata or "")
    if root is None:
        return None
    number = next(i for i, each in enumerate(tif.series) if each is series)
    described = len(ome_images(root))
    if series.kind == "ome":
        if len(tif.series) == described:
            return number  # tifffile keeps the order, and has left out none
        page = next((page for page in series.pages if page is not None and _is_same(page.parent, tif)), None)
        found = images_here(root, tif.filename, None if page is None else page.index)
        return found[0] if len(found) == 1 else None
    # The images were found otherwise than by the XML: those that it has in this file, in their order.
    found = images_here(root, tif.filename)
    if not found and described == 1:
        found = [0]  # a file under another name
    return found[number] if number < len(found) else None


def start_of_pixels(tif: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> int | None:
    """Return where in an open file the pixels of an image begin, or None.

    They must lie in this file, uncompressed and in one piece: tifffile gives an offset for those in another
    file as well.
    """
    if series.is_multifile or not _is_same(series.keyframe.parent, tif):
        return None
    return series.dataoffset


def read_image(tif: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> NDArray[Any]:
    """Read an image with all its planes, whichever files they lie in; none may be missing."""
    if series.keyframe.parent is tif and not series.is_multifile:
        return np.asarray(series.asarray())
    if len(series) == 1:
        return read_plane(series[0]).reshape(series.shape)
    # By its planes: as a whole, tifffile could take an offset of one file for one of another.
    return np.asarray(tif.asarray(key=slice(None), series=series)).reshape(series.shape)


def read_plane(page: Any) -> NDArray[Any]:
    """Read one plane, from a file that may have been closed meanwhile."""
    file = page.parent.filehandle
    closed = file.closed
    if closed:
        file.open()
    try:
        return np.asarray(page.asarray())
    finally:
        if closed:
            file.close()


def images_in(tif: tifffile.TiffFile) -> list[tifffile.TiffPageSeries]:
    """Return the images that have planes in an open file, in its order.

    Thumbnails, labels and the like are none, unless one comes first.
    """
    every = list(tif.series)
    here = [series for series in every if _has_planes(series, lambda file: file is tif)]
    # If the XML knows the file by its name, but not by its UUID, tifffile has opened it a second time.
    here = here or [series for series in every if _has_planes(series, lambda file: _is_same(file, tif))]
    return here[:1] + [series for series in here[1:] if not _is_companion(series)]


def _is_companion(series: tifffile.TiffPageSeries) -> bool:
    page = series.keyframe
    return bool(page.is_reduced or page.is_mask or _COMPANIONS.intersection(series.name.lower().split()))


def _has_planes(series: tifffile.TiffPageSeries, is_here: Callable[[tifffile.TiffFile], bool]) -> bool:
    if not series.is_multifile:  # Its list of pages can be long, and not yet be read.
        return is_here(series.keyframe.parent)
    return any(page is not None and is_here(page.parent) for page in series.pages)


def _is_same(file: tifffile.TiffFile, other: tifffile.TiffFile) -> bool:
    if file is other:
        return True
    try:
        same_name = file.filename.lower() == other.filename.lower()
        return same_name and Path(file.filehandle.path).samefile(other.filehandle.path)
    except OSError:
        return False


def _names(images: Sequence[tifffile.TiffPageSeries]) -> str:
    names = list(dict.fromkeys(series.keyframe.parent.filename for series in images))
    return ", ".join(names[:_MOST_NAMES]) + (", ..." if len(names) > _MOST_NAMES else "")
