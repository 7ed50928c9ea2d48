"""A run that was stopped before its end: what it has is kept, and said for what it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def mark_stopped(provenance: dict[str, Any], draws_done: Sequence[int], draws: int) -> dict[str, Any]:
    """Return a provenance that says that not all draws were made.

    It gets ``stopped`` and a warning, which say how many of the draws each plane has, in the order of the
    planes.
    """
    return {
        **provenance,
        "stopped": {"draws_asked_for": draws, "draws_of_planes": list(draws_done)},
        "warnings": [*provenance.get("warnings", ()), stopped_in_words(draws_done, draws)],
    }


def stopped_in_words(draws_done: Sequence[int], draws: int) -> str:
    """Say how far a run came before it was stopped, as a sentence.

    >>> stopped_in_words([3], 8)
    'Stopped early, after 3 of 8 draws.'
    >>> stopped_in_words([8, 3, 0, 0], 8)
    "Stopped early: 1 of 4 planes has all 8 draws, 1 has some, 2 have the mean network's picture alone."
    """
    if len(draws_done) == 1:
        return f"Stopped early, after {draws_done[0]} of {draws} draws."
    whole, none = sum(done >= draws for done in draws_done), sum(done == 0 for done in draws_done)
    some = len(draws_done) - whole - none
    parts = [f"{whole} of {len(draws_done)} planes {_has(whole)} all {draws} draws"]
    if some:
        parts.append(f"{some} {_has(some)} some")
    if none:
        parts.append(f"{none} {_has(none)} the mean network's picture alone")
    return f"Stopped early: {', '.join(parts)}."


def _has(count: int) -> str:
    return "has" if count == 1 else "have"
