"""What an image looks like, in a few numbers that no network has to compute.

The image is split into bands of detail, each an octave. Texture, text, bright-field contrast and plain noise
share out their strength among the bands, and their bright and dark sides, differently from fluorescence.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from napari_cvdm.assessment.camera_noise import measure_noise

FloatArray = NDArray[np.float64]

BANDS = (0.8, 1.6, 3.2, 6.4)
"""Widths of the Gaussians between which the bands lie, in camera pixels."""

NAMES: tuple[str, ...] = (
    *(f"strength of band {i + 1}" for i in range(len(BANDS) - 1)),
    *(f"asymmetry of band {i + 1}" for i in range(len(BANDS) - 1)),
    *(f"tails of band {i + 1}" for i in range(len(BANDS) - 1)),
    "signal over noise",
    "asymmetry of brightness",
    "share of mid-tones",
    "directedness",
)
"""What each number is, in their order."""

_OF_BANDS = {
    "strength": "strength of detail of about {} pixels",
    "asymmetry": "balance of bright and dark in detail of about {} pixels",
    "tails": "sparseness of detail of about {} pixels",
}


def describe_number(name: str) -> str:
    """Say what one of `NAMES` is about, with a size of detail in place of a band's number.

    The size is half the length, in camera pixels, of the waves that pass the band best.

    >>> describe_number("strength of band 2"), describe_number("directedness")
    ('strength of detail of about 5 pixels', 'directedness')
    """
    kind, _, band = name.partition(" of band ")
    return _OF_BANDS[kind].format(round(_size_of_detail(int(band) - 1))) if band else name


def _size_of_detail(band: int) -> float:
    """Return half the wavelength at which the spectra of a band's two Gaussians differ most."""
    fine, coarse = BANDS[band], BANDS[band + 1]
    return float(np.pi * np.sqrt((coarse**2 - fine**2) / (4 * np.log(coarse / fine))))


def image_statistics(image: ArrayLike) -> FloatArray:
    """Describe an image by numbers that neither gain nor offset changes, one for each of `NAMES`.

    `image` is as it was recorded, (Y, X), of at least 12 × 12 pixels.
    """
    values = np.asarray(image, np.float64)
    noise = measure_noise(values)
    low, middle, high = np.percentile(values, (1.0, 50.0, 99.8))
    span = max(float(high - low), 1e-12 * max(abs(float(high)), 1.0), np.finfo(float).tiny)
    floor = float(np.sqrt(np.mean(noise.variance(values)))) / span
    scaled = (values - low) / span
    smooth = [ndimage.gaussian_filter(scaled, sigma, mode="reflect") for sigma in BANDS]
    bands = [fine - coarse for fine, coarse in pairwise(smooth)]
    strengths = np.array([band.std() for band in bands])
    total = float(np.hypot.reduce(strengths)) + 1e-9
    rows, columns = np.gradient(smooth[0])
    smoothed = [ndimage.gaussian_filter(product, 2.0) for product in (rows**2, columns**2, rows * columns)]
    strength = smoothed[0] + smoothed[1]
    coherence = np.hypot(smoothed[0] - smoothed[1], 2 * smoothed[2]) / (strength + 1e-12)
    return np.array(
        [
            *np.log(strengths / total + 1e-3),
            *(_moment(band, 3) for band in bands),
            *(np.log(_moment(band, 4) + 1) for band in bands),
            np.log(total / (floor + 1e-4)),
            _moment(smooth[1], 3),
            float((middle - low) / span),
            float(np.average(coherence, weights=strength + 1e-12)),
        ]
    )


def _moment(values: FloatArray, order: int) -> float:
    """Standardised moment; its signed cube root for the third, so that single bright spots do not rule."""
    centred = values - values.mean()
    moment = float(np.mean(centred**order) / (values.std() + 1e-9) ** order)
    return float(np.cbrt(moment)) if order == 3 else moment
