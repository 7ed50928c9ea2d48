"""From a training run to weights with a model card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path

from napari_cvdm.cvdm.model import CVDM
from napari_cvdm.models.card import ModelCard
from napari_cvdm.models.pretrained import PretrainedModel
from napari_cvdm.models.weights import save_model
from napari_cvdm.simulation.ranges import AcquisitionRanges
from napari_cvdm.training.calibrating import calibrate
from napari_cvdm.training.config import ConfigError, TrainingConfig

CITATIONS = (
    "della Maggiora et al., Conditional Variational Diffusion Models, ICLR 2024, arXiv:2312.02246",
    "Zero-mean diffusion for CVDM, arXiv:2406.04388",
)

REAL_DATA = (
    "SIM images 01 to 40 of clathrin-coated pits, endoplasmic reticulum, F-actin and microtubules, from "
    "Zach-T-Burns/Untrained-PINN-for-SIM (MIT), which appear to be BioSR (Qiao & Li, figshare 13264793, "
    "CC BY 4.0)"
)


#: In how many orientations the mean network sees a plane: all quarter turns. On real recordings they are
#: worth nearly as much as with the mirror images, in half the time: `benchmarks/whole_fields.py`.
ORIENTATIONS = 4

#: Width σ of in-focus wide-field PSFs, nm: 0.51 λ/NA / 2.355 for 525 nm at NA 1.49, and for 600 nm at NA 1.2.
PSF_SIGMA_NM = (76.0, 108.0)


def pixel_sizes(ranges: AcquisitionRanges) -> tuple[float, float]:
    """Least and greatest camera pixel, nm, at which usual objectives give the PSF widths trained on."""
    narrow, wide = ranges.psf_sigma
    return round(2 * PSF_SIGMA_NM[0] / wide), round(2 * PSF_SIGMA_NM[1] / narrow)


def model_card(
    config: TrainingConfig,
    steps_done: int,
    seconds: float,
    metrics: dict[str, float],
    earlier: Mapping[str, str] | None = None,
) -> ModelCard:
    """Describe a trained model, by the steps and the wall-clock time spent and its scores in validation.

    `earlier` says, by their names in the configuration, which models it started and learned from.
    """
    data = ["simulated " + ", ".join(kind for kind, share in config.data.kinds.items() if share)]
    if config.data.empty_share:
        data.append(f"{100 * config.data.empty_share:.0f} % of the fields: background and noise alone")
    if config.data.micrographs and config.data.micrograph_share:
        data.append(f"{100 * config.data.micrograph_share:.0f} % of the fields: {REAL_DATA}")
    return ModelCard(
        name=config.name,
        description=config.description,
        architecture=config.architecture.to_dict(),
        upscaling=config.architecture.upscaling,
        default_steps=config.schedule.sampling_steps,
        training={
            "data": data,
            "start_from": config.start_from,
            "teachers": list(config.teachers),
            "teachers_share": config.teachers_share if config.teachers else 0.0,
            "earlier_models": dict(earlier or {}),
            "steps": steps_done,
            "hours": round(seconds / 3600, 2),
            "seed": config.seed,
            "batch": config.optimiser.batch,
            "patch": config.data.patch,
        },
        ranges=config.acquisition.known(),
        posterior_orientations=ORIENTATIONS,
        pixel_size_nm=pixel_sizes(config.acquisition),
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
    *,
    earlier: Mapping[str, str] | None = None,
    micrographs: Path | None = None,
    fields_per_kind: int = 4,
    log: Callable[[str], None] = print,
) -> Path:
    """Write averaged weights and card to ``<folder>/<name>.safetensors``, in half precision and calibrated.

    The file appears when all of it is known: an interrupted calibration leaves none that looks finished.

    Parameters
    ----------
    model, config, folder, steps_done, seconds, metrics, earlier
        The averaged weights, and the run; see `model_card`.
    micrographs : Path, optional
        Folder of the real images, of which some are kept for the calibration.
    fields_per_kind : int
        Without real images, simulated fields of each kind that the calibration is measured on; 0 leaves the
        model uncalibrated in any case.
    log : callable
        Receives progress, a line at a time.
    """
    card = model_card(config, steps_done, seconds, metrics, earlier)
    if fields_per_kind:
        # What is calibrated is what will be used: the rounded weights.
        used = rounded(model, card)
        card = calibrate(used, config.acquisition, folder=micrographs, per_kind=fields_per_kind, log=log)
    return save_model(weights_path(folder, config.name), model, card, half=True)


def rounded(network: CVDM, card: ModelCard) -> PretrainedModel:
    """Return a model as it will be read from its file, where weights are in half precision."""
    copy = deepcopy(network).eval()
    copy.load_state_dict({key: value.half().float() for key, value in network.state_dict().items()})
    return PretrainedModel(card.name, copy, card, sha256="")


def weights_path(folder: Path, name: str) -> Path:
    """Where the weights of a run go."""
    return folder / f"{name}.safetensors"


def check_place(target: Path, checkpoint: Path, start: Path | None, fresh: bool) -> None:
    """Refuse to begin without the starting model, or to write over it or over weights that no run here left.

    `target` is where the new weights are to go, and `start` the file of the model that the run starts from,
    if there is one. A fresh run starts again, and may replace what is there.
    """
    begins = fresh or not checkpoint.exists()
    if start is not None and begins and not start.exists():
        raise ConfigError(
            f"There is no file {start}, which this run starts from: train the model '{start.stem}' before "
            "this one, or name another in start_from."
        )
    if not target.exists():
        return
    if start is not None and start.exists() and target.samefile(start):
        raise ConfigError(f"{target} is the model to start from: choose another name or output folder.")
    if not fresh and not checkpoint.exists():
        raise ConfigError(f"{target} exists: choose another name or output folder, or start fresh (--fresh).")
