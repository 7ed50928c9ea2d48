"""The plane of a layer that the viewer shows now: its pixels, and where a picture of it has to be put."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_cvdm.plugin.results.layers import full_data, where_it_lies
from napari_cvdm.plugin.viewer.world import to_data, to_world

if TYPE_CHECKING:
    from napari.components import Dims
    from napari.layers import Image

LARGEST = 4096
"""Planes with more rows or columns than this are thinned out: more could not be seen on a screen."""


@dataclass(frozen=True)
class Slice:
    """A plane of an array with any number of axes, along the two axes that are displayed.

    Attributes
    ----------
    index : tuple of int or None
        One for each axis; None for the two displayed.
    step : int
        Only every step-th row and column is taken.
    outside : tuple of int
        The axes along which the viewer shows what is beyond the array: then this is the nearest plane.
    """

    index: tuple[int | None, ...]
    step: int = 1
    outside: tuple[int, ...] = ()

    @property
    def displayed(self) -> tuple[int, int]:
        """Numbers of the two displayed axes, rising."""
        first, second = (axis for axis, i in enumerate(self.index) if i is None)
        return first, second

    def take(self, data: Any) -> NDArray[Any]:
        """Read the plane from an array of any kind; for a worker, because that may take long."""
        selection = tuple(slice(None, None, self.step) if i is None else i for i in self.index)
        return np.asarray(data[selection])

    def spread(self, plane: NDArray[Any]) -> NDArray[Any]:
        """Give a plane, with colours or not, all the axes of the array, of length one where not displayed."""
        return np.expand_dims(plane, tuple(a for a, i in enumerate(self.index) if i is not None))

    def point(self, row: float, column: float) -> NDArray[np.float64]:
        """Return the index in the array of a place in the plane."""
        return np.array(self._filled(row * self.step, column * self.step), float)

    def points(self, places: NDArray[np.floating]) -> NDArray[np.float64]:
        """Do as `point`, for places of shape (n, 2); returns shape (n, axes)."""
        return np.array([self.point(row, column) for row, column in places])

    def placement(self, layer: Image) -> dict[str, Any]:
        """Return the keyword arguments of a layer that shows this plane where ``layer`` has it."""
        from napari.utils.transforms import Affine

        own = Affine(
            scale=layer.scale,
            rotate=layer.rotate,
            shear=layer.shear,
            translate=layer.translate,
            ndim=layer.ndim,
        )
        # A coarse pixel has the value of the fine one at its centre: every step-th was taken, from the first.
        scale = np.array(layer.scale, float)
        scale[list(self.displayed)] *= self.step
        first = own(np.array(self._filled(0, 0), float))
        return where_it_lies(layer) | {"scale": scale, "translate": first}

    def _filled(self, row: float, column: float) -> list[float]:
        places = iter((row, column))
        return [next(places) if i is None else i for i in self.index]


def go_to(layer: Image, place: Slice, dims: Dims, row: float = 0, column: float = 0) -> NDArray[np.float64]:
    """Move the viewer's sliders to a point in a plane of ``layer``; return where that is in the world."""
    world = to_world(layer, place.point(row, column), dims.units)
    offset = dims.ndim - layer.ndim
    for axis, i in enumerate(place.index):
        if i is not None:
            dims.set_point(axis + offset, world[axis])
    return world


def current_slice(layer: Image, dims: Dims) -> Slice | None:
    """Find the plane of ``layer`` that the viewer shows, or the nearest if it shows none.

    None in 3-D display, or when an axis is displayed that the layer does not have.
    """
    displayed = {axis - (dims.ndim - layer.ndim) for axis in dims.displayed}
    if dims.ndisplay != 2 or min(displayed) < 0:
        return None
    shape: Sequence[int] = full_data(layer).shape
    at = np.round(to_data(layer, dims.point, dims.units)).astype(int)
    index = tuple(
        None if axis in displayed else int(np.clip(at[axis], 0, shape[axis] - 1))
        for axis in range(layer.ndim)
    )
    outside = tuple(axis for axis, i in enumerate(index) if i is not None and i != at[axis])
    longest = max(shape[axis] for axis in displayed)
    return Slice(index, max(1, -(-longest // LARGEST)), outside)
