"""After training: how draws are best put together, and what the standard deviation must be multiplied by.

Measured on simulated fields that serve nothing else: not training, not validation, not the tests. What comes
out goes into the model card, and `napari_cvdm.restore` applies it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from napari_cvdm.assessment.calibration import AffineCalibration, coverage, error_correlation
from napari_cvdm.models.card import ModelCard
from napari_cvdm.models.pretrained import PretrainedModel
from napari_cvdm.restoration.axes import resolve_axes
from napari_cvdm.restoration.events import Estimate, Finished
from napari_cvdm.restoration.normalization import fit_normalizations
from napari_cvdm.restoration.posterior import PosteriorSettings, RunningPosterior
from napari_cvdm.restoration.restore import restore_events
from napari_cvdm.simulation.acquisition import AcquisitionRanges
from napari_cvdm.simulation.pairs import KINDS, simulate_pair

#: First seed of the calibration fields; `simulate_pair` never shares a stream with the training fields.
FIRST_SEED = 10_000_000

#: Weights that are tried.
SHRINKAGES = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)
SCALE_WEIGHTS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)

#: A smaller shrinkage is preferred if it raises the squared error by no more than this share (0.02 dB).
ERROR_TOLERANCE = 0.005

#: A smaller weight of the scale is preferred if it costs no more correlation than this.
TOLERANCE = 0.005


class CalibrationField(NamedTuple):
    """A restored field and its truth, all in normalised intensity, (2H, 2W) float32.

    Attributes
    ----------
    centre, scale : ndarray
        The mean network's picture and its residual scale.
    draws : ndarray
        (draws, 2H, 2W).
    truth : ndarray
        The simulated target.
    """

    centre: NDArray[np.float32]
    scale: NDArray[np.float32]
    draws: NDArray[np.float32]
    truth: NDArray[np.float32]

    def posterior(self, settings: PosteriorSettings) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and standard deviation of the draws, put together as ``settings`` say."""
        running = RunningPosterior(torch.from_numpy(self.centre), torch.from_numpy(self.scale), settings)
        mean, std = running.mean(), running.std()
        for draw in self.draws:
            mean, std = running.add(torch.from_numpy(draw))
        return mean.numpy(), std.numpy()


def calibration_fields(
    model: PretrainedModel, ranges: AcquisitionRanges, *, per_kind: int, size: int, draws: int
) -> Iterator[CalibrationField]:
    """Simulate and restore fields of every kind.

    Parameters
    ----------
    model : PretrainedModel
        The model to be calibrated.
    ranges : AcquisitionRanges
        Optics and camera it was trained for.
    per_kind, size, draws : int
        Fields of each kind, their side in camera pixels, and draws for each.

    Yields
    ------
    CalibrationField
    """
    for kind in KINDS:
        for number in range(per_kind):
            widefield, truth = simulate_pair(kind, FIRST_SEED + number, size, ranges=ranges)
            normalization = fit_normalizations(widefield, resolve_axes(widefield.shape))[()]
            centre = scale = None
            for event in restore_events(widefield, model, draws=draws, keep_draws=True, device="cpu"):
                if isinstance(event, Estimate) and event.stage == "mean":
                    centre, scale = normalization.apply(event.mean), event.std / normalization.span
                if isinstance(event, Finished):
                    assert event.result.draws is not None
                    assert centre is not None
                    assert scale is not None
                    yield CalibrationField(
                        centre,
                        np.asarray(scale, np.float32),
                        normalization.apply(event.result.draws),
                        np.asarray(truth / normalization.span, np.float32),
                    )


def calibrate(
    model: PretrainedModel,
    ranges: AcquisitionRanges,
    *,
    per_kind: int = 4,
    size: int = 96,
    draws: int = 8,
    log: Callable[[str], None] = print,
) -> ModelCard:
    """Measure how draws are best put together and calibrate the standard deviation.

    The shrinkage towards the mean network is the least with nearly the smallest squared error (to 0.5 %); the
    weight of its scale in the variance is the least whose standard deviation correlates with the error as
    well as any (to 0.005); gain and offset then make the 90 % interval hold 90 % of the true values.

    Parameters
    ----------
    model : PretrainedModel
        A trained model.
    ranges : AcquisitionRanges
        Optics and camera it was trained for.
    per_kind, size, draws : int
        Fields of each kind, their side in camera pixels, and draws for each.
    log : callable
        Receives a line of text for each choice.

    Returns
    -------
    ModelCard
        The model's card with `posterior_shrinkage`, `posterior_scale_weight`, `calibration` and, under
        ``metrics["calibration"]``, what was measured.
    """
    fields = list(calibration_fields(model, ranges, per_kind=per_kind, size=size, draws=draws))

    def pooled(settings: PosteriorSettings) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        parts = [(each.posterior(settings), each.truth) for each in fields]
        std = np.concatenate([s.ravel() for (_, s), _ in parts])
        return std, np.concatenate([(m - truth).ravel() for (m, _), truth in parts])

    by_shrinkage = {w: float(np.mean(pooled(PosteriorSettings(shrinkage=w))[1] ** 2)) for w in SHRINKAGES}
    least = min(by_shrinkage.values())
    shrinkage = min(w for w, value in by_shrinkage.items() if value <= least * (1 + ERROR_TOLERANCE))
    by_weight = {
        w: error_correlation(*pooled(PosteriorSettings(shrinkage=shrinkage, scale_weight=w)))
        for w in SCALE_WEIGHTS
    }
    # Beyond what it gains, the scale would only drown what the draws say.
    weight = min(w for w, value in by_weight.items() if value >= max(by_weight.values()) - TOLERANCE)
    std, error = pooled(PosteriorSettings(shrinkage=shrinkage, scale_weight=weight))
    fitted = AffineCalibration.fit(std, error, level=0.9)
    measured: dict[str, Any] = {
        "fields": len(fields),
        "draws": draws,
        "squared_error_by_shrinkage": _rounded(by_shrinkage),
        "correlation_by_scale_weight": _rounded(by_weight),
        "coverage_before": _rounded(coverage(std, error)),
        "coverage_after": _rounded(coverage(fitted.apply(std), error)),
    }
    log(f"shrinkage {shrinkage}, scale weight {weight}, gain {fitted.gain:.4g}, offset {fitted.offset:.4g}")
    log(f"coverage before {measured['coverage_before']}, after {measured['coverage_after']}")
    return replace(
        model.card,
        posterior_shrinkage=shrinkage,
        posterior_scale_weight=weight,
        calibration=fitted.to_dict(),
        metrics={**model.card.metrics, "calibration": measured},
    )


def _rounded(values: dict[float, float]) -> dict[str, float]:
    return {f"{key:g}": float(f"{value:.4g}") for key, value in values.items()}
