"""Which part of an image is restored: planes, channels, a region of interest.

What is not chosen is not in the result, and hardly read: planes are fetched one at a time. A chosen plane
keeps its number in the whole stack and a region its place in the whole plane, and the noise is bound to both.
A region is moreover restored in its surroundings, and normalised as the whole plane is. So one may look at a
part first, and finds it again when the whole is restored. Only networks of the published kind, which look at
all they are given, restore a region by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from napari_cvdm.restoration.axes import Axes
from napari_cvdm.restoration.described import DescribedPart, Region
from napari_cvdm.restoration.errors import AxesError, InputError, InputTypeError

#: Rows and columns of a region, each as (first, one past the last) or a slice.
RegionLike = Sequence[Any]


@dataclass(frozen=True)
class Selection:
    """A part of an image. Made by `select`.

    Attributes
    ----------
    whole : Axes
        The axes of the image.
    positions : tuple of tuple of int
        For each leading axis, the positions chosen, in the order they were given.
    region : Region or None
        The part of each plane; None for all of it.
    """

    whole: Axes
    positions: tuple[tuple[int, ...], ...]
    region: Region | None = None

    @cached_property
    def axes(self) -> Axes:
        """Axes of the chosen planes, their Y and X as long as the image's."""
        shape = list(self.whole.shape)
        for axis, chosen in zip(self.whole.leading_positions, self.positions, strict=True):
            shape[axis] = len(chosen)
        return Axes(self.whole.names, tuple(shape))

    @cached_property
    def restored(self) -> Axes:
        """Axes of the part, Y and X as long as the region."""
        if self.region is None:
            return self.axes
        return self.axes.with_planes_of(len(self.region.rows), len(self.region.columns))

    def original(self, index: tuple[int, ...]) -> tuple[int, ...]:
        """Return where a chosen plane is in the image."""
        return tuple(chosen[i] for chosen, i in zip(self.positions, index, strict=True))

    def plane(self, image: Any, index: tuple[int, ...]) -> Any:
        """Return a chosen plane of the image, as `Axes.plane` does."""
        return self.whole.plane(image, self.original(index))

    def plane_number(self, index: tuple[int, ...]) -> int:
        """Return the number that a chosen plane has in the image, which its noise is bound to."""
        return self.whole.plane_number(self.original(index))

    def resampled(self, plane_shape: tuple[int, int]) -> Selection:
        """Return the same part of an image whose planes have been resampled to (rows, columns)."""
        region = None
        if self.region is not None:
            spans = (self.region.rows, self.region.columns)
            region = Region(
                *(
                    range(own.start * new // old, -(-own.stop * new // old))
                    for own, old, new in zip(spans, self.whole.plane_shape, plane_shape, strict=True)
                )
            )
        return Selection(self.whole.with_planes_of(*plane_shape), self.positions, region)

    def describe(self) -> dict[str, Any] | None:
        """Return what the provenance says; None for the whole image. `DescribedPart` reads it back."""
        chosen = (
            None if positions == tuple(range(n)) else positions
            for positions, n in zip(self.positions, self.whole.leading_shape, strict=True)
        )
        return DescribedPart(tuple(chosen), self.region).describe(self.whole.names)


def select(
    axes: Axes,
    *,
    channels: Any = None,
    planes: Mapping[Any, Any] | None = None,
    region: RegionLike | None = None,
) -> Selection:
    """Choose a part of an image.

    Parameters
    ----------
    axes : Axes
        Of the image.
    channels : int or sequence of int, optional
        The channels to restore, counted from 0; negative numbers count from the end.
    planes : mapping of str or int to int, slice or sequence of int, optional
        For some of the other axes, by their letters, the positions to restore, for instance
        ``{"T": 3, "Z": slice(2, 5)}``. Unnamed axes are told by their numbers, counted from 0.
    region : pair of (int, int) or slice, optional
        Rows and columns to restore, each as first and one past the last: ``((0, 256), (100, 356))``.

    Raises
    ------
    AxesError
        If there is no such axis.
    InputError, InputTypeError
        If positions lie outside the image, are repeated or not whole numbers.
    """
    wanted: dict[int, Any] = {}
    if planes is not None:
        if not isinstance(planes, Mapping):
            raise InputTypeError(
                f"The planes must be given by axis, such as {{'T': 3}}, not as {type(planes).__name__}."
            )
        wanted = {_axis(axes, key): value for key, value in planes.items()}
        if len(wanted) < len(planes):
            raise InputError(
                f"Planes along one axis are chosen twice, by its letter and its number: {planes}."
            )
    if channels is not None:
        position = axes.channel_position
        if position is None:
            raise AxesError(
                f"The axes '{axes.names}' have no channels (C) to choose from. Leave the channels out, or "
                "name the axes."
            )
        if position in wanted:
            raise InputError(
                f"The channels are chosen twice, by 'channels' and by axis {axes.names[position]}."
            )
        wanted[position] = channels
    positions = tuple(
        _positions(wanted[axis], axes.shape[axis], axes.names[axis])
        if axis in wanted
        else tuple(range(axes.shape[axis]))
        for axis in axes.leading_positions
    )
    return Selection(axes, positions, None if region is None else _region(region, axes.plane_shape))


def _axis(axes: Axes, key: Any) -> int:
    """Find the axis that a letter or a number means."""
    if _is_whole(key):
        if key not in axes.leading_positions:
            raise AxesError(f"Planes cannot be chosen along axis {key} of '{axes.names}'.")
        return int(key)
    letter = str(key).strip().upper()
    if axes.leading.count(letter) != 1:
        own = ", ".join(dict.fromkeys(axes.leading)) or "none beside Y and X"
        by_number = " An unnamed axis (Q) is chosen by its number, from 0." if "Q" in axes.leading else ""
        raise AxesError(
            f"Planes cannot be chosen along axis {letter!r}: the image '{axes.names}' has {own}.{by_number}"
            if letter not in axes.leading
            else f"In '{axes.names}', several axes are called {letter}: say which by its number, from 0."
        )
    return axes.names.index(letter)


def _positions(wanted: Any, length: int, name: str) -> tuple[int, ...]:
    if isinstance(wanted, slice):
        chosen = tuple(range(length)[wanted])
    else:
        wanted = wanted.tolist() if isinstance(wanted, np.ndarray) else wanted
        several = wanted if isinstance(wanted, Sequence) else (wanted,)
        if isinstance(several, str) or not all(_is_whole(each) for each in several):
            raise InputTypeError(f"Positions along axis {name} must be whole numbers, not {wanted!r}.")
        chosen = tuple(_position(int(each), length, name) for each in several)
    if not chosen:
        raise InputError(f"No position is chosen along axis {name}: give at least one of 0 to {length - 1}.")
    if len(set(chosen)) < len(chosen):
        raise InputError(f"Positions along axis {name} are chosen more than once: {list(chosen)}.")
    return chosen


def _position(value: int, length: int, name: str) -> int:
    if not -length <= value < length:
        raise InputError(f"There is no position {value} along axis {name}: it has 0 to {length - 1}.")
    return value % length


def _region(region: Any, plane_shape: tuple[int, int]) -> Region:
    if not isinstance(region, Sequence) or len(region) != 2:
        raise InputTypeError(
            f"A region must be given as rows and columns, such as ((0, 256), (100, 356)), not as {region!r}."
        )
    rows, columns = (
        _span(each, n, what) for each, n, what in zip(region, plane_shape, ("rows", "columns"), strict=True)
    )
    return Region(rows, columns)


def _span(wanted: Any, length: int, what: str) -> range:
    if isinstance(wanted, slice):
        if wanted.step not in (None, 1):
            raise InputError(f"A region holds every one of its {what}; a slice with a step leaves some out.")
        first, last = (
            0 if wanted.start is None else wanted.start,
            length if wanted.stop is None else wanted.stop,
        )
    elif isinstance(wanted, Sequence) and len(wanted) == 2:
        first, last = wanted
    else:
        raise InputTypeError(f"The {what} of a region are a first and one past the last, not {wanted!r}.")
    if not (_is_whole(first) and _is_whole(last)):
        raise InputTypeError(f"The {what} of a region must be whole numbers, not {wanted!r}.")
    if not 0 <= first < last <= length:
        raise InputError(
            f"The region's {what}, {first} to {last}, must rise and lie within the image: 0 to {length}."
        )
    return range(int(first), int(last))


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
