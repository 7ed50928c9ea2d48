"""World coordinates and the units they are in: the viewer's, or those of a layer.

napari tells ``dims.point`` and the camera in the viewer's units, the smallest of each kind among its layers,
but ``Layer.world_to_data`` and ``Layer.data_to_world`` know those of their layer alone. napari converts where
it slices and draws, and leaves it to everybody else to do the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from napari.components import Dims
    from napari.layers import Layer

Units = Sequence[Any] | None
"""The unit of each axis, from pint. None where nothing is converted: napari has none where units clash."""


class Sliders(NamedTuple):
    """Where the viewer's sliders stand, and how much of the world can be seen there.

    Attributes
    ----------
    point : sequence of float
        One for each axis of the viewer.
    units : Units
        In what they are.
    corners : sequence of sequence of float
        The points that the canvas has in its four corners; none where that is not known, and in 3-D, where
        a corner shows a whole line.
    displayed : sequence of int
        The viewer's axes that are on the screen; none where that is not known.
    """

    point: Sequence[float]
    units: Units = None
    corners: Sequence[Sequence[float]] = ()
    displayed: Sequence[int] = ()


def sliders_of(dims: Dims) -> Sliders:
    """Read the sliders of a viewer."""
    return Sliders(dims.point, dims.units, displayed=dims.displayed)


def sight_of(viewer: Any) -> Sliders:
    """Read the sliders of a viewer, and what its canvas shows; in a grid, what each of its places shows."""
    sliders, camera = sliders_of(viewer.dims), viewer.scene.camera
    if viewer.dims.ndisplay != 2:
        return sliders
    half = np.asarray(viewer.canvas.viewbox_size(viewer.layers)) / camera.zoom / 2
    corners = np.tile(np.asarray(sliders.point, dtype=float), (4, 1))
    corners[:, list(viewer.dims.displayed)] = camera.center[-2:] + half * [(-1, -1), (-1, 1), (1, 1), (1, -1)]
    return sliders._replace(corners=corners.tolist())


def factors(layer: Layer, units: Units) -> NDArray[np.float64]:
    """Return by what to multiply coordinates to have them in a layer's units, one for each of its axes.

    Parameters
    ----------
    layer : Layer
        The layer.
    units : Units
        Of the coordinates; the last axes are shared. 1 for an axis without, or with one of another kind.
    """
    import pint

    found = np.ones(layer.ndim)
    registry = pint.get_application_registry()
    # Base units, as napari does it: units may come from several registries, and those are not compared.
    pairs = zip(reversed(units or ()), reversed(layer.units), strict=False)
    for axis, (given, own) in enumerate(pairs, start=1):
        if given.dimensionality == own.dimensionality:
            found[-axis] = registry.get_base_units(given)[0] / registry.get_base_units(own)[0]
    return found


def to_data(layer: Layer, points: ArrayLike, units: Units) -> NDArray[np.float64]:
    """Convert places in the world to indices in a layer, fractions allowed.

    Parameters
    ----------
    layer : Layer
        The layer.
    points : array_like, (..., axes)
        Maybe of another number of axes than the layer: the last are shared, further ones of the layer are 0.
    units : Units
        What ``points`` are in.
    """
    given = np.asarray(points, dtype=float)
    shared = min(layer.ndim, given.shape[-1])
    world = np.zeros((*given.shape[:-1], layer.ndim))
    world[..., layer.ndim - shared :] = given[..., given.shape[-1] - shared :]
    return np.asarray(np.apply_along_axis(layer.world_to_data, -1, world * factors(layer, units)))


def to_world(layer: Layer, indices: ArrayLike, units: Units) -> NDArray[np.float64]:
    """Convert indices in a layer, shape (..., axes), to places in the world, in ``units``."""
    own = np.apply_along_axis(layer.data_to_world, -1, np.asarray(indices, dtype=float))
    return np.asarray(own / factors(layer, units))
