"""Overlapping tiles whose answers are blended, for networks that look at the whole of what they are given.

Such a network answers differently for a tile than for the plane, so tiles cannot be exact. What can be done:
the tiles have the size that the network was trained on, they overlap, and there their answers go over into
each other. Only answers about one common state are blended, never results drawn apart from each other, which
would shrink the spread of the draws where tiles meet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

#: Share of a tile's side that it has in common with its neighbour.
OVERLAP = 0.25


def tile_starts(length: int, side: int) -> list[int]:
    """Return the first pixels of tiles that lie evenly over 0 .. length and overlap by `OVERLAP` or more.

    `side` is that of a tile; of a length that is shorter, there is one.
    """
    if length <= side:
        return [0]
    stride = max(1, int(side * (1 - OVERLAP)))
    count = -(-(length - side) // stride) + 1
    return [round(number * (length - side) / (count - 1)) for number in range(count)]


def blending_weights(length: int, side: int, starts: Sequence[int]) -> list[Tensor]:
    """Weight of every tile along one axis, float32, shape (min(side, length),).

    They fall linearly towards a neighbour, and add up to 1.
    """
    side = min(side, length)
    profiles = []
    for number, start in enumerate(starts):
        position = torch.arange(side, dtype=torch.float64, device="cpu") + 0.5
        profile = torch.ones(side, dtype=torch.float64, device="cpu")
        if number > 0:
            profile = torch.minimum(profile, position / (starts[number - 1] + side - start))
        if number < len(starts) - 1:
            profile = torch.minimum(profile, (side - position) / (start + side - starts[number + 1]))
        profiles.append(profile)
    total = torch.zeros(length, dtype=torch.float64, device="cpu")
    for start, profile in zip(starts, profiles, strict=True):
        total[start : start + side] += profile
    return [
        (profile / total[start : start + side]).float()
        for start, profile in zip(starts, profiles, strict=True)
    ]


def apply_blended(
    network: Callable[..., Tensor],
    inputs: Sequence[Tensor],
    *,
    side: int,
    checkpoint: Callable[[], None] = lambda: None,
    on_tile: Callable[[int, int], object] = lambda done, tiles: None,
) -> Tensor:
    """Evaluate a network on a plane in overlapping tiles, and blend what it answers.

    Parameters
    ----------
    network : callable
        Takes one tensor (1, C_i, h, w) for each input and returns (1, D, h, w), which becomes (1, D, H, W).
    inputs : sequence of Tensor
        Shape (1, C_i, H, W).
    side : int
        Side of a tile. A plane that is no larger is given to the network as it is.
    checkpoint, on_tile
        As for `napari_cvdm.restoration.tiling.apply_tiled`.
    """
    height, width = inputs[0].shape[-2:]
    row_starts, column_starts = tile_starts(height, side), tile_starts(width, side)
    row_weights = blending_weights(height, side, row_starts)
    column_weights = blending_weights(width, side, column_starts)
    blended: Tensor | None = None
    done = 0
    for top, down in zip(row_starts, row_weights, strict=True):
        for left, across in zip(column_starts, column_weights, strict=True):
            checkpoint()
            window = (..., slice(top, top + side), slice(left, left + side))
            answer = network(*(each[window] for each in inputs))
            if len(row_starts) == len(column_starts) == 1:
                return answer
            if blended is None:
                blended = answer.new_zeros((*answer.shape[:-2], height, width))
            blended[window] += answer * (down[:, None] * across).to(answer.device)
            done += 1
            on_tile(done, len(row_starts) * len(column_starts))
    assert blended is not None  # there is at least one tile
    return blended
