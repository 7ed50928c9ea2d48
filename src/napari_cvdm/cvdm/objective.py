"""The training objective of CVDM with a zero-mean residual.

Terms after della Maggiora et al. (ICLR 2024, sec. 3), on the whitened residual r = (y − μ(x)) / σ(x):

    E‖ε − ε̂(z_t, x, γ)‖²  +  w_prior · KL(q(z_1|r, x) ‖ N(0, I))  +  w_ends · E[(γ(0, x) − 1)² + γ(1, x)²]
        +  w_smooth · α · E‖∂²γ/∂t²‖²,

and beside them the least-squares fit of the mean network, each image relative to the error expected of it,
and the likelihood of its residual scale σ(x) (zero-mean diffusion, arXiv 2406.04388, with a scale for each
pixel instead of one for all).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_cvdm.cvdm.model import CVDM
from napari_cvdm.cvdm.schedule import gamma_and_curvature, gamma_at, noise_level


@dataclass(frozen=True)
class ObjectiveWeights:
    """Weights of the terms; the defaults of the diffusion terms are those of the published implementation.

    Attributes
    ----------
    noise, prior, ends, smooth : float
        Weights of the four diffusion terms.
    alpha : float
        The paper's α in front of ‖∂²γ/∂t²‖².
    mean, scale : float
        Weights of the mean network's squared error, relative to what is expected of it, and of the residual
        scale's negative log-likelihood.
    """

    noise: float = 1.0
    prior: float = 2.0
    ends: float = 2.0
    smooth: float = 2.0
    alpha: float = 1e-3
    mean: float = 0.1
    scale: float = 0.1


@dataclass(frozen=True)
class ObjectiveTerms:
    """The weighted sum and each term before its weight; scalar tensors."""

    total: Tensor
    noise: Tensor
    prior: Tensor
    ends: Tensor
    smooth: Tensor
    mean: Tensor
    scale: Tensor

    def to_floats(self) -> dict[str, float]:
        """The terms as numbers, for a log."""
        return {name: float(getattr(self, name).detach()) for name in self.__dataclass_fields__}


def diffuse(target: Tensor, gamma: Tensor, noise: Tensor) -> Tensor:
    """Forward process z_t = √γ · target + √(1 − γ) · ε, elementwise; all of one shape."""
    return gamma.sqrt() * target + noise_level(gamma) * noise


def prior_divergence(target: Tensor, gamma_end: Tensor) -> Tensor:
    """KL divergence of q(z_1 | target) = N(√γ₁ target, 1 − γ₁) from N(0, 1), in nats per pixel."""
    return 0.5 * (gamma_end * target**2 - gamma_end - torch.log1p(-gamma_end)).mean()


def mean_and_scale_terms(
    target: Tensor, mean: Tensor, scale: Tensor, mean_target: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the mean network's relative squared error and its scale's negative log-likelihood.

    Parameters
    ----------
    target, mean, scale : Tensor
        Folded target, mean μ(x) and residual scale σ(x), each of shape (B, s², H, W).
    mean_target : Tensor, optional
        What the mean is fitted to instead of the target, of the same shape.

    Returns
    -------
    mean_term, scale_term : Tensor
        Scalars, before their weights.
    """
    error = (target - mean).square()
    fitted = error if mean_target is None else (mean_target - mean).square()
    # Images of low contrast have small errors that matter as much as the large ones of bright images. The
    # weight depends on x alone, through σ(x), so the least-squares fit stays unbiased.
    expected = scale.detach().square().mean(dim=(1, 2, 3))
    mean_term = 0.5 * (fitted.mean(dim=(1, 2, 3)) / expected).mean()
    # The scale is fitted to the error the mean network makes, without letting it pull at the mean.
    scale_term = (scale.log() + 0.5 * error.detach() / scale.square()).mean()
    return mean_term, scale_term


def objective(
    model: CVDM,
    x: Tensor,
    y: Tensor,
    t: Tensor,
    noise: Tensor,
    weights: ObjectiveWeights | None = None,
    mean_target: Tensor | None = None,
) -> ObjectiveTerms:
    """Evaluate the training objective on one batch.

    Parameters
    ----------
    model : CVDM
        The networks and the schedule.
    x : Tensor
        Normalised camera images, shape (B, 1, H, W).
    y : Tensor
        Sharp targets on the fine grid in the same intensity units, shape (B, 1, s·H, s·W).
    t : Tensor
        Times in [0, 1], shape (B,).
    noise : Tensor
        Standard Gaussian noise, shape (B, s², H, W).
    weights : ObjectiveWeights, optional
        Weights of the terms.
    mean_target : Tensor, optional
        What the mean network is fitted to instead of y, folded, shape (B, s², H, W): see `Teachers`.

    Returns
    -------
    ObjectiveTerms
        Scalars, attached to the graph.
    """
    weights = weights or ObjectiveWeights()
    target = model.fold(y)
    mean, scale = model.mean_and_scale(x)
    mean_term, scale_term = mean_and_scale_terms(target, mean, scale, mean_target)

    mean, scale = mean.detach(), scale.detach()
    residual = (target - mean) / scale
    lam = model.rate(x)
    gamma, curvature = gamma_and_curvature(model.clock, t.view(-1, 1, 1, 1), lam)
    z = diffuse(residual, gamma, noise)
    predicted = model.predict_noise(z, x, mean, scale, gamma)
    noise_term = F.mse_loss(predicted, noise)

    gamma_start = gamma_at(model.clock, torch.zeros_like(t).view(-1, 1, 1, 1), lam)
    gamma_end = gamma_at(model.clock, torch.ones_like(t).view(-1, 1, 1, 1), lam)
    prior_term = prior_divergence(residual, gamma_end)
    ends_term = (gamma_start - 1).square().mean() + gamma_end.square().mean()
    smooth_term = weights.alpha * curvature.square().mean()

    total = (
        weights.noise * noise_term
        + weights.prior * prior_term
        + weights.ends * ends_term
        + weights.smooth * smooth_term
        + weights.mean * mean_term
        + weights.scale * scale_term
    )
    return ObjectiveTerms(total, noise_term, prior_term, ends_term, smooth_term, mean_term, scale_term)
