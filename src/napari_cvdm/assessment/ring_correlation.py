"""Fourier ring correlation: up to which spatial frequency two images of one field agree.

Two independent images of the same field agree at low spatial frequencies and share nothing but chance at high
ones. Where the correlation of their Fourier coefficients, ring by ring, falls below a threshold, detail ends:
the inverse of that frequency is a resolution. Compared with a *truth* instead of a second image, the curve
says how fine the right detail of a restoration is, which no sharpening can feign.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal.windows import tukey

from napari_cvdm.restoration.errors import InputError

ONE_SEVENTH = 1 / 7
"""The usual threshold: the two images' common signal is a sixth of the noise in each, as a power, and so
a third of the noise in their mean (Rosenthal & Henderson, J. Mol. Biol. 333, 721, 2003)."""

LEAST_SIDE = 16
"""Pixels along the shorter side below which there are too few rings."""

SMOOTHING = 3
"""Rings over which the curve is averaged before its crossing is sought: single rings scatter."""


@dataclass(frozen=True, eq=False)
class RingCorrelation:
    """Agreement of two images at each spatial frequency. From `fourier_ring_correlation`.

    Attributes
    ----------
    frequency : ndarray, (rings,)
        Centre of each ring in cycles per unit of the pixel size, up to half a cycle per pixel.
    correlation : ndarray, (rings,)
        Correlation of the Fourier coefficients on each ring, −1 to 1.
    resolution : float
        Inverse of the frequency at which the curve first falls below the threshold, in units of the pixel
        size. Twice the pixel size if it never does; NaN if it lies below from the start, which is what images
        without anything in common give.
    """

    frequency: NDArray[np.float64]
    correlation: NDArray[np.float64]
    resolution: float


def fourier_ring_correlation(
    first: ArrayLike,
    second: ArrayLike,
    *,
    pixel_size: float = 1.0,
    threshold: float = ONE_SEVENTH,
) -> RingCorrelation:
    """Correlate two images of the same field, ring by ring in Fourier space.

    Both are faded out towards their borders. Else the jump from each border to the opposite one would be
    detail that both seem to share.

    Parameters
    ----------
    first, second : array-like, (Y, X)
        Of one shape. Gain and offset of either do not matter.
    pixel_size : float
        Side of a pixel, in the unit in which the resolution is wanted.
    threshold : float
        Correlation below which detail does not count.

    Raises
    ------
    InputError
        If the shapes differ or are not two-dimensional, an image is too small or not finite, or the pixel
        size is not positive.

    References
    ----------
    Nieuwenhuizen et al., Measuring image resolution in optical nanoscopy, Nat. Methods 10, 557 (2013).
    """
    a, b = _checked(first, second, pixel_size)
    taper = np.outer(*(tukey(n, 0.25) for n in a.shape))
    spectra = [np.fft.rfft2((image - np.average(image, weights=taper)) * taper) for image in (a, b)]
    side = min(a.shape)
    radius = np.hypot(np.fft.fftfreq(a.shape[0])[:, None], np.fft.rfftfreq(a.shape[1])[None, :])
    rings = np.rint(radius * side).astype(int)
    # The half-plane of a real FFT holds one of each pair of conjugate coefficients, but both of the columns
    # that are their own mirror image: those count half.
    weight = np.ones(a.shape[1] // 2 + 1)
    weight[0] = 0.5
    if a.shape[1] % 2 == 0:
        weight[-1] = 0.5
    common = _per_ring((spectra[0] * spectra[1].conj()).real * weight, rings, side)
    powers = [_per_ring(np.abs(spectrum) ** 2 * weight, rings, side) for spectrum in spectra]
    norm = np.sqrt(powers[0] * powers[1])
    curve = np.divide(common, norm, out=np.zeros_like(common), where=norm > 0)
    frequency = np.arange(1, side // 2 + 1) / side / pixel_size
    return RingCorrelation(frequency, curve, _resolution(frequency, curve, threshold))


def _resolution(frequency: NDArray[np.float64], curve: NDArray[np.float64], threshold: float) -> float:
    """Inverse of the frequency at which the smoothed curve first falls below the threshold."""
    padded = np.pad(curve, SMOOTHING // 2, mode="edge")
    smooth = np.convolve(padded, np.full(SMOOTHING, 1 / SMOOTHING), mode="valid")
    below = smooth < threshold
    if not below.any():
        return float(1 / frequency[-1])
    first = int(np.argmax(below))
    if first == 0:
        return float("nan")
    share = (smooth[first - 1] - threshold) / (smooth[first - 1] - smooth[first])
    return float(1 / (frequency[first - 1] + share * (frequency[first] - frequency[first - 1])))


def _per_ring(values: NDArray[np.float64], rings: NDArray[np.intp], side: int) -> NDArray[np.float64]:
    """Sums over the rings from the first, without the mean (ring 0), to half a cycle per pixel."""
    sums = np.bincount(rings.ravel(), weights=values.ravel())
    return np.asarray(sums[1 : side // 2 + 1])


def _checked(
    first: ArrayLike, second: ArrayLike, pixel_size: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if a.shape != b.shape or a.ndim != 2:
        raise InputError(f"Ring correlation needs two planes of one shape, not {a.shape} and {b.shape}.")
    if min(a.shape) < LEAST_SIDE:
        raise InputError(
            f"Ring correlation needs at least {LEAST_SIDE} × {LEAST_SIDE} pixels, not "
            f"{a.shape[0]} × {a.shape[1]}."
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise InputError("Ring correlation needs finite pixels: replace NaN and infinity first.")
    if not (np.isfinite(pixel_size) and pixel_size > 0):
        raise InputError(f"The pixel size must be a positive number, not {pixel_size:g}.")
    return a, b
