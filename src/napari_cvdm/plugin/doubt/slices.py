"""The plane of a layer that the viewer shows now: its pixels, and where a picture of it has to be put."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_cvdm.plugin.results.layers import full_data
from napari_cvdm.plugin.results.placement import Placement, where_it_lies
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
    borders : tuple of (int, int)
        From where to where it goes along each of the displayed axes; empty for all there is.
    """

    index: tuple[int | None, ...]
    step: int = 1
    outside: tuple[int, ...] = ()
    borders: tuple[tuple[int, int], ...] = ()

    @property
    def displayed(self) -> tuple[int, int]:
        """Numbers of the two displayed axes, rising."""
        first, second = (axis for axis, i in enumerate(self.index) if i is None)
        return first, second

    def parallel(self, shape: Sequence[int], kept: int | None, step: int | None = None) -> list[Slice]:
        """Return all planes of an array along these axes, thinned out as this one or by another step.

        Along the axis ``kept``, they stay where this one is.
        """
        along = (
            [i] if i is None or axis == kept else range(length)
            for axis, (length, i) in enumerate(zip(shape, self.index, strict=True))
        )
        return [Slice(index, self.step if step is None else step) for index in product(*along)]

    def take(self, data: Any) -> NDArray[Any]:
        """Read the plane from an array of any kind; for a worker, because that may take long."""
        whole = [slice(None, None, self.step)] * 2
        along = iter([slice(begin, end, self.step) for begin, end in self.borders] or whole)
        selection = tuple(next(along) if i is None else i for i in self.index)
        return np.asarray(data[selection])

    def spread(self, plane: NDArray[Any]) -> NDArray[Any]:
        """Give a plane, with colours or not, all the axes of the array, of length one where not displayed."""
        return np.expand_dims(plane, tuple(a for a, i in enumerate(self.index) if i is not None))

    def point(self, row: float, column: float) -> NDArray[np.float64]:
        """Return the index in the array of a place in the plane."""
        begins = [begin for begin, _ in self.borders] or (0, 0)
        places = iter(begin + at * self.step for begin, at in zip(begins, (row, column), strict=True))
        return np.array([next(places) if i is None else i for i in self.index], float)

    def points(self, places: NDArray[np.floating]) -> NDArray[np.float64]:
        """Do as `point`, for places of shape (n, 2); returns shape (n, axes)."""
        return np.array([self.point(row, column) for row, column in places])

    def placement(self, layer: Image) -> dict[str, Any]:
        """Return the keyword arguments of a layer that shows this plane where ``layer`` has it."""
        # A coarse pixel has the value of the fine one at its centre: every step-th was taken, from the first.
        steps = np.array([self.step if i is None else 1 for i in self.index], float)
        return Placement(self.point(0, 0), steps).within(where_it_lies(layer))


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
    return Slice(index, _step(shape[axis] for axis in displayed), outside)


def lying_under(picture: Image, layer: Image, dims: Dims) -> Slice | None:
    """Find what lies under a picture, a result of ``layer``, in the plane of that which the viewer shows.

    As from `current_slice`, with borders; those of the plane if nothing lies there.
    """
    above, place = current_slice(picture, dims), current_slice(layer, dims)
    if above is None or place is None:
        return None
    ends = [full_data(picture).shape[axis] - 0.5 for axis in above.displayed]
    corners = to_world(picture, replace(above, step=1).points(np.array([(-0.5, -0.5), ends])), dims.units)
    found = np.sort(np.round(to_data(layer, corners, dims.units) + 0.5).astype(int), axis=0)
    whole = [(0, full_data(layer).shape[axis]) for axis in place.displayed]
    borders = tuple(
        (max(0, int(found[0, axis])), min(end, int(found[1, axis])))
        for axis, (_, end) in zip(place.displayed, whole, strict=True)
    )
    if any(begin >= end for begin, end in borders):
        borders = tuple(whole)
    return replace(place, step=_step(end - begin for begin, end in borders), borders=borders)


def _step(lengths: Iterable[int]) -> int:
    return max(1, -(-max(lengths) // LARGEST))
