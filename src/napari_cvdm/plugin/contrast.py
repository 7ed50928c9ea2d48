"""Contrast limits that fit what there is to see so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from napari_cvdm.restoration.events import Estimate

__all__ = ["Limits", "RunningLimits", "limits_of"]

Limits = dict[str, tuple[float, float]]
"""Contrast limits for each picture, "reconstruction" and "uncertainty"."""


class RunningLimits:
    """Contrast limits that fit all planes estimated so far; for the worker: large planes take long."""

    #: Pixels of a plane that are looked at; percentiles of more would be no better.
    _ENOUGH = 2**16

    def __init__(self) -> None:
        self._of_plane: dict[tuple[int, ...], tuple[float, float, float]] = {}

    def add(self, estimate: Estimate) -> None:
        """Take a new estimate of a plane into account; it replaces the plane's last one."""
        stride = max(1, int(np.sqrt(estimate.mean.size / self._ENOUGH)))
        low, high = np.percentile(estimate.mean[::stride, ::stride], (0.5, 99.8))
        std = np.percentile(estimate.std[::stride, ::stride], 99.8)
        self._of_plane[estimate.index] = float(low), float(high), float(std)

    def now(self) -> Limits:
        """Return the limits that fit all planes; at least one must have been added."""
        lows, highs, stds = zip(*self._of_plane.values(), strict=True)
        return {
            "reconstruction": _increasing(min(lows), max(highs)),
            "uncertainty": _increasing(0.0, max(stds)),
        }


def limits_of(picture: str, pixels: ArrayLike) -> tuple[float, float]:
    """Return contrast limits of a picture that is finished.

    Parameters
    ----------
    picture : {"reconstruction", "uncertainty"}
        Which; that of an uncertainty begins at 0.
    pixels : array-like
        What stands for it: a coarse level, or a plane of one.
    """
    low, high = (float(value) for value in np.percentile(np.asarray(pixels), (0.5, 99.8)))
    low = 0.0 if picture == "uncertainty" else low
    return low, high if high > low else low + 1.0


def _increasing(low: float, high: float) -> tuple[float, float]:
    """Contrast limits that napari accepts, even of a flat picture."""
    return (low, high) if high > low else (low, low + max(1e-6, 1e-6 * abs(low)))
