"""Keras layers in torch, where the two differ: padding of even kernels, transposed convolution, norms."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

#: Added to every variance (TensorFlow Addons' default; torch's would be 1e-5).
NORM_EPSILON = 1e-3
#: Groups of contiguous channels in every group normalisation.
NORM_GROUPS = 32


class SameConv(nn.Conv2d):
    """Convolution of stride 1 with Keras' padding 'same': an even kernel is padded after, not before."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(inputs, outputs, kernel, padding=(kernel - 1) // 2)
        self._after = (kernel - 1) % 2

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W)."""
        return super().forward(F.pad(x, (0, self._after, 0, self._after)) if self._after else x)


class DoublingConv(nn.ConvTranspose2d):
    """Transposed 3 × 3 convolution of stride 2 with padding 'same': the last row and column are dropped."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, stride=2)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, 2·H, 2·W)."""
        return super().forward(x, output_size)[..., :-1, :-1]


class ChannelNorm(nn.Module):
    """Normalisation over the whole tile, with a gain and an offset for each channel.

    Contiguous channels share mean and variance, in `groups` groups of equal size.
    """

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        if channels % groups:
            raise ValueError(f"{channels} channels cannot be put into {groups} equal groups")
        self.groups = groups
        self.weight = nn.Parameter(torch.empty(channels).fill_(1.0))
        self.bias = nn.Parameter(torch.empty(channels).fill_(0.0))

    def forward(self, x: Tensor) -> Tensor:
        """Any (B, channels, H, W) to the same shape."""
        # Contiguous: on channels-last CPU tensors, torch's group norm loses two digits here. And not the one
        # of torch.nn.functional, which refuses groups of one number: tiles of 16 × 16 end in such.
        return torch.group_norm(x.contiguous(), self.groups, self.weight, self.bias, NORM_EPSILON)


class InstanceNorm(ChannelNorm):
    """Normalisation of each channel by itself."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels)


class GroupNorm(ChannelNorm):
    """Normalisation of 32 groups of channels."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, NORM_GROUPS)
