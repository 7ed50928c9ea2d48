"""A random network that restores a small image in a moment, in memory and as a file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.models import ModelCard, PretrainedModel
from napari_cvdm.models.weights import save_model


@pytest.fixture(scope="session")
def model() -> PretrainedModel:
    config = CVDMConfig(
        mean_widths=(4, 4), mean_blocks=(1, 1), noise_widths=(4, 4), noise_blocks=(1, 1), scale_width=4
    )
    torch.manual_seed(0)
    card = ModelCard(
        name="tiny", description="For tests.", architecture=config.to_dict(), upscaling=2, default_steps=1
    )
    return PretrainedModel("tiny", CVDM(config).eval(), card, sha256="0" * 64)


@pytest.fixture(scope="session")
def model_file(model: PretrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    return save_model(folder / "tiny.safetensors", model.network, model.card)
