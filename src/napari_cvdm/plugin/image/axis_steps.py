"""How far apart the pixels of a layer lie along each axis, whichever of its transforms says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari.layers import Image


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


def origin_of(layer: Image, axes: str) -> dict[str, float]:
    """Return where the first pixel of a layer lies along each axis, in steps of the layer, as files tell it.

    Returns
    -------
    dict
        By the letters of the axes. Empty for a layer that is turned, sheared or mirrored, of which files
        cannot tell; axes that share a letter are left out.
    """
    corner = np.array(layer.data_to_world(np.zeros(layer.ndim)))
    across = np.array([np.array(layer.data_to_world(one)) - corner for one in np.eye(layer.ndim)])
    steps = np.diag(across)
    if (steps <= 0).any() or not np.allclose(across, np.diag(steps), atol=1e-6 * float(steps.min())):
        return {}
    places = zip(axes, (corner / steps).tolist(), strict=True)
    return {letter: place for letter, place in places if axes.count(letter) == 1}
