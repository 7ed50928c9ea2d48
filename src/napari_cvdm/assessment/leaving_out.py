"""Calibration on few images, judged on images that it was not fitted to: each left out in turn.

A calibration that is fitted on three images and judged on two others says more about these five than about
the model: over the ten ways of choosing them, the slope of the same model varied between 0.5 and 1.1. So all
images serve the fit that a model is given, and what it is worth is measured by fits that leave one image
out (leave-one-out cross-validation; Stone, J. R. Stat. Soc. B 36, 111, 1974).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_cvdm.assessment.calibration import (
    LEVELS,
    apply_calibration,
    coverage,
    error_correlation,
    fit_calibration,
    reliability,
)
from napari_cvdm.restoration.errors import InputError

if TYPE_CHECKING:
    from napari_cvdm.restoration.posterior import Calibration


class JudgedField(NamedTuple):
    """One restored field of known truth.

    Attributes
    ----------
    image : hashable
        What is left out together: the fields of one real image share its structure and its faults.
    std, error : ndarray, (N,)
        Stated standard deviation and error of each pixel, in normalised intensity.
    gain : float
        Factor from there to the units of the truth; see `napari_cvdm.assessment.drawn.DrawnField.gain`.
    """

    image: Hashable
    std: NDArray[Any]
    error: NDArray[Any]
    gain: float


def fit(fields: Sequence[JudgedField]) -> Calibration:
    """Fit a calibration to all pixels of the fields, errors counting as in comparisons with the truth.

    Raises
    ------
    InputError
        If there are too few pixels, or no error or no uncertainty at all.
    """
    if not fields:
        raise InputError("A calibration needs at least one field.")
    gain = np.concatenate([np.full(field.std.size, field.gain) for field in fields])
    std = np.concatenate([field.std.ravel() for field in fields])
    error = np.concatenate([field.error.ravel() for field in fields])
    return fit_calibration(std, error, gain=gain)


def fit_without_each(fields: Sequence[JudgedField]) -> dict[Hashable, Calibration]:
    """For each image, the calibration fitted to the fields of all others.

    Raises
    ------
    InputError
        If all fields are of one image.
    """
    images = dict.fromkeys(field.image for field in fields)
    if len(images) < 2:
        raise InputError("Leaving out an image needs at least two of them.")
    return {image: fit([each for each in fields if each.image != image]) for image in images}


def judge(
    fields: Sequence[JudgedField], calibrations: Mapping[Hashable, Calibration] | None = None
) -> dict[str, Any]:
    """Judge standard deviations in the units of the truth, all fields together.

    With the calibration of each image, as from `fit_without_each`; without any, as they are stated.

    Returns
    -------
    dict
        ``correlation`` (of standard deviation and absolute error), ``slope`` (`reliability`),
        ``std_over_rmse``, and ``coverage``, by level, of the intervals whose width the calibration measured
        (without one, a Gaussian's).
    """
    stds, errors, covered = [], [], dict.fromkeys(LEVELS, 0.0)
    for each in fields:
        calibration = None if calibrations is None else calibrations[each.image]
        std = each.std if calibration is None else apply_calibration(calibration, each.std)
        factors = None if calibration is None else calibration.factors
        for level, share in coverage(std, each.error, factors=factors).items():
            covered[level] += share * each.std.size
        stds.append(each.gain * std.ravel())
        errors.append(each.gain * each.error.ravel())
    std, error = np.concatenate(stds), np.concatenate(errors)
    return {
        "correlation": error_correlation(std, error),
        "slope": reliability(std, error).slope,
        "std_over_rmse": float(np.sqrt(np.mean(std**2) / np.mean(error**2))),
        "coverage": {level: count / std.size for level, count in covered.items()},
    }
