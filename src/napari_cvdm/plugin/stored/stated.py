"""Reading what a provenance states. It may come from a file that anybody wrote: nothing is taken on trust."""

from __future__ import annotations

from collections.abc import Mapping
from sys import float_info
from typing import Any


def table(value: object) -> dict[str, Any]:
    """Return a table as it is, and an empty one instead of anything else."""
    return value if isinstance(value, dict) else {}


def positive(value: object) -> float | None:
    """Return a number above zero as it is, and None instead of anything else."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if 0 < value <= float_info.max else None


def fine_pixel_nm(provenance: Mapping[str, Any]) -> float | None:
    """Return the side of a result's pixels in nanometres, as its run knew it; None if it did not."""
    of_input, finer = positive(provenance.get("pixel_size_nm")), positive(provenance.get("upscaling"))
    return of_input / finer if of_input and finer else None
