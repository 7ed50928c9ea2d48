"""TIFF files larger than memory: an array that reads what is asked for, and nothing else."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_cvdm.files.tiff import explained_faults, parse_tiff
from napari_cvdm.files.tiff_images import image_of, read_plane, start_of_pixels
from napari_cvdm.files.zarr_packages import has_zarr


@dataclass(frozen=True, eq=False)
class TiffSlices:
    """One image of a TIFF file, to be sliced like an array.

    Uncompressed images are mapped into memory. Of others, the tiles or strips that a slice touches are
    decoded if zarr 3 is installed, and the planes that it touches if not. Pickled, it is a path: workers open
    the file themselves.

    Attributes
    ----------
    path : str
        The file.
    series : int
        Which of the images that have planes in this file.
    shape : tuple of int
        Of the full resolution.
    dtype : dtype
        In the byte order of this machine, whatever that of the file.
    chunks : tuple of int
        Shape of a plane: what reads an array in pieces reads this one plane by plane.
    """

    path: str
    series: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: tuple[int, ...]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __getitem__(self, selection: Any) -> NDArray[Any]:
        """Read a part, by whole numbers and slices; a copy.

        Raises
        ------
        ImageFileError
            If the file cannot be read any more, or is corrupt there.
        """
        return _read(self, selection if isinstance(selection, tuple) else (selection,))


_MOST_KNOWN = 4  # files whose directories a process remembers: an image, and what it is compared with

_lock = threading.Lock()
# Of the process with this number: a lock that another thread held when it was forked would never be free.
_known: OrderedDict[tuple[int, str], _KnownFile] = OrderedDict()


class _KnownFile:
    """A file and what is known of its planes.

    To find thousands of planes takes far longer than to read one, so it is done once for as long as the file
    stays what it was. The file is closed between two uses: others may then replace it, on Windows too.
    """

    def __init__(self, path: str) -> None:
        self._path, self._lock = path, threading.Lock()
        self._tif: tifffile.TiffFile | None = None
        self._stamps: dict[str, tuple[int, int]] = {}

    @contextmanager
    def open(self) -> Iterator[tifffile.TiffFile]:
        """Open the file for one thread at a time."""
        with self._lock, explained_faults(self._path):
            if self._tif is None or any(_stamp(path) != stamp for path, stamp in self._stamps.items()):
                self._tif = None
                self._tif = tif = parse_tiff(self._path)
                # All files of a set of which one names the others.
                pages = (page for series in tif.series if series.is_multifile for page in series.pages)
                files = {page.parent.filehandle.path for page in pages if page is not None}
                self._stamps = {path: _stamp(path) for path in files | {self._path}}
            self._tif.filehandle.open()
            try:
                yield self._tif
            finally:
                self._tif.close()


def _stamp(path: str) -> tuple[int, int]:
    found = Path(path).stat()
    return found.st_mtime_ns, found.st_size


def _known_file(path: str) -> _KnownFile:
    key = os.getpid(), path
    with _lock:
        known = _known.setdefault(key, _KnownFile(path))
        _known.move_to_end(key)
        while len(_known) > _MOST_KNOWN:
            _known.popitem(last=False)
    return known


def _read(source: TiffSlices, selection: tuple[Any, ...]) -> NDArray[Any]:
    with _known_file(source.path).open() as tif:
        series = image_of(source.path, tif, source.series)
        start = start_of_pixels(tif, series)
        if start is not None:
            stored = source.dtype.newbyteorder(tif.byteorder)
            mapped = np.memmap(source.path, stored, "r", start, series.shape)
            return np.array(mapped[selection], source.dtype)
        # zarr takes longer than to decode a small plane, and is of no use where that is decoded as a whole.
        in_one_piece = prod(series.keyframe.chunked) == 1
        # Planes in several files may only seem to follow one another, which deceives tifffile's store.
        if in_one_piece or series.dataoffset is not None or not has_zarr():
            return _from_planes(series, selection)
        import zarr

        with series.aszarr(level=0) as store:
            return np.asarray(zarr.open_array(store, mode="r")[selection])


def _from_planes(series: tifffile.TiffPageSeries, selection: tuple[Any, ...]) -> NDArray[Any]:
    """Read a part plane by plane, of which each is decoded as a whole."""
    inner = len(series.keyframe.shape)
    leading = series.shape[: len(series.shape) - inner]
    selection = selection + (slice(None),) * (len(series.shape) - len(selection))
    outer, within = selection[: len(leading)], selection[len(leading) :]
    numbers = np.arange(int(np.prod(leading, dtype=int))).reshape(leading)[outer]
    # No page is missing: that was checked when the file was opened.
    pages: list[Any] = [series.pages[int(n)] for n in np.ravel(numbers)]
    planes = [np.array(read_plane(page)[within]) for page in pages]
    return np.stack(planes).reshape((*np.shape(numbers), *planes[0].shape))


def slices_of(path: str | Path, number: int, series: tifffile.TiffPageSeries) -> TiffSlices:
    """Return an image of a TIFF file as an array to be sliced; no pixel is read.

    Parameters
    ----------
    path : str or Path
        The file.
    number : int
        Which of its images, as `napari_cvdm.files.tiff_images.image_of` counts.
    series : tifffile.TiffPageSeries
        This image, of the open file.
    """
    shape, inner = tuple(series.shape), len(series.keyframe.shape)
    chunks = (1,) * (len(shape) - inner) + shape[len(shape) - inner :]
    return TiffSlices(str(Path(path).absolute()), number, shape, np.dtype(series.dtype), chunks)
