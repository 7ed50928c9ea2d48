"""Samplers: from noise to a draw of the whitened residual, as generators.

A sampler is a plain function of (noise predictor, clock, λ, times, noise). It yields one `SamplingStep` after
each network call, so a caller may show progress, look at the running prediction, or stop. Noise is injected:
the sampler asks for the field of a step and never draws random numbers itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from napari_cvdm.cvdm.schedule import gamma_at

#: (z, γ) → ε̂, all of one shape.
NoisePredictor = Callable[[Tensor, Tensor], Tensor]
#: Least γ in sampling, as in the published implementation: the residual is recovered by dividing by its root.
LEAST_GAMMA = 1e-6
#: Step number → standard Gaussian field of the state's shape; number 0 is the initial state.
NoiseSource = Callable[[int], Tensor]


class SamplingStep(NamedTuple):
    """State after one step.

    Attributes
    ----------
    step, steps : int
        Steps done, from 1, and how many there are.
    state : Tensor
        z at the time reached; after the last step, the draw.
    prediction : Tensor
        The clean residual predicted in this step.
    """

    step: int
    steps: int
    state: Tensor
    prediction: Tensor


def time_grid(steps: int, power: float = 1.0) -> tuple[float, ...]:
    """Times from 1 down to 0, ``steps + 1`` of them: t_i = (1 − i/steps)^power.

    Parameters
    ----------
    steps : int
        Number of network calls, at least 1.
    power : float
        1 spaces the times evenly; larger values put more of them near 0, where detail is decided.

    Raises
    ------
    ValueError
        If ``steps`` < 1 or ``power`` ≤ 0.
    """
    if steps < 1:
        raise ValueError(f"at least one sampling step is needed, got {steps}")
    if power <= 0:
        raise ValueError(f"the power of the time grid must be positive, got {power}")
    return tuple((1 - i / steps) ** power for i in range(steps + 1))


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
    t = torch.linspace(0, 1, 4097)
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
) -> Iterator[SamplingStep]:
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
        Falling from 1 to 0, as from `time_grid`.
    noise : callable
        Step number → standard Gaussian field; 0 for the initial state, i for the noise added in step i.
    eta : float
        Share of fresh noise, 0 to 1.

    Yields
    ------
    SamplingStep
        After each network call.
    """
    steps = _check_times(times)
    z = noise(0)
    gamma = _gamma(clock, times[0], lam)
    for step in range(1, steps + 1):
        epsilon = predict_noise(z, gamma)
        prediction = (z - (1 - gamma).sqrt() * epsilon) / gamma.sqrt()
        if step == steps:
            yield SamplingStep(step, steps, prediction, prediction)
            return
        gamma_next = _gamma(clock, times[step], lam)
        variance = eta**2 * (1 - gamma_next) * (1 - gamma / gamma_next) / (1 - gamma)
        # The guard is against rounding only: η ≤ 1 keeps the radicand at or above zero.
        z = gamma_next.sqrt() * prediction + (1 - gamma_next - variance).clamp_min(0).sqrt() * epsilon
        if eta > 0:
            z = z + variance.sqrt() * noise(step)
        gamma = gamma_next
        yield SamplingStep(step, steps, z, prediction)


def angular(
    predict_noise: NoisePredictor, clock: nn.Module, lam: Tensor, times: Sequence[float], noise: NoiseSource
) -> Iterator[SamplingStep]:
    """Sample deterministically, by straight steps in the angle φ with cos φ = √γ.

    In that angle the probability-flow equation reads dz/dφ = v(z, φ), with the velocity
    v = √γ·ε̂ − √(1−γ)·r̂ (Salimans & Ho 2022, arXiv 2202.00512). For a Gaussian residual of zero mean and unit
    variance, which is what whitening aims at, the right v is zero: Euler's step z_s = z_t − (φ_t − φ_s)·v̂ is
    then exact, however few there are, where the steps of `ancestral` lose variance. The last step goes to the
    predicted residual itself.

    Parameters
    ----------
    predict_noise, clock, lam, times, noise
        As for `ancestral`; of ``noise``, only the initial state is asked for.

    Yields
    ------
    SamplingStep
        After each network call.
    """
    steps = _check_times(times)
    z = noise(0)
    gamma = _gamma(clock, times[0], lam)
    for step in range(1, steps + 1):
        epsilon = predict_noise(z, gamma)
        signal, spread = gamma.sqrt(), (1 - gamma).sqrt()
        prediction = (z - spread * epsilon) / signal
        if step == steps:
            yield SamplingStep(step, steps, prediction, prediction)
            return
        gamma_next = _gamma(clock, times[step], lam)
        turn = torch.acos(signal) - torch.acos(gamma_next.sqrt())
        z = z - turn * (signal * epsilon - spread * prediction)
        gamma = gamma_next
        yield SamplingStep(step, steps, z, prediction)


def finish(steps: Iterator[SamplingStep]) -> Tensor:
    """Run a sampler to its end and return the draw.

    Raises
    ------
    ValueError
        If the sampler yields nothing.
    """
    draw: Tensor | None = None
    for step in steps:
        draw = step.state
    if draw is None:
        raise ValueError("the sampler made no step")
    return draw


def _check_times(times: Sequence[float]) -> int:
    if len(times) < 2 or times[0] != 1.0 or times[-1] != 0.0 or sorted(times, reverse=True) != list(times):
        raise ValueError("times must fall from 1 to 0 in at least one step")
    return len(times) - 1


def _gamma(clock: nn.Module, time: float, lam: Tensor) -> Tensor:
    t = torch.full((1,) * lam.ndim, time, dtype=lam.dtype, device=lam.device)
    return gamma_at(clock, t, lam).clamp_min(LEAST_GAMMA)
