"""What a restoration reports while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari_cvdm.restoration.result import Restoration

Stage = Literal["mean", "refine", "denoise", "draw", "done"]


@dataclass(frozen=True)
class Event:
    """One thing that has been done.

    Attributes
    ----------
    stage : {"mean", "refine", "denoise", "draw", "done"}
        The mean network's picture of a plane; the same seen in one more orientation; one denoising step; one
        finished draw; everything.
    plane, planes : int
        The plane at work, from 0, and how many there are.
    draw, draws : int
        The draw at work, from 0, and how many there will be (0 in a preview).
    step, steps : int
        Steps done of this draw, and how many a draw has; at stage "refine", orientations done and in all.
    fraction : float
        Share of all the work that is done, 0 to 1; never falls.
    """

    stage: Stage
    plane: int
    planes: int
    draw: int
    draws: int
    step: int
    steps: int
    fraction: float


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
class Finished(Event):
    """The last event.

    Attributes
    ----------
    result : Restoration
        What `restore` returns.
    """

    result: Restoration


def progress_words(event: Event) -> str:
    """Say in a few words what is being done: "plane 2 of 12, draw 3 of 8, step 2 of 10".

    Parameters
    ----------
    event : Event
        The latest of a restoration.
    """
    if event.stage == "done":
        return "done"
    parts = [f"plane {event.plane + 1} of {event.planes}"] if event.planes > 1 else []
    if event.stage == "mean":
        parts.append("first picture")
    elif event.stage == "refine":
        parts.append(f"orientation {event.step} of {event.steps}")
    else:
        parts += [f"draw {event.draw + 1} of {event.draws}", f"step {event.step} of {event.steps}"]
    return ", ".join(parts)
