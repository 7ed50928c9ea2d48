"""The published learned schedule: a rate λ(x) for each pixel, times functions of t alone.

β(t, x) = λ(x) · b(t) and γ(t, x) = exp(−λ(x) · g(t)), where b and g are two small networks of t, trained to
satisfy ∂γ/∂t = −β · γ. λ does not depend on t, and where t is the same at every pixel, b and g take nine
values only: one in the middle, and others at the four edges and corners, where the convolution meets its
padding. So one pass for λ and nine values per time stand for one pass per time.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from napari_cvdm.reference.layers import SameConv
from napari_cvdm.reference.unet import UNet

#: Times later than this are taken to be this.
LATEST_TIME = 0.99999
#: Bounds of γ as the schedule gives it.
GAMMA_BOUNDS = (1e-6, 0.99999)
#: Sigmoid units of a time model computed at once: all of them would need a thousand maps.
UNITS_AT_ONCE = 64


class TimeModel(nn.Module):
    """Network of the time alone, multiplied by the time so that it vanishes at t = 0."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.line = SameConv(inputs, 1, 1)
        self.hidden = SameConv(1, units, 3)
        self.out = SameConv(units, 1, 1)

    def forward(self, t: Tensor) -> Tensor:
        """Map of times (B, inputs, H, W) to values of the same shape, in `precise_type`."""
        precise = precise_type(t.device)
        parameters = (each.to(precise) for each in self.parameters())
        line_weight, line_bias, weight, bias, out, out_bias = parameters
        t = t.to(precise)
        line = F.conv2d(t, line_weight, line_bias)
        total: Tensor = line + out_bias[:, None, None]
        for start in range(0, len(weight), UNITS_AT_ONCE):
            part = slice(start, start + UNITS_AT_ONCE)
            units = torch.sigmoid(F.conv2d(line, weight[part], bias[part], padding=1))
            total = total + F.conv2d(units, out[:, part])
        return total * t

    def table(self, times: Tensor) -> Tensor:
        """Values for times (N,) that are the same at every pixel.

        They are (N, 3, 3): corners, edges and the middle of a map of any size, see `spread`.
        """
        maps = times[:, None, None, None].expand(-1, self.line.in_channels, 3, 3)
        values: Tensor = self(maps)
        return values[:, 0]


def precise_type(device: torch.device) -> torch.dtype:
    """Double precision; single on Apple's MPS, which has no double."""
    return torch.float32 if device.type == "mps" else torch.float64


def spread(values: Tensor, height: int, width: int) -> Tensor:
    """Enlarge a table (..., 3, 3) of corners, edges and middle to a map (..., height, width)."""
    rows, columns = (_third(size, values.device) for size in (height, width))
    return values.index_select(-2, rows).index_select(-1, columns)


def _third(size: int, device: torch.device) -> Tensor:
    index = torch.ones(size, dtype=torch.int64, device=device)
    index[0], index[-1] = 0, 2
    return index


class Schedule(nn.Module):
    """Published schedule network: two time models, and a U-Net for λ with `width` channels at its finest."""

    def __init__(self, inputs: int, outputs: int, width: int, units: int) -> None:
        super().__init__()
        self.beta_time = TimeModel(outputs, units)
        self.gamma_time = TimeModel(outputs, units)
        self.unet = UNet(inputs, inputs, width, outputs)

    def rate(self, x: Tensor) -> Tensor:
        """Rate λ(x) > 0, (B, outputs, H, W), from the observation (B, inputs, H, W).

        λ scales every step of every draw and one pass gives it, so the pass is made in `precise_type`.
        """
        precise = precise_type(x.device)
        weights = {name: tensor.to(precise) for name, tensor in self.unet.state_dict().items()}
        x = x.to(precise)
        result: Tensor = functional_call(self.unet, weights, (x, x))
        return F.softplus(result)

    def forward(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """γ and β, (B, outputs, H, W) float32, for any map of times in [0, 1]: the step-by-step form.

        The map of times has their shape; the observation x, in [−1, 1], is (B, inputs, H, W).
        """
        t = t.clamp(0.0, LATEST_TIME)
        rate = self.rate(x)
        gamma = torch.exp(-rate * self.gamma_time(t)).clamp(*GAMMA_BOUNDS)
        return gamma.float(), (rate * self.beta_time(t)).float()

    def beta_table(self, steps: int) -> Tensor:
        """b(i / steps) for i = 0 … steps − 1 at corners, edges and middle, shape (steps, 3, 3)."""
        device = self.beta_time.line.weight.device
        # Divided in double precision and rounded once, as the published code does.
        times = torch.arange(steps, dtype=torch.float64, device="cpu") / steps
        times = times.clamp(0.0, LATEST_TIME).float()
        return self.beta_time.table(times.to(device))
