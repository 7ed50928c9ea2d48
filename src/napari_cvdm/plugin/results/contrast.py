"""Contrast limits that fit what there is to see so far, and mark what is doubtful of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_cvdm.assessment.doubt import PlaneDoubt, ThresholdCurve
from napari_cvdm.plugin.results.layers import METADATA_KEY, PICTURES, LayerData
from napari_cvdm.restoration.contrast import limits_of, sample_planes

if TYPE_CHECKING:
    from napari_cvdm.restoration.events import Estimate

__all__ = ["Limits", "RunningLimits", "doubt_limits", "fit_to_each_other", "limits_of_result"]

Limits = dict[str, tuple[float, float]]
"""Contrast limits for each picture, "reconstruction" and "uncertainty"."""

#: Share of the signal that the uncertainty layer paints: structures have errors everywhere, and paint on all
#: of them would say nothing and hide the reconstruction.
_MARKED_SHARE = 1 / 3
#: An uncertainty of this share of the brightest signal is painted, however little is less sure.
_ALWAYS_MARKED = 0.5
#: Least share of the greatest uncertainty that the paint takes from nothing to full.
_LEAST_SPAN = 0.1
#: Limits below which more than this share of a plane lies are not napari's own, which leave nothing out.
_HARDLY_ANY = 0.01


def limits_of_result(mean: Any, std: Any) -> Limits:
    """Return the contrast limits of a reconstruction and of its uncertainty.

    The uncertainty's begin where a third of the signal (intensity above the background) is less sure, but no
    higher than half of the brightest signal; at 0 where there is no signal.

    Parameters
    ----------
    mean, std : array with numpy indexing, of shape (..., Y, X)
        In memory or on a disk, both of one shape. Of large ones, a few planes and pixels are read.
    """
    return _measured(mean, std).limits


def doubt_limits(given: tuple[float, float], mean: Any, std: Any, plane: Any) -> tuple[float, float]:
    """Return the contrast limits to show an uncertainty with: those of its layer, if anybody chose them.

    napari's own begin at the surest pixel, and everything else would be painted.

    Parameters
    ----------
    given : (float, float)
        The contrast limits of the uncertainty's layer.
    mean, std : array with numpy indexing, of shape (..., Y, X)
        The pictures as the layers have them; of pyramids, the coarsest levels.
    plane : ndarray, shape (Y, X)
        The plane of the uncertainty that is looked at. Only if nearly all of it is painted are others read.

    Returns
    -------
    (float, float)
        As given, or as after a run if napari has chosen them.
    """
    from napari.layers.utils.layer_utils import calc_data_range

    if np.mean(plane < given[0]) > _HARDLY_ANY or given != calc_data_range(std):
        return given
    return limits_of_result(mean, std)["uncertainty"]


def fit_to_each_other(layers: Sequence[LayerData]) -> None:
    """Give the uncertainty of a stored result the contrast limits that it has after a run.

    Parameters
    ----------
    layers : sequence of LayerData
        Those of a file. Without its reconstruction, or with another one's, an uncertainty is not changed.
    """
    stated = [
        (attributes.get("metadata", {}).get(METADATA_KEY, {}), data[-1] if isinstance(data, list) else data)
        for data, attributes, _ in layers
    ]
    for (about, std), (_, attributes, _) in zip(stated, layers, strict=True):
        if about.get("picture") != "uncertainty":
            continue
        for other, mean in stated:
            same = other.get("picture") == "reconstruction" and other.get("run") == about.get("run")
            if same and mean.shape == std.shape:
                attributes["contrast_limits"] = limits_of_result(mean, std)["uncertainty"]


class _Measured(NamedTuple):
    limits: Limits
    signal: float


def _measured(mean: Any, std: Any) -> _Measured:
    mean, std = sample_planes(mean), sample_planes(std)
    shown, doubt = limits_of("reconstruction", mean), limits_of("uncertainty", std)
    across = mean.shape[-1]
    plane = PlaneDoubt(mean.reshape(-1, across), std.reshape(-1, across))
    signal = float(plane.signal.sum(dtype=float))
    begin = ThresholdCurve(plane, "absolute").threshold_for(_MARKED_SHARE) if signal > 0 else 0.0
    begin = min(begin, _ALWAYS_MARKED * (shown[1] - shown[0]), (1 - _LEAST_SPAN) * doubt[1])
    return _Measured({"reconstruction": shown, "uncertainty": (begin, doubt[1])}, signal)


class RunningLimits:
    """Contrast limits that fit all planes estimated so far; for the worker: large planes take long."""

    def __init__(self) -> None:
        self._of_plane: dict[tuple[int, ...], _Measured] = {}

    def add(self, estimate: Estimate) -> None:
        """Take a new estimate of a plane into account; it replaces the plane's last one."""
        self._of_plane[estimate.index] = _measured(estimate.mean, estimate.std)

    def now(self) -> Limits:
        """Return the limits that fit all planes; at least one must have been added.

        Where the paint begins, each plane has a say by its signal: empty ones have none.
        """
        planes = list(self._of_plane.values())
        fitting: Limits = {}
        for picture in PICTURES:
            lows, highs = zip(*(plane.limits[picture] for plane in planes), strict=True)
            fitting[picture] = min(lows), max(highs)
        signal = sum(plane.signal for plane in planes)
        if signal > 0:
            begin = sum(plane.limits["uncertainty"][0] * plane.signal for plane in planes) / signal
            fitting["uncertainty"] = begin, fitting["uncertainty"][1]
        return fitting
