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


class LinearGammaClock(nn.Module):
    """The fixed clock of a schedule whose γ falls (nearly) linearly: Γ(t) = log(1 − κt) / log(1 − κ).

    It has no parameters: the comparison of learned against fixed schedules uses it in the learned clock's
    place.
    """

    def forward(self, t: Tensor) -> Clock:
        """Γ, τ and τ' at times ``t`` in [0, 1]; any shape."""
        span = -math.log(1 - LOG_REACH)
        rest = 1 - LOG_REACH * t
        return Clock(-torch.log(rest) / span, LOG_REACH / rest / span, (LOG_REACH / rest) ** 2 / span)


def noise_level(gamma: Tensor) -> Tensor:
    """√(1 − γ), with a finite slope where γ is 1; any shape."""
    return (1 - gamma).clamp_min(1e-12).sqrt()


def gamma_at(clock: nn.Module, t: Tensor, lam: Tensor) -> Tensor:
    """γ(t, x) alone, for times broadcastable to the rates ``lam``; of the shape of ``lam``."""
    return torch.exp(-lam * clock(t).integral)


class ScheduleValues(NamedTuple):
    """γ, β, ∂γ/∂t and ∂²γ/∂t² at one time per item; each of the shape of λ."""

    gamma: Tensor
    beta: Tensor
    slope: Tensor
    curvature: Tensor


def evaluate_schedule(clock: nn.Module, t: Tensor, lam: Tensor) -> ScheduleValues:
    """Evaluate the schedule and its exact time derivatives.

    Parameters
    ----------
    clock : MonotoneClock or LinearGammaClock
        The clock Γ.
    t : Tensor
        Times in [0, 1], broadcastable to ``lam`` (for instance (B, 1, 1, 1)).
    lam : Tensor
        Rates λ(x) > 0, shape (B, C, H, W).

    Returns
    -------
    ScheduleValues
        With γ' = −λτγ = −βγ and γ'' = (λ²τ² − λτ')γ.
    """
    integral, rate, rate_slope = clock(t)
    gamma = torch.exp(-lam * integral)
    beta = lam * rate
    return ScheduleValues(gamma, beta, -beta * gamma, (beta**2 - lam * rate_slope) * gamma)
