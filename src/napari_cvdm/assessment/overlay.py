"""One picture for structure and certainty: an RGBA composite of a reconstruction and its uncertainty.

Brightness always stands for intensity. Certainty is carried either by colour, from grey (sure) to orange
(unsure), or by opacity, from opaque (sure) to transparent (unsure), so that what lies below shows through.
Grey against orange can be told apart with every common kind of colour blindness.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Limits = tuple[float, float]

#: Tints on a screen, from sure to unsure. The relative luminance (of light) falls by a factor of two only, so
#: that an unsure structure keeps most of its brightness.
_SURE = np.array([1.0, 1.0, 1.0], np.float32)
_UNSURE = np.array([1.0, 0.63, 0.0], np.float32)
#: Of 256 levels of doubt at full brightness, 0 to 255, (256, 3). Mixed as screen values: as light, a little
#: orange would be next to invisible.
_TINTS = np.linspace(255 * _SURE, 255 * _UNSURE, 256, dtype=np.float32)
#: Even where the model is least sure a trace stays visible, or the place would look empty.
_LEAST_OPACITY = 0.06


def certainty_by_colour(
    mean: NDArray[np.float32], uncertainty: NDArray[np.float32], limits: Limits, doubt_limits: Limits
) -> NDArray[np.uint8]:
    """Paint doubt in orange: (Y, X, 4) uint8, opaque, from two pictures (Y, X).

    `limits` are the intensities shown as black and as full brightness, `doubt_limits` the uncertainties shown
    as grey and as full orange.
    """
    grey = _unit(mean, limits)
    level = (_unit(uncertainty, doubt_limits) * 255 + 0.5).astype(np.uint8)
    rgba = np.empty((*mean.shape, 4), np.uint8)
    for channel in range(3):
        rgba[..., channel] = grey * _TINTS[:, channel][level] + np.float32(0.5)
    rgba[..., 3] = 255
    return rgba


def certainty_by_opacity(
    mean: NDArray[np.float32], uncertainty: NDArray[np.float32], limits: Limits, doubt_limits: Limits
) -> NDArray[np.uint8]:
    """Let doubt fade away.

    Takes and returns what `certainty_by_colour` does, but grey, and with an opacity that falls from 1 at
    the lower to 0.06 at the upper limit of the uncertainty.
    """
    grey, doubt = _unit(mean, limits), _unit(uncertainty, doubt_limits)
    rgba = np.empty((*mean.shape, 4), np.uint8)
    rgba[..., :3] = (grey * 255 + 0.5).astype(np.uint8)[..., np.newaxis]
    rgba[..., 3] = ((1 - (1 - _LEAST_OPACITY) * doubt) * 255 + 0.5).astype(np.uint8)
    return rgba


def _unit(values: NDArray[np.float32], limits: Limits) -> NDArray[np.float32]:
    low, high = limits
    scaled = (values - np.float32(low)) / np.float32(max(high - low, 1e-30))
    return np.clip(scaled, 0, 1)
