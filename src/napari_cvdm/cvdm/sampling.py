"""Samplers: from noise to a draw of the whitened residual, as generators.

A sampler is a plain function of (noise predictor, clock, λ, times, noise). After each network call it yields
the state at the time reached, the last of which is the draw, so a caller may show progress or stop. Noise is
injected: the sampler asks for the field of a step and never draws random numbers itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from napari_cvdm.cvdm.schedule import gamma_at

#: (z, γ) → ε̂, all of one shape.
NoisePredictor = Callable[[Tensor, Tensor], Tensor]
#: Least γ in sampling, as in the published implementation: the residual is recovered by dividing by its root.
LEAST_GAMMA = 1e-6
#: Most that a step of second order may be longer than the one before for the latter to count in full.
MOST_GROWTH = 2.0
#: Step number → standard Gaussian field of the state's shape; number 0 is the initial state.
NoiseSource = Callable[[int], Tensor]


@torch.no_grad()
def angle_grid(steps: int, clock: nn.Module, rate: float) -> tuple[float, ...]:
    """Times from 1 down to 0 at which the angle φ = arccos √γ falls in equal steps.

    Parameters
    ----------
    steps : int
        Number of network calls, at least 1.
    clock : nn.Module
        The clock Γ of the schedule.
    rate : float
        The λ for which the steps are equal. One grid serves all pixels and all images, so that a result does
        not depend on what else is in the field of view.

    Raises
    ------
    ValueError
        If ``steps`` < 1.
    """
    if steps < 1:
        raise ValueError(f"at least one sampling step is needed, got {steps}")
    device = next((parameter.device for parameter in clock.parameters()), torch.device("cpu"))
    # Squares, because the angle sets out like √t: even times would leave its fastest part to few of them.
    t = torch.linspace(0, 1, 4097, dtype=torch.float64, device="cpu").square().float()
    # On the CPU, because not every device has double precision.
    integral = clock(t.to(device)).integral.cpu().double()
    angle = torch.acos(torch.exp(-rate * integral).clamp(LEAST_GAMMA, 1).sqrt()).numpy()
    wanted = angle[-1] * (1 - np.arange(1, steps) / steps)
    return (1.0, *(float(value) for value in np.interp(wanted, angle, t.numpy())), 0.0)


def ancestral(
    predict_noise: NoisePredictor,
    clock: nn.Module,
    lam: Tensor,
    times: Sequence[float],
    noise: NoiseSource,
    eta: float = 1.0,
) -> Iterator[Tensor]:
    """Sample along a grid of times, from t = 1 to t = 0.

    A step from t to s < t predicts the clean residual r̂ = (z_t − √(1−γ_t)·ε̂) / √γ_t, then moves to

        z_s = √γ_s · r̂ + √(1 − γ_s − v) · ε̂ + √v · ξ,    v = η² · (1−γ_s)(1−γ_t/γ_s) / (1−γ_t).

    With η = 1 this is the exact posterior q(z_s | z_t, r̂) of the forward process (ancestral sampling, Ho et
    al. 2020, arXiv 2006.11239); with η = 0 it is deterministic (DDIM, Song et al. 2021, arXiv 2010.02502).
    γ is a field here, one value for each pixel.

    Parameters
    ----------
    predict_noise : callable
        (z, γ) → ε̂.
    clock : nn.Module
        The clock Γ of the schedule.
    lam : Tensor
        Rate λ(x), of the shape of the state.
    times : sequence of float
        Falling from 1 to 0, as from `angle_grid`.
    noise : callable
        Step number → standard Gaussian field; 0 for the initial state, i for the noise added in step i.
    eta : float
        Share of fresh noise, 0 to 1.

    Yields
    ------
    Tensor
        The state z after each network call; the last is the draw.

    Raises
    ------
    ValueError
        If ``eta`` lies outside 0 to 1, or the times do not fall from 1 to 0.
    """
    if not 0 <= eta <= 1:
        raise ValueError(f"the share of fresh noise must lie between 0 and 1, got {eta}")
    _check_times(times)
    z = noise(0)
    gamma = _gamma(clock, times[0], lam)
    for step in range(1, len(times)):
        epsilon = predict_noise(z, gamma)
        prediction = (z - (1 - gamma).sqrt() * epsilon) / gamma.sqrt()
        if step == len(times) - 1:
            yield prediction
            return
        gamma_next = _gamma(clock, times[step], lam)
        # Of ever so many steps the last begin where γ is 1 to rounding: nothing is left to vary there.
        noise_left = (1 - gamma).clamp_min(1e-30)
        variance = eta**2 * (1 - gamma_next) * (1 - gamma / gamma_next) / noise_left
        # The guard is against rounding only: η ≤ 1 keeps the radicand at or above zero.
        z = gamma_next.sqrt() * prediction + (1 - gamma_next - variance).clamp_min(0).sqrt() * epsilon
        if eta > 0:
            z = z + variance.sqrt() * noise(step)
        gamma = gamma_next
        yield z


def angular(
    predict_noise: NoisePredictor,
    clock: nn.Module,
    lam: Tensor,
    times: Sequence[float],
    noise: NoiseSource,
    second_order: bool = False,
) -> Iterator[Tensor]:
    """Sample deterministically, along the angle φ with cos φ = √γ.

    In that angle the probability-flow equation reads dz/dφ = v(z, φ), with the velocity
    v = √γ·ε̂ − √(1−γ)·r̂ (Salimans & Ho 2022, arXiv 2202.00512). For a Gaussian residual of zero mean and unit
    variance, which is what whitening aims at, the right v is zero: Euler's step z_s = z_t − (φ_t − φ_s)·v̂ is
    then exact, however few there are, where the steps of `ancestral` lose variance. The last step is one
    like the others, to φ = 0: ending on the predicted residual instead would take its variance times γ.

    The second order is that of the two-step Adams-Bashforth rule, for steps h of unequal length

        z_s = z_t − h·(v̂ + h/(2h')·(v̂ − v̂')),

    with h' and v̂' those of the step before; the first step is Euler's. It costs no further network call.
    Linear multistep rules for diffusion models: Liu et al. 2022, arXiv 2202.09778; Zhang & Chen 2023,
    arXiv 2204.13902.

    Parameters
    ----------
    predict_noise, clock, lam, times, noise
        As for `ancestral`; of ``noise``, only the initial state is asked for.
    second_order : bool
        Whether each step also uses the velocity of the step before.

    Yields
    ------
    Tensor
        The state z after each network call; the last is the draw.
    """
    _check_times(times)
    z = noise(0)
    gamma = _gamma(clock, times[0], lam)
    angle = torch.acos(gamma.sqrt())
    before: tuple[Tensor, Tensor] | None = None  # turn and velocity of the step before, if they are needed
    for time in times[1:]:
        epsilon = predict_noise(z, gamma)
        signal, spread = gamma.sqrt(), (1 - gamma).sqrt()
        residual = (z - spread * epsilon) / signal
        velocity = signal * epsilon - spread * residual
        gamma = _gamma(clock, time, lam)
        angle_next = torch.acos(gamma.sqrt())
        turn = angle - angle_next
        slope = velocity
        if before is not None:
            # Where the least γ held the angle still, the step before was none: no ratio is taken from it.
            ratio = torch.where(before[0] > 0, turn / before[0].clamp_min(1e-12), 0).clamp_max(MOST_GROWTH)
            slope = velocity + 0.5 * ratio * (velocity - before[1])
        z = z - turn * slope
        before, angle = (turn, velocity) if second_order else None, angle_next
        yield z


def _check_times(times: Sequence[float]) -> None:
    if len(times) < 2 or times[0] != 1.0 or times[-1] != 0.0 or sorted(times, reverse=True) != list(times):
        raise ValueError("times must fall from 1 to 0 in at least one step")


def _gamma(clock: nn.Module, time: float, lam: Tensor) -> Tensor:
    t = torch.full((1,) * lam.ndim, time, dtype=lam.dtype, device=lam.device)
    return gamma_at(clock, t, lam).clamp_min(LEAST_GAMMA)
