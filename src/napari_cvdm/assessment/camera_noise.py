"""The noise of a camera image, measured on the image itself.

Optics pass no detail finer than their cut-off, while the noise of a camera is as strong at the finest
detail as at any other. What an image holds at the highest spatial frequencies, along the diagonals, is
therefore noise, and its strength at each brightness tells photon noise from read noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage, optimize

from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.saturation import saturated_share

_DIFFERENCE = np.array([1.0, -4.0, 6.0, -4.0, 1.0])
_GROUPS = 24
_LEAST_SIDE = 12
#: Standard deviation of a Gaussian over its median absolute deviation.
_MAD_TO_STD = 1.4826


@dataclass(frozen=True)
class CameraNoise:
    """Variance of a pixel by its brightness: gain · intensity + constant. From `measure_noise`.

    Attributes
    ----------
    gain : float
        Grey levels per photo-electron, if the noise is that of photons; at least 0.
    constant : float
        Variance at intensity 0, in squared units of the image: read noise, less gain · camera offset.
    floor : float
        Least variance met in the image.
    saturated : float
        Share of pixels at the greatest value, where that is met suspiciously often; else 0.
    """

    gain: float
    constant: float
    floor: float
    saturated: float

    def variance(self, intensity: ArrayLike) -> NDArray[np.float64]:
        """Return the variance of pixels of the given expected intensities, in squared units of the image."""
        return np.maximum(self.gain * np.asarray(intensity, np.float64) + self.constant, self.floor)

    def electrons(self, signal: float) -> float | None:
        """Return a difference in intensity in photo-electrons, or None if no photon noise was seen."""
        return signal / self.gain if self.gain > 0 else None


def measure_noise(image: ArrayLike) -> CameraNoise:
    """Measure the noise of an image.

    Parameters
    ----------
    image : array-like, (Y, X)
        As the camera recorded it. In an image that was interpolated, smoothed or compressed the finest
        detail is gone, and the noise comes out too small.

    Raises
    ------
    InputError
        If the image is smaller than 12 × 12 pixels.

    References
    ----------
    The straight line of variance over brightness is the photon transfer curve (Janesick, *Photon Transfer*,
    SPIE 2007); to find it in one image is due to Foi et al., IEEE Trans. Image Process. 17, 1737 (2008).
    """
    values = np.asarray(image, np.float64)
    if values.ndim != 2 or min(values.shape) < _LEAST_SIDE:
        raise InputError(
            f"Noise is measured on a plane of at least {_LEAST_SIDE} × {_LEAST_SIDE} pixels, not on "
            f"{' × '.join(map(str, values.shape))}."
        )
    finest = ndimage.correlate1d(values, _DIFFERENCE, axis=0, mode="reflect")
    finest = ndimage.correlate1d(finest, _DIFFERENCE, axis=1, mode="reflect") / np.sum(_DIFFERENCE**2)
    inner = np.s_[2:-2, 2:-2]  # the reflected border would count its noise twice
    level = ndimage.gaussian_filter(values, 2.0, mode="reflect")[inner].ravel()
    detail = np.abs(finest[inner].ravel())
    # Among like pixels the median shrugs off the few where structure reaches up to the finest detail.
    groups = np.array_split(np.argsort(level, kind="stable"), min(_GROUPS, level.size // 16))
    levels = np.array([level[group].mean() for group in groups])
    variances = np.array([(_MAD_TO_STD * np.median(detail[group])) ** 2 for group in groups])
    gain, constant = _fit_line(levels, variances)
    smallest = float(variances[variances > 0].min()) if np.any(variances > 0) else 0.0
    floor = max(0.25 * smallest, 1e-12 * float(np.ptp(values)) ** 2, np.finfo(float).tiny)
    return CameraNoise(gain, constant, floor, saturated_share(values))


def _fit_line(levels: NDArray[np.float64], variances: NDArray[np.float64]) -> tuple[float, float]:
    """Fit variance = gain · level + constant, with gain at least 0, shrugging off groups that stand out."""
    span = float(np.ptp(levels))
    if span == 0 or float(variances.max()) == 0:
        return 0.0, float(np.median(variances))
    x, unit = (levels - levels[0]) / span, float(np.median(variances)) or float(variances.max())
    weight = 1 / np.maximum(variances / unit, 0.05)  # the error of a variance is in proportion to it

    def residual(line: NDArray[np.float64]) -> NDArray[np.float64]:
        return weight * (line[0] * x + line[1] - variances / unit)

    found = optimize.least_squares(
        residual, [0.5, max(float(variances[0]) / unit, 1e-6)], bounds=([0, 0], np.inf), loss="soft_l1",
        f_scale=0.2,
    )  # fmt: skip
    slope, start = (float(value) * unit for value in found.x)
    gain = slope / span
    return gain, start - gain * float(levels[0])
