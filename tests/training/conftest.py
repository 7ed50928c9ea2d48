"""Training runs that take a second: a tiny network, tiny fields, and a folder of made-up micrographs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage
from scipy.ndimage import gaussian_filter

from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.files.ome_tiff import write_ome_tiff
from napari_cvdm.models.card import ModelCard
from napari_cvdm.models.pretrained import PretrainedModel
from napari_cvdm.models.weights import read_model, save_model
from napari_cvdm.restoration.restore import restore
from napari_cvdm.simulation.micrographs import BIOSR
from napari_cvdm.simulation.pairs import simulate_pair
from napari_cvdm.training.config import TrainingConfig, parse_config

MakeConfig = Callable[..., TrainingConfig]

#: Tables of a configuration file; tests change single settings.
TINY: dict[str, dict[str, Any]] = {
    "architecture": {
        "mean_widths": [4, 8],
        "mean_blocks": [1, 1],
        "noise_widths": [4, 8],
        "noise_blocks": [1, 1],
        "scale_width": 4,
        "rate_width": 4,
        "clock_units": 4,
    },
    "data": {
        "kinds": {"rings": 1.0, "vesicles": 1.0},
        "field": 24,
        "patch": 16,
        "patches_per_field": 3,
    },
    "optimiser": {"cycles": [10], "batch": 2, "warmup": 3, "learning_rate": 2e-3},
    "schedule": {
        "checkpoint_every": 4,
        "validate_every": 1000,
        "log_every": 2,
        "sampling_steps": 2,
        "draws": 2,
    },
}


@pytest.fixture
def make_values() -> Callable[..., dict[str, Any]]:
    """What a tiny configuration file holds; a table given by name adds to the tiny one."""

    def make(**changes: Any) -> dict[str, Any]:
        values: dict[str, Any] = {"name": "tiny", "seed": 3}
        values.update({table: dict(settings) for table, settings in TINY.items()})
        for name, change in changes.items():
            values[name] = {**values.get(name, {}), **change} if isinstance(change, dict) else change
        return values

    return make


@pytest.fixture
def make_config(make_values: Callable[..., dict[str, Any]]) -> MakeConfig:
    """A tiny configuration."""
    return lambda **changes: parse_config(make_values(**changes))


@pytest.fixture(scope="session")
def micrographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images 01 to 45 of each structure, all different."""
    folder = tmp_path_factory.mktemp("micrographs")
    rng = np.random.default_rng(0)
    for structure in BIOSR:
        (folder / structure).mkdir()
        for number in range(1, 46):
            pixels = rng.uniform(0, 30, (72, 72))
            for row in rng.integers(0, 72, 6):
                pixels[row] = rng.uniform(120, 255)
            PillowImage.fromarray(pixels.astype(np.uint8)).save(folder / structure / f"{number:02d}.png")
    return folder


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> PretrainedModel:
    """A tiny model to fine-tune, with a card that has something to inherit."""
    torch.manual_seed(0)
    network = CVDM(CVDMConfig.from_dict(TINY["architecture"])).eval()
    card = ModelCard(
        name="tiny-start",
        description="A tiny model.",
        architecture=network.config.to_dict(),
        upscaling=2,
        default_steps=2,
        training={"data": ["images of others (CC BY 4.0)"]},
        ranges={"photons": [5.0, 50.0]},
        calibration={"kind": "monotone", "stated": [1.0], "actual": [1.5]},
        posterior_shrinkage=0.5,
        posterior_scale_weight=2.0,
        pixel_size_nm=(60.0, 100.0),
        metrics={"validation": {"psnr_mean_network": 20.0}},
        licence="CC-BY-4.0",
        citations=("A paper.",),
    )
    return read_model(save_model(tmp_path_factory.mktemp("start") / "tiny-start.safetensors", network, card))


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory, start: PretrainedModel) -> Path:
    """Three pairs whose sharp images are what the model shows, always less sharp, in units of their own."""
    folder = tmp_path_factory.mktemp("pairs")
    for number, kind in enumerate(("rings", "vesicles", "rings")):
        camera, _ = simulate_pair(kind, number, 40)
        shown = restore(camera, start, preview=True, device="cpu").mean
        blurred = 3.0 * gaussian_filter(shown, 4.0) + 500.0
        write_ome_tiff(folder / f"{number}_wf.tif", camera, "YX", 110.0 if number == 0 else 65.0)
        write_ome_tiff(folder / f"{number}_sim.tif", blurred.astype(np.float32), "YX", 32.5)
    return folder
