"""Telling an image from another of the same shape, by the pixels that are read anyway to measure intensities.

A restoration under way may be continued days later. Nothing in a lazy array says whether the file behind it
still holds the same image; its pixels do.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Fingerprinted:
    """An array of any kind that takes note of all pixels that are read from it, in the order of reading.

    Parameters
    ----------
    array : array with numpy indexing (numpy, dask)
        What is read. Parts of it are read when they are turned into a numpy array.

    Attributes
    ----------
    dtype : numpy.dtype
        Its type.
    """

    def __init__(self, array: Any) -> None:
        self._array, self._hash = array, hashlib.blake2b(digest_size=16)
        self.dtype = array.dtype

    @property
    def fingerprint(self) -> str:
        """32 letters, the same for the same pixels."""
        return self._hash.hexdigest()

    def __getitem__(self, wanted: Any) -> _Part:
        """Return a part that is yet to be read."""
        return _Part(self._array[wanted], self._hash)


class _Part:
    """A part of a `Fingerprinted` array."""

    def __init__(self, part: Any, digest: Any) -> None:
        self._part, self._hash = part, digest

    @property
    def chunks(self) -> Any:
        return getattr(self._part, "chunks", None)

    @property
    def T(self) -> _Part:
        return _Part(self._part.T, self._hash)

    def __getitem__(self, wanted: Any) -> _Part:
        return _Part(self._part[wanted], self._hash)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        pixels = np.asarray(self._part)
        self._hash.update(f"{pixels.dtype.str}{pixels.shape}".encode())
        self._hash.update(np.ascontiguousarray(pixels).data.cast("B") if pixels.size else b"")
        return pixels if dtype is None else pixels.astype(dtype)
