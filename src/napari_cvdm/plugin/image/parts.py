"""Which part of a layer is restored: all, the plane or the view on the screen, a rectangle, some channels.

Everything here is arithmetic on indices; `pointing` asks layers and viewers for theirs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_cvdm.restoration.axes import MINIMUM_SIDE
from napari_cvdm.restoration.errors import InputError

if TYPE_CHECKING:
    from napari_cvdm.restoration.axes import Axes
    from napari_cvdm.restoration.selection import RegionLike

Covered = dict[str, tuple[float, float]]
"""What a result covers of the input along Y and X: from where to where, in its pixels."""


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


@dataclass(frozen=True)
class Placement:
    """Where a result's pixels lie in the layer it was made from: index q is at origin + spacing · q.

    Attributes
    ----------
    origin, spacing : ndarray
        In pixels of the input, one number for each axis.
    """

    origin: npt.NDArray[np.float64]
    spacing: npt.NDArray[np.float64]

    @classmethod
    def of(
        cls, part: Part, axes: str, result_shape: Sequence[int], covered: Covered | None = None
    ) -> Placement:
        """Find the placement of a result that covers the field of a part.

        Pixel centres are at whole indices. Along Y and X, the field between the pixel borders a and b became
        m pixels: q lies at a + (q + 1/2) · (b - a)/m - 1/2. The other axes are as they were.

        Parameters
        ----------
        part : Part
            What was restored.
        axes : str
            One letter for each axis.
        result_shape : sequence of int
            Length of each axis of the result.
        covered : Covered, optional
            a and b, where they are not just those of the part.
        """
        origin = np.array([r.start for r in part.ranges], dtype=float)
        spacing = np.array([r.step for r in part.ranges], dtype=float)
        for i, name in enumerate(axes):
            if name in "YX":
                span = part.ranges[i].start, part.ranges[i].stop
                first, end = span if covered is None else covered[name]
                spacing[i] = (end - first) / result_shape[i]
                origin[i] = first + spacing[i] / 2 - 0.5
        return cls(origin, spacing)

    def starting_at(self, first: Sequence[float]) -> Placement:
        """Return the placement of what is left of the result from this pixel on."""
        return Placement(self.origin + self.spacing * np.asarray(first), self.spacing)


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


def covered_after_resampling(
    image: Axes, region: RegionLike, pixel_size: float | None, known: tuple[float, float] | None
) -> Covered | None:
    """Return what a result covers of an image whose resampling moves the borders of a region.

    None if there is nothing to resample. The parameters are as `napari_cvdm.restore` and `plan_resampling`
    take them.
    """
    from napari_cvdm.restoration.resampling import plan_resampling
    from napari_cvdm.restoration.selection import select

    plan = plan_resampling(image.plane_shape, pixel_size, known)
    if plan is None:
        return None
    moved = select(image, region=region).resampled(plan.new_plane_shape).region
    assert moved is not None  # where a region was chosen, there is one
    spans = (moved.rows, moved.columns)
    return {
        name: (span.start * old / new, span.stop * old / new)
        for name, span, old, new in zip("YX", spans, image.plane_shape, plan.new_plane_shape, strict=True)
    }


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
