"""Whether brightness in a reconstruction is still proportional to what was measured.

Counting fluorophores, comparing cells and measuring ratios all rest on that proportionality. A network is not
bound to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from napari_cvdm.assessment.consistency import Consistency
from napari_cvdm.assessment.figure import choose_detail, on_fine_grid
from napari_cvdm.assessment.forward import blur_and_bin
from napari_cvdm.assessment.prediction import HAZE, SIGMAS, fit

FloatArray = NDArray[np.float64]

LINEAR_WITHIN = 1.43
"""An exponent between the inverse of this and this counts as proportional."""

EXPONENTS = (0.25, 4.0)
"""Limits between which the exponent is sought."""

_GROUPS = 20
_PER_GROUP = 12
_ABOVE_NOISE = 4.0
_SIDE = 128


@dataclass(frozen=True, eq=False)
class Photometry:
    """Measured against predicted brightness. From `check_photometry`.

    Attributes
    ----------
    predicted, measured : ndarray
        Brightness above background in groups of pixels alike in prediction: medians, in the measurement's
        units, rising.
    exponent : float
        The power to which the reconstruction would have to be raised to explain the measurement best: 1 for
        proportional; more if it squeezes bright and faint together, less if it exaggerates their difference.
        NaN if too little stands out.
    deviation : float
        Largest distance of a group from proportionality, as a share of the brightest group.
    saturated : float
        Share of the measurement's pixels at the camera's limit, whose brightness is unknown.
    """

    predicted: FloatArray = field(repr=False)
    measured: FloatArray = field(repr=False)
    exponent: float
    deviation: float
    saturated: float

    @property
    def is_linear(self) -> bool | None:
        """Whether brightness is proportional; None if it cannot be told."""
        return None if np.isnan(self.exponent) else 1 / LINEAR_WITHIN <= self.exponent <= LINEAR_WITHIN

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as values that JSON can hold."""
        known = not np.isnan(self.exponent)
        return {
            "exponent": self.exponent if known else None,
            "deviation": self.deviation if known else None,
            "saturated_share": self.saturated,
        }


def check_photometry(image: ArrayLike, sharp: ArrayLike, consistency: Consistency) -> Photometry:
    """Find out whether brightness is proportional, after haze and background have been accounted for.

    `image` is the measurement (Y, X), `sharp` its reconstruction (s·Y, s·X); consistency is that of the two.
    """
    measured, fine = np.asarray(image, np.float64), np.asarray(sharp, np.float64)
    background = float(np.percentile(consistency.structure, 1.0))
    predicted = (consistency.structure - background).ravel()
    # What is left of the measurement when haze and background, as fitted, are taken away.
    remaining = predicted + consistency.difference.ravel()
    spread = np.sqrt(np.median(consistency.noise.variance(measured)))
    bright = np.flatnonzero(predicted > _ABOVE_NOISE * spread)
    saturated = consistency.noise.saturated
    groups = min(_GROUPS, bright.size // _PER_GROUP)
    if groups < 4:
        return Photometry(np.empty(0), np.empty(0), float("nan"), float("nan"), saturated)
    # Groups of even width in the logarithm, lest the many faint pixels outvote the bright ones.
    values = predicted[bright]
    edges = np.geomspace(values.min(), np.percentile(values, 99.8), groups + 1)
    member = np.digitize(values, edges[1:-1])
    filled = [bright[member == group] for group in range(groups) if np.sum(member == group) >= _PER_GROUP]
    x, y = (np.array([np.median(each[group]) for group in filled]) for each in (predicted, remaining))
    slope = float(np.sum(x * y) / np.sum(x**2))
    deviation = float(np.max(np.abs(y - slope * x)) / np.max(np.abs(y)))
    return Photometry(x, y, _exponent(measured, fine, consistency.sigma), deviation, saturated)


def _exponent(measured: FloatArray, fine: FloatArray, sigma: float) -> float:
    """Raise the reconstruction to powers, before blur, until it explains the measurement best."""
    scale = fine.shape[0] // measured.shape[0]
    place = choose_detail(measured, _SIDE)
    part, sharp = measured[place], fine[on_fine_grid(place, scale)]
    low, high = np.percentile(sharp, (1.0, 99.8))
    if not high > low:
        return float("nan")
    above = np.maximum((sharp - low) / (high - low), 0)
    everywhere = np.ones_like(part)

    def unexplained(logarithms: FloatArray) -> float:
        exponent, width = np.exp(logarithms)
        predicted = fit([blur_and_bin(above**exponent, scale, width)], part, HAZE, everywhere).predicted
        return float(np.log(np.mean((part - predicted) ** 2) + np.finfo(float).tiny))

    start = np.log([1.0, sigma if np.isfinite(sigma) else 1.2])
    simplex = start + np.array([[0, 0], [0.3, 0], [0, 0.2]])
    found = optimize.minimize(
        unexplained,
        start,
        method="Nelder-Mead",
        bounds=[tuple(np.log(EXPONENTS)), tuple(np.log(SIGMAS))],
        options={"initial_simplex": simplex, "xatol": 0.02, "fatol": 1e-3, "maxfev": 60},
    )
    return float(np.exp(found.x[0]))
