"""Convolutional networks that see only a bounded neighbourhood.

Both U-Nets and the schedule's rate network are made of convolutions and pointwise functions alone. Nothing
in them mixes statistics over the image (no GroupNorm, InstanceNorm or attention), so what they compute at a
pixel depends on a neighbourhood of known radius, and a tile with that much halo gives the same pixels as the
whole image.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

#: λ(x) of a network that has not been trained.
INITIAL_RATE = 8.0


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions added to their input; the identity at initialisation.

    Parameters
    ----------
    width : int
        Number of channels in and out.
    normalised : bool
        Whether the first convolution sees the channels of each pixel with zero mean and unit variance, times
        learned gains (Ba et al. 2016, arXiv 1607.06450). Pixels stay independent of one another.
    """

    def __init__(self, width: int, normalised: bool = False) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width) if normalised else None
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        # Starting as the identity keeps a deep stack trainable, with or without normalisation.
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` plus its correction, shape (B, width, H, W)."""
        h = self.conv1(self.activate(x))
        correction: Tensor = self.conv2(F.silu(h))
        return x + correction

    def activate(self, x: Tensor) -> Tensor:
        """Return what the first convolution sees of ``x``, in new memory."""
        if self.norm is not None:
            x = self.norm(x.movedim(1, -1)).movedim(-1, 1)
        return F.silu(x)


def _stack(width: int, blocks: int, normalised: bool) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(width, normalised) for _ in range(blocks)))


class LocalUNet(nn.Module):
    """U-Net without spatial normalisation, on the camera grid.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels of the input and the output.
    widths : sequence of int
        Channels of each level, finest first. Each further level halves the sampling.
    blocks : sequence of int
        Residual blocks of each level; the coarsest level has them once, the others on the way down and up.
    normalised : bool
        Whether the blocks normalise the channels of each pixel.

    Attributes
    ----------
    granularity : int
        Heights, widths and tile origins must be multiples of this (2 to the number of down-samplings).
    receptive_field : int
        Upper bound, in input pixels, on how far away an input pixel can be and still change an output pixel.
        A multiple of ``granularity``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        widths: Sequence[int],
        blocks: Sequence[int],
        normalised: bool = False,
    ) -> None:
        super().__init__()
        if len(widths) != len(blocks) or not widths:
            raise ValueError("widths and blocks must name the same, non-zero number of levels")
        self.stem = nn.Conv2d(in_channels, widths[0], 3, padding=1)
        self.encoders = nn.ModuleList(_stack(w, b, normalised) for w, b in zip(widths, blocks, strict=True))
        self.downs = nn.ModuleList(nn.Conv2d(fine, coarse, 2, stride=2) for fine, coarse in pairwise(widths))
        # Enlarged by repetition, not by transposed convolution: what is flat stays flat, so an even
        # background cannot come out with a grid printed on it (Odena et al. 2016, 10.23915/distill.00003).
        self.ups = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for fine, coarse in pairwise(widths))
        self.decoders = nn.ModuleList(
            _stack(w, b, normalised) for w, b in zip(widths[:-1], blocks[:-1], strict=True)
        )
        self.head = nn.Conv2d(widths[0], out_channels, 3, padding=1)
        self.granularity: int = 2 ** (len(widths) - 1)
        self.receptive_field = _receptive_field(blocks)

    def features(self, x: Tensor) -> Tensor:
        """Features before the head, (B, widths[0], H, W), from ``x`` of shape (B, in_channels, H, W)."""
        check_sides(x, self.granularity)
        h: Tensor = self.stem(x)
        skips: list[Tensor] = []
        for encoder, down in zip(self.encoders[:-1], self.downs, strict=True):
            h = encoder(h)
            skips.append(h)
            h = down(h)
        h = self.encoders[-1](h)
        for up, decoder, skip in zip(
            reversed(self.ups), reversed(self.decoders), reversed(skips), strict=True
        ):
            h = decoder(F.interpolate(up(h), scale_factor=2.0) + skip)
        return F.silu(h)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H, W)."""
        out: Tensor = self.head(self.features(x))
        return out


def check_sides(x: Tensor, granularity: int) -> None:
    """Refuse images (B, C, H, W) whose height or width is not a multiple of a U-Net's granularity."""
    if x.shape[-1] % granularity or x.shape[-2] % granularity:
        raise ValueError(f"height and width must be multiples of {granularity}, got {tuple(x.shape[-2:])}")


class RateNetwork(nn.Module):
    """Small network for the schedule's rate λ(x) at every pixel, between two bounds.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels of the observation and of the folded sharp image.
    width : int
        Channels of the hidden layers.
    bounds : tuple of float
        Least and greatest λ, below and above `INITIAL_RATE`. The first makes γ(1, x) ≤ exp(−least) for any
        observation; the second is far above where training settles, and only keeps numbers finite.
    """

    receptive_field = 7  # 3×3, then 3×3 dilated by 2, by 3, and 3×3 again: 1 + 2 + 3 + 1

    def __init__(self, in_channels: int, out_channels: int, width: int, bounds: tuple[float, float]) -> None:
        super().__init__()
        low, high = bounds
        if not 0 < low < INITIAL_RATE < high:
            raise ValueError(f"the bounds of λ must lie above 0 and on either side of {INITIAL_RATE:g}")
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=2, dilation=2),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=3, dilation=3),
            nn.SiLU(),
        )
        self.head = nn.Conv2d(width, out_channels, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        # The inverse of the sigmoid, so that λ starts at `INITIAL_RATE` everywhere.
        share = torch.tensor((INITIAL_RATE - low) / (high - low))
        nn.init.constant_(self.head.bias, float(share.logit()))  # type: ignore[arg-type]
        self.bounds = bounds

    @property
    def bias_rate(self) -> float:
        """The rate that the head's mean bias alone gives; λ(x) of an observation may lie far from it."""
        low, high = self.bounds
        bias = self.head.bias
        assert bias is not None
        return low + (high - low) * float(torch.sigmoid(bias.detach().cpu().double().mean()))

    def forward(self, x: Tensor) -> Tensor:
        """Rate λ(x), shape (B, out_channels, H, W), float32."""
        low, high = self.bounds
        share = torch.sigmoid(self.head(self.layers(x)).float())
        rate: Tensor = low + (high - low) * share
        return rate


def _receptive_field(blocks: Sequence[int]) -> int:
    """Radius seen by a `LocalUNet`, in input pixels, rounded up to its granularity."""
    radius = 2  # stem and head
    for level, count in enumerate(blocks):
        passes = 1 if level == len(blocks) - 1 else 2
        radius += 2 * count * passes * 2**level
    # Each 2×2 down- and up-sampling reaches to the edges of its coarse cell.
    granularity: int = 2 ** (len(blocks) - 1)
    radius += 2 * (granularity - 1)
    return -(-radius // granularity) * granularity
