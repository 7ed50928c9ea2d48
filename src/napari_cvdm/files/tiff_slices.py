"""TIFF files larger than memory: an array that reads what is asked for, and nothing else."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_cvdm.files.tiff import open_tiff


@dataclass(frozen=True, eq=False)
class TiffSlices:
    """One image of a TIFF file, to be sliced like an array.

    Uncompressed images are mapped into memory. Of others, the tiles or strips that a slice touches are
    decoded if zarr is installed, and the planes that it touches if not. Pickled, it is a path: workers open
    the file themselves.

    Attributes
    ----------
    path : str
        The file.
    series : int
        Which image of the file.
    shape : tuple of int
        Of the full resolution.
    dtype : dtype
        In the byte order of the file.
    """

    path: str
    series: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

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


_lock = threading.Lock()


def _read(source: TiffSlices, selection: tuple[Any, ...]) -> NDArray[Any]:
    # Opened for each part: a block takes far longer than that, and no worker is left with open files.
    with _lock, open_tiff(source.path) as tif:
        series = tif.series[source.series]
        if series.dataoffset is not None:
            mapped = np.memmap(source.path, series.dtype, "r", series.dataoffset, series.shape)
            return np.array(mapped[selection])
        try:
            import zarr
        except ImportError:
            return _from_planes(series, selection)
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
    planes = [np.array(page.asarray()[within]) for page in pages]
    return np.stack(planes).reshape(*np.shape(numbers), *planes[0].shape)


def slices_of(path: str | Path, series: int, tif: tifffile.TiffFile) -> TiffSlices:
    """Return an image of an open TIFF file as an array to be sliced; no pixel is read."""
    chosen = tif.series[series]
    return TiffSlices(str(Path(path).absolute()), series, tuple(chosen.shape), np.dtype(chosen.dtype))
