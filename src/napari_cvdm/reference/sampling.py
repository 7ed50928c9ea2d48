"""The published sampler: draws from the posterior by ancestral steps.

It works with α_i = 1 − β(i/T)/T and with γ as their running product, not with the γ that the schedule
predicts. The state is kept in double precision, as in the published code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_cvdm.reference.schedule import precise_type, spread

if TYPE_CHECKING:
    from napari_cvdm.reference.model import ReferenceCVDM

#: Bounds of each α and of their product.
ALPHA_BOUNDS = (1e-6, 0.99999)
GAMMA_BOUNDS = (1e-10, 0.99999)
#: Fewest steps: with one, the loop is empty and the result would be the noise it began with.
FEWEST_STEPS = 2

Alphas = Callable[[int], Tensor]
"""α of step i, from 0: a tensor that broadcasts against the state."""


def separable_alphas(rate: Tensor, table: Tensor) -> Alphas:
    """α = 1 − β / steps of every step, within `ALPHA_BOUNDS`: rounded to float32, kept in `precise_type`.

    From one rate map λ(x), (B, C, H, W), which the schedule network gives in a single pass, and
    `Schedule.beta_table`, (steps, 3, 3).
    """
    steps, (height, width) = len(table), rate.shape[-2:]

    def alpha(step: int) -> Tensor:
        beta = rate * spread(table[step], height, width)
        return (1 - beta.float() / steps).clamp(*ALPHA_BOUNDS).to(precise_type(beta.device))

    return alpha


def published_steps(
    predict: Callable[[Tensor, Tensor], Tensor], alpha: Alphas, steps: int, noise: Callable[[int], Tensor]
) -> Iterator[Tensor]:
    """Draw one residual by the published sampler.

    Parameters
    ----------
    predict : callable
        Noise network: takes the state and γ, float32, and returns the noise in the state.
    alpha : callable
        α of each step, in `precise_type`.
    steps : int
        T; the network is called T − 1 times.
    noise : callable
        Standard normal field number k: 0 is the state to begin with, and k from 2 is added before pass k − 1,
        counted from 0. Field 1 is never used: the published code draws it and throws it away.

    Yields
    ------
    Tensor
        The estimate of the residual after each pass, in `precise_type`; the last one is the draw.

    Raises
    ------
    ValueError
        If there are fewer than `FEWEST_STEPS`.
    """
    if steps < FEWEST_STEPS:
        raise ValueError(f"the published sampler needs at least {FEWEST_STEPS} steps, not {steps}")
    # The running product is held as a sum of logarithms and taken back step by step: the memory of one
    # map instead of one per step.
    log_gamma = alpha(0).log()
    for step in range(1, steps):
        log_gamma = log_gamma + alpha(step).log()
    state = noise(0).to(log_gamma.dtype)
    epsilon = torch.zeros_like(state)
    for count, step in enumerate(range(steps - 1, 0, -1)):
        current = alpha(step)
        gamma = log_gamma.exp().clamp(*GAMMA_BOUNDS)
        log_gamma = log_gamma - current.log()
        if count:
            before = log_gamma.exp().clamp(*GAMMA_BOUNDS)
            variance = (1 - before) * (1 - current) / (1 - gamma)
            fresh = noise(count + 1).to(state.dtype)
            state = (
                gamma.sqrt() * state
                + (1 - gamma - variance).clamp_min(0).sqrt() * epsilon
                + variance.sqrt() * fresh
            )
        epsilon = predict(state.float(), gamma.float()).to(state.dtype)
        state = (state - (1 - gamma).sqrt() * epsilon) / gamma.sqrt()
        yield state


@torch.no_grad()
def sample(network: ReferenceCVDM, x: Tensor, steps: int, noise: Callable[[int], Tensor]) -> Tensor:
    """Draw one image for an observation that fits in memory as a whole, as the published code does.

    Parameters
    ----------
    x : Tensor
        Observation in [−1, 1] on the grid of the sharp image, shape (B, C, H, W).
    steps, noise
        As in `published_steps`, fields of the shape of the result.

    Returns
    -------
    Tensor
        Shape (B, C', H, W): the draw, with the mean network's picture added under zero-mean diffusion;
        `ReferenceCVDM.finish` makes it an image.
    """
    alpha = separable_alphas(network.schedule.rate(x), network.schedule.beta_table(steps))
    mean = network.mean(x)

    def predict(state: Tensor, gamma: Tensor) -> Tensor:
        return network.predict_noise(state, x, gamma, mean)

    *_, residual = published_steps(predict, alpha, steps, noise)
    return residual if mean is None else network.config.residual_scale * residual + mean
