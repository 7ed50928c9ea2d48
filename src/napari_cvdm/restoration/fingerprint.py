"""Telling an image from another of the same shape, by the pixels that are read anyway to measure intensities.

A restoration under way may be continued days later. Nothing in a lazy array says whether the file behind it
still holds the same image; its pixels do.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cvdm.restoration.validation import Watched


class Fingerprinted(Watched):
    """An array of any kind that takes note of all pixels that are read from it, in the order of reading.

    Parameters
    ----------
    array : array with numpy indexing (numpy, dask)
        What is read. Parts of it are read when they are turned into a numpy array.
    """

    def __init__(self, array: Any) -> None:
        super().__init__(array, note=self._add)
        self._hash = hashlib.blake2b(digest_size=16)

    @property
    def fingerprint(self) -> str:
        """32 letters, the same for the same pixels."""
        return self._hash.hexdigest()

    def _add(self, pixels: NDArray[Any]) -> None:
        self._hash.update(f"{pixels.dtype.str}{pixels.shape}".encode())
        self._hash.update(np.ascontiguousarray(pixels).data.cast("B"))
