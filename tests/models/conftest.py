"""A network small enough to be written and read in a moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.models import ModelCard, save_model
from napari_cvdm.models import store as store_module

TINY = CVDMConfig(
    mean_widths=(4, 8),
    mean_blocks=(1, 1),
    noise_widths=(4, 8),
    noise_blocks=(1, 1),
    scale_width=4,
    rate_width=4,
    clock_units=4,
)


@pytest.fixture
def network() -> CVDM:
    torch.manual_seed(0)
    network = CVDM(TINY)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    return network


@pytest.fixture
def make_card() -> Callable[..., ModelCard]:
    def make(**changes: Any) -> ModelCard:
        values: dict[str, Any] = {
            "name": "tiny",
            "description": "A tiny network for tests.",
            "architecture": TINY.to_dict(),
            "upscaling": 2,
            "default_steps": 3,
            "training": {"steps": 0},
            "ranges": {"photons": [10.0, 1000.0]},
            "calibration": {"kind": "affine", "gain": 1.5, "offset": 0.0},
            "pixel_size_nm": (40.0, 110.0),
            "citations": ("arXiv:2312.02246",),
        }
        return ModelCard(**{**values, **changes})

    return make


@pytest.fixture
def weights(tmp_path: Path, network: CVDM, make_card: Callable[..., ModelCard]) -> Path:
    """A valid model file, outside the cache."""
    return save_model(tmp_path / "files" / "tiny.safetensors", network, make_card())


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, an empty package folder, and nothing in memory."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("NAPARI_CVDM_CACHE", str(folder))
    monkeypatch.delenv("NAPARI_CVDM_BASE_URL", raising=False)
    monkeypatch.setattr(store_module, "BUNDLED_FOLDER", tmp_path / "bundled")
    monkeypatch.setattr(store_module, "_loaded", {})
    return folder
