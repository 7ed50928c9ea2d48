"""Validation on held-out real images, imaged again by our own optics and camera with fixed seeds."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage
from torch import Tensor

from napari_cvdm.assessment.baselines import enlarge
from napari_cvdm.assessment.calibration import error_correlation
from napari_cvdm.assessment.metrics import match_intensity
from napari_cvdm.cvdm.model import CVDM, Estimate
from napari_cvdm.cvdm.sampling import angular
from napari_cvdm.restoration.execution import plain_inference
from napari_cvdm.restoration.posterior import PosteriorSettings, RunningPosterior
from napari_cvdm.simulation.acquisition import MARGIN, acquire
from napari_cvdm.simulation.micrographs import Micrograph, cut_density, load_micrographs
from napari_cvdm.simulation.ranges import AcquisitionRanges
from napari_cvdm.simulation.structures import STRUCTURES, draw_structure
from napari_cvdm.training.config import ConfigError
from napari_cvdm.training.dataset import normalise_pair

#: Numbers of the real images kept for validation, never trained on.
VALIDATION_IMAGES = range(41, 46)

#: Bright ends, in electrons, that the validation images cycle through.
PHOTON_LEVELS = (30.0, 100.0, 400.0, 1500.0)

#: Side of a validation field, camera pixels.
SIDE = 96


class ValidationField(NamedTuple):
    """A field: name, input (H, W) and truth (2H, 2W), both normalised, float32."""

    name: str
    x: NDArray[np.float32]
    y: NDArray[np.float32]


def validation_fields(folder: Path | None, ranges: AcquisitionRanges) -> list[ValidationField]:
    """Make the validation fields, of real images, or of structures simulated with seeds used nowhere else.

    The photon level is fixed by `PHOTON_LEVELS`.

    Raises
    ------
    ConfigError
        If an image is missing.
    """
    try:
        micrographs = [] if folder is None else load_micrographs(folder, VALIDATION_IMAGES)
    except FileNotFoundError as error:
        raise ConfigError(str(error)) from error
    sources: list[tuple[str, Micrograph | None]] = [(each.name, each) for each in micrographs]
    size = 2 * SIDE + 2 * MARGIN
    fields = []
    for i, (name, micrograph) in enumerate(sources or [(kind, None) for kind in STRUCTURES]):
        rng = np.random.default_rng([2**31, i])
        if micrograph is None:
            density, sigma = draw_structure(rng, name, size), 0.0
        else:
            density, sigma = cut_density(rng, micrograph, size)
        photons = PHOTON_LEVELS[i % len(PHOTON_LEVELS)]
        pair = acquire(rng, density, ranges, native_sigma=sigma, photons=photons)
        fields.append(ValidationField(name, *normalise_pair(pair)))
    return fields


class Restored(NamedTuple):
    """Mean network's picture, mean of the draws, and their standard deviation; each (2H, 2W) float32."""

    mean_network: NDArray[np.float32]
    mean: NDArray[np.float32]
    std: NDArray[np.float32]


@plain_inference()
def restore_field(model: CVDM, x: NDArray[np.float32], steps: int, draws: int, seed: int = 0) -> Restored:
    """Restore one small normalised field whole.

    Parameters
    ----------
    model : CVDM
        In evaluation mode.
    x : ndarray
        Normalised field (H, W), sides multiples of the model's granularity.
    steps, draws : int
        Sampling steps, and draws (an even number: each comes with its antithetic twin).
    seed : int
        Seed of the noise.
    """
    device = next(model.parameters()).device
    image = torch.from_numpy(x)[None, None].to(device)
    estimate: Estimate = model.estimate(image)
    generator = torch.Generator().manual_seed(seed)
    times = model.sampling_times(steps)

    def predict_noise(z: Tensor, gamma: Tensor) -> Tensor:
        return model.predict_noise(z, image, estimate.mean, estimate.scale, gamma)

    def draw(noise: Tensor) -> Tensor:
        *_, residual = angular(predict_noise, model.clock, estimate.lam, times, noise.__getitem__)
        return model.unfold(estimate.mean + estimate.scale * residual)[0, 0].cpu()

    mean_network, scale = (model.unfold(each)[0, 0].cpu() for each in (estimate.mean, estimate.scale))
    posterior = RunningPosterior(mean_network, scale, PosteriorSettings())
    for _ in range(max(1, draws // 2)):
        noise = torch.randn(steps, *estimate.mean.shape, generator=generator, device="cpu").to(device)
        for each in (noise, -noise):
            posterior.add(draw(each))
    return Restored(mean_network.numpy(), posterior.mean().numpy(), posterior.std().numpy())


def peak_signal_to_noise(truth: NDArray[np.float32], image: NDArray[np.float32]) -> float:
    """PSNR in dB after the least-squares gain and offset, with the truth's range as peak."""
    error = float(np.mean((match_intensity(image, truth).apply(image) - truth) ** 2))
    # Unlike `assessment.metrics.psnr`, finite for any pair: an odd field must not end a training run.
    return float(10 * np.log10(max(float(np.ptp(truth)) ** 2, 1e-12) / max(error, 1e-12)))


def validate(
    model: CVDM, fields: list[ValidationField], steps: int, draws: int, picture: Path | None = None
) -> dict[str, float]:
    """Restore every field and score it.

    Parameters
    ----------
    model, steps, draws
        As in `restore_field`.
    fields : list of ValidationField
        From `validation_fields`.
    picture : Path, optional
        Where to write a PNG: one row a field, with input, mean network, mean of draws, standard deviation and
        truth.

    Returns
    -------
    dict
        Averages over the fields: PSNR of bicubic enlargement, of the mean network and of the mean of the
        draws (dB); correlation of the draws' standard deviation with the true absolute error; share of pixels
        whose error lies within 1.645 standard deviations.
    """
    scores: list[dict[str, float]] = []
    rows = []
    for field in fields:
        restored = restore_field(model, field.x, steps, draws)
        enlarged = enlarge(field.x).astype(np.float32)
        error = np.abs(restored.mean - field.y)
        scores.append(
            {
                "psnr_bicubic": peak_signal_to_noise(field.y, enlarged),
                "psnr_mean_network": peak_signal_to_noise(field.y, restored.mean_network),
                "psnr_posterior_mean": peak_signal_to_noise(field.y, restored.mean),
                "correlation": error_correlation(restored.std, error),
                "coverage90": float(np.mean(error <= 1.645 * restored.std)),
            }
        )
        top = max(float(np.percentile(field.y, 99.8)), 1e-6)
        panels = [
            enlarged,
            restored.mean_network / top,
            restored.mean / top,
            4 * restored.std / top,
            field.y / top,
        ]
        rows.append(np.hstack([np.clip(p, 0, 1) for p in panels]))
    if picture is not None:
        picture.parent.mkdir(parents=True, exist_ok=True)
        PillowImage.fromarray((255 * np.vstack(rows) ** 0.7).astype(np.uint8)).save(picture)
    return {name: float(np.mean([each[name] for each in scores])) for name in scores[0]}
