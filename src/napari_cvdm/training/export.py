"""From a training run to weights with a model card."""

from __future__ import annotations

from pathlib import Path

from napari_cvdm.cvdm.model import CVDM
from napari_cvdm.models.card import ModelCard
from napari_cvdm.models.weights import save_model
from napari_cvdm.training.config import TrainingConfig

CITATIONS = (
    "della Maggiora et al., Conditional Variational Diffusion Models, ICLR 2024, arXiv:2312.02246",
    "Zero-mean diffusion for CVDM, arXiv:2406.04388",
)

REAL_DATA = (
    "SIM images 01 to 40 of clathrin-coated pits, endoplasmic reticulum, F-actin and microtubules, from "
    "Zach-T-Burns/Untrained-PINN-for-SIM (MIT), which appear to be BioSR (Qiao & Li, figshare 13264793, "
    "CC BY 4.0)"
)


def model_card(
    config: TrainingConfig, steps_done: int, seconds: float, metrics: dict[str, float]
) -> ModelCard:
    """Describe a trained model.

    Parameters
    ----------
    config : TrainingConfig
        The run.
    steps_done : int
        Training steps behind the weights.
    seconds : float
        Wall-clock time spent.
    metrics : dict
        Scores on the validation images.
    """
    low, high = 0.8 * 65.0, 1.25 * 65.0
    data = ["simulated " + ", ".join(config.data.kinds)]
    if config.data.micrographs:
        data.append(f"{100 * config.data.micrograph_share:.0f} % of the fields: {REAL_DATA}")
    return ModelCard(
        name=config.name,
        description=config.description,
        architecture=config.architecture.to_dict(),
        upscaling=config.architecture.upscaling,
        default_steps=config.schedule.sampling_steps,
        training={
            "data": data,
            "steps": steps_done,
            "hours": round(seconds / 3600, 2),
            "seed": config.seed,
            "batch": config.optimiser.batch,
            "patch": config.data.patch,
        },
        ranges=config.acquisition.to_dict(),
        pixel_size_nm=(low, high),
        metrics={"validation": metrics},
        citations=CITATIONS,
    )


def export_model(
    model: CVDM,
    config: TrainingConfig,
    folder: Path,
    steps_done: int,
    seconds: float,
    metrics: dict[str, float],
) -> Path:
    """Write weights and card to ``<folder>/<name>.safetensors``; returns the path."""
    path = folder / f"{config.name}.safetensors"
    save_model(path, model, model_card(config, steps_done, seconds, metrics))
    return path
