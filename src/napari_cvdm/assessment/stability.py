"""Whether a restoration commutes with moves that change nothing about the sample.

A sample does not know which way the camera was mounted. If the image is turned, mirrored or shifted, restored
and moved back, the result should be the same. Where it is not, the network has no firm opinion, whatever its
uncertainty map says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cvdm.restoration.errors import InputError

FloatArray = NDArray[np.float64]
Move = Callable[[NDArray[Any]], NDArray[Any]]

SHIFTS = ((1, 0), (0, 1), (2, 3))
"""Shifts tried, in camera pixels."""

TURNS: dict[str, tuple[Move, Move]] = {
    "mirrored in Y": (np.flipud, np.flipud),
    "mirrored in X": (np.fliplr, np.fliplr),
    "turned by 90°": (np.rot90, lambda image: np.rot90(image, -1)),
    "turned by 180°": (lambda image: np.rot90(image, 2), lambda image: np.rot90(image, 2)),
    "turned by 270°": (lambda image: np.rot90(image, 3), lambda image: np.rot90(image, -3)),
    "transposed": (np.transpose, np.transpose),
}
"""Moves that lose no pixel, and the ways back."""

_LEAST_SIDE = 16
_BORDER = 4


@dataclass(frozen=True)
class Stability:
    """How far restorations of the moved image differ. From `check_stability`.

    Attributes
    ----------
    relative : float
        Standard deviation over the moves, as the root mean square of all fine pixels, over the range (1 to
        99.8 percentile) of the restoration. The border, which the shifts do not cover, is left out.
    against_stated : float or None
        The same over the root mean square of the stated standard deviation: well below 1 is firm.
    worst : str
        The move that changes most.
    """

    relative: float
    against_stated: float | None
    worst: str

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as values that JSON can hold."""
        return {
            "relative_spread": self.relative,
            "spread_over_stated_std": self.against_stated,
            "worst_move": self.worst,
        }


def check_stability(
    image: ArrayLike,
    restore: Callable[[NDArray[Any]], NDArray[Any]],
    *,
    upscaling: int = 2,
    std: ArrayLike | None = None,
) -> Stability:
    """Restore an image moved in every way, and compare.

    Parameters
    ----------
    image : array-like, (Y, X)
        The measurement, or a part of it, at least 16 × 16 pixels.
    restore : callable
        Restores a plane, (Y, X) to (s·Y, s·X). Called once for the image as it is and once for each move.
    upscaling, std : int, array-like
        The factor s, and the stated standard deviation (s·Y, s·X), if there is one, to compare with.

    Raises
    ------
    InputError
        If the image is too small.
    """
    plane = np.asarray(image)
    if plane.ndim != 2 or min(plane.shape) < _LEAST_SIDE:
        raise InputError(f"Stability is checked on a plane of at least {_LEAST_SIDE} × {_LEAST_SIDE} pixels.")
    still = np.asarray(restore(plane), np.float64)
    moved = {name: back(restore(np.ascontiguousarray(move(plane)))) for name, (move, back) in TURNS.items()}
    for down, right in SHIFTS:
        shifted = np.full(still.shape, np.nan)
        shifted[down * upscaling :, right * upscaling :] = restore(np.ascontiguousarray(plane[down:, right:]))
        moved[f"shifted by {down}, {right} pixels"] = shifted
    # At the border the surroundings are missing, and a shift changes what they are made up from.
    edge = max(max(shift) for shift in SHIFTS) * upscaling + _BORDER
    inner = np.s_[edge:-edge, edge:-edge]
    stack = np.stack([still, *(np.asarray(each, np.float64) for each in moved.values())])
    low, high = np.percentile(still, (1.0, 99.8))
    size = _rms(stack[:, edge:-edge, edge:-edge].std(0))
    changes = {name: _rms((stack[i + 1] - still)[inner]) for i, name in enumerate(moved)}
    stated = None if std is None else _rms(np.asarray(std, np.float64)[inner])
    return Stability(
        size / float(high - low) if high > low else 0.0,
        size / stated if stated else None,
        max(changes, key=lambda name: changes[name]),
    )


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(values**2)))
