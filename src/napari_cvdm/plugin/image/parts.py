"""Which part of a layer is restored: all, the plane or the view on the screen, a rectangle, some channels.

Everything here is arithmetic on indices; `pointing` asks layers and viewers for theirs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_cvdm.restoration.axes import MINIMUM_SIDE, Axes
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.resampling import Resampling, plan_resampling
from napari_cvdm.restoration.selection import Selection, select


@dataclass(frozen=True)
class Part:
    """A part of an image: evenly spaced indices along each axis.

    Attributes
    ----------
    ranges : tuple of range
        Indices into each axis, in the order of the axes; none is empty, each goes up.
    words : str
        What to call it in the name of a result; empty for the whole image.
    """

    ranges: tuple[range, ...]
    words: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis of the part."""
        return tuple(len(r) for r in self.ranges)

    def chosen(self, axes: str, shape: Sequence[int], *, leading: int = 0) -> dict[str, Any]:
        """Return the part as `napari_cvdm.restore` takes it, with the whole image: ``planes`` and ``region``.

        Parameters
        ----------
        axes, shape
            Letter and length of each axis of the whole image.
        leading : int
            How many axes the image has in front of these.
        """
        planes = {
            i + leading: slice(r.start, r.stop, r.step)
            for i, (name, r, n) in enumerate(zip(axes, self.ranges, shape, strict=True))
            if name not in "YX" and r != range(n)
        }
        rows, columns = (self.ranges[axes.index(name)] for name in "YX")
        cut = len(rows) < shape[axes.index("Y")] or len(columns) < shape[axes.index("X")]
        region = ((rows.start, rows.stop), (columns.start, columns.stop)) if cut else None
        return {"planes": planes or None, "region": region}

    def describe(self) -> list[list[int]]:
        """Return start, stop and step for each axis, for the provenance."""
        return [[r.start, r.stop, r.step] for r in self.ranges]


def whole(shape: Sequence[int]) -> Part:
    """Return all of an image."""
    return Part(tuple(range(n) for n in shape))


def current_plane(axes: str, shape: Sequence[int], position: Sequence[int]) -> Part:
    """Return the plane at a position of the image."""
    ranges = [
        range(n) if name in "YX" else range(at, at + 1)
        for name, n, at in zip(axes, shape, position, strict=True)
    ]
    return Part(tuple(ranges), "plane")


def current_view(
    axes: str, shape: Sequence[int], position: Sequence[int], corners: npt.NDArray[np.float64]
) -> Part:
    """Return what can be seen of the plane at a position.

    ``corners``, shape (2, axes), are the first and last index that can be seen along each axis, fractions
    allowed.

    Raises
    ------
    InputError
        If less than the smallest plane that can be restored is in view.
    """
    plane = current_plane(axes, shape, position)
    return Part(_cropped(axes, plane.ranges, corners, "The view shows"), "view")


def inside(axes: str, shape: Sequence[int], box: npt.NDArray[np.float64]) -> Part:
    """Return the pixels inside a box, in all planes.

    ``box`` is as the corners of `current_view`; along all axes but Y and X it is ignored.

    Raises
    ------
    InputError
        If less than the smallest plane that can be restored is inside.
    """
    return Part(_cropped(axes, whole(shape).ranges, box, "The rectangle encloses"), "region")


def with_channels(part: Part, axes: str, channels: Sequence[int]) -> list[Part]:
    """Restrict a part to some channels, as few parts as it takes for evenly spaced ones.

    Without a channel axis, the part is returned as it is. Channels that it does not have are ignored.
    """
    if "C" not in axes:
        return [part]
    at = axes.index("C")
    kept = [c for c in sorted(set(channels)) if c in part.ranges[at]]
    if kept == list(part.ranges[at]):
        return [part]
    steps = {second - first for first, second in itertools.pairwise(kept)}
    if len(steps) <= 1:
        runs = [range(kept[0], kept[-1] + 1, steps.pop() if steps else 1)] if kept else []
    else:
        runs = [range(c, c + 1) for c in kept]
    before = f"{part.words}, " if part.words else ""
    return [
        Part((*part.ranges[:at], run, *part.ranges[at + 1 :]), f"{before}channel {' + '.join(map(str, run))}")
        for run in runs
    ]


def selected(
    image: Axes, chosen: Mapping[str, Any], pixel_size: float | None, known: tuple[float, float] | None
) -> tuple[Selection, Resampling | None]:
    """Return what is chosen of an image, and how that is resampled first to a size that is known, if it is.

    ``chosen`` is as `Part.chosen` tells it; the other parameters are as `plan_resampling` takes them.

    Raises
    ------
    InputError
        If resampling cannot help.
    """
    selection, plan = select(image, **chosen), plan_resampling(image.plane_shape, pixel_size, known)
    return (selection if plan is None else selection.resampled(plan.new_plane_shape)), plan


def _cropped(
    axes: str, ranges: Sequence[range], corners: npt.NDArray[np.float64], what: str
) -> tuple[range, ...]:
    cropped = list(ranges)
    for i, name in enumerate(axes):
        if name in "YX":
            start = int(np.clip(math.floor(corners[0, i] + 0.5), 0, len(ranges[i])))
            stop = int(np.clip(math.floor(corners[1, i] + 0.5) + 1, 0, len(ranges[i])))
            cropped[i] = range(start, max(start, stop))
    rows, columns = (len(cropped[axes.index(name)]) for name in "YX")
    if min(rows, columns) < MINIMUM_SIDE:
        raise InputError(
            f"{what} {columns} × {rows} pixels of the image; at least {MINIMUM_SIDE} × {MINIMUM_SIDE} are "
            "needed."
        )
    return tuple(cropped)
