"""How wide the interval is that holds the truth with a given probability: as measured, or a Gaussian's.

The widths come from the provenance of a result, which may have been read back from a file that anybody wrote:
what is not a measurement in it counts as none.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from numbers import Real
from statistics import NormalDist
from typing import Any

import numpy as np

from napari_cvdm.restoration.errors import InputError, InputTypeError


def interval_factor(probability: float, provenance: Mapping[str, Any]) -> float:
    """Return half the width of the interval of a probability, in standard deviations, for one provenance.

    It is as measured when the model was calibrated; between the widths of the probabilities next to it if
    there are others alone, and beyond the greatest in proportion to a Gaussian's. Without measurement it is a
    Gaussian's. It never falls as the probability rises. Errors are those of `gaussian_factor`.
    """
    gaussian, measured = gaussian_factor(probability), measured_factors(provenance)
    if not measured:
        return gaussian
    knots = [0.0, *map(gaussian_factor, measured)]
    factors = np.maximum.accumulate([0.0, *measured.values()])
    if gaussian > knots[-1]:
        return float(factors[-1]) * gaussian / knots[-1]
    return float(np.interp(gaussian, knots, factors))


def measured_factors(provenance: Mapping[str, Any]) -> dict[float, float]:
    """Return half the widths, in standard deviations, of the intervals measured, by rising probability.

    The provenance is that of a result, in memory or read back from a file.
    """
    calibration = provenance.get("calibration")
    factors = calibration.get("factors") if isinstance(calibration, Mapping) else None
    stated = factors.items() if isinstance(factors, Mapping) else ()
    numbers = ((_number(level), _number(factor)) for level, factor in stated)
    return dict(sorted((level, factor) for level, factor in numbers if 0 < level < 1 and factor > 0))


def gaussian_factor(probability: float) -> float:
    """Return half the width of the central interval of a Gaussian, in standard deviations: 1.64 for 0.9.

    Raises
    ------
    InputTypeError
        If the probability is no number.
    InputError
        If it lies outside 0 to 1.
    """
    if not isinstance(probability, Real):
        raise InputTypeError(
            f"The probability of an interval must be a number between 0 and 1, not {probability!r}."
        )
    if not 0 < probability < 1:
        raise InputError(f"The probability of an interval lies between 0 and 1; {probability} does not.")
    return NormalDist().inv_cdf((1 + probability) / 2)


def _number(value: object) -> float:
    """Return a finite number, which JSON holds as text where it is a key; 0 for whatever is none."""
    if not isinstance(value, int | float | str) or isinstance(value, bool):
        return 0.0
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return 0.0
    return number if isfinite(number) else 0.0
