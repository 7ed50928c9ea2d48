"""Contrast limits that fit what there is to see so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_cvdm.plugin.layers import PICTURES
from napari_cvdm.restoration.contrast import limits_of

if TYPE_CHECKING:
    from napari_cvdm.restoration.events import Estimate

__all__ = ["Limits", "RunningLimits"]

Limits = dict[str, tuple[float, float]]
"""Contrast limits for each picture, "reconstruction" and "uncertainty"."""


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
