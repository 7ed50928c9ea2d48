"""Whether a reconstruction shows the structures of a measurement at all, and in their place.

The map of disagreement cannot tell: of two images that have nothing in common, either may be explained by
haze, background and a poor point-spread function. What stands out of its surroundings in both is therefore
compared directly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.registration import phase_cross_correlation

from napari_cvdm.assessment.metrics import correlation

FloatArray = NDArray[np.float64]

#: Window of the least smoothing, and of the surroundings, in widths of the point-spread function.
_SMOOTHING, _SURROUNDINGS = 0.7, 4.0
#: Least width of the point-spread function reckoned with, camera pixels: below, there is nothing to smooth.
_LEAST_WIDTH = 0.7
#: Displacements beyond this share of the side are chance.
_FARTHEST = 0.25
#: Correlation that a displacement must gain: the peak of structures in haze is flat, and noise moves it.
_LEAST_GAIN = 0.02


@dataclass(frozen=True)
class Alignment:
    """From `check_alignment`.

    Attributes
    ----------
    likeness : float
        Correlation of what stands out of its surroundings in the measurement and in the reconstruction, as
        the microscope would show it. 0.4 to 1 for restorations of recordings with 20 electrons or more,
        however hazy; below 0.3 for images of other structures.
    displacement : (float, float)
        Where the measurement lies from the reconstruction, rows and columns in camera pixels; 0 unless the
        correlation is clearly greater there.
    likeness_displaced : float
        Correlation with the reconstruction moved there.
    """

    likeness: float
    displacement: tuple[float, float]
    likeness_displaced: float

    @property
    def distance(self) -> float:
        """Length of the displacement, camera pixels."""
        return float(np.hypot(*self.displacement))


def check_alignment(measured: FloatArray, core: FloatArray, width: float) -> Alignment:
    """Compare the structures of a measurement with those of a reconstruction.

    Parameters
    ----------
    measured, core : ndarray, (Y, X)
        The measurement; and the reconstruction, blurred and binned to camera pixels.
    width : float
        Of the point-spread function, camera pixels.

    References
    ----------
    The displacement is that of the greatest cross-correlation: Guizar-Sicairos, Thurman & Fienup, Efficient
    subpixel image registration algorithms, Opt. Lett. 33, 156 (2008); scikit-image's
    `phase_cross_correlation`, without normalisation.
    """
    recorded, restored = (_standing_out(each, max(width, _LEAST_WIDTH)) for each in (measured, core))
    likeness = correlation(recorded, restored)
    in_place = Alignment(likeness, (0.0, 0.0), likeness)
    if not recorded.any() or not restored.any():
        return in_place
    # Zero padding: a structure at one edge must not be found again at the other.
    padded = (np.pad(each, [(0, n) for n in each.shape]) for each in (recorded, restored))
    found, _, _ = phase_cross_correlation(*padded, upsample_factor=10, normalization=None)
    rows, columns = (float(value) for value in found)
    if max(abs(rows) / measured.shape[0], abs(columns) / measured.shape[1]) > _FARTHEST:
        return in_place
    moved = ndimage.shift(restored, (rows, columns), order=1, mode="constant")
    after = correlation(recorded, moved)
    if after < likeness + _LEAST_GAIN:
        return in_place
    return Alignment(likeness, (rows, columns), after)


def _standing_out(image: FloatArray, width: float) -> FloatArray:
    smooth = ndimage.gaussian_filter(image, _SMOOTHING * width)
    surroundings = ndimage.gaussian_filter(smooth, _SURROUNDINGS * width)
    difference = smooth - surroundings
    # Of an even image, only rounding is left.
    even = np.ptp(difference) <= 1e-9 * np.abs(image).max()
    return np.zeros_like(difference) if even else np.asarray(difference)
