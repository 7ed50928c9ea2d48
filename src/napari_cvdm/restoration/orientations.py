"""Several looks at one plane: turned, mirrored, and put back.

A network trained on patches in every orientation still answers a little differently to each. Structures have
no preferred direction, so the average over orientations is the better estimate ("geometric self-ensemble",
Lim et al. 2017, arXiv 1707.02921).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

#: How many orientations there may be: the image as it is; turned by a quarter as well; by every quarter;
#: and its mirror image by every quarter too.
COUNTS = (1, 2, 4, 8)


def quarter_turns(count: int) -> Iterator[tuple[bool, int]]:
    """List so many orientations, the image as it is first: mirrored or not, then turned by how many quarters.

    ``count`` is one of `COUNTS`.
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
