"""Telling an image from another of the same shape, by the pixels that are read anyway to measure intensities.

A restoration under way may be continued days later. Nothing in a lazy array says whether the file behind it
still holds the same image; its pixels do.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from napari_cvdm.models.pretrained import PERCENTILES
from napari_cvdm.restoration.chunks import ReadByChunks
from napari_cvdm.restoration.normalization import Normalization, Normalizing, fit_normalizations
from napari_cvdm.restoration.validation import Watched, check_measured

if TYPE_CHECKING:
    from napari_cvdm.restoration.selection import Selection

#: Rows that are read at once of an array which is no dask array.
STRIP = 1024


def measure(
    image: Any,
    selection: Selection,
    per: Normalizing = "stack",
    percentiles: tuple[float, float] = PERCENTILES,
) -> tuple[dict[tuple[int, ...], Normalization], str]:
    """Measure intensities in one pass over an array of any size, in memory that does not grow with it.

    The percentiles are those that `napari_cvdm.restore` takes, to the last digit: exact ones of the same
    pixels, about four million of each channel, thinned out evenly.

    Returns
    -------
    normalizations : dict
        Of every chosen plane, under its index.
    fingerprint : str
        32 letters, the same for the same pixels read in the same order.

    Raises
    ------
    InputError
        If the chosen planes are constant.
    """
    digest = hashlib.blake2b(digest_size=16)

    def note(pixels: NDArray[Any]) -> None:
        digest.update(f"{pixels.dtype.str}{pixels.shape}".encode())
        digest.update(np.ascontiguousarray(pixels).data.cast("B"))

    axes = selection.whole
    strips = image
    if not isinstance(image, np.ndarray | da.Array):
        chunks = tuple(
            min(n, STRIP) if name == "Y" else (n if name == "X" else 1)
            for n, name in zip(axes.shape, axes.names, strict=True)
        )
        strips = da.from_array(image, chunks=chunks, name=False)  # type: ignore[no-untyped-call]
    read = Watched(ReadByChunks(image, strips), note=note)
    normalizations = fit_normalizations(read, selection, per, percentiles)
    check_measured((each.low, each.high) for each in normalizations.values())
    return normalizations, digest.hexdigest()
