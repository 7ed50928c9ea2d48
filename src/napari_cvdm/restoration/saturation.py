"""Pixels that the camera, or whoever saved the image, has cut off at one greatest value."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST_SATURATED = 0.001
"""Share of saturated pixels from which on an image counts as over-exposed."""

#: With fewer grey levels than this in the upper quarter of the range, the greatest is simply one of few, as
#: in a mask or where a handful of photons were counted.
_FEWEST_LEVELS = 10


def saturated_share(values: NDArray[np.float64]) -> float:
    """Return the share of pixels at the greatest value, if these were cut off there; else 0.

    They were if the greatest value is met more often than all values in the 2 % of the range below it taken
    together, which no fading tail does, and at least five times. All values must be finite.
    """
    low, top = float(values.min()), float(values.max())
    full = int(np.count_nonzero(values == top))
    if full < 5:
        return 0.0
    upper = values[values >= top - 0.25 * (top - low)]
    below = int(np.count_nonzero(upper >= top - 0.02 * (top - low))) - full
    if full <= below or np.unique(upper).size < _FEWEST_LEVELS:
        return 0.0
    return full / values.size
