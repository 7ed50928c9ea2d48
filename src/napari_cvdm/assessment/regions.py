"""Where to look again: the places of a plane about which the model is least sure, in order.

The uncertainty is smoothed, so that single noisy pixels do not count; its most uncertain part is cut into
compact pieces around local maxima, each small enough to be one field of interest for the next acquisition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Share of the pixels that is looked at; the rest is surer than these.
_LOOKED_AT = 0.10


@dataclass(frozen=True)
class UncertainRegion:
    """A place to look at again.

    Attributes
    ----------
    centre : (float, float)
        Centre of gravity of the region, in pixels along both axes.
    box : (int, int, int, int)
        First row, first column, and the row and the column behind the last.
    area : int
        Pixels.
    mean_uncertainty : float
        Mean over the region of what was given, unsmoothed.
    """

    centre: tuple[float, float]
    box: tuple[int, int, int, int]
    area: int
    mean_uncertainty: float


def uncertain_regions(
    uncertainty: NDArray[np.floating], *, count: int = 10, smoothing: float = 4.0
) -> list[UncertainRegion]:
    """Find the most uncertain regions of a plane, by falling mean uncertainty; none if the map is even.

    Parameters
    ----------
    uncertainty : ndarray, (Y, X)
        Standard deviations or ratios.
    count : int
        How many at most.
    smoothing : float
        Standard deviation, in pixels, of the Gaussian that the map is smoothed with. Regions smaller than a
        square three times as wide are left out, and maxima of two regions lie four times as far apart, or a
        twelfth of the shorter side if that is more.
    """
    from scipy import ndimage
    from skimage.feature import peak_local_max
    from skimage.measure import regionprops
    from skimage.segmentation import watershed

    smooth = ndimage.gaussian_filter(np.asarray(uncertainty, np.float32), smoothing, mode="nearest")
    low, limit = (float(q) for q in np.quantile(smooth, (0.5, 1 - _LOOKED_AT)))
    if not limit > low * (1 + 1e-3):
        return []
    looked_at = smooth >= limit
    distance = max(round(4 * smoothing), min(smooth.shape) // 12)
    peaks = peak_local_max(
        smooth, min_distance=distance, labels=looked_at.astype(np.int32), exclude_border=False
    )
    seeds = np.zeros(smooth.shape, np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    pieces = watershed(-smooth, seeds, mask=looked_at)
    found = [
        region
        for region in regionprops(pieces, intensity_image=np.asarray(uncertainty))
        if region.area >= (3 * smoothing) ** 2
    ]
    found.sort(key=lambda region: -region.intensity_mean)
    return [
        UncertainRegion(
            (float(region.centroid[0]), float(region.centroid[1])),
            tuple(int(edge) for edge in region.bbox),  # type: ignore[arg-type]
            int(region.area),
            float(region.intensity_mean),
        )
        for region in found[:count]
    ]
