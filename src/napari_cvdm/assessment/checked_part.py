"""Which part of a plane is checked: all of it, unless that would take minutes and gigabytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_cvdm.assessment.figure import choose_detail

LARGEST = 1024
"""Rows and columns of a measurement that are checked at most."""

#: Rows and columns that are looked at to find the part; of larger planes every second pixel, or third ...
_LOOKED_AT = 2 * LARGEST


@dataclass(frozen=True)
class CheckedPart:
    """Rows and columns of a measurement, and of how many. From `choose_part`.

    Attributes
    ----------
    rows, columns : slice
        Of the measurement.
    shape : (int, int)
        How many there are.
    """

    rows: slice
    columns: slice
    shape: tuple[int, int]

    @property
    def is_whole(self) -> bool:
        """Whether nothing was left out."""
        return (self.rows.stop - self.rows.start, self.columns.stop - self.columns.start) == self.shape

    @property
    def words(self) -> str:
        """What was left out, a sentence; empty if nothing was."""
        if self.is_whole:
            return ""
        rows, columns = (f"{span.start} to {span.stop - 1}" for span in (self.rows, self.columns))
        return (
            f"Checked were rows {rows} and columns {columns} of {self.shape[0]} × {self.shape[1]} pixels: "
            "the part with the most structure, because all of it would take too long."
        )

    def of(self, plane: Any, scale: int = 1) -> Any:
        """Take the part of a plane that has `scale` × `scale` pixels for each of the measurement."""
        spans = (slice(scale * span.start, scale * span.stop) for span in (self.rows, self.columns))
        return plane[tuple(spans)]

    def to_dict(self) -> dict[str, Any]:
        """Return it as values that JSON can hold; the ends of rows and columns are not among them."""
        spans = {"rows": self.rows, "columns": self.columns}
        return {**{name: [span.start, span.stop] for name, span in spans.items()}, "of": list(self.shape)}


def choose_part(image: Any) -> CheckedPart:
    """Choose what of a measurement (Y, X) is checked: of a large one, the square with the most structure.

    The image may be on a disk: little more of it is in memory than is looked at.
    """
    height, width = image.shape
    if max(height, width) <= LARGEST:
        return CheckedPart(slice(0, height), slice(0, width), (height, width))
    # Of a strip at least two rows, or columns, are looked at: one has no gradient.
    step = min(-(-max(height, width) // _LOOKED_AT), min(height, width) // 2)
    coarse = choose_detail(np.nan_to_num(np.asarray(image[::step, ::step])), LARGEST // step)
    spans = []
    for length, span in zip((height, width), coarse, strict=True):
        side = min(LARGEST, length)
        start = min(step * span.start, length - side)
        spans.append(slice(start, start + side))
    return CheckedPart(spans[0], spans[1], (height, width))
