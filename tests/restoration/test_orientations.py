"""A plane is turned, mirrored and put back."""

import pytest
import torch
from torch import Tensor

from napari_cvdm.restoration.orientations import (
    COUNTS,
    quarter_turns,
    turn,
    turn_back,
)


@pytest.fixture
def plane() -> Tensor:
    return torch.rand(1, 1, 8, 12, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("count", COUNTS)
def test_every_orientation_is_another_and_can_be_undone(plane: Tensor, count: int) -> None:
    orientations = list(quarter_turns(count))
    assert torch.equal(turn(plane, orientations[0]), plane)
    square = plane[..., :8]
    assert len({tuple(turn(square, each).flatten().tolist()) for each in orientations}) == count
    for each in orientations:
        assert torch.equal(turn_back(turn(plane, each), each), plane)


def test_two_orientations_swap_rows_and_columns() -> None:
    """Camera, stage and network grid differ most along the two axes."""
    assert list(quarter_turns(2)) == [(False, 0), (False, 1)]
