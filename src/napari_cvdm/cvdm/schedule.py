"""The learned variance schedule γ(t, x), with its exact derivatives.

The schedule separates into a rate that depends on the observation and a clock that depends on time alone,

    γ(t, x) = exp(−λ(x) · Γ(t)),    β(t, x) = λ(x) · τ(t),    τ = dΓ/dt,

with λ(x) > 0 and Γ rising from Γ(0) = 0 to Γ(1) = 1. Because τ is the exact derivative of Γ, the pair
satisfies ∂γ/∂t = −β·γ by construction, as the forward process demands (della Maggiora et al., ICLR 2024,
sec. 3).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

#: The logarithmic unit is −log(1 − LOG_REACH·t): a schedule made of it alone has γ = (1 − LOG_REACH·t)^p.
LOG_REACH = 0.999

#: Offset s of the cosine schedule, and the half-width of the logistic curve of the sigmoid schedule.
COSINE_OFFSET = 0.008
SIGMOID_REACH = 3.0


class Clock(NamedTuple):
    """Γ and its first two derivatives at some times; all of the shape of the times."""

    integral: Tensor
    rate: Tensor
    rate_slope: Tensor


class MonotoneClock(nn.Module):
    """The clock Γ(t): a monotone network of one hidden layer, with Γ(0) = 0 and Γ(1) = 1.

    Γ is a positive combination of rising units: t itself, −log(1 − 0.999 t), which lets γ fall in a straight
    line, and `units` sigmoids with learned centres and slopes. Positive weights make it monotone for any
    parameters; the closed form gives τ = Γ' and τ' = Γ'' without automatic differentiation.

    Parameters
    ----------
    units : int
        Number of sigmoid units.
    """

    def __init__(self, units: int = 16) -> None:
        super().__init__()
        self.linear = nn.Parameter(torch.tensor(-3.0))
        self.logarithmic = nn.Parameter(torch.tensor(0.0))
        self.weights = nn.Parameter(torch.full((units,), -4.0))
        self.centres = nn.Parameter((torch.arange(units) + 0.5) / units)
        self.slopes = nn.Parameter(torch.full((units,), math.log(math.expm1(float(units) / 2))))

    def _raw(self, t: Tensor) -> Clock:
        linear, logarithmic = F.softplus(self.linear), F.softplus(self.logarithmic)
        weights, slopes = F.softplus(self.weights), F.softplus(self.slopes)
        rising = torch.sigmoid(slopes * (t.unsqueeze(-1) - self.centres))
        # Each unit counts from its own start: a difference of two large sums would be less exact near t = 0.
        risen = rising - torch.sigmoid(-slopes * self.centres)
        bell = rising * (1 - rising)
        rest = 1 - LOG_REACH * t
        return Clock(
            linear * t - logarithmic * torch.log(rest) + (weights * risen).sum(-1),
            linear + logarithmic * LOG_REACH / rest + (weights * slopes * bell).sum(-1),
            logarithmic * (LOG_REACH / rest) ** 2 + (weights * slopes**2 * bell * (1 - 2 * rising)).sum(-1),
        )

    def forward(self, t: Tensor) -> Clock:
        """Γ, τ and τ' at times ``t`` in [0, 1]; any shape, computed in the parameters' dtype."""
        t = t.to(self.linear.dtype)
        raw, span = self._raw(t), self._raw(torch.ones_like(t[..., :1] if t.ndim else t)).integral
        integral = raw.integral / span
        # Rounding must not make γ(0) other than 1; detached, so that the slope there stays.
        integral = integral - torch.where(t == 0, integral, 0).detach()
        return Clock(integral, raw.rate / span, raw.rate_slope / span)


#: Shapes of γ that `FixedClock` knows.
FIXED_SCHEDULES = ("linear", "cosine", "sigmoid")


class FixedClock(nn.Module):
    """The clock of a schedule fixed beforehand, with one rate λ for all pixels; it has no parameters.

    Γ(t) = −log γ(t) / λ with γ(t) = e^−λ + (1 − e^−λ) f(t), so that γ falls from 1 to e^−λ along f:

    - ``linear``: f = 1 − t;
    - ``cosine``: f = cos²(π/2 · (t + s)/(1 + s)) / cos²(π/2 · s/(1 + s)), s = 0.008 (Nichol & Dhariwal 2021,
      arXiv 2102.09672);
    - ``sigmoid``: a logistic curve between −3 and 3, brought to 1 and 0 at its ends (Jabri et al. 2022,
      arXiv 2212.11972).

    Parameters
    ----------
    shape : str
        One of `FIXED_SCHEDULES`.
    rate : float
        The λ for which γ has this shape.

    Raises
    ------
    ValueError
        If the shape is unknown.
    """

    def __init__(self, shape: str, rate: float) -> None:
        super().__init__()
        if shape not in FIXED_SCHEDULES:
            raise ValueError(f"unknown schedule {shape!r}; choose from {', '.join(FIXED_SCHEDULES)}")
        self.shape, self.rate = shape, rate

    def _fall(self, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``f`` and its first two derivatives."""
        if self.shape == "linear":
            return 1 - t, torch.full_like(t, -1.0), torch.zeros_like(t)
        if self.shape == "cosine":
            speed = math.pi / (1 + COSINE_OFFSET)
            angle, start = speed * (t + COSINE_OFFSET), math.cos(speed * COSINE_OFFSET)
            span = 1 + start  # cos² of half the angle is (1 + cos)/2, and cos is −1 at t = 1
            return (
                (1 + torch.cos(angle)) / span,
                -speed * torch.sin(angle) / span,
                -(speed**2) * torch.cos(angle) / span,
            )
        low, high = (1 / (1 + math.exp(SIGMOID_REACH * sign)) for sign in (1, -1))
        value = torch.sigmoid(SIGMOID_REACH * (1 - 2 * t))
        slope = -2 * SIGMOID_REACH * value * (1 - value)
        curvature = -2 * SIGMOID_REACH * slope * (1 - 2 * value)
        span = high - low
        return (value - low) / span, slope / span, curvature / span

    def forward(self, t: Tensor) -> Clock:
        """Γ, τ and τ' at times ``t`` in [0, 1]; any shape."""
        fall, slope, curvature = self._fall(t)
        end = math.exp(-self.rate)
        gamma = end + (1 - end) * fall
        slope, curvature = (1 - end) * slope, (1 - end) * curvature
        integral = -torch.log(gamma) / self.rate
        # As in the learned clock: rounding must not make γ(0) other than 1.
        integral = integral - torch.where(t == 0, integral, 0).detach()
        falling = -slope / gamma
        return Clock(integral, falling / self.rate, (falling**2 - curvature / gamma) / self.rate)


def noise_level(gamma: Tensor) -> Tensor:
    """√(1 − γ), with a finite slope where γ is 1; any shape."""
    return (1 - gamma).clamp_min(1e-12).sqrt()


def gamma_at(clock: nn.Module, t: Tensor, lam: Tensor) -> Tensor:
    """γ(t, x) alone, for times broadcastable to the rates ``lam``; of the shape of ``lam``."""
    return torch.exp(-lam * clock(t).integral)


def gamma_and_curvature(clock: nn.Module, t: Tensor, lam: Tensor) -> tuple[Tensor, Tensor]:
    """γ and its exact second derivative in time, γ'' = (β² − λτ')γ; each of the shape of ``lam``.

    Times as for `gamma_at`, for instance (B, 1, 1, 1) for rates (B, C, H, W).
    """
    integral, rate, rate_slope = clock(t)
    gamma = torch.exp(-lam * integral)
    beta = lam * rate
    return gamma, (beta**2 - lam * rate_slope) * gamma
