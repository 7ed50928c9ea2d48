"""The axes of an image: which are they, and which planes do they hold.

A restoration works plane by plane, and a plane is always seen as (Y, X). Everything else about the order and
the meaning of an array's axes is decided here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from napari_cvdm.restoration.errors import AxesError, InputError, InputTypeError
from napari_cvdm.restoration.validation import check_shape

AXIS_MEANINGS = {
    "T": "time",
    "C": "channel",
    "Z": "depth",
    "Y": "rows",
    "X": "columns",
    "S": "colour samples",
    "Q": "unnamed",
}
"""Letter of every axis that an image may have, and what it stands for. Only Q may occur more than once."""

CHANNEL_AXES = "CS"
"""Axes along which the intensities of two planes have nothing to do with each other."""

_MOST_AXES = 64  # as many as a numpy array can have

MINIMUM_SIDE = 8
"""The least number of pixels along Y and along X that a plane must have."""


@dataclass(frozen=True)
class Axes:
    """The named axes of an array of known shape. Made by `resolve_axes`.

    Attributes
    ----------
    names : str
        One letter of `AXIS_MEANINGS` per axis, in the order of the array.
    shape : tuple of int
        Length of each axis in pixels, planes, frames or channels.
    """

    names: str
    shape: tuple[int, ...]

    @property
    def y(self) -> int:
        """Position of the Y axis in the array."""
        return self.names.index("Y")

    @property
    def x(self) -> int:
        """Position of the X axis in the array."""
        return self.names.index("X")

    @property
    def leading_positions(self) -> tuple[int, ...]:
        """Positions of all axes but Y and X, in the order given."""
        return tuple(i for i, name in enumerate(self.names) if name not in "YX")

    @property
    def leading(self) -> str:
        """Letters of all axes but Y and X, in the order given."""
        return "".join(self.names[i] for i in self.leading_positions)

    @property
    def leading_shape(self) -> tuple[int, ...]:
        """Lengths of all axes but Y and X, in the order given."""
        return tuple(self.shape[i] for i in self.leading_positions)

    @property
    def channel_position(self) -> int | None:
        """Position of the axis along which the channels lie (C, or S without C); None if there is none."""
        return next((self.names.index(name) for name in CHANNEL_AXES if name in self.names), None)

    @property
    def channel_leading(self) -> int | None:
        """Number of that axis among the leading ones, as in `indices`."""
        return None if (at := self.channel_position) is None else self.leading_positions.index(at)

    @property
    def plane_shape(self) -> tuple[int, int]:
        """(Y, X) size of one plane in pixels."""
        return self.shape[self.y], self.shape[self.x]

    @property
    def planes(self) -> int:
        """Number of planes."""
        return prod(self.leading_shape)

    def indices(self) -> Iterator[tuple[int, ...]]:
        """Iterate over the planes in C order, as one index per leading axis (an empty tuple in 2-D)."""
        return iter(np.ndindex(*self.leading_shape))

    def plane_number(self, index: tuple[int, ...]) -> int:
        """Return the position of the plane `index` in the order of `indices`."""
        return int(np.ravel_multi_index(index, self.leading_shape))

    def channel_of(self, index: tuple[int, ...]) -> tuple[int, ...]:
        """Return the part of a plane's index that says which channel (and colour sample) it belongs to."""
        return tuple(i for i, name in zip(index, self.leading, strict=True) if name in CHANNEL_AXES)

    def selection(self, index: tuple[int, ...]) -> tuple[int | slice, ...]:
        """Return what to index an array with these axes with, to get the plane `index`."""
        if len(index) != len(self.leading_positions):
            raise IndexError(
                f"a plane of {self.names} has {len(self.leading_positions)} indices, not {len(index)}"
            )
        selection: list[int | slice] = [slice(None)] * len(self.names)
        for position, i in zip(self.leading_positions, index, strict=True):
            selection[position] = i
        return tuple(selection)

    def plane(self, array: Any, index: tuple[int, ...]) -> Any:
        """Return one plane of `array`, as (Y, X) whatever the order of its axes; a view if it can give one.

        The array (numpy, dask, zarr) has these axes; the lengths of Y and X may differ from `shape` (a result
        is larger). The index is one of `indices`.
        """
        plane = array[self.selection(index)]
        return plane if self.y < self.x else plane.T

    def put_plane(self, array: Any, index: tuple[int, ...], plane: Any) -> None:
        """Write a (Y, X) plane to its place in `array`, which has these axes."""
        array[self.selection(index)] = plane if self.y < self.x else plane.T

    def with_planes_of(self, rows: int, columns: int) -> Axes:
        """Return the same axes with another length of Y and of X."""
        shape = list(self.shape)
        shape[self.y], shape[self.x] = rows, columns
        return Axes(self.names, tuple(shape))

    def output_shape(self, upscaling: int) -> tuple[int, ...]:
        """Return the shape of a restored image: the same axes, Y and X `upscaling` times as long."""
        return self.with_planes_of(*(n * upscaling for n in self.plane_shape)).shape


def resolve_axes(shape: tuple[int, ...], axes: str | None = None) -> Axes:
    """Give every axis of an array its meaning.

    Parameters
    ----------
    shape : tuple of int
        The array's shape.
    axes : str, optional
        One letter per axis: T time, C channel, Z depth, Y rows, X columns, S colour samples, Q unnamed (Q may
        be repeated). Y and X may be anywhere. Only a 2-D array may do without, and is "YX". A last axis of
        length 3 or 4 is colour if it is declared as S, and never otherwise.

    Raises
    ------
    AxesError
        If the letters are unknown, repeated, too few or too many, lack Y or X, or are missing altogether.
    InputError
        If the array is empty, has fewer than two axes, or fewer than `MINIMUM_SIDE` pixels along Y or X.
    InputTypeError
        If `axes` is not a string.
    """
    resolved = name_axes(shape, axes)
    height, width = resolved.plane_shape
    if min(height, width) < MINIMUM_SIDE:
        raise InputError(
            f"A plane of this image has {height} × {width} pixels (Y × X); "
            f"at least {MINIMUM_SIDE} × {MINIMUM_SIDE} are needed. "
            f"It was read as {resolved.names}: if its axes are in another order, say which, or save it anew "
            "in that order."
        )
    return resolved


def name_axes(shape: tuple[int, ...], axes: str | None = None) -> Axes:
    """Do as `resolve_axes`, but for planes of any size, however small."""
    shape = tuple(int(n) for n in shape)
    check_shape(shape)
    if axes is None:
        if len(shape) > 2:
            raise AxesError(_axes_missing(shape))
        axes = "YX"
    if not isinstance(axes, str):
        raise InputTypeError(
            "The axes must be given as text with one letter per axis, such as 'TYX', "
            f"not as {type(axes).__name__}."
        )
    names = axes.strip().upper()
    if len(names) > _MOST_AXES:
        raise AxesError(f"{len(names)} letters name no axes of an image. Give one letter per axis.")
    _check_names(names, shape)
    return Axes(names, shape)


def of_plane(index: tuple[int, ...]) -> str:
    """Say in a message about a pixel which plane of the image it is in; nothing if there is only one."""
    if not index:
        return ""
    return f" of plane {index if len(index) > 1 else index[0]}"


def _check_names(names: str, shape: tuple[int, ...]) -> None:
    known = ", ".join(f"{letter} ({meaning})" for letter, meaning in AXIS_MEANINGS.items())
    unknown = sorted(set(names) - set(AXIS_MEANINGS))
    if unknown:
        raise AxesError(
            f"Unknown axes {', '.join(map(repr, unknown))} in '{names}'. Use the letters {known}."
        )
    if len(names) != len(shape):
        raise AxesError(
            f"The axes '{names}' name {len(names)} axes, but the image has {len(shape)}: "
            f"its shape is {shape}. Give one letter per axis."
        )
    repeated = sorted({name for name in names if names.count(name) > 1 and name != "Q"})
    if repeated:
        raise AxesError(
            f"Axis {', '.join(repeated)} occurs more than once in '{names}'. Name each axis once; "
            "further axes without a name of their own are Q."
        )
    missing = [name for name in "YX" if name not in names]
    if missing:
        raise AxesError(
            f"The axes '{names}' lack {' and '.join(missing)}. An image needs both Y (rows) and X (columns)."
        )


def _axes_missing(shape: tuple[int, ...]) -> str:
    if len(shape) == 3:
        examples = "'TYX' (time), 'ZYX' (depth) or 'CYX' (channels)"
    else:
        examples = "'" + "QQQTCZYX"[-len(shape) :].rjust(len(shape), "Q") + "'"
    message = f"Say which axes an image of shape {shape} has, for example axes={examples}."
    if shape[-1] in (3, 4):
        colour = "Q" * (len(shape) - 3) + "YXS"
        message += f" If its last axis holds colours, declare them: axes='{colour}'."
    return message
