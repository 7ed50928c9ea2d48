"""What a restoration reports while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari_cvdm.restoration.result import Restoration

Stage = Literal["tile", "mean", "refine", "denoise", "draw", "done"]


@dataclass(frozen=True)
class Event:
    """One thing that has been done.

    Attributes
    ----------
    stage : {"tile", "mean", "refine", "denoise", "draw", "done"}
        One tile of a pass that needs several; the mean network's picture of a plane; the same seen in one
        more orientation; one denoising step; one finished draw; everything.
    plane, planes : int
        How many planes had their turn before the one at work, and how many there are. Where a plane was
        chosen to begin with, this is not its place in the stack, which `Estimate.index` tells.
    draw, draws : int
        The draw at work, from 0, and how many there will be (0 in a preview).
    step, steps : int
        Steps done of this draw, and how many a draw has; at stage "refine", orientations done and in all.
    fraction : float
        Share of all the work that is done, 0 to 1; never falls.
    under_way : {"mean", "refine", "denoise"} or None
        At stage "tile", what the pass is part of; `step` is then the one under way.
    tile, tiles : int
        At stage "tile", how many tiles of the pass are done, and how many it has.
    """

    stage: Stage
    plane: int
    planes: int
    draw: int
    draws: int
    step: int
    steps: int
    fraction: float
    under_way: Stage | None = field(default=None, kw_only=True)
    tile: int = field(default=0, kw_only=True)
    tiles: int = field(default=0, kw_only=True)


@dataclass(frozen=True)
class Estimate(Event):
    """The present picture of one plane, on the fine grid and in the input's intensity units.

    Attributes
    ----------
    index : tuple of int
        Where the plane is: one index for each axis of the result before Y and X, in the order of its axes.
    mean, std : ndarray
        float32, shape (Y', X'). Arrays of their own: they do not change afterwards.
    """

    index: tuple[int, ...]
    mean: npt.NDArray[np.float32]
    std: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Part:
    """One tile of a plane's first picture, ahead of its `Estimate`, which brings the same pixels.

    Attributes
    ----------
    index : tuple of int
        Where the plane is, as in `Estimate`.
    plane_shape : (int, int)
        Rows and columns of the whole plane on the fine grid.
    rows, columns : range
        Those of the plane that the tile covers.
    mean, std : ndarray
        float32, as many rows and columns, in the input's intensity units.
    """

    index: tuple[int, ...]
    plane_shape: tuple[int, int]
    rows: range
    columns: range
    mean: npt.NDArray[np.float32]
    std: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Finished(Event):
    """The last event.

    Attributes
    ----------
    result : Restoration
        What `restore` returns.
    """

    result: Restoration


def progress_words(event: Event) -> str:
    """Say in a few words what is being done: "plane 2 of 12, draw 3 of 8, step 2 of 10"."""
    if event.stage == "done":
        return "done"
    parts = [f"plane {event.plane + 1} of {event.planes}"] if event.planes > 1 else []
    stage = event.under_way or event.stage
    if stage == "mean":
        parts.append("first picture")
    elif stage == "refine":
        parts.append(f"orientation {event.step} of {event.steps}")
    else:
        parts += [f"draw {event.draw + 1} of {event.draws}", f"step {event.step} of {event.steps}"]
    if event.stage == "tile":
        parts.append(f"tile {event.tile} of {event.tiles}")
    return ", ".join(parts)
