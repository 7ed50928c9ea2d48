"""The pixels that a plane of a result was made from, as the model saw them: of a part, perhaps resampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_cvdm.plugin.doubt.linked import Result, axes_of
from napari_cvdm.plugin.results.layers import full_data
from napari_cvdm.plugin.results.placement import Placement
from napari_cvdm.plugin.stored.asked import part_of
from napari_cvdm.plugin.stored.stated import table
from napari_cvdm.restoration.described import DescribedPart
from napari_cvdm.restoration.errors import InputError

if TYPE_CHECKING:
    from napari.layers import Image
    from numpy.typing import DTypeLike, NDArray

    from napari_cvdm.plugin.doubt.slices import Slice
    from napari_cvdm.restoration.resampling import Resampling


@dataclass(frozen=True, eq=False)
class Recording:
    """What a plane of a result was made from. From `recording_of`.

    Attributes
    ----------
    original : napari.layers.Image
        What was restored.
    ranges : tuple of range
        Its pixels, one range for each axis but that of its colours; a single index where not displayed.
    resampling : Resampling, optional
        How whole planes were resampled, if they were.
    region : tuple of range
        Rows and columns of the resampled planes that were restored; empty if none were resampled.
    transposed : bool
        Whether the original's axes have the columns in front of the rows.
    """

    original: Image
    ranges: tuple[range, ...]
    resampling: Resampling | None = None
    region: tuple[range, ...] = ()
    transposed: bool = False

    def plane(self, dtype: DTypeLike | None = None) -> NDArray[Any]:
        """Read it, as `read_plane` does; resampled if it was. Takes a while: not for the main thread."""
        plane = read_plane(self.original, self.ranges, dtype)
        if self.resampling is None:
            return plane
        from napari_cvdm.restoration.resampling import resample_plane

        plane = resample_plane(plane.T if self.transposed else plane, self.resampling)
        rows, columns = self.region
        plane = plane[rows.start : rows.stop, columns.start : columns.stop]
        return plane.T if self.transposed else plane

    @property
    def placement(self) -> Placement:
        """Where the pixels of `plane` lie in the original."""
        origin = np.array([r.start for r in self.ranges], float)
        spacing = np.array([r.step for r in self.ranges], float)
        if self.resampling is not None:
            old, new = self.resampling.plane_shape, self.resampling.new_plane_shape
            order = (1, 0) if self.transposed else (0, 1)
            for axis, k in zip(self._displayed, order, strict=True):
                spacing[axis] = old[k] / new[k]
                origin[axis] = (self.region[k].start + 0.5) * spacing[axis] - 0.5
        return Placement(origin, spacing)

    @property
    def _displayed(self) -> list[int]:
        return [axis for axis, r in enumerate(self.ranges) if len(r) > 1]


def recording_of(result: Result, original: Image, place: Slice) -> Recording:
    """Find the pixels of the original that a plane of a result was made from.

    The provenance says what the result is of: what was asked for in the viewer, or the selection that any
    restoration notes.

    Raises
    ------
    InputError
        If the original does not have the pixels that the result's provenance names.
    """
    provenance = result.provenance
    resampling = table(provenance.get("resampling"))
    fine, coarse = full_data(result.reconstruction).shape, full_data(original).shape[: original.ndim]
    if resampling:
        return _resampled(result, original, place, resampling)
    taken = indices_taken(provenance, coarse)
    ranges = _leading(original, taken, fine, place)
    for axis in place.displayed:
        chosen = taken[axis]
        if (
            not isinstance(chosen, range)
            or len(chosen) * provenance.get("upscaling", 2) != fine[axis]
            or max(chosen, default=0) >= coarse[axis]
        ):
            raise _other(original)
        ranges[axis] = chosen
    return Recording(original, tuple(ranges))


def read_plane(original: Image, ranges: Sequence[range], dtype: DTypeLike | None = None) -> NDArray[Any]:
    """Read a plane of the original as the restoration saw it: without colours, which are averaged.

    ``ranges`` has one for each axis but that of the colours, a single index where not displayed. ``dtype`` is
    that of the mean of the colours; float64 of integers if left out.
    """
    selection = tuple(r[0] if len(r) == 1 else slice(r.start, r.stop, r.step) for r in ranges)
    plane = np.asarray(full_data(original)[selection])
    return np.asarray(plane[..., :3].mean(axis=-1, dtype=dtype)) if original.rgb else plane


def indices_taken(provenance: dict[str, Any], shape: Sequence[int]) -> list[Sequence[int]]:
    """Return the indices along each axis of the original, which has that shape, that were restored.

    Raises
    ------
    InputError
        If it does not say clearly which they are.
    """
    part = part_of(provenance)
    if part is not None:
        return list(part)
    axes = axes_of(provenance, len(shape))
    chosen = DescribedPart.from_description(provenance.get("selection"), axes).along(axes)
    return [range(length) if here is None else here for here, length in zip(chosen, shape, strict=True)]


def _other(original: Image) -> InputError:
    return InputError(
        f"'{original.name}' does not have the pixels that were restored: it was cropped or resampled, or "
        "is another image. Choose the one that was restored under Original, or restore this one."
    )


def _resampled(result: Result, original: Image, place: Slice, said: dict[str, Any]) -> Recording:
    """Whole planes were resampled, and a region was cut out of them afterwards."""
    from napari_cvdm.restoration.resampling import Resampling

    provenance, coarse = result.provenance, full_data(original).shape[: original.ndim]
    fine = full_data(result.reconstruction).shape
    letters = axes_of(provenance, len(coarse))
    y, x = letters.index("Y"), letters.index("X")
    if place.displayed != tuple(sorted((y, x))):
        raise InputError(
            f"'{original.name}' was resampled along its rows and columns before it was restored: let the "
            "viewer show these."
        )
    plan = Resampling.from_description(said)
    upscaling, new = provenance.get("upscaling", 2), plan.new_plane_shape
    region = DescribedPart.from_description(provenance.get("selection"), letters).region
    rows, columns = (range(n) for n in new) if region is None else (region.rows, region.columns)
    if (
        (coarse[y], coarse[x]) != plan.plane_shape
        or (upscaling * len(rows), upscaling * len(columns)) != (fine[y], fine[x])
        or not (rows.stop <= new[0] and columns.stop <= new[1])
    ):
        raise _other(original)
    ranges = _leading(original, indices_taken(provenance, coarse), fine, place)
    ranges[y], ranges[x] = range(coarse[y]), range(coarse[x])
    return Recording(original, tuple(ranges), plan, (rows, columns), transposed=x < y)


def _leading(
    original: Image, taken: Sequence[Sequence[int]], fine: Sequence[int], place: Slice
) -> list[range]:
    """Return the single index of the original along each axis that is not displayed; elsewhere none."""
    ranges = [range(0)] * len(fine)
    for axis, i in enumerate(place.index):
        if i is None:
            continue
        chosen = taken[axis]
        if len(chosen) != fine[axis] or max(chosen, default=0) >= full_data(original).shape[axis]:
            raise _other(original)
        ranges[axis] = range(chosen[i], chosen[i] + 1)
    return ranges
