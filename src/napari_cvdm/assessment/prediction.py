"""What a reconstruction predicts of a measurement, and how far the measurement is off.

More is accounted for than one gain and offset: haze, which super-resolution removes on purpose, and the usual
misfit of a point-spread function that no microscope has exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from napari_cvdm.assessment.camera_noise import CameraNoise
from napari_cvdm.assessment.figure import choose_detail, on_fine_grid
from napari_cvdm.assessment.forward import blur_and_bin
from napari_cvdm.assessment.significance import SIGNIFICANT, Difference, along_lines, in_spots

FloatArray = NDArray[np.float64]

SIGMAS = (0.15, 5.0)
"""Limits between which the width of the point-spread function is sought, in camera pixels."""

#: Widths of the skirts of the point-spread function, and of the background, in widths of its core.
_SKIRTS = (3.0, 6.0, 12.0)
_BACKGROUND = 4.0
#: What is broader than this, in camera pixels, says nothing about the width of the core: there is haze in it.
HAZE = 5.0
_LARGEST_FIT = 256
#: Share of the expected brightness below which a structure does not take part in the first fit.
_FAR_TOO_DARK = 0.4
#: At least this share of the pixels takes part in every fit: what is wrong everywhere is no invention.
_MOST_LEFT_IN = 0.9
_ROUNDS = 4
#: Lines are looked for in the last rounds only, for the sake of time.
_ROUNDS_WITH_LINES = 2


class Fit(NamedTuple):
    """The best sum of some terms. From `fit`.

    Attributes
    ----------
    predicted, background : ndarray, (Y, X)
        The best sum of the terms, on the background; and the background alone.
    shares : ndarray, (terms,)
        How much of each term there is.
    """

    predicted: FloatArray
    background: FloatArray
    shares: FloatArray


class Explanation(NamedTuple):
    """What a reconstruction explains of a measurement. From `explain`.

    Attributes
    ----------
    difference : ndarray, (Y, X)
        The measurement minus the prediction.
    significance : ndarray, (Y, X)
        The difference in spots and along lines, in standard deviations of noise and usual misfit.
    gain : float
        From the blurred reconstruction, without its haze, to the measurement.
    misfit : float
        Usual disagreement as a share of the brightness.
    """

    difference: FloatArray
    significance: FloatArray
    gain: float
    misfit: float


def best_sigma(measured: FloatArray, fine: FloatArray, scale: int) -> float:
    """Find the width that explains the measurement best, haze (all that is broad) left out of account."""
    place = choose_detail(measured, _LARGEST_FIT)
    part, sharp = measured[place], fine[on_fine_grid(place, scale)]
    weight = _not_dubious(part, blur_and_bin(sharp, scale, 1.0), HAZE)

    def unexplained(logarithm: float) -> float:
        sigma = float(np.exp(logarithm))
        predicted = fit([blur_and_bin(sharp, scale, sigma)], part, HAZE, weight).predicted
        return float(np.mean(weight * (part - predicted) ** 2))

    low, high = np.log(SIGMAS)
    found = optimize.minimize_scalar(
        unexplained, bounds=(low, high), method="bounded", options={"xatol": 0.01}
    )
    return float(np.exp(found.x))


def fit(terms: list[FloatArray], measured: FloatArray, width: float, weight: FloatArray) -> Fit:
    """Fit non-negative shares of the terms on a background that varies over `width` camera pixels."""

    def smooth(values: FloatArray) -> FloatArray:
        return ndimage.gaussian_filter(weight * values, width, mode="reflect", truncate=3) / covered

    covered = np.maximum(ndimage.gaussian_filter(weight, width, mode="reflect", truncate=3), 1e-6)
    root = np.sqrt(weight).ravel()
    columns = np.stack([(root * (term - smooth(term)).ravel()) for term in terms], axis=1)
    sizes = np.maximum(np.linalg.norm(columns, axis=0), 1e-300)
    columns /= sizes
    # The normal equations by their Cholesky factor: four unknowns at most, however many pixels.
    factor = np.linalg.cholesky(columns.T @ columns + 1e-10 * np.eye(len(terms)))
    wanted = np.linalg.solve(factor, columns.T @ (root * (measured - smooth(measured)).ravel()))
    shares = optimize.nnls(factor.T, wanted)[0] / sizes
    total = sum((share * term for share, term in zip(shares, terms, strict=True)), np.zeros_like(measured))
    background = smooth(measured - total)
    return Fit(total + background, background, shares)


def explain(
    measured: FloatArray,
    core: FloatArray,
    width: float,
    noise: CameraNoise,
    checkpoint: Callable[[], None] = lambda: None,
) -> Explanation:
    """Predict the measurement, and say how far it is off.

    What stands out is left out of the fit and fitted again, so that an invention does not bend the rest.
    """
    # Haze is what the prediction would be if the point-spread function were much broader.
    haze = [ndimage.gaussian_filter(core, factor * width, mode="reflect") for factor in _SKIRTS]
    terms, weight = [core, *haze], _not_dubious(measured, core, _BACKGROUND * width)
    for number in range(_ROUNDS):
        checkpoint()
        predicted, background, shares = fit(terms, measured, _BACKGROUND * width, weight)
        difference = measured - predicted
        found = Difference(difference, predicted - background, noise.variance(predicted))
        significance, misfit = in_spots(found, width)
        if number >= _ROUNDS - _ROUNDS_WITH_LINES:
            significance = along_lines(found, width, significance)
        size = np.abs(significance)
        weight = (size < max(SIGNIFICANT, float(np.quantile(size, _MOST_LEFT_IN)))).astype(np.float64)
    return Explanation(difference, significance, float(shares[0]), misfit)


def _not_dubious(measured: FloatArray, core: FloatArray, width: float) -> FloatArray:
    """Leave out of the first fit what is far too dark in the measurement: it would pull the gain down.

    Of the brightest fifth of the reconstruction the median ratio is the gain, unless most of it is invented.
    """
    above, seen = (
        each - ndimage.gaussian_filter(each, width, mode="reflect", truncate=3) for each in (core, measured)
    )
    bright = (above > np.quantile(above, 0.8)) & (above > 0)
    if not bright.any():
        return np.ones_like(measured)
    gain = float(np.median(seen[bright] / above[bright]))
    return 1.0 - (bright & (seen < _FAR_TOO_DARK * gain * above))


def psf_width(psf: FloatArray) -> float:
    """Standard deviation of a point-spread function along one axis, in its own pixels."""
    weight = np.maximum(psf, 0) / np.maximum(psf, 0).sum()
    rows, columns = np.indices(psf.shape)
    variances = [float(np.sum(weight * axis**2) - np.sum(weight * axis) ** 2) for axis in (rows, columns)]
    return float(np.sqrt(max(sum(variances) / 2, 0.0)))
