"""Reading what a provenance states. It may come from a file that anybody wrote: nothing is taken on trust."""

from __future__ import annotations

from sys import float_info
from typing import Any

__all__ = ["positive", "table"]


def table(value: object) -> dict[str, Any]:
    """Return a table as it is, and an empty one instead of anything else."""
    return value if isinstance(value, dict) else {}


def positive(value: object) -> float | None:
    """Return a number above zero as it is, and None instead of anything else."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if 0 < value <= float_info.max else None
