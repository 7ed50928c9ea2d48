"""Contrast limits that fit what there is to see so far."""

from __future__ import annotations

from math import prod, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_cvdm.plugin.layers import PICTURES

if TYPE_CHECKING:
    from napari_cvdm.restoration.events import Estimate

__all__ = ["Limits", "RunningLimits", "limits_of"]

Limits = dict[str, tuple[float, float]]
"""Contrast limits for each picture, "reconstruction" and "uncertainty"."""

#: Planes and pixels that are looked at; percentiles of more would be no better, and reading takes its time.
_ENOUGH_PLANES, _ENOUGH_PIXELS = 8, 2**17


class RunningLimits:
    """Contrast limits that fit all planes estimated so far; for the worker: large planes take long."""

    def __init__(self) -> None:
        self._of_plane: dict[tuple[int, ...], Limits] = {}

    def add(self, estimate: Estimate) -> None:
        """Take a new estimate of a plane into account; it replaces the plane's last one."""
        self._of_plane[estimate.index] = {
            "reconstruction": limits_of("reconstruction", estimate.mean),
            "uncertainty": limits_of("uncertainty", estimate.std),
        }

    def now(self) -> Limits:
        """Return the limits that fit all planes; at least one must have been added."""
        fitting: Limits = {}
        for picture in PICTURES:
            lows, highs = zip(*(limits[picture] for limits in self._of_plane.values()), strict=True)
            fitting[picture] = min(lows), max(highs)
        return fitting


def limits_of(picture: str, data: Any) -> tuple[float, float]:
    """Return contrast limits of a picture, from a few of its planes.

    Parameters
    ----------
    picture : {"reconstruction", "uncertainty"}
        Which; that of an uncertainty begins at 0.
    data : array with numpy indexing, of shape (..., Y, X)
        In memory or on a disk; of a pyramid, the coarsest level does.
    """
    count = prod(data.shape[:-2])
    planes = np.unique(np.linspace(0, count - 1, min(count, _ENOUGH_PLANES)).round().astype(int))
    stride = max(1, int(sqrt(len(planes) * prod(data.shape[-2:]) / _ENOUGH_PIXELS)))
    thinned = (slice(None, None, stride),) * 2
    leading = [np.unravel_index(plane, data.shape[:-2]) if data.shape[:-2] else () for plane in planes]
    pixels = np.stack([np.asarray(data[(*map(int, index), *thinned)]) for index in leading])
    low, high = (float(value) for value in np.percentile(pixels, (0.5, 99.8)))
    low = 0.0 if picture == "uncertainty" else low
    # napari wants a range, of a flat picture as well.
    return low, high if high > low else low + max(1e-6, 1e-6 * abs(low))
