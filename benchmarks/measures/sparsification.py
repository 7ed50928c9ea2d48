"""Sparsification: how fast the error falls when the pixels that are trusted least are left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cvdm.restoration.errors import InputError

FRACTIONS = tuple(float(value) for value in np.arange(0, 1, 0.05))
"""Shares of the pixels that are left out."""


@dataclass(frozen=True, eq=False)
class Sparsification:
    """Error of what is left, by share left out. From `sparsify`.

    Attributes
    ----------
    removed : ndarray
        Shares of pixels left out, from 0.
    error : ndarray
        Root mean squared error of the rest if the pixels with the largest stated uncertainty are left out, as
        a multiple of the error of all pixels.
    oracle : ndarray
        The same if the pixels with the largest *true* error are left out: the fastest fall there can be.
    area : float
        Mean distance of the two curves (area under the sparsification error, AUSE): 0 for a perfect order.
    random_area : float
        The same for an uncertainty that tells nothing, whose curve stays at 1.
    """

    removed: NDArray[np.float64]
    error: NDArray[np.float64]
    oracle: NDArray[np.float64]
    area: float
    random_area: float


def sparsify(std: ArrayLike, error: ArrayLike) -> Sparsification:
    """Leave out pixels, the least trusted first.

    Parameters
    ----------
    std, error : array-like
        Standard deviations (or anything that should rise with the error), and prediction minus truth, of the
        same shape.

    Returns
    -------
    Sparsification

    Raises
    ------
    InputError
        If the shapes differ, there are fewer than 20 pixels, or there is no error at all.

    References
    ----------
    Ilg et al., Uncertainty estimates and multi-hypotheses networks for optical flow, ECCV 2018.
    """
    s, e = np.asarray(std, np.float64).ravel(), np.asarray(error, np.float64).ravel()
    if np.shape(std) != np.shape(error):
        raise InputError(f"Uncertainty and error must have one shape: {np.shape(std)}, {np.shape(error)}.")
    if s.size < len(FRACTIONS):
        raise InputError(f"Sparsification needs at least {len(FRACTIONS)} pixels, not {s.size}.")
    squares = e**2
    if not squares.any():
        raise InputError("There is no error to be told apart.")
    stated = _remaining(squares[np.argsort(s, kind="stable")])
    oracle = _remaining(np.sort(squares))
    return Sparsification(
        np.array(FRACTIONS),
        stated,
        oracle,
        float(np.mean(stated - oracle)),
        float(np.mean(1 - oracle)),
    )


def _remaining(rising: NDArray[np.float64]) -> NDArray[np.float64]:
    """Relative error of the first pixels, for each share left out at the end."""
    sums = np.cumsum(rising)
    kept = np.maximum(1, np.round((1 - np.array(FRACTIONS)) * rising.size).astype(int))
    return np.asarray(np.sqrt(sums[kept - 1] / kept / (sums[-1] / rising.size)))
