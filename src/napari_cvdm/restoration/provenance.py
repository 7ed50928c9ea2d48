"""How a result was made, in values that JSON can hold."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from napari_cvdm import __version__
from napari_cvdm.restoration.memory import TileSize
from napari_cvdm.restoration.normalization import Normalization
from napari_cvdm.restoration.posterior import Calibration
from napari_cvdm.restoration.request import Request, calibration_for

#: What is to be done about a pixel size that the model does not know. Where there is a switch for it, the
#: command line names that in its place.
RESAMPLE_FIRST = "have the image resampled first"


def describe(
    request: Request,
    normalizations: dict[tuple[int, ...], Normalization],
    tiles: dict[str, TileSize],
    draws: int,
    seconds: float,
) -> dict[str, Any]:
    """Describe a finished restoration.

    Parameters
    ----------
    request, normalizations
        What was asked for; and the normalisation of every plane, under its index.
    tiles : dict of str to TileSize
        The tile sizes that were used in the end, by network.
    draws : int
        Draws that every plane has at least: what is said of the uncertainty holds for the plane that has the
        fewest.
    seconds : float
        Wall time.
    """
    model, calibration = request.model, calibration_for(request, draws)
    return {
        "model": {"name": model.name, "sha256": model.sha256},
        "uncertainty": "uncalibrated" if calibration is None else "calibrated",
        "calibration": None if calibration is None else calibration.to_dict(),
        "standard_deviation": meaning_of_std(request, draws),
        "draws": draws,
        "steps": request.steps,
        "seed": request.seed,
        "sampling": asdict(request.settings),
        "device": describe_device(request.chosen.device),
        "tile": {"requested": request.tile, **{name: tile.side for name, tile in tiles.items()}},
        "upscaling": model.upscaling,
        "axes": request.axes.names,
        "pixel_size_nm": request.pixel_size,
        "selection": request.selection.describe(),
        "resampling": request.resampling,
        "normalize": request.normalize,
        "normalisation": describe_normalizations(normalizations),
        "warnings": warnings_for(request, normalizations, tiles, calibration),
        "versions": versions(),
        "seconds": round(seconds, 3),
    }


def meaning_of_std(request: Request, draws: int) -> str:
    """Say what the standard deviation is made of with so many draws; whether calibrated is said beside it."""
    if draws > 1 and request.settings.scale_weight:
        return "spread of the draws and residual scale predicted by the mean network"
    if draws > 1:
        return "spread of the draws"
    if request.model.tiles_exact:
        return "residual scale predicted by the mean network"
    return "spread of the noise that sampling starts from: it takes two draws to measure another"


def describe_normalizations(normalizations: Mapping[tuple[int, ...], Normalization]) -> list[dict[str, Any]]:
    """Return each different normalisation once, as a list that JSON can hold.

    Each entry says for how many planes it holds and which of them is the first: enough to tell channels apart
    without a line for every frame of a film.
    """
    described: dict[int, dict[str, Any]] = {}
    for index, normalization in normalizations.items():
        entry = described.setdefault(
            id(normalization), {**normalization.to_dict(), "first_plane": list(index), "planes": 0}
        )
        entry["planes"] += 1
    return list(described.values())


def warnings_for(
    request: Request,
    normalizations: dict[tuple[int, ...], Normalization],
    tiles: dict[str, TileSize],
    calibration: Calibration | None,
) -> list[str]:
    """List what the user should know before believing the result, a sentence each."""
    found = [] if request.chosen.notice is None else [request.chosen.notice]
    found += request.model.notes
    if request.tile != "auto" and not request.model.tiles_exact:
        found.append(f"Tiles of {request.tile} camera pixels were asked for, and used.")
    card, size = request.model.card, request.pixel_size
    sizes = card.pixel_size_nm
    if sizes is not None and size is not None and not sizes[0] <= size <= sizes[1]:
        found.append(
            f"The pixel size of {size:g} nm lies outside the {sizes[0]:g} to {sizes[1]:g} nm that the model "
            f"'{request.model.name}' was trained for: {RESAMPLE_FIRST}, or doubt the detail."
        )
    of_draws = calibration is not None and request.draws > 1
    if of_draws and request.steps != card.default_steps:
        found.append(
            f"The uncertainty was calibrated with {card.default_steps} denoising steps, not {request.steps}: "
            "its size may be slightly off."
        )
    if of_draws and not request.as_calibrated:
        found.append(
            "The uncertainty was calibrated with the model's own sampler and weights of draws, not with "
            "these settings: it may be too large or too small."
        )
    if not all(each.fits_float32 for each in normalizations.values()):
        found.append(
            "The image's offset is so large beside its contrast that single precision rounds the restored "
            "intensities: subtract the offset first."
        )
    brightest = max(each.brightest or 0 for each in normalizations.values())
    if brightest:
        found.append(
            f"The brightest spots lie {brightest:.0f} times as high as the image's bright end: the model was "
            "never shown such, and exaggerates them. Do not measure them; crop the image around them and "
            "restore that by itself. The rest is not affected."
        )
    saturated = sum(each.saturated for each in normalizations.values()) / len(normalizations)
    if saturated:
        found.append(
            f"{100 * saturated:.2g} % of the pixels are saturated: how bright they were is not known, and "
            "the uncertainty does not say so. Do not measure there, or record again with less light."
        )
    for name, tile in tiles.items():
        if tile.halvings:
            found.append(f"Memory ran out; the {name} network went on with tiles of {tile.side} pixels.")
    return found


#: For regions that networks which look at all they are given did not see in their surroundings.
REGION_BY_ITSELF = (
    "Networks of the published kind look at all they are given: this region was restored by itself, and has "
    "other pixels than a restoration of the whole plane would have there."
)


def describe_device(device: torch.device) -> str:
    """Name a device so that a reader knows the hardware, for instance "cuda:0 (NVIDIA H200)"."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return str(device)


def versions() -> dict[str, str]:
    """Versions of what computed the result."""
    return {
        "napari-cvdm": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
