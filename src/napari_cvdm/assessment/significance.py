"""How significant a difference between a measurement and its prediction is, in spots and along lines.

A faint line shows in no pixel alone, but in many in a row. So differences are summed over spots as wide as
the point-spread function, and over short lines of every direction as well.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage, optimize

FloatArray = NDArray[np.float64]

SIGNIFICANT = 5.0
"""Disagreement, in standard deviations, from which on a pixel counts as not explained."""

#: The difference is smoothed over this share of the PSF's width: all of it finds faint inventions in noise
#: best, less finds them better among bright structures. Lines are as thin, and this many widths long
#: (standard deviations of a Gaussian along and across).
_GRAIN, _LENGTH = 0.6, 3.0
_DIRECTIONS = 8
#: Width of what is taken off a line, from both of its sides, in widths of the line.
_FLANKS = 3.0
#: What a line adds to a pixel is at most this multiple of what the pixel's own spot shows: else a line would
#: also light up beyond its ends.
_MOST_GAIN = 2.0
#: Pixels whose spot shows less than this share of the most within three widths are beside something, not on
#: it: nothing is added to them.
_BESIDE = 0.5
#: Of the pixels with structure, this share agrees within 1.64 standard deviations by definition of "usual".
_USUAL, _USUAL_CHI2 = 0.9, 2.7055
_FEWEST = 50
#: What is further off is not usual, however much of it there is.
_LARGEST_MISFIT = 0.3


class Difference(NamedTuple):
    """What is to be judged, all (Y, X) in the measurement's units.

    Attributes
    ----------
    difference : ndarray
        Measurement minus prediction.
    structure : ndarray
        Prediction minus background.
    variance : ndarray
        Of the noise in a pixel.
    """

    difference: FloatArray
    structure: FloatArray
    variance: FloatArray


def in_spots(found: Difference, width: float) -> tuple[FloatArray, float]:
    """Divide the smoothed difference by what noise and the usual misfit make of it.

    `width` is the standard deviation of the point-spread function, in pixels.

    Returns
    -------
    significance : ndarray, (Y, X)
        Signed, in standard deviations.
    misfit : float
        The usual misfit, as a share of the brightness.
    """
    sigma = max(_GRAIN * width, 0.5)
    impulse = np.zeros(2 * int(np.ceil(5 * sigma)) + 1)
    impulse[impulse.size // 2] = 1
    share = float(np.sum(ndimage.gaussian_filter1d(impulse, sigma) ** 2)) ** 2

    def smooth(values: FloatArray, over: float) -> FloatArray:
        return np.asarray(ndimage.gaussian_filter(values, over, mode="reflect"))

    expected = share * smooth(found.variance, sigma / np.sqrt(2))
    return _weighed(smooth(found.difference, sigma), smooth(found.structure, sigma), expected)


def along_lines(found: Difference, width: float, spots: FloatArray) -> FloatArray:
    """Raise the significance of spots that are part of a line; nowhere does it fall.

    `found` and `width` are as for `in_spots`, which gives the spots.

    Notes
    -----
    The greatest of several filters' answers, as matched filters for lines are used elsewhere (Chaudhuri et
    al., IEEE Trans. Med. Imaging 8, 263, 1989). Each is in units of its own noise and its own usual misfit.
    """
    along, across = _LENGTH * width, max(_GRAIN * width, 0.5)
    height, breadth = spots.shape
    pad = int(np.ceil(4 * along))
    shape = (fft.next_fast_len(height + 2 * pad, real=True), fft.next_fast_len(breadth + 2 * pad, real=True))
    difference, structure, variance = (
        fft.rfft2(np.pad(values, pad, mode="symmetric"), s=shape) for values in found
    )
    least = float(found.variance.min())
    own = np.abs(spots)
    on_it = own >= _BESIDE * ndimage.maximum_filter(own, 2 * int(np.ceil(3 * width)) + 1)
    best = own.copy()

    def filtered(spectrum: NDArray[np.complex128], transfer: FloatArray) -> FloatArray:
        whole = fft.irfft2(spectrum * transfer, s=shape)
        return np.asarray(whole[pad : pad + height, pad : pad + breadth])

    for number in range(_DIRECTIONS):
        angle = np.pi * number / _DIRECTIONS
        middle = _line(shape, along, across, angle)
        # Less what is on both sides of it: the edge of a haze is no line.
        ridge = middle - _line(shape, along, _FLANKS * across, angle)
        share = float(np.mean(_full_square(ridge, shape)))
        # The square of a Gaussian is one too, narrower by the root of two: the root of its transfer function.
        expected = share * np.maximum(filtered(variance, np.sqrt(middle)), least)
        line, _ = _weighed(filtered(difference, ridge), filtered(structure, middle), expected)
        gained = np.where(on_it & (line * spots > 0), np.abs(line), 0)
        best = np.maximum(best, np.minimum(gained, _MOST_GAIN * own))
    return np.asarray(np.copysign(best, spots))


def _line(shape: tuple[int, int], along: float, across: float, angle: float) -> FloatArray:
    """Transfer function of a Gaussian of two widths, its long axis at an angle to X; for `rfft2`."""
    rows, columns = fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])[None, :]
    u = np.cos(angle) * columns + np.sin(angle) * rows
    v = np.cos(angle) * rows - np.sin(angle) * columns
    return np.asarray(np.exp(-2 * np.pi**2 * ((along * u) ** 2 + (across * v) ** 2)))


def _full_square(transfer: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Return the squared transfer function over all frequencies, of which `rfft2` keeps a half.

    By Parseval's theorem its mean is the sum of the squared filter: the share of white noise that is left.
    """
    squared = transfer**2
    return np.concatenate([squared, squared[:, 1 : (shape[1] + 1) // 2]], axis=1)


def _weighed(smoothed: FloatArray, structure: FloatArray, expected: FloatArray) -> tuple[FloatArray, float]:
    """Divide by noise and usual misfit, and say how large that is."""
    # The lesser of what was predicted and what was measured: a structure in one of them only is no misfit.
    common = np.maximum(np.minimum(structure, structure + smoothed), 0)
    bright = common > 3 * np.sqrt(expected)
    if np.count_nonzero(bright) < _FEWEST:
        return smoothed / np.sqrt(expected), 0.0
    off, ground, height = smoothed[bright] ** 2, expected[bright], common[bright] ** 2

    def excess(misfit: float) -> float:
        return float(np.quantile(off / (ground + misfit**2 * height), _USUAL)) - _USUAL_CHI2

    misfit = 0.0
    if excess(_LARGEST_MISFIT) > 0:
        misfit = _LARGEST_MISFIT
    elif excess(0) > 0:
        misfit = float(optimize.brentq(excess, 0, _LARGEST_MISFIT))
    return smoothed / np.sqrt(expected + (misfit * common) ** 2), misfit
