"""Which part of an image was restored, as a provenance states it: written there, and read back.

Who reads it need not have the image at hand, so nothing here asks how long the image's axes are. And it may
come from a file that anybody wrote: what is not clear is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from napari_cvdm.restoration.errors import InputError

#: No image has as many pixels along an axis; Python cannot count a longer range.
_TOO_FAR = 2**31


@dataclass(frozen=True)
class Region:
    """A rectangle of every plane.

    Attributes
    ----------
    rows, columns : range
        Camera pixels, counted from the image's first.
    """

    rows: range
    columns: range


@dataclass(frozen=True)
class DescribedPart:
    """A part of an image whose size is not known here.

    Attributes
    ----------
    planes : tuple of (tuple of int or None)
        For each leading axis the positions that were chosen, in their order; None for all of them.
    region : Region or None
        The part of each plane; None for all of it.
    """

    planes: tuple[tuple[int, ...] | None, ...]
    region: Region | None = None

    def along(self, axes: str) -> list[Sequence[int] | None]:
        """Return what was chosen along each axis, Y and X among them; None for all of it."""
        planes = iter(self.planes)
        spans = {} if self.region is None else {"Y": self.region.rows, "X": self.region.columns}
        return [spans.get(letter) if letter in "YX" else next(planes) for letter in axes]

    def describe(self, axes: str) -> dict[str, Any] | None:
        """Return what the provenance says, in values that JSON can hold; None for the whole image."""
        if self.region is None and all(positions is None for positions in self.planes):
            return None
        leading = _leading(axes)
        # Axes of one letter are told apart by their number, also where planes are chosen along one alone.
        chosen = {
            f"{number}{letter}" if leading.count(letter) > 1 else letter: list(positions)
            for number, (letter, positions) in enumerate(zip(leading, self.planes, strict=True))
            if positions is not None
        }
        described: dict[str, Any] = {"planes": chosen}
        if self.region is not None:
            rows, columns = self.region.rows, self.region.columns
            described["region"] = {
                "rows": [rows.start, rows.stop],
                "columns": [columns.start, columns.stop],
            }
        return described

    @classmethod
    def from_description(cls, said: object, axes: str) -> DescribedPart:
        """Return the part that `describe` has described.

        It is ``selection`` of a provenance; None or nothing means the whole image. `axes` has one letter for
        each axis of the image, as the restoration named them.

        Raises
        ------
        InputError
            If it does not say clearly which part that is.
        """
        selection = _table(said, said)
        planes, region = (_table(selection.get(key), said) for key in ("planes", "region"))
        leading = _leading(axes)
        for letter in leading:
            if letter in planes and leading.count(letter) > 1:  # as this program has once written
                raise InputError(
                    f"The result does not say along which of the axes {letter} its planes were chosen: "
                    "restore it again."
                )
        chosen = [
            planes.get(letter, planes.get(f"{number}{letter}")) for number, letter in enumerate(leading)
        ]
        return cls(
            tuple(None if each is None else _positions(each, said) for each in chosen),
            Region(_span(region.get("rows"), said), _span(region.get("columns"), said)) if region else None,
        )


def _leading(axes: str) -> str:
    return "".join(letter for letter in axes if letter not in "YX")


def _table(value: object, said: object) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _unclear(said)
    return value


def _positions(value: object, said: object) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or not value or not all(map(_is_position, value)):
        raise _unclear(said)
    return tuple(value)


def _span(value: object, said: object) -> range:
    match value:
        case [first, last] if _is_position(first) and _is_position(last) and first < last:
            return range(first, last)
        case _:
            raise _unclear(said)


def _is_position(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _TOO_FAR


def _unclear(said: object) -> InputError:
    return InputError(f"The result does not say clearly which part was restored ({said!r:.80}).")
