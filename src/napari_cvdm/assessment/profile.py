"""Intensity profiles along a line, with the band that the true value is expected in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.intervals import gaussian_factor

MOST_POINTS = 4096
"""No profile has more points."""


@dataclass(frozen=True, eq=False)
class Profile:
    """Reconstruction, uncertainty and original along a line.

    Attributes
    ----------
    distance : ndarray
        From the line's beginning, in ``unit``, shape (points,).
    mean, std : ndarray
        Reconstruction and standard deviation there, in the intensity units of the image.
    original : ndarray or None
        The recorded image there; NaN outside of it.
    unit : str
        Of the distance, for instance "µm".
    factor : float
        Half the width of the 90 % interval, in standard deviations.
    """

    distance: NDArray[np.float64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    original: NDArray[np.float64] | None
    unit: str
    factor: float = gaussian_factor(0.9)

    @property
    def band(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lower and upper end of the central 90 % interval of each point."""
        return self.mean - self.factor * self.std, self.mean + self.factor * self.std

    def columns(self) -> dict[str, NDArray[np.float64]]:
        """Return the columns of a table, under their headings."""
        low, high = self.band
        table = {
            f"distance ({self.unit})": self.distance,
            "reconstruction": self.mean,
            "standard deviation": self.std,
            "90 % interval, lower end": low,
            "90 % interval, upper end": high,
        }
        return table if self.original is None else table | {"original": self.original}


def points_along(vertices: ArrayLike) -> NDArray[np.float64]:
    """Place points, (points, 2), evenly along a line or a polyline of vertices (vertices, 2), in pixels.

    They lie a pixel apart, or a little less, so that both ends get one; there are at least two, and at most
    `MOST_POINTS`, further apart.

    Raises
    ------
    InputError
        If the line has no length.
    """
    corners = np.asarray(vertices, np.float64)
    lengths = np.linalg.norm(np.diff(corners, axis=0), axis=1)
    if not lengths.sum() > 0:
        raise InputError("The line has no length: drag from one point to another.")
    at = np.concatenate([[0.0], np.cumsum(lengths)])
    count = min(MOST_POINTS, max(2, int(np.ceil(at[-1])) + 1))
    positions = np.linspace(0, at[-1], count)
    return np.stack([np.interp(positions, at, corners[:, axis]) for axis in (0, 1)], axis=1)


def sample(picture: ArrayLike, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sample a picture (Y, X) at points (points, 2) between its pixels' centres, by linear interpolation.

    Points are in pixels; (0, 0) is the centre of the first. Outside the picture, whose pixels reach half a
    pixel beyond their centres, is NaN.
    """
    from scipy.ndimage import map_coordinates

    values = np.asarray(picture)
    inside = np.all((points >= -0.5) & (points <= np.array(values.shape) - 0.5), axis=1)
    if values.dtype != np.float32:  # SciPy reads these as they are; a copy of a large plane takes gigabytes
        values = values.astype(np.float64)
    sampled = map_coordinates(values, points.T, np.float64, order=1, mode="nearest")
    return np.where(inside, sampled, np.nan)
