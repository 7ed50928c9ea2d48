"""Structure that covers next to nothing of an image: percentiles of all pixels do not tell how bright it is.

A few bright spots on an empty field, or one labelled plane among hundreds of empty ones: the 99.8th
percentile of all pixels then lies in the noise. The spots would reach the networks ten times brighter than
anything they were trained on, and come out several times too bright. So where there are such spots, their
own pixels are measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

SPARSE = 0.02
"""An image is sparse if its structure covers less than this share of it."""

PERCENTILE = 90.0
"""Of the structure's pixels: the intensity that is its bright end. Where structure covers the share `SPARSE`
of an image, this is the 99.8th percentile of all pixels, so both rules meet there."""

STRIP_ROWS = 512
"""About how many rows are looked at together; always the same ones, however an array is chunked."""

#: Pixels of a lazy plane that is read whole: it may be one chunk, to be decoded or computed for every strip.
_READ_AT_ONCE = 2**22

#: Noise of a 3×3 median in terms of that of a pixel (both standard deviations), for Gaussian noise.
_MEDIAN_NOISE = 0.41

#: How far above the background structure begins, in standard deviations of the median's noise: hardly one
#: pixel of a million of mere noise lies there.
_DEVIATIONS = 5.0

#: And at least this share of the image's percentile range above it: noise-free pictures of spots have endless
#: tails.
_LEAST_SHARE = 0.05


@dataclass(frozen=True)
class Structure:
    """What stands out of the noise.

    Attributes
    ----------
    share : float
        Of all pixels, 0 to 1; if it is `SPARSE` or more, at least so much.
    bright_end : float or None
        The 90th percentile of its pixels' intensities; None if there is none, or so much that the image is
        not sparse.
    brightest : float
        Greatest intensity of the image's 3×3 medians, which single hot pixels do not reach; −∞ if none of
        them is notable.
    """

    share: float
    bright_end: float | None
    brightest: float


def measure_structure(
    planes: Iterable[Any], shape: tuple[int, ...], span: float, notable: float
) -> Structure:
    """Measure what stands out of the noise in planes that belong together.

    Structure is where the median of 3×3 pixels lies 5 standard deviations of its noise, and 5 % of `span`,
    above the background. Background and noise are those of the strip of rows: its median, and the mean
    difference of neighbours without the greatest 5 %. Where the background is uneven or noise is correlated,
    more counts as structure, and the image is less likely to be taken for a sparse one.

    Parameters
    ----------
    planes : iterable of (Y, X) arrays
        Of real numbers; pixels that are not finite count as background. Of large ones, rows are read as they
        are needed.
    shape : tuple of int, (planes, Y, X)
        How many planes there are, and how large.
    span : float
        Percentile range of all pixels, in the units of the image.
    notable : float
        Intensity up to which the brightest medians need not be found.
    """
    pixels = int(np.prod(shape))
    found: list[NDArray[np.float64]] = []
    count, brightest = 0, -np.inf
    for strip in _strips(planes, *shape[1:]):
        finite = np.isfinite(strip)
        if not finite.any():
            continue
        background = float(np.median(strip[finite]))
        level = np.inf  # once it is dense, its pixels would fill the memory, and are not needed
        if count < SPARSE * pixels:
            level = background + max(_DEVIATIONS * _MEDIAN_NOISE * _noise(strip), _LEAST_SHARE * span)
        strip[~finite] = background
        if (bright := _median_above(strip, notable)).any():
            around = sliding_window_view(np.pad(strip, 1, mode="edge"), (3, 3))[bright]
            brightest = max(brightest, float(np.median(around, axis=(-2, -1)).max()))
        found.append(strip[_median_above(strip, level)])
        count += found[-1].size
        if count >= SPARSE * pixels:
            found.clear()
    sparse = 0 < count < SPARSE * pixels
    bright_end = float(np.percentile(np.concatenate(found), PERCENTILE)) if sparse else None
    return Structure(count / pixels, bright_end, brightest)


def _strips(planes: Iterable[Any], height: int, width: int) -> Iterator[NDArray[np.float64]]:
    edges = np.linspace(0, height, ceil(height / STRIP_ROWS) + 1).astype(int).tolist()
    for plane in planes:
        lazy = getattr(plane, "chunks", None) is not None
        rows = np.asarray(plane) if lazy and height * width <= _READ_AT_ONCE else plane
        for start, end in pairwise(edges):
            yield np.asarray(rows[start:end]).astype(np.float64)


def _median_above(strip: NDArray[np.float64], level: float) -> NDArray[np.bool_]:
    """Find where the median of 3×3 pixels lies above a level: where five of them do.

    To count them takes a hundredth of the time that the medians would take.
    """
    above = np.pad(strip > level, 1, mode="edge").astype(np.uint8)
    rows = above[:-2] + above[1:-1] + above[2:]
    found: NDArray[np.bool_] = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:] > 4
    return found


def _noise(strip: NDArray[np.float64]) -> float:
    """Standard deviation of the noise, from neighbours in a row; 0 where there are none.

    The mean absolute difference of neighbours without the greatest 5 % is 1.014 standard deviations of white
    Gaussian noise. Unlike a median it does not become 0 where most neighbours have the same whole number.
    """
    with np.errstate(invalid="ignore"):  # of two infinite neighbours
        differences = np.abs(np.diff(strip, axis=1)).ravel()
    differences = differences[np.isfinite(differences)]
    if differences.size == 0:
        return 0.0
    kept = differences[differences <= np.percentile(differences, 95)]
    return float(kept.mean()) / 1.014
