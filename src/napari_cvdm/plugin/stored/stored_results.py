"""Result layers of pictures in files that say how they were made, but not how their layers lay.

Scripts and the shell write such files. A layer's place then follows from the size of its pixels and from what
was restored: which planes, which region, and whether it was resampled. It is decided by the functions that
place the results of a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from napari_cvdm.plugin.image.parts import Covered, Part, Placement
from napari_cvdm.plugin.results.layers import METADATA_KEY, InputLayer, Picture, result_metadata
from napari_cvdm.plugin.stored.stated import table
from napari_cvdm.restoration.contrast import limits_of
from napari_cvdm.restoration.described import DescribedPart
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.run_identity import run_of

_KEPT = ("name", "scale", "translate", "units", "axis_labels", "colormap", "blending", "rgb")


@dataclass(frozen=True)
class StoredSizes:
    """What a file says of the size of its pixels.

    Attributes
    ----------
    pixel_nm, z_nm : float or None
        Side of a pixel within the plane, and distance of two planes, in nanometres.
    interval_s : float or None
        Time from frame to frame in seconds.
    """

    pixel_nm: float | None = None
    z_nm: float | None = None
    interval_s: float | None = None

    def along(self, axes: str) -> tuple[list[float], list[str]]:
        """Return the step along each axis and its unit; 1 pixel where the file does not say."""
        known = {
            "Y": (self.pixel_nm, 1e-3, "micrometer"),
            "X": (self.pixel_nm, 1e-3, "micrometer"),
            "Z": (self.z_nm, 1e-3, "micrometer"),
            "T": (self.interval_s, 1.0, "second"),
        }
        steps, units = [], []
        for letter in axes:
            size, factor, unit = known.get(letter, (None, 1.0, ""))
            steps.append(1.0 if size is None else size * factor)
            units.append("pixel" if size is None else unit)
        return steps, units


def result_attributes(
    provenance: Mapping[str, Any], picture: Picture, title: str, data: Any, axes: str, sizes: StoredSizes
) -> dict[str, Any]:
    """Make the attributes of a result layer: it lies where the sample is, and looks as after a run.

    They are keyword arguments of `napari.layers.Image`. ``title`` is what to call the image that was
    restored.
    """
    placement = placement_of(provenance, axes, data.shape)
    steps, units = sizes.along(axes)
    fine = {
        letter: spacing for letter, spacing in zip(axes, placement.spacing, strict=True) if letter in "YX"
    }
    # What the file says is the mean of the two sides, which resampling may have made differ a little.
    side = sqrt(fine["Y"] * fine["X"])
    input_steps = [
        step / side if letter in "YX" and sizes.pixel_nm is not None else step
        for letter, step in zip(axes, steps, strict=True)
    ]
    ndim = len(axes)
    source = InputLayer(
        name=title,
        scale=tuple(input_steps),
        translate=(0.0,) * ndim,
        rotate=np.eye(ndim),
        shear=np.eye(ndim),
        affine=np.eye(ndim + 1),
        units=tuple(units),
        axis_labels=_labels(axes),
        colormap=None,
        blending="opaque",
    )
    attributes = result_metadata(source, picture, placement, ())
    about = {**provenance, "picture": picture, "run": run_of(provenance)}
    return {
        **{key: attributes[key] for key in _KEPT},
        "contrast_limits": limits_of(picture, data),
        "metadata": {METADATA_KEY: about},
    }


def plain_attributes(name: str, axes: str, sizes: StoredSizes) -> dict[str, Any]:
    """Make the attributes of a layer of an image that is no result."""
    steps, units = sizes.along(axes)
    return {
        "name": name,
        "scale": tuple(steps),
        "units": tuple(units),
        "axis_labels": _labels(axes),
        "rgb": False,
    }


def placement_of(provenance: Mapping[str, Any], axes: str, shape: Sequence[int]) -> Placement:
    """Find out where the pixels of a result lie in the image it was made from.

    Of the provenance ``selection``, ``resampling`` and ``upscaling`` count. Chosen planes that are not evenly
    spaced, or in another order, are just counted.
    """
    chosen = _part(provenance.get("selection"), axes).along(axes)
    upscaling = provenance.get("upscaling")
    finer = upscaling if isinstance(upscaling, int) and upscaling > 0 else 1
    resampled = _lengths(provenance.get("resampling"))
    ranges: list[range] = []
    covered: Covered = {}
    for letter, length, here in zip(axes, shape, chosen, strict=True):
        if letter in "YX":
            first, end = (0, length / finer) if here is None else (here[0], here[-1] + 1)
            old, new = resampled.get(letter, (1, 1))
            covered[letter] = (first * old / new, end * old / new)
            ranges.append(range(length))
        else:
            ranges.append(_evenly(here or (), length))
    return Placement.of(Part(tuple(ranges)), axes, shape, covered)


def title_of(stem: str, picture: str) -> str:
    """Call the image that was restored after a result's file, from whose name the ending is taken off."""
    name = stem.removesuffix("_uncertainty") if picture == "uncertainty" else stem
    return name.removesuffix(".cvdm").removesuffix("_cvdm") or name


def _part(said: object, axes: str) -> DescribedPart:
    """Read which part was restored; the whole if that is not clear, as a layer has to lie somewhere."""
    try:
        return DescribedPart.from_description(said, axes)
    except InputError:
        return DescribedPart.from_description(None, axes)


def _evenly(chosen: Sequence[int], length: int) -> range:
    """Return chosen positions as a range."""
    if len(chosen) != length:
        return range(length)
    step = chosen[1] - chosen[0] if length > 1 else 1
    spaced = range(chosen[0], chosen[0] + step * length, step) if step > 0 else range(length)
    return spaced if list(spaced) == list(chosen) else range(length)


def _lengths(resampling: object) -> dict[str, tuple[int, int]]:
    """Return how long Y and X were before and after a resampling; empty if there was none."""
    from napari_cvdm.restoration.resampling import Resampling

    try:
        plan = Resampling.from_description(table(resampling))
    except InputError:
        return {}
    return dict(zip("YX", zip(plan.plane_shape, plan.new_plane_shape, strict=True), strict=True))


def _labels(axes: str) -> tuple[str, ...]:
    return tuple(f"axis {number}" if letter in "QS" else letter.lower() for number, letter in enumerate(axes))
