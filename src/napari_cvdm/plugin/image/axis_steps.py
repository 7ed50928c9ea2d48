"""How far apart the pixels of a layer lie along each axis, whichever of its transforms says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari.layers import Image

__all__ = ["axis_steps", "distances_of"]


def axis_steps(scale: npt.ArrayLike, affine: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the distance of neighbouring pixels along each axis, in the layer's units.

    Parameters
    ----------
    scale : sequence of float
        The layer's scale, which may mirror an axis.
    affine : array of shape (n + 1, n + 1)
        The layer's affine. It may carry the scale (OME-Zarr readers do so); rotations leave the length of a
        column as it is.
    """
    columns = np.asarray(affine, dtype=float)[:-1, :-1]
    return np.asarray(np.abs(np.asarray(scale, dtype=float)) * np.linalg.norm(columns, axis=0))


def distances_of(layer: Image, axes: str) -> dict[str, float]:
    """Return what a layer says of the axes that a restoration does not change, each with its letter.

    Returns
    -------
    dict
        Of "z_spacing" in nanometres and "time_interval" in seconds those that it tells.
    """
    found: dict[str, float] = {}
    steps = axis_steps(layer.scale, layer.affine.affine_matrix)
    for letter, key, unit in (("Z", "z_spacing", "nanometer"), ("T", "time_interval", "second")):
        if letter in axes:
            own = layer.units[axes.index(letter)]
            step = float(steps[axes.index(letter)])
            if own.is_compatible_with(unit):
                found[key] = float((step * own).to(unit).magnitude)
    return found
