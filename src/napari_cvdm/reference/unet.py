"""The published U-Net: it is the mean network, the schedule's network and the smaller of the noise networks.

`recognition` relies on modules being registered in the order in which Keras creates its layers of each type.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_cvdm.reference.layers import DoublingConv, InstanceNorm, SameConv

#: Channels of each level in units of the first, finest first; the last is the bottom.
LEVELS = (1, 2, 4, 8, 16)
#: Channels of the four transposed convolutions, coarsest first, whatever the width of the network.
DOUBLING_WIDTHS = (512, 256, 128, 64)


class SoftplusNorm(nn.Module):
    """Convolution, softplus, instance normalisation: in this order."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = SameConv(inputs, outputs, 3)
        self.norm = InstanceNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W)."""
        result: Tensor = self.norm(F.softplus(self.conv(x)))
        return result


class Rise(nn.Module):
    """One level up: enlarge, join with the skip connection, convolve.

    There are `below` channels from the level below, `doubled` after the transposed convolution, `narrowed`
    after the 2 × 2 convolution that follows it, and `outputs` after all 3 × 3 `convolutions`.
    """

    def __init__(
        self, below: int, doubled: int, narrowed: int, skipped: int, outputs: int, convolutions: int
    ) -> None:
        super().__init__()
        self.enlarge = DoublingConv(below, doubled)
        self.narrow = SameConv(doubled, narrowed, 2)
        widths = [skipped + narrowed] + [outputs] * convolutions
        self.convs = nn.Sequential(*(SoftplusNorm(a, b) for a, b in pairwise(widths)))

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """(B, below, H, W) and (B, skipped, 2·H, 2·W) to (B, outputs, 2·H, 2·W)."""
        up = F.softplus(self.narrow(F.softplus(self.enlarge(x))))
        result: Tensor = self.convs(torch.cat([skip, up], dim=1))
        return result


class UNet(nn.Module):
    """Published U-Net of five levels, the finest of `width` channels; sides must be multiples of 16.

    A second input has `gamma_inputs` channels, 0 if there is none.
    """

    def __init__(self, inputs: int, gamma_inputs: int, width: int, outputs: int) -> None:
        super().__init__()
        widths = [width * each for each in LEVELS]
        self.in_conv = SameConv(inputs, width, 3)
        self.gamma_conv = SameConv(gamma_inputs, width, 7) if gamma_inputs else None
        self.in_norm = InstanceNorm(width)
        self.first = SoftplusNorm(width, width)
        self.second = nn.Sequential(SoftplusNorm(width, widths[1]), SoftplusNorm(widths[1], widths[1]))
        self.third = nn.Sequential(SoftplusNorm(widths[1], widths[2]), SoftplusNorm(widths[2], widths[2]))
        # The fourth level ends as wide as the fifth.
        self.fourth = nn.Sequential(SoftplusNorm(widths[2], widths[3]), SoftplusNorm(widths[3], widths[4]))
        self.bottom = nn.Sequential(SoftplusNorm(widths[4], widths[4]), SoftplusNorm(widths[4], widths[4]))
        skips, outs = (widths[4], widths[2], widths[1], widths[0]), (widths[3], *reversed(widths[:3]))
        below = widths[4]
        rises = []
        for level, (doubled, skip, out) in enumerate(zip(DOUBLING_WIDTHS, skips, outs, strict=True)):
            rises.append(Rise(below, doubled, skip, skip, out, 3 if level == 3 else 2))
            below = out
        self.rises = nn.ModuleList(rises)
        self.out_conv = SameConv(width, outputs, 1)

    def forward(self, x: Tensor, gamma: Tensor | None = None) -> Tensor:
        """(B, inputs, H, W) and (B, gamma_inputs, H, W) to (B, outputs, H, W)."""
        c = F.softplus(self.in_conv(x))
        if self.gamma_conv is not None:
            if gamma is None:
                raise ValueError("this U-Net has a second input")
            c = F.softplus(self.gamma_conv(gamma)) + c
        skips = [self.first(self.in_norm(c))]
        for level in (self.second, self.third, self.fourth):
            skips.append(level(F.max_pool2d(skips[-1], 2)))
        x = self.bottom(F.max_pool2d(skips[-1], 2))
        for rise, skip in zip(self.rises, reversed(skips), strict=True):
            x = rise(x, skip)
        result: Tensor = self.out_conv(x)
        return result
