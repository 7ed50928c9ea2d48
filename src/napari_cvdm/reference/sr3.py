"""The larger of the published noise networks, after SR3 (Saharia et al., 2021, arXiv 2104.07636).

`recognition` relies on modules being registered in the order in which Keras creates its layers of each type.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_cvdm.reference.layers import GroupNorm, SameConv


class RowAttention(nn.Module):
    """Self-attention within each row of the feature maps, added to the normalised input.

    The published network hands feature maps with four axes to a layer that attends over the last but one,
    which is the width; the weights are not divided by the square root of the channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = GroupNorm(channels)
        self.query = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Any (B, channels, H, W) to the same shape."""
        n = self.norm(x)
        rows = n.permute(0, 2, 3, 1)
        weights = torch.softmax(self.query(rows) @ self.key(rows).transpose(-1, -2), dim=-1)
        result: Tensor = n + (weights @ self.value(rows)).permute(0, 3, 1, 2)
        return result


class Block(nn.Module):
    """Residual block with the noise embedding added between its convolutions; attention may follow.

    The embedding has `embedded` channels before this block's own convolution; 0 if there is none.
    """

    def __init__(self, inputs: int, outputs: int, embedded: int, attention: bool) -> None:
        super().__init__()
        self.embed = SameConv(embedded, outputs, 1) if embedded else None
        self.skip = SameConv(inputs, outputs, 1)
        self.norm = GroupNorm(inputs)
        self.conv_a = SameConv(inputs, outputs, 3)
        self.conv_b = SameConv(outputs, outputs, 3)
        self.attention = RowAttention(outputs) if attention else None

    def forward(self, x: Tensor, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """(B, inputs, H, W) and the embedding to (B, outputs, H, W) and the embedding for the next block."""
        if self.embed is not None:
            embedding = self.embed(embedding)
        h = self.conv_a(F.silu(self.norm(x))) + embedding
        h = self.skip(x) + self.conv_b(F.silu(h))
        return (h if self.attention is None else self.attention(h)), embedding


class SR3(nn.Module):
    """Published SR3 network; height and width must be multiples of 2^(levels − 1).

    Parameters
    ----------
    inputs, gamma_inputs, outputs : int
        Channels of the picture, of the γ map and of the result.
    stem : int
        Channels of the first convolutions.
    widths : sequence of int
        Channels of each level, finest first.
    blocks : int
        Residual blocks of each level on the way down; there is one more on the way up.
    attention_level : int or None
        Level whose blocks are followed by attention. It is fixed when the network is made: in the published
        code it is the level that is 8 rows high at the height of the training images.
    """

    def __init__(
        self,
        inputs: int,
        gamma_inputs: int,
        outputs: int,
        *,
        stem: int,
        widths: Sequence[int],
        blocks: int,
        attention_level: int | None,
    ) -> None:
        super().__init__()
        self.gamma_conv = SameConv(gamma_inputs, stem, 7)
        self.in_conv = SameConv(inputs, stem, 3)
        current, embedded, skips = stem, stem, [stem]
        self.down = nn.ModuleList()
        for level, width in enumerate(widths):
            stage = nn.ModuleList()
            for _ in range(blocks):
                stage.append(Block(current, width, embedded, level == attention_level))
                current = embedded = width
                skips.append(width)
            if level < len(widths) - 1:
                skips.append(width)
            self.down.append(stage)
        self.middle = nn.ModuleList([Block(current, current, 0, True), Block(current, current, 0, False)])
        self.up = nn.ModuleList()
        for level, width in reversed(list(enumerate(widths))):
            stage = nn.ModuleList()
            for _ in range(blocks + 1):
                stage.append(Block(current + skips.pop(), width, embedded, level == attention_level))
                current = embedded = width
            self.up.append(stage)
        self.out_norm = GroupNorm(current)
        self.out_conv = SameConv(current, outputs, 3)

    def forward(self, x: Tensor, gamma: Tensor) -> Tensor:
        """(B, inputs, H, W) and (B, gamma_inputs, H, W) to (B, outputs, H, W)."""
        embedding = F.softplus(self.gamma_conv(gamma))
        x = self.in_conv(x)
        skips = [x]
        for level, stage in enumerate(self.down):
            if level:
                x, embedding = F.avg_pool2d(x, 2), F.avg_pool2d(embedding, 2)
                skips.append(x)
            for block in _blocks(stage):
                x, embedding = block(x, embedding)
                skips.append(x)
        for block in self.middle:
            x, embedding = block(x, embedding)
        for level, stage in enumerate(self.up):
            if level:
                x, embedding = (F.interpolate(each, scale_factor=2.0) for each in (x, embedding))
            for block in _blocks(stage):
                x, embedding = block(torch.cat([x, skips.pop() / math.sqrt(2.0)], dim=1), embedding)
        result: Tensor = self.out_conv(F.silu(self.out_norm(x)))
        return result


def _blocks(stage: nn.Module) -> nn.ModuleList:
    assert isinstance(stage, nn.ModuleList)
    return stage
