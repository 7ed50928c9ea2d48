"""Structural similarity over several scales: like the single-scale one, but blind to none of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from napari_cvdm.assessment.forward import bin_pixels
from napari_cvdm.restoration.errors import InputError

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Weight of each scale, finest first, as measured by Wang et al. on human observers."""

WINDOW_SIGMA = 1.5
"""Width of the Gaussian window, pixels of each scale."""

LEAST_SIDE = 11
"""Pixels that the coarsest scale must have: the window's width."""


def multiscale_ssim(prediction: ArrayLike, truth: ArrayLike) -> float:
    """Return the multi-scale structural similarity over the truth's range (max − min).

    Parameters
    ----------
    prediction, truth : array-like, (Y, X)
        With matched intensities. Five scales are used, each half as fine as the one before, or as many as
        leave 11 pixels on the shorter side; the weights are then shared among those.

    Returns
    -------
    float
        At most 1. Scales without common structure count as 0, never as negative.

    Raises
    ------
    InputError
        If the shapes differ, an image is not two-dimensional or too small, or the truth is constant.

    References
    ----------
    Wang, Simoncelli & Bovik, Multi-scale structural similarity for image quality assessment, Asilomar Conf.
    Signals Syst. Comput. (2003).
    """
    p, t = np.asarray(prediction, np.float64), np.asarray(truth, np.float64)
    if p.shape != t.shape or t.ndim != 2:
        raise InputError(f"Images to compare must be planes of one shape, not {p.shape} and {t.shape}.")
    if min(t.shape) < LEAST_SIDE:
        raise InputError(f"Structural similarity needs at least {LEAST_SIDE} × {LEAST_SIDE} pixels.")
    extent = float(np.ptp(t))
    if extent == 0:
        raise InputError("The truth is constant: there is nothing to compare with.")
    scales = min(len(WEIGHTS), 1 + int(np.log2(min(t.shape) / LEAST_SIDE)))
    weights = np.array(WEIGHTS[:scales]) / sum(WEIGHTS[:scales])
    similarity = 1.0
    for scale, weight in enumerate(weights):
        luminance, structure = _terms(p, t, extent)
        term = structure * luminance if scale == scales - 1 else structure
        similarity *= max(float(term.mean()), 0.0) ** weight
        p, t = bin_pixels(p, 2), bin_pixels(t, 2)
    return float(similarity)


def _terms(
    p: NDArray[np.float64], t: NDArray[np.float64], extent: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Luminance and contrast-structure terms around each pixel, with the usual constants."""
    c1, c2 = (0.01 * extent) ** 2, (0.03 * extent) ** 2
    p_mean, t_mean = _local(p), _local(t)
    p_variance, t_variance = _local(p * p) - p_mean**2, _local(t * t) - t_mean**2
    covariance = _local(p * t) - p_mean * t_mean
    luminance = (2 * p_mean * t_mean + c1) / (p_mean**2 + t_mean**2 + c1)
    return luminance, (2 * covariance + c2) / (p_variance + t_variance + c2)


def _local(image: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(ndimage.gaussian_filter(image, WINDOW_SIGMA, truncate=3.5, mode="reflect"))
