"""From draws to a mean and a standard deviation, pixel by pixel, without keeping the draws.

Draws come in antithetic pairs: draw 2k + 1 uses the noise of draw 2k with its sign turned, in every step. The
residual about the mean network's picture has zero mean, and the sampler is nearly odd in its noise, so the
two errors of a pair nearly cancel: the mean of a few pairs lies close to the best estimate, where the mean of
as many independent draws would still carry a share of sampling noise and cost fidelity. A draw whose partner
is still missing would bring that noise back; its expected partner is its mirror image about the mean
network's picture, so until the partner comes, the pair counts as that picture. With an even number of draws
the mean is the plain mean of the draws.

Negatively correlated draws make the usual sum of squares about their mean too large an estimate of the
variance, by up to draws / (draws - 1). `RunningPosterior` says what is used instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from napari_cvdm.restoration.orientations import COUNTS

CALIBRATION_DRAWS = 8
"""Draws of each field that a calibration is measured with."""

Sampler = Literal["angular", "multistep", "ancestral", "deterministic", "published"]


@dataclass(frozen=True)
class PosteriorSettings:
    """How draws are made and put together.

    Attributes
    ----------
    antithetic : bool
        Whether draws come in pairs of opposite noise.
    shrinkage : float
        Weight, 0 to 1, of the mean network's picture in the posterior mean; 0 leaves the draws alone.
    scale_weight : float
        Weight of the mean network's own scale in the variance, counted in looks at the spread, of which an
        antithetic pair gives one, and n independent draws n - 1: few draws make a noisy map, which a positive
        weight steadies. 0 leaves the draws alone. More than `CALIBRATION_DRAWS` draws weigh as these many:
        draws and scale differ in size, and a mixture unlike the one that was calibrated would have another
        size.
    orientations : {1, 2, 4, 8}
        In how many orientations the mean network sees a plane before draws are made; its pictures are
        averaged. See `napari_cvdm.restoration.orientations`.
    sampler : {"angular", "multistep", "ancestral", "deterministic", "published"}
        How a draw goes from noise to residual: see `napari_cvdm.cvdm.sampling`; "multistep" is `angular` of
        second order, and "deterministic" is `ancestral` with η = 0. "published" is for the authors' networks,
        and the only one for them: see `napari_cvdm.reference.sampling`.
    """

    antithetic: bool = True
    shrinkage: float = 0.0
    scale_weight: float = 0.0
    orientations: int = 1
    sampler: Sampler = "angular"

    def __post_init__(self) -> None:
        """Refuse weights outside their range."""
        if not 0 <= self.shrinkage <= 1:
            raise ValueError(f"shrinkage must lie between 0 and 1, not {self.shrinkage}")
        if not self.scale_weight >= 0:
            raise ValueError(f"scale_weight must not be negative, not {self.scale_weight}")
        if self.orientations not in COUNTS:
            raise ValueError(
                f"orientations must be one of {', '.join(map(str, COUNTS))}, not {self.orientations}"
            )
        if self.sampler not in get_args(Sampler):
            raise ValueError(f"sampler must be one of {', '.join(get_args(Sampler))}, not {self.sampler!r}")

    def noise_of(self, draw: int) -> tuple[int, float]:
        """Return the number of the noise field that a draw uses, and its sign."""
        if not self.antithetic:
            return draw, 1.0
        return draw - draw % 2, -1.0 if draw % 2 else 1.0


@dataclass(frozen=True)
class Calibration:
    """Correction that makes the standard deviation match the errors measured on held-out data.

    Attributes
    ----------
    stated, actual : tuple of float
        Knots of a rising curve from the standard deviation that the draws state to the calibrated one, both
        in normalised intensity units. It is straight between them and towards (0, 0), and proportional beyond
        the last.
    factors : dict of float to float
        Half the width of the intervals of some probabilities, in calibrated standard deviations, as measured;
        for others a Gaussian's.
    """

    stated: tuple[float, ...]
    actual: tuple[float, ...]
    factors: dict[float, float] = field(default_factory=dict)

    @classmethod
    def from_card(cls, values: Mapping[str, Any] | None) -> Calibration | None:
        """Read the calibration of a card; None if there is none, or none that this version can apply."""
        if values is None or values.get("kind") != "monotone":
            return None
        stated, actual, levels, factors = (
            _numbers(values.get(key)) for key in ("stated", "actual", "levels", "factors")
        )
        if not stated or len(stated) != len(actual) or len(levels) != len(factors):
            return None
        rising = all(low < high for low, high in pairwise((0.0, *stated)))
        never_falling = all(low <= high for low, high in pairwise((0.0, *actual)))
        if not (rising and never_falling):
            return None
        return cls(stated, actual, dict(zip(levels, factors, strict=True)))

    def to_card(self) -> dict[str, Any]:
        """Return the entry for a model card, rounded to five digits, the factors to four."""
        return {
            "kind": "monotone",
            "stated": [float(f"{value:.5g}") for value in self.stated],
            "actual": [float(f"{value:.5g}") for value in self.actual],
            "levels": list(self.factors),
            "factors": [float(f"{value:.4g}") for value in self.factors.values()],
        }

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold, for the provenance of a result."""
        factors = {f"{level:g}": factor for level, factor in self.factors.items()}
        return {"stated": list(self.stated), "actual": list(self.actual), "factors": factors}

    def apply(self, std: Tensor) -> Tensor:
        """Calibrate a standard deviation in normalised intensity units; any shape."""
        # The curve as a sum of ramps, one for each knot where its slope changes: one temporary at a time.
        steps = zip(pairwise((0.0, *self.stated)), pairwise((0.0, *self.actual)), strict=True)
        slopes = [(high - low) / (right - left) for (left, right), (low, high) in steps]
        slopes.append(self.actual[-1] / self.stated[-1])
        curve = slopes[0] * std
        for knot, (before, after) in zip(self.stated, pairwise(slopes), strict=True):
            curve.add_((std - knot).clamp_min_(0), alpha=after - before)
        return curve


def _numbers(values: Any) -> tuple[float, ...]:
    return tuple(float(value) for value in values) if isinstance(values, list | tuple) else ()


class RunningPosterior:
    """Mean and standard deviation of the draws so far, of one plane.

    For antithetic draws, with correlation ρ < 0 within a pair (a, b) and variance σ²: half the difference of
    a pair has E[(a - b)² / 4] = σ² (1 - ρ) / 2, and the pair means have the variance σ² (1 + ρ) / 2. The sum
    of the first, averaged over pairs, and the unbiased variance of the second is therefore an unbiased
    estimate of σ² for every ρ, and free of cancellation. Two cases need more care:

    - A single pair says nothing about the variance of pair means, which ρ near -1 makes small: it counts as
    0.
    - A last draw s without its partner adds (s - m)², m the mean of the P pair means, with the expectation
      σ² + σ² (1 + ρ) / (2P). The combination in `_variance` is again unbiased for every ρ, from one pair on.

    Independent draws get the usual unbiased variance (n - 1 in the denominator). With one draw there is no
    spread to measure, and the mean network's own scale stands in.

    Parameters
    ----------
    centre : Tensor
        The mean network's picture, normalised intensity; any shape, which the draws share.
    scale : Tensor
        The mean network's residual scale, in the same units and of the same shape.
    settings : PosteriorSettings
        How the draws are made and put together.
    """

    def __init__(self, centre: Tensor, scale: Tensor, settings: PosteriorSettings) -> None:
        self._centre, self._scale, self._settings = centre, scale, settings
        self.count = 0
        """Draws added so far."""
        # Groups are pairs of draws, or single draws if they are independent.
        self._groups = 0
        self._group_mean = torch.zeros_like(centre)
        self._group_squares = torch.zeros_like(centre)
        self._half_difference_squares = torch.zeros_like(centre)
        self._pending: Tensor | None = None

    @torch.inference_mode()
    def add(self, draw: Tensor) -> tuple[Tensor, Tensor]:
        """Take in the next draw, in the order in which they are numbered; return `mean` and `std`."""
        self.count += 1
        if not self._settings.antithetic:
            self._add_group(draw)
        elif self._pending is None:
            self._pending = draw.clone()
        else:
            half_difference = (self._pending - draw).mul_(0.5)
            self._half_difference_squares.addcmul_(half_difference, half_difference)
            self._add_group(self._pending.add_(draw).mul_(0.5))
            self._pending = None
        return self.mean(), self.std()

    def _add_group(self, value: Tensor) -> None:
        # Welford's update: differences of like numbers, so float32 suffices.
        self._groups += 1
        step = value - self._group_mean
        self._group_mean.add_(step, alpha=1 / self._groups)
        self._group_squares.addcmul_(step, value - self._group_mean)

    def mean(self) -> Tensor:
        """Return the estimate of the posterior mean, normalised intensity; a new tensor."""
        if self.count == 0:
            return self._centre.clone()
        mean = self._group_mean
        if self._pending is not None:
            # The missing partner is taken to be the mirror image: this pair's mean is the mean network's
            # picture.
            mean = torch.lerp(mean, self._centre, 1 / (self._groups + 1))
        return torch.lerp(mean, self._centre, self._settings.shrinkage)

    def std(self) -> Tensor:
        """Return the posterior standard deviation before calibration, normalised intensity; a new tensor."""
        if self.count < 2:
            return self._scale.clone()
        prior, freedom = self._settings.scale_weight, self._degrees_of_freedom()
        variance = self._variance()
        if prior > 0:
            variance = (freedom * variance + prior * self._scale.square()) / (freedom + prior)
        return variance.sqrt()

    def _degrees_of_freedom(self) -> int:
        """Independent looks at the spread: a pair gives one, since its second draw mirrors the first."""
        if self._settings.antithetic:
            return min(self._groups + (self._pending is not None), CALIBRATION_DRAWS // 2)
        return min(self._groups, CALIBRATION_DRAWS) - 1

    def _variance(self) -> Tensor:
        groups = self._groups
        between = self._group_squares / max(1, groups - 1)
        if not self._settings.antithetic:
            return between
        within = self._half_difference_squares / groups
        if self._pending is None:
            return within + between
        distance = (self._pending - self._group_mean).square()
        if groups == 1:
            return 0.5 * (within + distance)
        # Weights 2P and 1 for two unbiased estimates: within + between, and distance - between / P.
        weight = 2 * groups
        return (weight * (within + between) + distance - between / groups) / (weight + 1)
