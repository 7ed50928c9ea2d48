from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from napari_cvdm.restoration.blending import OVERLAP, apply_blended, blending_weights, tile_starts


@pytest.mark.parametrize("length", [16, 64, 65, 100, 112, 113, 500, 1000])
def test_tiles_lie_within_the_plane_and_overlap(length: int) -> None:
    side = 64
    starts = tile_starts(length, side)
    assert starts[0] == 0
    assert starts[-1] == max(0, length - side)
    for left, right in pairwise(starts):
        assert left + side - right >= OVERLAP * side


@pytest.mark.parametrize(("length", "side"), [(64, 64), (65, 64), (113, 64), (1000, 64), (33, 16), (20, 64)])
def test_weights_add_up_to_one(length: int, side: int) -> None:
    starts = tile_starts(length, side)
    total = torch.zeros(length)
    for start, weights in zip(starts, blending_weights(length, side, starts), strict=True):
        assert bool((weights > 0).all())
        total[start : start + side] += weights
    torch.testing.assert_close(total, torch.ones(length), rtol=0, atol=1e-6)


def test_a_network_that_looks_at_nothing_else_is_exact() -> None:
    x, other = torch.randn(1, 2, 70, 90), torch.randn(1, 2, 70, 90)
    blended = apply_blended(lambda a, b: (a * b)[:, :1], (x, other), side=32)
    torch.testing.assert_close(blended, (x * other)[:, :1], rtol=1e-5, atol=1e-6)


def test_there_is_no_step_where_tiles_that_disagree_meet() -> None:
    """Tiles answer with numbers of their own; between neighbouring pixels the picture goes over gently."""
    answers = iter(range(100))

    def network(tile: Tensor) -> Tensor:
        return torch.full_like(tile, float(next(answers)))

    blended = apply_blended(network, (torch.zeros(1, 1, 32, 200),), side=32)[0, 0]
    steps = (blended[:, 1:] - blended[:, :-1]).abs()
    assert float(steps.max()) < 0.15
    assert float(blended[0, 0]) == 0


def test_a_plane_no_larger_than_a_tile_goes_to_the_network_as_it_is() -> None:
    plane, seen = torch.randn(1, 1, 32, 48), []
    answer = apply_blended(lambda tile: seen.append(tile) or tile, (plane,), side=48)
    assert len(seen) == 1
    assert answer is seen[0]
    assert answer.shape == plane.shape


def test_the_checkpoint_is_asked_before_every_tile() -> None:
    asked: list[int] = []
    told: list[tuple[int, int]] = []

    def checkpoint() -> None:
        asked.append(0)
        if len(asked) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apply_blended(
            lambda x: x,
            (torch.zeros(1, 1, 64, 64),),
            side=32,
            checkpoint=checkpoint,
            on_tile=lambda *done: told.append(done),
        )
    assert len(asked) == 3
    assert told == [(1, 9), (2, 9)]
