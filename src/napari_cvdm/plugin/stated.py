"""Reading what a provenance states. It may come from a file that anybody wrote: nothing is taken on trust."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["chosen_positions", "indices", "table"]


def table(value: object) -> dict[str, Any]:
    """Return a table as it is, and an empty one instead of anything else."""
    return value if isinstance(value, dict) else {}


def indices(value: object) -> list[int]:
    """Return those entries of a list that can be indices; none if it is no list."""
    places = value if isinstance(value, list | tuple) else ()
    return [
        place for place in places if isinstance(place, int) and not isinstance(place, bool) and place >= 0
    ]


def chosen_positions(planes: Mapping[str, Any], axes: str) -> dict[int, list[int]]:
    """Return which positions a selection has chosen along each axis but Y and X; an empty list for all.

    Parameters
    ----------
    planes : mapping
        ``planes`` of the selection that a provenance states.
    axes : str
        One letter for each axis. Axes of one letter are told apart by their number among those but Y and X.

    Returns
    -------
    dict of int to list of int
        Under the number of the axis among all.
    """
    leading = [axis for axis, letter in enumerate(axes) if letter not in "YX"]
    return {
        axis: indices(planes.get(axes[axis], planes.get(f"{number}{axes[axis]}")))
        for number, axis in enumerate(leading)
    }
