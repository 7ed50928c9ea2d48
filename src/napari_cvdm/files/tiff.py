"""TIFF in: pixels, axes and pixel size, or one sentence that says what is wrong with the file."""

from __future__ import annotations

import logging
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path

import numpy as np
import tifffile

from napari_cvdm.files.image_file import COPY_AGAIN, ImageFile
from napari_cvdm.files.tiff_colours import check_intensities
from napari_cvdm.files.tiff_images import file_set_of, image_of, images_in, read_image
from napari_cvdm.files.tiff_metadata import read_scale
from napari_cvdm.files.tiff_promises import check_promises
from napari_cvdm.restoration.axes import AXIS_MEANINGS
from napari_cvdm.restoration.errors import ImageFileError, first_line

# tifffile reports every oddity of a file to its log. Faults that matter become exceptions here; without a
# handler the rest would appear as stray lines on stderr.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_IMAGE_DESCRIPTION = 270
# What the reader stumbles over when a number is a word, or zero: its own words say nothing to a user.
_STUMBLES = (TypeError, AttributeError, LookupError, ArithmeticError, RecursionError)
_OPACITY = ((tifffile.EXTRASAMPLE.ASSOCALPHA,), (tifffile.EXTRASAMPLE.UNASSALPHA,))
_COMPANION = re.compile(r'<(?:\w+:)?BinaryOnly\s[^>]*?MetadataFile="([^"]+)"')
# It holds nothing else; a long one full of beginnings would be searched from each of them to its end.
_COMPANION_WITHIN = 10_000
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def read_tiff(path: str | Path, series: int = 0) -> ImageFile:
    """Read an image from a TIFF file: OME-TIFF, ImageJ, or any other that tifffile understands.

    Parameters
    ----------
    path : str or Path
        The file.
    series : int
        Which image of the file, if it holds several; of a pyramid the full resolution is read. Images that
        an OME-TIFF describes, but that lie in other files of its set, do not count, nor do thumbnails and
        labels. One of which only some planes lie in this file is read with those in the other files.

    Returns
    -------
    ImageFile

    Raises
    ------
    ImageFileError
        If the file is missing, not a TIFF, truncated, corrupt, declares more pixels than it can hold, or
        has its pixels in files that are missing.
    """
    return _read(path, series, lazily=False)


def open_tiff_lazily(path: str | Path, series: int = 0) -> ImageFile:
    """Open an image of a TIFF file without reading its pixels; see `read_tiff`.

    Raises
    ------
    ImageFileError
        As `read_tiff`; corrupt pixels are found when they are read.
    """
    return _read(path, series, lazily=True)


def _read(path: str | Path, series: int, *, lazily: bool) -> ImageFile:
    from psutil import virtual_memory

    from napari_cvdm.files.tiff_slices import slices_of

    with open_tiff(path) as tif:
        chosen = image_of(path, tif, series)
        check_intensities(path, tif, chosen)
        _check_complete(path, tif, chosen)
        if not lazily and chosen.nbytes > virtual_memory().total:
            raise MemoryError  # at once: a system that lends memory it does not have would end the program
        data = slices_of(path, series, chosen) if lazily else read_image(tif, chosen)
        scale = read_scale(tif, chosen)
        images = len(images_in(tif))
        file_set = file_set_of(chosen)
        axes = "".join(letter if letter in AXIS_MEANINGS else "Q" for letter in chosen.axes)
        # Four planes one after the other are often marked so, by software that saves plain stacks.
        opacity = axes[-1] == "S" and chosen.keyframe.extrasamples[-1:] in _OPACITY
    return ImageFile(
        data, axes, str(path), images=images, number=series, file_set=file_set, opacity=opacity, **vars(scale)
    )


@contextmanager
def open_tiff(path: str | Path) -> Iterator[tifffile.TiffFile]:
    """Open a TIFF file, and turn whatever goes wrong while it is open into an `ImageFileError`."""
    with explained_faults(path), parse_tiff(path) as tif:
        yield tif


@contextmanager
def open_description(path: str | Path) -> Iterator[tifffile.TiffFile]:
    """Open a TIFF file for what it says, as `open_tiff`, without the list of its images.

    For that, each file of a set would open all of them.
    """
    with explained_faults(path), _opened(path) as tif:
        check_promises(path, tif)
        _check_description(path, tif)
        yield tif


def parse_tiff(path: str | Path) -> tifffile.TiffFile:
    """Return an open TIFF file whose list of images has been read; errors come as tifffile raises them.

    Raises
    ------
    ImageFileError
        If it is cut off before its description, promises too much, or holds no image.
    """
    tif = _opened(path)
    try:
        check_promises(path, tif)
        with np.errstate(all="ignore"):  # MetaMorph's distances of planes are fractions, of any two numbers
            images = tif.series
        if not images:
            raise ImageFileError(f"{path} is a TIFF file without an image; it may be truncated. {COPY_AGAIN}")
        _check_description(path, tif)
    except BaseException:
        tif.close()
        raise
    return tif


def _opened(path: str | Path) -> tifffile.TiffFile:
    """Open a file, with the description of its set where it says that this lies beside it (a companion)."""
    tif = tifffile.TiffFile(path)
    found = _COMPANION.search(tif.ome_metadata or "", 0, _COMPANION_WITHIN)
    # By its last part: a name from a file must not lead out of the folder.
    if not found or not (companion := Path(path).with_name(Path(found[1]).name or ".")).is_file():
        return tif
    tif.close()
    return tifffile.TiffFile(path, omexml=companion.read_text(encoding="utf-8"))


@contextmanager
def explained_faults(path: str | Path) -> Iterator[None]:
    """Turn whatever goes wrong while a TIFF file is read into an `ImageFileError`."""
    path = Path(path)
    if not path.is_file():
        if not path.exists():
            raise ImageFileError(f"There is no file {path}.")
        if path.is_dir():
            raise ImageFileError(f"{path} is a folder, not a TIFF file: name the TIFF files in it.")
        # To open a pipe takes until somebody writes to it.
        raise ImageFileError(f"{path} is a pipe or a device, no file: save the image to a TIFF file first.")
    try:
        with path.open("rb") as file:
            start = file.read(4)
        if start not in _TIFF_STARTS:
            raise ImageFileError(
                f"{path} is not a TIFF file: save the image as TIFF first, for example with Fiji."
                if start
                else f"{path} is empty. {COPY_AGAIN}"
            )
        yield
    except ImageFileError:
        raise
    except OSError as error:
        raise ImageFileError(f"{path} cannot be read: {error.strerror or error}.") from error
    except MemoryError as error:
        raise ImageFileError(
            f"{path} declares an image that does not fit in memory. Restore a part of it (in a shell --plane "
            "or --roi), or into an OME-Zarr folder (-o NAME.ome.zarr)."
        ) from error
    except Exception as error:  # Decoders raise whatever they like: ValueError, struct.error, DeflateError.
        said = str(error)
        if isinstance(error, _STUMBLES) or "literal for int()" in said or "could not convert" in said:
            raise ImageFileError(
                f"{path} is corrupt: what it says of its pixels cannot be true. {COPY_AGAIN}"
            ) from error
        if "missing NumPlanes" in said:  # tifffile cannot count the planes of a file that is not there
            raise ImageFileError(
                f"{path} belongs to a set of files of which some are missing. Put them all into one folder."
            ) from error
        raise ImageFileError(f"{path} is corrupt or truncated: {first_line(error)}. {COPY_AGAIN}") from error


def _check_description(path: str | Path, tif: tifffile.TiffFile) -> None:
    """Refuse a file that says where its description is, but ends before it: it would seem to have none."""
    first = tif.pages.first
    codes, _ = _directory(tif, first.offset)
    if _IMAGE_DESCRIPTION in codes and _IMAGE_DESCRIPTION not in first.tags:
        raise ImageFileError(f"{path} is truncated: its description lies beyond its end. {COPY_AGAIN}")


def _check_complete(path: str | Path, tif: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> None:
    """Refuse files of which tifffile would give the beginning, or zeros, without a word."""
    _, following = _directory(tif, tif.pages[len(tif.pages) - 1].offset)
    if following:
        raise ImageFileError(
            f"{path} is truncated: it announces more images after the last one found. {COPY_AGAIN}"
        )
    images = (tif.imagej_metadata or {}).get("images", 1)
    # Micro-Manager adds ImageJ's description to one that says itself which planes there are.
    own = series.kind in ("imagej", "ome", "mmstack")
    if isinstance(images, int) and images > 1 and not own:
        raise ImageFileError(f"{path} is truncated: it should hold {images} images. {COPY_AGAIN}")
    _check_announced(path, tif, series)
    missing = 0
    for page in series.pages:
        # Where a stack of Micro-Manager was cut off, tifffile has pages without a byte.
        missing += page is None or (series.kind == "mmstack" and not any(page.databytecounts))
        if page is not None and len(page.dataoffsets) < prod(page.chunked):
            raise ImageFileError(
                f"{path} lacks pixels: of {prod(page.chunked)} strips or tiles of a plane it has "
                f"{len(page.dataoffsets)}. {COPY_AGAIN}"
            )
    if missing:
        raise ImageFileError(
            f"{path} lacks {missing} of its {len(series.pages)} planes. If it belongs to a set of files, "
            "put them all into one folder; one of them may be truncated. If the recording was stopped early, "
            "save the planes that are there as a new TIFF, for example with Fiji."
        )
    file_set = file_set_of(series)
    files = (path,) if file_set is None else file_set.files
    size = sum(Path(file).stat().st_size for file in files)
    # No image packs that well; a header that lies about its size must not fill the memory with zeros.
    declared = series.nbytes
    if declared > 2**30 and declared > 2000 * size:
        held = "a file" if file_set is None else f"{len(files)} files"
        raise ImageFileError(
            f"{path} is corrupt: it declares {declared / 2**30:.0f} GB of pixels in {held} of {size} bytes."
        )


def _check_announced(path: str | Path, tif: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> None:
    """Refuse files of ImageJ and Zeiss whose pages, of Zeiss every other, are not what is announced."""
    size = series.keyframe.size
    # Behind a single page of ImageJ, all planes may follow one another.
    of_imagej = series.kind == "imagej" and len(tif.pages) > 1
    held = len(tif.pages) if of_imagej else len(series.pages)
    if (of_imagej or series.kind == "lsm") and held * size != prod(series.shape):
        raise ImageFileError(
            f"{path} announces {prod(series.shape) // size} planes, and holds {held}. If it was edited, or "
            "the recording stopped early, save the planes that it has as a new TIFF, for example with Fiji."
        )


def _directory(tif: tifffile.TiffFile, offset: int) -> tuple[tuple[int, ...], int]:
    """Return the codes of all tags of the page at `offset`, and the offset of the page after it, as stored.

    tifffile itself leaves out what it cannot follow.
    """
    layout, file = tif.tiff, tif.filehandle
    file.seek(offset)
    (count,) = struct.unpack(layout.tagnoformat, file.read(layout.tagnosize))
    entries = file.read(count * layout.tagsize)
    (following,) = struct.unpack(layout.offsetformat, file.read(layout.offsetsize))
    starts = range(0, len(entries), layout.tagsize)
    return tuple(struct.unpack_from(layout.byteorder + "H", entries, start)[0] for start in starts), following
