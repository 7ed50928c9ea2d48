"""Arrays kept in chunks that hold several planes each: read once for all of them, not for each plane again.

Whoever asks for planes one by one would have such a chunk loaded, decoded or computed as often as it has
planes, and once more each time that the planes are gone through.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from itertools import accumulate
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_KEPT = 2**28
"""Bytes of pixels that are kept at most. A plane that takes more, with those in its chunks, is read alone."""


class ReadByChunks:
    """An array of which planes that lie in the same chunks are read together, and kept for a while.

    Parameters
    ----------
    array : array with numpy indexing (dask, zarr, HDF5, numpy)
        What is read; without chunks it is left alone.
    alone : array with numpy indexing, optional
        The same pixels, taken from there where nothing is gained by reading several planes together.
    """

    def __init__(self, array: Any, alone: Any = None) -> None:
        self.shape, self.dtype = tuple(array.shape), array.dtype
        self._array, self._alone = array, array if alone is None else alone
        self._chunks = getattr(array, "chunks", None)
        self._kept: OrderedDict[tuple[tuple[int, int], ...], NDArray[Any]] = OrderedDict()

    def __getitem__(self, wanted: Any) -> Any:
        """Return a plane, given one whole number for each leading axis and full slices for Y and X."""
        places = [isinstance(place, int | np.integer) for place in wanted]
        spans = [
            self._chunk_with(axis, wanted[axis]) if place else (0, self.shape[axis])
            for axis, place in enumerate(places)
        ]
        planes = prod(end - start for (start, end), place in zip(spans, places, strict=True) if place)
        size = prod(end - start for start, end in spans) * np.dtype(self.dtype).itemsize
        if planes == 1 or size > MOST_KEPT:
            return self._alone[wanted]
        key = tuple(spans)
        if key not in self._kept:
            while self._kept and size + sum(each.nbytes for each in self._kept.values()) > MOST_KEPT:
                self._kept.popitem(last=False)
            self._kept[key] = np.asarray(self._array[tuple(slice(*span) for span in spans)])
        self._kept.move_to_end(key)
        within = (
            each - start if place else each
            for each, (start, _), place in zip(wanted, spans, places, strict=True)
        )
        return self._kept[key][tuple(within)]

    def _chunk_with(self, axis: int, place: int) -> tuple[int, int]:
        """Return first and one past the last position of the chunk that holds a position of an axis."""
        if self._chunks is None:
            return place, place + 1
        lengths = self._chunks[axis]
        if isinstance(lengths, tuple):  # dask's, one for each chunk
            ends = list(accumulate(lengths))
            number = bisect_right(ends, place)
            return ends[number] - lengths[number], ends[number]
        start = place // lengths * lengths
        return start, min(start + lengths, self.shape[axis])
