"""Calibration: how much a stated standard deviation tells about the error, and how to mend it.

An uncertainty is *sharp* if it is large where the error is (`error_correlation`), and *calibrated* if its
size is right (`coverage`, `reliability`). The first cannot be mended afterwards; the second can, by a
`napari_cvdm.restoration.posterior.Calibration`, which `fit_calibration` finds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from napari_cvdm.assessment.metrics import correlation
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.intervals import gaussian_factor

if TYPE_CHECKING:  # with torch, which takes a while
    from napari_cvdm.restoration.posterior import Calibration

LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Probabilities of the central intervals whose coverage is reported."""

GROUPS = (0.25, 0.4, 0.55, 0.7, 0.8, 0.9, 0.97)
"""Shares of the pixels at which the groups of `fit_calibration` part, by rising standard deviation. With
tenths at the lower end, the curve followed the pixels at the floor of the standard deviation too closely: it
made a pattern of what hardly differs, and the map followed the error less on real recordings."""

MOST_RESCALED = 1.07
"""Most that `fit_calibration` departs from root mean square errors for the sake of an interval."""


def error_correlation(std: ArrayLike, error: ArrayLike) -> float:
    """Return the Pearson correlation of the standard deviation with the absolute error, pixel by pixel."""
    return correlation(std, np.abs(np.asarray(error, np.float64)))


def coverage(
    std: ArrayLike,
    error: ArrayLike,
    levels: Sequence[float] = LEVELS,
    factors: Mapping[float, float] | None = None,
) -> dict[float, float]:
    """Return the share of pixels whose truth lies within the central interval of each probability.

    Parameters
    ----------
    std, error : array-like
        Standard deviations, and prediction minus truth, of the same shape.
    levels : sequence of float
        The probabilities; of a calibrated uncertainty the shares equal them.
    factors : mapping of float to float, optional
        Half the width of the intervals, in standard deviations, as a calibration measured it. A Gaussian's
        (1.64 for 0.9) where a level is not in it.
    """
    s, e = _pixels(std, error)
    widths = {level: gaussian_factor(level) for level in levels} | dict(factors or {})
    return {level: float(np.mean(np.abs(e) <= widths[level] * s)) for level in levels}


@dataclass(frozen=True, eq=False)
class Reliability:
    """Predicted against actual error, in groups of pixels of like standard deviation. From `reliability`.

    Attributes
    ----------
    predicted : ndarray
        Root mean square of the standard deviations of each group, rising.
    actual : ndarray
        Root mean squared error of each group.
    slope : float
        Of the least-squares line through the groups: 1 if calibrated, less if the uncertainty overstates the
        differences between pixels, 0 if it tells nothing.
    """

    predicted: NDArray[np.float64]
    actual: NDArray[np.float64]
    slope: float


def reliability(std: ArrayLike, error: ArrayLike, bins: int = 10) -> Reliability:
    """Compare the predicted with the actual error in `bins` equally large groups of pixels.

    Raises
    ------
    InputError
        If shapes differ, or there are fewer pixels than groups.

    References
    ----------
    Levi et al., Evaluating and calibrating uncertainty prediction in regression tasks, Sensors 22, 5540
    (2022).
    """
    s, e = _pixels(std, error)
    if s.size < bins:
        raise InputError(f"{bins} groups need at least as many pixels, not {s.size}.")
    groups = np.array_split(np.argsort(s, kind="stable"), bins)
    predicted = np.array([np.sqrt(np.mean(s[group] ** 2)) for group in groups])
    actual = np.array([np.sqrt(np.mean(e[group] ** 2)) for group in groups])
    slope = 0.0
    if np.ptp(predicted) > 1e-6 * predicted[-1]:  # else they differ by rounding alone
        spread = predicted - predicted.mean()
        slope = float(np.sum(spread * (actual - actual.mean()))) / float(np.sum(spread**2))
    return Reliability(predicted, actual, slope)


def fit_calibration(
    std: ArrayLike, error: ArrayLike, level: float | None = 0.9, gain: ArrayLike = 1.0
) -> Calibration:
    """Fit a calibration to standard deviations and the errors that were made.

    Pixels are grouped by their standard deviation; the curve goes through the root mean square of the errors
    of each group, after the least change that lets it rise (isotonic regression). If `level` is given, the
    whole curve is then scaled, by `MOST_RESCALED` at the most, so that the central Gaussian interval of that
    probability comes nearer to holding that share of the errors.

    Parameters
    ----------
    std, error : array-like
        Of the same shape, in the units in which the curve will be applied.
    level : float or None
        Probability of the interval to come near to; None to keep the root mean squares.
    gain : array-like
        Factor of each pixel from these units to those in which errors are judged, of a shape that
        broadcasts: mean squares are taken over ``gain · error`` and ``gain · std``, so that a field whose
        brightness the recording overstates does not count for more than the others.

    Returns
    -------
    Calibration
        Its factors are half the widths, in calibrated standard deviations, of the intervals that held the
        shares `LEVELS` of the errors.

    Raises
    ------
    InputError
        If shapes differ, there are fewer pixels than groups, or no error or no uncertainty at all.

    Notes
    -----
    Networks overstate the differences between pixels that they know little about, so that a straight line
    cannot be right both where they are sure and where they are not; a curve through groups of pixels can, and
    because it never falls, it keeps their order.

    The factors are quantiles, as in split conformal prediction (Lei et al., J. Am. Stat. Assoc. 113, 1094,
    2018), but of the errors that the curve was fitted to, and of pixels that err together: what they promise
    for other images, `leaving_out` measures.
    """
    from napari_cvdm.restoration.posterior import Calibration

    s, e = _pixels(std, error)
    weight = np.broadcast_to(np.asarray(gain, np.float64) ** 2, np.shape(std)).ravel()
    if s.size < 10 * len(GROUPS):
        raise InputError(f"A calibration needs at least {10 * len(GROUPS)} pixels, not {s.size}.")
    if not s.any() or not e.any():
        raise InputError("A calibration needs errors and standard deviations that are not all zero.")
    places = np.round(np.array(GROUPS) * s.size).astype(int)
    order = np.argsort(s, kind="stable")
    groups = np.split(order, places)
    total = [float(weight[group].sum()) for group in groups]
    if not min(total) > 0:
        raise InputError("A calibration needs pixels with a positive gain in each of its groups.")

    def squared(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([np.average(values[group] ** 2, weights=weight[group]) for group in groups])

    stated = np.sqrt(squared(s))
    # Knots must differ in the digits that a card holds: groups that do not are one.
    groups = np.split(order, places[np.diff(stated) > 1e-3 * stated[1:]])
    stated, total = np.sqrt(squared(s)), [float(weight[group].sum()) for group in groups]
    actual = np.sqrt(optimize.isotonic_regression(squared(e), weights=total).x)
    some = stated > 0
    curve = Calibration(tuple(map(float, stated[some])), tuple(map(float, actual[some])))
    ratio = np.abs(e) / np.maximum(apply_calibration(curve, s), 1e-12 * stated[-1])
    if level is not None:
        size = float(np.quantile(ratio, level)) / gaussian_factor(level)
        size = float(np.clip(size, 1 / MOST_RESCALED, MOST_RESCALED))
        curve, ratio = Calibration(curve.stated, tuple(size * value for value in curve.actual)), ratio / size
    return Calibration(curve.stated, curve.actual, {each: float(np.quantile(ratio, each)) for each in LEVELS})


def apply_calibration(calibration: Calibration, std: ArrayLike) -> NDArray[np.floating[Any]]:
    """Return the calibrated standard deviation, in the type of `std`; computed in double precision."""
    import torch

    values = np.asarray(std)
    calibrated = calibration.apply(torch.from_numpy(values.astype(np.float64))).numpy()
    return np.asarray(calibrated.astype(np.result_type(values, np.float32)))


def _pixels(std: ArrayLike, error: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    s, e = np.asarray(std, np.float64), np.asarray(error, np.float64)
    if s.shape != e.shape:
        raise InputError(f"Standard deviations and errors must have one shape, not {s.shape} and {e.shape}.")
    return s.ravel(), e.ravel()
