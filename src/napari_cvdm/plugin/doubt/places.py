"""Uncertain places of the planes of a result: found, ranked, and told in physical lengths."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_cvdm.assessment.doubt import Measure, PlaneDoubt
from napari_cvdm.assessment.regions import UncertainRegion, uncertain_regions
from napari_cvdm.plugin.doubt.slices import Slice
from napari_cvdm.plugin.doubt.words import length_unit, plane_number, plane_words
from napari_cvdm.plugin.viewer.world import Units, factors, to_world

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_cvdm.plugin.doubt.link import Look

COUNT = 10
"""How many places are listed."""


@dataclass(frozen=True)
class Place:
    """An uncertain region and the plane it is in."""

    region: UncertainRegion
    slice: Slice


def ranked(found: list[Place]) -> list[Place]:
    """Return the most uncertain of places from several planes, the worst first."""
    return sorted(found, key=lambda place: -place.region.mean_uncertainty)[:COUNT]


def places_of(doubt: PlaneDoubt, look: Look, place: Slice | None = None) -> list[Place]:
    """Find the most uncertain places of a plane: of the one looked at, or of ``place``."""
    regions = uncertain_regions(doubt.uncertainty(look.measure), count=COUNT)
    return [Place(region, place or look.slice) for region in regions]


def places_of_all(mean: Any, std: Any, look: Look, checkpoint: Callable[[], None]) -> list[Place]:
    """Find the most uncertain places of all planes of the channel looked at; for a worker."""
    found: list[Place] = []
    for place in look.planes():
        checkpoint()
        found += places_of(PlaneDoubt(place.take(mean), place.take(std)), look, place)
    return ranked(found)


def corners_of(region: UncertainRegion) -> NDArray[np.float64]:
    """Return the corners of a region's box, shape (4, 2), in pixels of the plane."""
    top, left, bottom, right = region.box
    return np.array([(top, left), (top, right), (bottom, right), (bottom, left)], float) - 0.5


def physical(place: Place, layer: Image) -> tuple[float, float, float]:
    """Return area and position of a place in the units that `length_unit` names, as the layer lies there."""
    axes = place.slice.displayed
    in_unit = np.array([length_unit(layer, axis)[0] for axis in range(layer.ndim)])

    def world(row: float, column: float) -> NDArray[np.float64]:
        return np.asarray(layer.data_to_world(place.slice.point(row, column))) * in_unit

    down, right = world(1, 0) - world(0, 0), world(0, 1) - world(0, 0)
    # Of a parallelogram: the layer may be sheared.
    pixel = math.sqrt(max(0.0, float((down @ down) * (right @ right) - (down @ right) ** 2)))
    y, x = world(*place.region.centre)[list(axes)]
    return place.region.area * pixel, float(y), float(x)


def directions(layer: Image, axes: tuple[int, ...]) -> tuple[str, str]:
    """Name the displayed axes by their labels: "y" and "x" where these are no names."""
    down, right = (layer.axis_labels[axis] for axis in axes)
    return (down, right) if down.isalpha() and right.isalpha() else ("y", "x")


def columns_of(places: Sequence[Place], layer: Image, measure: Measure) -> dict[str, NDArray[Any]]:
    """Return the columns of a table of places, at least one, all of planes along the same axes.

    Under their headings they tell mean uncertainty in that measure, area, centre in the reconstruction, and,
    of a stack, the plane by the names of its axes, as napari's sliders count.
    """
    axes = places[0].slice.displayed
    (down, right), unit = directions(layer, axes), length_unit(layer, axes[0])[1]
    area, y, x = np.array([physical(place, layer) for place in places]).T
    planes = [plane_number(layer, place.slice) for place in places]
    share = "share of the signal" if measure == "relative" else "image units"
    return {
        f"mean uncertainty ({share})": np.array([place.region.mean_uncertainty for place in places]),
        f"area ({unit}²)": area,
        f"{down} ({unit})": y,
        f"{right} ({unit})": x,
        **{name: np.array([plane[name] for plane in planes]) for name in planes[0]},
    }


def area_words(area: float) -> str:
    """Write an area with three digits, so that those in a column can be compared.

    >>> area_words(1), area_words(0.0123), area_words(45.67), area_words(12345)
    ('1.00', '0.0123', '45.7', '12345')
    """
    digits = 2 - int(np.floor(np.log10(area))) if area > 0 else 0
    return f"{area:.{min(max(digits, 0), 9)}f}"


def zoom_for(place: Place, layer: Image, side: float, units: Units) -> float:
    """Return the zoom at which a place takes a sixth of the view, its pixels four of the screen at most.

    ``side`` is that of the view in pixels of the screen, of which zoom tells how many there are for each of
    the viewer's ``units``.
    """
    top, left, bottom, right = place.region.box
    corners = to_world(layer, place.slice.points(np.array([(top, left), (bottom, right)])), units)
    steps = layer.extent.step / factors(layer, units)
    pixel = min(float(steps[axis]) for axis in place.slice.displayed) * place.slice.step
    return min(side / 6 / float(np.linalg.norm(np.subtract(*corners))), 4 / pixel)


def where_words(place: Place, layer: Image) -> str:
    """Say how many pixels a place has, and in which plane it is."""
    plane = plane_words(layer, place.slice)
    return f"{place.region.area} pixels, plane {plane}" if plane else f"{place.region.area} pixels"
