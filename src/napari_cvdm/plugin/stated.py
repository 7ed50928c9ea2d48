"""Reading what a provenance states. It may come from a file that anybody wrote: nothing is taken on trust."""

from __future__ import annotations

from typing import Any

__all__ = ["table"]


def table(value: object) -> dict[str, Any]:
    """Return a table as it is, and an empty one instead of anything else."""
    return value if isinstance(value, dict) else {}
