"""Where a result lies: told by what was restored, alike after a run, of a file and beside an original."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_cvdm.plugin.stored.stated import table
from napari_cvdm.restoration.described import DescribedPart
from napari_cvdm.restoration.errors import InputError

if TYPE_CHECKING:
    from napari.layers import Layer


@dataclass(frozen=True)
class Placement:
    """Where an image's pixels lie in another, such as a result's in its original: q at origin + spacing · q.

    Attributes
    ----------
    origin, spacing : ndarray
        In pixels of the other image, one number for each axis. Pixel centres are at whole numbers.
    """

    origin: npt.NDArray[np.float64]
    spacing: npt.NDArray[np.float64]

    def starting_at(self, first: Sequence[float]) -> Placement:
        """Return the placement of what is left of the image from this pixel on."""
        return Placement(self.origin + self.spacing * np.asarray(first), self.spacing)

    def within(self, other: Mapping[str, Any]) -> dict[str, Any]:
        """Return where the image lies, given where the other one does, both as `where_it_lies` tells it.

        A layer maps index p to the world by A(R S diag(scale) p + translate), with the affine A, the rotation
        R and the shear S. With p = origin + spacing · q, that gives scale' = scale · spacing, and a
        translation by R S (scale · origin).
        """
        from napari.utils.transforms.transform_utils import shear_to_matrix

        scale, own = np.asarray(other["scale"]), np.eye(len(other["scale"]))
        if "rotate" in other:
            own = other["rotate"] @ shear_to_matrix(other["shear"], ndim=len(scale))
        return {
            **other,
            "scale": tuple(scale * self.spacing),
            "translate": tuple(np.asarray(other["translate"]) + own @ (scale * self.origin)),
        }


PLACE_EVENTS = ("scale", "translate", "rotate", "shear", "affine", "units")
"""Events of a layer after which it lies elsewhere."""


def where_it_lies(layer: Layer) -> dict[str, Any]:
    """Return the keyword arguments with which another layer lies as this one does now."""
    numbers = {name: np.array(getattr(layer, name)) for name in ("scale", "translate", "rotate", "shear")}
    return {
        **numbers,
        "affine": np.array(layer.affine.affine_matrix),
        "units": layer.units,
        "axis_labels": layer.axis_labels,
    }


def lay(layer: Layer, where: Mapping[str, Any]) -> None:
    """Let a layer lie where keyword arguments say, as `where_it_lies` returns them."""
    there = where_it_lies(layer)
    for name, value in where.items():
        if not np.array_equal(there[name], value):
            setattr(layer, name, value)


def placement_of(provenance: Mapping[str, Any], axes: str, shape: Sequence[int]) -> Placement:
    """Find out where the pixels of a result of that shape lie in the image it was made from.

    Of the provenance ``selection``, ``resampling`` and ``upscaling`` count. Chosen planes that are not evenly
    spaced, or in another order, are just counted.

    The borders of pixels stay where they are, not the centres: along Y and X, the field between a and b
    became m pixels, of which q lies at a + (q + 1/2) · (b - a)/m - 1/2.
    """
    chosen = _part(provenance.get("selection"), axes).along(axes)
    upscaling = provenance.get("upscaling")
    finer = upscaling if isinstance(upscaling, int) and upscaling > 0 else 1
    resampled = _lengths(provenance.get("resampling"))
    origin, spacing = np.zeros(len(axes)), np.ones(len(axes))
    for axis, (letter, length, here) in enumerate(zip(axes, shape, chosen, strict=True)):
        if letter in "YX":
            first, end = (0, length / finer) if here is None else (here[0], here[-1] + 1)
            old, new = resampled.get(letter, (1, 1))
            spacing[axis] = (end - first) * old / new / length
            origin[axis] = first * old / new + spacing[axis] / 2 - 0.5
        elif here is not None:
            origin[axis], spacing[axis] = _evenly(here, length)
    return Placement(origin, spacing)


def _part(said: object, axes: str) -> DescribedPart:
    """Read which part was restored; the whole if that is not clear, as a layer has to lie somewhere."""
    try:
        return DescribedPart.from_description(said, axes)
    except InputError:
        return DescribedPart.from_description(None, axes)


def _evenly(chosen: Sequence[int], length: int) -> tuple[int, int]:
    """Return the first of chosen positions and how far apart they are; 0 and 1 if that does not tell them."""
    first, step = chosen[0], chosen[1] - chosen[0] if len(chosen) > 1 else 1
    even = step > 0 and list(chosen) == list(range(first, first + step * length, step))
    return (first, step) if even else (0, 1)


def _lengths(resampling: object) -> dict[str, tuple[int, int]]:
    """Return how long Y and X were before and after a resampling; empty if there was none."""
    from napari_cvdm.restoration.resampling import Resampling

    try:
        plan = Resampling.from_description(table(resampling))
    except InputError:
        return {}
    return dict(zip("YX", zip(plan.plane_shape, plan.new_plane_shape, strict=True), strict=True))
