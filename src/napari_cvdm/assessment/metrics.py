"""How close a picture is to the truth, once its brightness is matched.

Fluorescence has no absolute scale: a microscope's units depend on exposure, gain and offset. A prediction
is therefore compared after the gain and the offset that bring it closest to the truth in the sense of least
squares, which favours no method.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage.metrics import structural_similarity

from napari_cvdm.restoration.errors import InputError


class IntensityMatch(NamedTuple):
    """The gain and offset that bring a prediction closest to a truth. From `match_intensity`."""

    gain: float
    offset: float

    def apply(self, prediction: ArrayLike) -> NDArray[np.float64]:
        """Return the prediction in the units of the truth: gain · prediction + offset."""
        return self.gain * np.asarray(prediction, np.float64) + self.offset


def normalize_truth(sharp: ArrayLike) -> NDArray[np.float64]:
    """Return a sharp image as it is compared with: 0.1 to 99.8 percentile as 0 to 1, clipped to [0, 1.5]."""
    values = np.asarray(sharp, np.float64)
    low, high = np.percentile(values, (0.1, 99.8))
    if low >= high:
        raise InputError("The sharp image is nearly constant: there is nothing to compare with.")
    return np.asarray(np.clip((values - low) / (high - low), 0, 1.5))


def match_intensity(prediction: ArrayLike, truth: ArrayLike) -> IntensityMatch:
    """Find the gain and offset with the least mean squared difference from the truth.

    The gain is 0 if the prediction is constant, or bright where the truth is dark: a match that inverts it
    would call a negative a good likeness.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    p, t = _pair(prediction, truth)
    p_mean, t_mean = p.mean(), t.mean()
    gain = 0.0
    if np.ptp(p) > 0:
        gain = max(0.0, float(np.mean((p - p_mean) * (t - t_mean)) / np.mean((p - p_mean) ** 2)))
    return IntensityMatch(gain, float(t_mean - gain * p_mean))


def psnr(prediction: ArrayLike, truth: ArrayLike) -> float:
    """Return the peak signal-to-noise ratio in dB, the peak being the truth's range (max − min).

    Raises
    ------
    InputError
        If the shapes differ or the truth is constant.
    """
    p, t = _pair(prediction, truth)
    error = float(np.mean((p - t) ** 2))
    return float("inf") if error == 0 else float(10 * np.log10(_range(t) ** 2 / error))


def matched_psnr(prediction: ArrayLike, truth: ArrayLike) -> float:
    """Return the PSNR (dB) of a prediction brought to the truth's intensities by `match_intensity`."""
    return psnr(match_intensity(prediction, truth).apply(prediction), truth)


def ssim(prediction: ArrayLike, truth: ArrayLike) -> float:
    """Return the mean structural similarity over the truth's range (max − min).

    Raises
    ------
    InputError
        If the shapes differ, the truth is constant, or a side is shorter than 7 pixels.

    References
    ----------
    Wang et al., Image quality assessment: from error visibility to structural similarity, IEEE Trans. Image
    Process. 13, 600 (2004); with windows of 7 × 7 pixels, as in scikit-image.
    """
    p, t = _pair(prediction, truth)
    if min(t.shape) < 7:
        raise InputError(
            f"Structural similarity needs at least 7 × 7 pixels, not {' × '.join(map(str, t.shape))}."
        )
    return float(structural_similarity(t, p, data_range=_range(t)))


def correlation(a: ArrayLike, b: ArrayLike) -> float:
    """Return the Pearson correlation of two images; 0 if one of them is constant.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    x, y = _pair(a, b)
    if np.ptp(x) == 0 or np.ptp(y) == 0:  # their deviations from the mean are rounding, not always 0
        return 0.0
    x, y = x - x.mean(), y - y.mean()
    norm = float(np.sqrt(np.mean(x**2) * np.mean(y**2)))
    return float(np.mean(x * y)) / norm if norm > 0 else 0.0


def _pair(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if x.shape != y.shape:
        raise InputError(f"Images to compare must have one shape, not {x.shape} and {y.shape}.")
    return x, y


def _range(truth: NDArray[Any]) -> float:
    extent = float(np.ptp(truth))
    if extent == 0:
        raise InputError("The truth is constant: there is nothing to compare with.")
    return extent
