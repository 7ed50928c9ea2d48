"""Reading what a provenance states. It may come from a file that anybody wrote: nothing is taken on trust."""

from __future__ import annotations

from typing import Any

__all__ = ["indices", "table"]


def table(value: object) -> dict[str, Any]:
    """Return a table as it is, and an empty one instead of anything else."""
    return value if isinstance(value, dict) else {}


def indices(value: object) -> list[int]:
    """Return those entries of a list that can be indices; none if it is no list."""
    places = value if isinstance(value, list | tuple) else ()
    return [
        place for place in places if isinstance(place, int) and not isinstance(place, bool) and place >= 0
    ]
