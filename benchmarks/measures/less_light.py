"""Real recordings as they might have been with less light."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cvdm.assessment.reimaging import grey_levels

_DARK, _BRIGHT = 0.1, 99.8
"""Percentiles of a recording that count as no light and as its bright end."""

_READ_NOISE = 1.6
"""Of the camera, electrons."""


def with_less_light(camera: ArrayLike, photons: float, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Record a recording once more, with photon noise as if it had only so much light.

    Haze counts as light, and the recording's own noise stays in, so the result is a little noisier than the
    photons alone make it.

    Parameters
    ----------
    camera : array-like, (Y, X)
        A recording with much light, in any unit.
    photons : float
        Electrons at its bright end.
    rng : numpy.random.Generator
        Of the noise.

    Returns
    -------
    ndarray, (Y, X) uint16
        Grey levels of a camera.
    """
    recorded = np.asarray(camera, np.float64)
    dark, bright = np.percentile(recorded, (_DARK, _BRIGHT))
    light = photons * np.maximum((recorded - dark) / (bright - dark), 0)
    return grey_levels(light, _READ_NOISE, rng)
