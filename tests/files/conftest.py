"""A tiny model in a file, a stack, and its lazy restoration in many blocks."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.models import ModelCard, PretrainedModel, load_model, save_model
from napari_cvdm.restoration.lazy import LazyRestoration, restore_lazy

TINY = CVDMConfig(
    mean_widths=(4, 8), mean_blocks=(1, 1), noise_widths=(4, 8), noise_blocks=(1, 1), scale_width=4,
    rate_width=4, clock_units=4,
)  # fmt: skip


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> PretrainedModel:
    torch.manual_seed(0)
    network = CVDM(TINY)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.add_(0.15 * torch.randn_like(parameter))
    card = ModelCard(
        name="tiny", description="For tests.", architecture=TINY.to_dict(), upscaling=2, default_steps=2
    )
    return load_model(save_model(tmp_path_factory.mktemp("model") / "tiny.safetensors", network, card))


@pytest.fixture
def stack() -> NDArray[np.uint16]:
    """Two channels of 70 × 100 pixels."""
    return np.random.default_rng(0).poisson(60, (2, 70, 100)).astype(np.uint16)


@pytest.fixture
def lazy(tiny_model: PretrainedModel, stack: NDArray[np.uint16]) -> LazyRestoration:
    """In 2 × 2 × 3 blocks."""
    return restore_lazy(
        stack, tiny_model, axes="CYX", pixel_size=65.0, draws=2, steps=1, seed=3, device="cpu", block=32
    )


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder, by its hash."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
