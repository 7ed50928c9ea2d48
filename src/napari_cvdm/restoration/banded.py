"""Evaluating networks on a CPU band by band, in place: the same pixels, in less time and memory.

A convolution that writes a large feature map to new memory waits for the operating system to hand that memory
out, page by page; on a plane of 512 × 512 pixels that takes as long as the arithmetic. Here a residual block
goes through a plane in bands of rows whose intermediate maps stay in the processor's cache, and adds its
correction to the map it was given. One map per level of a U-Net is then alive, where plain evaluation holds
several, so tiles can be larger and their halos a smaller share of the work.

Bands overlap by as many rows as a block sees, so nothing but rounding changes. oneDNN's convolution with the
activation built in is used where torch offers it and it passes a small test.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_cvdm.cvdm.model import CVDM
from napari_cvdm.cvdm.networks import LocalUNet, ResidualBlock, check_sides

#: Bytes of one feature map in one band. A few of them fit in the cache that cores share, and the memory
#: allocator keeps pieces of this size for the next band. Of 2, 4, 8 and 16 MiB, the quickest on the shipped
#: model.
BAND_BYTES = 2**23
#: Least rows of a band: each computes a few rows that its neighbour computes as well.
LEAST_ROWS = 32

#: Tensor -> tensor of the same height and width.
Local = Callable[[Tensor], Tensor]
#: Called before every band of a large map, which take long together; may raise to end the evaluation.
Checkpoint = Callable[[], None]


def run_in_bands(prepared: CVDM, checkpoint: Checkpoint = lambda: None) -> None:
    """Replace the networks of ``prepared`` by ones that work in bands; its own methods stay as they are.

    It is a copy for inference on a CPU, not to be trained or saved any more. What the checkpoint, called
    before every band, raises ends the evaluation.
    """
    for name, network in list(prepared.named_children()):
        if type(network) is LocalUNet:
            setattr(prepared, name, BandedUNet(network, checkpoint))
    prepared.scale_head = Banded(prepared.scale_head, checkpoint)
    if prepared.config.schedule == "learned":  # a fixed one has no network
        prepared.rate_network.layers = Banded(prepared.rate_network.layers, checkpoint)


class Banded(nn.Sequential):
    """Convolutions of stride 1 that keep height and width, and pointwise functions, in bands."""

    def __init__(self, layers: nn.Sequential, checkpoint: Checkpoint = lambda: None) -> None:
        super().__init__(*layers)
        self._checkpoint = checkpoint
        self._reach = sum(_reach(layer) for layer in layers if isinstance(layer, nn.Conv2d))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', H, W)."""
        return in_bands(super().forward, x, self._reach, self._checkpoint)


class BandedUNet(nn.Module):
    """A `LocalUNet` for inference, evaluated in bands."""

    def __init__(self, network: LocalUNet, checkpoint: Checkpoint = lambda: None) -> None:
        super().__init__()
        self._checkpoint = checkpoint
        self.stem, self.head = network.stem, network.head
        self.encoders, self.decoders = network.encoders, network.decoders
        self.downs, self.ups = network.downs, network.ups
        self.granularity, self.receptive_field = network.granularity, network.receptive_field

    def features(self, x: Tensor) -> Tensor:
        """Do as `LocalUNet.features`."""
        check_sides(x, self.granularity)
        level = in_bands(self.stem, x, _reach(self.stem), self._checkpoint)
        levels = [level]
        for encoder, down in zip(self.encoders[:-1], self.downs, strict=True):
            self._add_blocks(encoder, level)
            level = down(level)
            levels.append(level)
        self._add_blocks(self.encoders[-1], level)
        for up, decoder, (coarse, fine) in zip(
            reversed(self.ups), reversed(self.decoders), pairwise(reversed(levels)), strict=True
        ):
            _add_enlarged(up(coarse), fine)
            self._add_blocks(decoder, fine)
        return F.silu(levels[0], inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H, W)."""
        out: Tensor = self.head(self.features(x))
        return out

    def _add_blocks(self, blocks: nn.Module, x: Tensor) -> None:
        for block in blocks.children():
            assert isinstance(block, ResidualBlock)
            add_correction(block, x, self._checkpoint)


def in_bands(layer: Local, x: Tensor, reach: int, checkpoint: Checkpoint = lambda: None) -> Tensor:
    """Evaluate a layer that sees ``reach`` pixels far, band by band, into new channels-last memory."""
    height = x.shape[-2]
    bands = row_bands(x)
    if len(bands) == 1:
        return layer(x)
    out: Tensor | None = None
    for band in bands:
        checkpoint()
        first = max(0, band.start - reach)
        part = layer(x[..., first : band.stop + reach, :])[..., band.start - first : band.stop - first, :]
        if out is None:
            shape = (*part.shape[:-2], height, part.shape[-1])
            out = torch.empty(shape, dtype=part.dtype, device=part.device, memory_format=torch.channels_last)
        out[..., band.start : band.stop, :] = part
    assert out is not None  # a plane has at least one row
    return out


def row_bands(x: Tensor) -> list[range]:
    """Cut the rows of (B, C, H, W) into even bands of about `BAND_BYTES` each."""
    height = x.shape[-2]
    rows = max(LEAST_ROWS, BAND_BYTES * height // max(1, x.nbytes))
    count = -(-height // rows)
    return [range(height * i // count, height * (i + 1) // count) for i in range(count)]


def add_correction(block: ResidualBlock, x: Tensor, checkpoint: Checkpoint = lambda: None) -> None:
    """Do what a residual block does, in place.

    ``x`` has the shape (B, width, H, W). Where the checkpoint raises, some rows are corrected and others are
    not.
    """
    before: Tensor | None = None
    for band in row_bands(x):
        checkpoint()
        # The first convolution needs two rows more on either side, the second one.
        first, inner_first = max(0, band.start - 2), max(0, band.start - 1)
        active = block.activate(x[..., first : band.stop + 2, :])
        if before is not None:
            # These rows of x have been corrected by now.
            active[..., : before.shape[-2], :] = block.activate(before)
        hidden = _convolve_and_activate(block.conv1, active)
        hidden = hidden[..., inner_first - first : band.stop + 1 - first, :]
        correction = block.conv2(hidden)[..., band.start - inner_first : band.stop - inner_first, :]
        before = x[..., max(0, band.stop - 2) : band.stop, :].clone()
        x[..., band.start : band.stop, :].add_(correction)


def _add_enlarged(coarse: Tensor, x: Tensor) -> None:
    """Add a map to one of twice its sampling, in place, every pixel repeated."""
    for rows in (0, 1):
        for columns in (0, 1):
            x[..., rows::2, columns::2].add_(coarse)


def _convolve_and_activate(convolution: nn.Conv2d, x: Tensor) -> Tensor:
    """SiLU of a convolution, in one pass where that is possible."""
    if not fused_convolution_works():
        return F.silu(convolution(x), inplace=True)
    return _fused(convolution, x)


def _fused(convolution: nn.Conv2d, x: Tensor) -> Tensor:
    out: Tensor = torch.ops.mkldnn._convolution_pointwise(
        x, convolution.weight, convolution.bias, convolution.padding, convolution.stride,
        convolution.dilation, convolution.groups, "swish", [], "",
    )  # fmt: skip
    return out


@cache
def fused_convolution_works() -> bool:
    """Whether this installation of torch has oneDNN's convolution with SiLU, and it is right."""
    convolution = nn.Conv2d(4, 4, 3, padding=1, device="cpu").requires_grad_(False)
    x = torch.linspace(-3, 3, 4 * 8 * 8, device="cpu").view(1, 4, 8, 8)
    try:
        out = _fused(convolution, x)
    except (AttributeError, RuntimeError, TypeError):
        return False
    return torch.allclose(out, F.silu(convolution(x)), rtol=1e-4, atol=1e-5)


def _reach(convolution: nn.Conv2d) -> int:
    return max(
        dilation * (size - 1) // 2
        for dilation, size in zip(convolution.dilation, convolution.kernel_size, strict=True)
    )
