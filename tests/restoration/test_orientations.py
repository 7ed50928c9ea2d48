"""A plane is turned, mirrored and put back, and what was found of it is averaged."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from napari_cvdm.restoration.orientations import (
    COUNTS,
    OrientationAverage,
    quarter_turns,
    turn,
    turn_back,
)


def fold(fine: Tensor) -> Tensor:
    return F.pixel_unshuffle(fine, 2)


def unfold(folded: Tensor) -> Tensor:
    return F.pixel_shuffle(folded, 2)


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


@pytest.mark.parametrize("count", COUNTS)
def test_what_treats_all_directions_alike_is_left_as_it_is(plane: Tensor, count: int) -> None:
    def picture(x: Tensor) -> Tensor:
        return fold(F.interpolate(F.avg_pool2d(x, 3, 1, 1), scale_factor=2.0))

    mean, scale = picture(plane), picture(plane) + 0.1
    average = OrientationAverage(mean, scale, fold=fold, unfold=unfold)
    for each in list(quarter_turns(count))[1:]:
        turned = picture(turn(plane, each))
        average.add(turned, turned + 0.1, each)
    torch.testing.assert_close(average.result(), (mean, scale))


def test_pictures_and_variances_are_averaged_where_they_show_the_same(plane: Tensor) -> None:
    """A network that shifts its picture by a fine pixel to the right shifts each way once in four turns."""

    def picture(x: Tensor) -> Tensor:
        return fold(F.interpolate(x, scale_factor=2.0).roll(1, -1))

    average = OrientationAverage(picture(plane), picture(plane) + 1, fold=fold, unfold=unfold)
    for each in list(quarter_turns(4))[1:]:
        average.add(picture(turn(plane, each)), picture(turn(plane, each)) + 1, each)
    fine = F.interpolate(plane, scale_factor=2.0)
    around = torch.stack([fine.roll(shift, axis) for axis in (-1, -2) for shift in (1, -1)])
    mean, scale = (unfold(each) for each in average.result())
    torch.testing.assert_close(mean, around.mean(0))
    torch.testing.assert_close(scale, (around + 1).square().mean(0).sqrt())


def test_what_it_is_given_stays_as_it_was(plane: Tensor) -> None:
    mean, scale = fold(plane), fold(plane) + 1
    before = mean.clone(), scale.clone()
    OrientationAverage(mean, scale, fold=fold, unfold=unfold).add(2 * mean, 2 * scale, (False, 2))
    assert torch.equal(mean, before[0])
    assert torch.equal(scale, before[1])
