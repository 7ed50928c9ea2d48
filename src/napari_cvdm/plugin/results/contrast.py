"""Contrast limits that fit what there is to see so far, and mark what is doubtful of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from math import isqrt, prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_cvdm.assessment.doubt import PlaneDoubt, ThresholdCurve
from napari_cvdm.plugin.results.layers import CHANNELS_KEY, METADATA_KEY, PICTURES, LayerData
from napari_cvdm.restoration.contrast import limits_of, sample_planes

if TYPE_CHECKING:
    from napari_cvdm.restoration.events import Estimate, Part

Limits = dict[str, tuple[float, float]]
"""Contrast limits for each picture, "reconstruction" and "uncertainty"."""

ChannelLimits = dict[int, Limits]
"""Those of each channel, by its number; of channel 0 where there is no axis of channels."""

#: Share of the signal that the uncertainty layer paints: structures have errors everywhere, and paint on all
#: of them would say nothing and hide the reconstruction.
_MARKED_SHARE = 1 / 3
#: An uncertainty of this share of the brightest signal is painted, however little is less sure.
_ALWAYS_MARKED = 0.5
#: Least share of the greatest uncertainty that the paint takes from nothing to full.
_LEAST_SPAN = 0.1
#: Pixels of a plane of all channels together that are looked at: while a file is opened, the viewer waits.
_ENOUGH_OF_CHANNELS = 2**18
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


def limits_of_channels(mean: Any, std: Any, axis: int | None) -> ChannelLimits:
    """Do as `limits_of_result` for each channel along an axis of a result; where that is None, for one."""
    if axis is None:
        return {0: limits_of_result(mean, std)}
    channels = mean.shape[axis]
    found: ChannelLimits = {}
    for channel in range(channels):
        own = [picture[(*(slice(None),) * axis, channel)] for picture in (mean, std)]
        step = max(1, isqrt(channels * prod(own[0].shape[-2:]) // _ENOUGH_OF_CHANNELS))
        found[channel] = limits_of_result(*(picture[..., ::step, ::step] for picture in own))
    return found


def limits_of_picture(limits: ChannelLimits, picture: str) -> dict[int, tuple[float, float]]:
    """Return those of one picture, by the numbers of the channels."""
    return {channel: each[picture] for channel, each in limits.items()}


def doubt_limits(given: tuple[float, float], mean: Any, std: Any, plane: Any) -> tuple[float, float]:
    """Return the contrast limits to show an uncertainty with: those of its layer, if anybody chose them.

    napari's own begin at the surest pixel, and everything else would be painted: in their place come those
    that it has after a run.

    Parameters
    ----------
    given : (float, float)
        The contrast limits of the uncertainty's layer.
    mean, std : array with numpy indexing, of shape (..., Y, X)
        The pictures as the layers have them; of pyramids, the coarsest levels.
    plane : ndarray, shape (Y, X)
        The plane of the uncertainty that is looked at. Only if nearly all of it is painted are others read.
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
        (
            attributes.get("metadata", {}).get(METADATA_KEY, {}),
            data[-1] if isinstance(data, list) else data,
            attributes,
        )
        for data, attributes, _ in layers
    ]
    for about, std, attributes in stated:
        if about.get("picture") != "uncertainty":
            continue
        for other, mean, of_other in stated:
            same = other.get("picture") == "reconstruction" and other.get("run") == about.get("run")
            if same and mean.shape == std.shape:
                _fit_pair(mean, of_other, std, attributes)


def _fit_pair(mean: Any, of_mean: dict[str, Any], std: Any, of_std: dict[str, Any]) -> None:
    of_std["contrast_limits"] = limits_of_result(mean, std)["uncertainty"]
    labels = list(of_std.get("axis_labels", ()))
    axis = next((labels.index(label) for label in ("c", "s") if label in labels), None)
    if axis is None or mean.shape[axis] == 1:
        return
    limits = limits_of_channels(mean, std, axis)
    for picture, attributes in zip(PICTURES, (of_mean, of_std), strict=True):
        attributes["metadata"][CHANNELS_KEY] = {
            "axis": axis,
            "ndim": mean.ndim,
            "limits": limits_of_picture(limits, picture),
        }


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
        #: Of each channel and plane: one entry for the whole, or one for each part that there is so far.
        self._of_channel: dict[int, dict[tuple[int, ...], list[_Measured]]] = {}

    def add(self, estimate: Estimate, channel: int = 0) -> None:
        """Take a new estimate of a plane into account; it replaces the plane's last one, or its parts."""
        of_plane = self._of_channel.setdefault(channel, {})
        of_plane[estimate.index] = [_measured(estimate.mean, estimate.std)]

    def add_part(self, part: Part, channel: int = 0) -> None:
        """Take a part of a plane's first picture into account."""
        of_plane = self._of_channel.setdefault(channel, {})
        of_plane.setdefault(part.index, []).append(_measured(part.mean, part.std))

    def now(self) -> ChannelLimits:
        """Return the limits that fit all planes of each channel that something has been added of.

        Where the paint begins, each plane has a say by its signal: empty ones have none.
        """
        return {channel: _fitting(list(chain(*of.values()))) for channel, of in self._of_channel.items()}


def _fitting(planes: list[_Measured]) -> Limits:
    fitting: Limits = {}
    for picture in PICTURES:
        lows, highs = zip(*(plane.limits[picture] for plane in planes), strict=True)
        fitting[picture] = min(lows), max(highs)
    signal = sum(plane.signal for plane in planes)
    if signal > 0:
        begin = sum(plane.limits["uncertainty"][0] * plane.signal for plane in planes) / signal
        fitting["uncertainty"] = begin, fitting["uncertainty"][1]
    return fitting
