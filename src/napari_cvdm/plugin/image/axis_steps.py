"""How far apart the pixels of a layer lie along each axis, whichever of its transforms says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari.layers import Image


def axis_steps(scale: npt.ArrayLike, affine: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the distance of neighbouring pixels along each axis, in the layer's units.

    The scale may mirror an axis, and the affine, of shape (n + 1, n + 1), carry the scale, as OME-Zarr
    readers let it; rotations leave the length of a column as it is.
    """
    columns = np.asarray(affine, dtype=float)[:-1, :-1]
    return np.asarray(np.abs(np.asarray(scale, dtype=float)) * np.linalg.norm(columns, axis=0))


def physical_steps(
    scale: npt.ArrayLike, affine: npt.ArrayLike, units: Sequence[Any], axes: str
) -> dict[str, float]:
    """Return how far apart pixels are along axes that are known by a letter, as far as their units tell.

    It is in nanometres along Y, X and Z, and in seconds along T. Units may be told by their names.
    """
    import pint

    registry, found = pint.get_application_registry(), {}
    for letter, step, name in zip(axes, axis_steps(scale, affine), units, strict=False):
        unit, own = "second" if letter == "T" else "nanometer", registry.Unit(str(name))
        if letter in "YXZT" and own.is_compatible_with(unit) and step > 0:
            found[letter] = float((step * own).to(unit).magnitude)
    return found


def distances_of(layer: Image, axes: str) -> dict[str, float]:
    """Return what a layer says of the axes that a restoration does not change.

    That is "z_spacing" in nanometres and "time_interval" in seconds, if it tells them.
    """
    steps = physical_steps(layer.scale, layer.affine.affine_matrix, layer.units, axes)
    names = {"Z": "z_spacing", "T": "time_interval"}
    return {name: steps[letter] for letter, name in names.items() if letter in steps}


def sides_of(layer: Image, axes: str) -> tuple[float, float] | None:
    """Return what a layer says of the height and the width of a pixel, in nanometres; None if it does not."""
    steps = physical_steps(layer.scale, layer.affine.affine_matrix, layer.units, axes)
    return (steps["Y"], steps["X"]) if {"Y", "X"} <= steps.keys() else None


def steps_of(layer: Image, axes: str) -> dict[str, float]:
    """Return how far apart the pixels of a layer lie along each axis, in its units, whatever these are.

    Axes that share a letter are left out.
    """
    steps = zip(axes, axis_steps(layer.scale, layer.affine.affine_matrix).tolist(), strict=True)
    return {letter: step for letter, step in steps if axes.count(letter) == 1}


def origin_of(layer: Image, axes: str) -> dict[str, float]:
    """Return where the first pixel of a layer lies along each axis, in steps of the layer, as files tell it.

    Empty for a layer that is turned, sheared or mirrored, of which files cannot tell; axes that share a
    letter are left out.
    """
    corner = np.array(layer.data_to_world(np.zeros(layer.ndim)))
    across = np.array([np.array(layer.data_to_world(one)) - corner for one in np.eye(layer.ndim)])
    steps = np.diag(across)
    if (steps <= 0).any() or not np.allclose(across, np.diag(steps), atol=1e-6 * float(steps.min())):
        return {}
    places = zip(axes, (corner / steps).tolist(), strict=True)
    return {letter: place for letter, place in places if axes.count(letter) == 1}
