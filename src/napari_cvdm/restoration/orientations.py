"""Several looks at one plane: turned, mirrored, and put back.

A network trained on patches in every orientation still answers a little differently to each. Structures have
no preferred direction, so the average over orientations is the better estimate ("geometric self-ensemble",
Lim et al. 2017, arXiv 1707.02921).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

#: How many orientations there may be: the image as it is; turned by a quarter as well; by every quarter;
#: and its mirror image by every quarter too.
COUNTS = (1, 2, 4, 8)


def quarter_turns(count: int) -> Iterator[tuple[bool, int]]:
    """List orientations, the image as it is first: whether it is mirrored, then turned by how many quarters.

    Parameters
    ----------
    count : int
        One of `COUNTS`.
    """
    for number in range(count):
        yield number >= 4, number % 4


def turn(image: Tensor, orientation: tuple[bool, int]) -> Tensor:
    """Mirror and turn the last two axes."""
    mirrored, quarters = orientation
    return torch.rot90(image.flip(-1) if mirrored else image, quarters, (-2, -1))


def turn_back(image: Tensor, orientation: tuple[bool, int]) -> Tensor:
    """Undo `turn`."""
    mirrored, quarters = orientation
    turned = torch.rot90(image, -quarters, (-2, -1))
    return turned.flip(-1) if mirrored else turned


class OrientationAverage:
    """Average of a picture and its stated error over orientations.

    The errors are averaged as variances. What the pictures differ by is left out: it says nothing of the
    error that they have in common, and hardly orders pixels by their error any better.

    Parameters
    ----------
    mean, scale : Tensor
        Of the image as it is, folded on the camera grid, (1, s², H, W).
    fold, unfold : callable
        To the camera grid and to the fine grid, on which alone an image can be turned.
    """

    def __init__(
        self,
        mean: Tensor,
        scale: Tensor,
        *,
        fold: Callable[[Tensor], Tensor],
        unfold: Callable[[Tensor], Tensor],
    ) -> None:
        self._fold, self._unfold = fold, unfold
        self._mean, self._variance = mean.clone(), scale.square()
        self._count = 1

    def add(self, mean: Tensor, scale: Tensor, orientation: tuple[bool, int]) -> None:
        """Take in what was found of the image turned by `turn`."""
        self._count += 1
        for average, found in ((self._mean, mean), (self._variance, scale.square())):
            upright = self._fold(turn_back(self._unfold(found), orientation))
            average.add_(upright.sub_(average), alpha=1 / self._count)

    def result(self) -> tuple[Tensor, Tensor]:
        """Return the mean and the scale, folded."""
        return self._mean, self._variance.sqrt()
