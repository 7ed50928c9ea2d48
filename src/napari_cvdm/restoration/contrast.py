"""Between which intensities a picture is shown: those of nearly all that there is to see of it."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Planes and pixels that are looked at; percentiles of more would be no better, and reading takes its time.
_ENOUGH_PLANES, _ENOUGH_PIXELS = 8, 2**17


def limits_of(picture: str, data: Any) -> tuple[float, float]:
    """Return contrast limits of a picture, from a few of its planes.

    Parameters
    ----------
    picture : {"reconstruction", "uncertainty"}
        Which; that of an uncertainty begins at 0.
    data : array with numpy indexing, of shape (..., Y, X)
        In memory or on a disk; of a pyramid, the coarsest level does.
    """
    low, high = (float(value) for value in np.percentile(sample_planes(data), (0.5, 99.8)))
    low = 0.0 if picture == "uncertainty" else low
    # A viewer wants a range, of a flat picture as well.
    return low, high if high > low else low + max(1e-6, 1e-6 * abs(low))


def sample_planes(data: Any, among: Sequence[tuple[int, ...]] | None = None) -> NDArray[Any]:
    """Read a few planes of an array (..., Y, X), from the first to the last: (planes, Y, X).

    They are thinned out if they are large. `among` are the indices of those to choose from; by default all.
    """
    leading = tuple(data.shape[:-2])
    count = prod(leading) if among is None else len(among)
    chosen = np.unique(np.linspace(0, count - 1, min(count, _ENOUGH_PLANES)).round().astype(int)).tolist()
    stride = max(1, int(sqrt(len(chosen) * prod(data.shape[-2:]) / _ENOUGH_PIXELS)))
    thinned = (slice(None, None, stride),) * 2
    planes = (np.unravel_index(number, leading) if among is None else among[number] for number in chosen)
    return np.stack([np.asarray(data[(*map(int, plane), *thinned)]) for plane in planes])
