"""Models small enough to restore an image in a moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_cvdm.cvdm.model import CVDM, CVDMConfig, Estimate
from napari_cvdm.models import ModelCard, PretrainedModel

TINY = CVDMConfig(
    mean_widths=(6, 8, 8),
    mean_blocks=(1, 1, 1),
    noise_widths=(6, 8),
    noise_blocks=(1, 1),
    scale_width=4,
    rate_width=4,
    clock_units=4,
)

MakeModel = Callable[..., PretrainedModel]


class SimpleCVDM(CVDM):
    """Each camera pixel's four fine pixels have its intensity, with Gaussian residuals of one known size.

    The noise predictor is the exact one for residuals of unit variance: E[ε | z] = √(1 − γ) · z.
    """

    residual = 0.1

    def estimate(self, x: Tensor) -> Estimate:
        mean = x.repeat(1, 4, 1, 1)
        return Estimate(mean, torch.full_like(mean, self.residual), torch.full_like(mean, 8.0))

    def predict_noise(self, z: Tensor, x: Tensor, mean: Tensor, scale: Tensor, gamma: Tensor) -> Tensor:
        return (1 - gamma).sqrt() * z


def random_network() -> CVDM:
    torch.manual_seed(0)
    network = CVDM(TINY)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.add_(0.15 * torch.randn_like(parameter))
    return network


@pytest.fixture
def make_model() -> MakeModel:
    """Make a pretrained model of a network, a random one by default; keywords go into its card."""

    def make(network: CVDM | None = None, **card: Any) -> PretrainedModel:
        values: dict[str, Any] = {
            "name": "tiny",
            "description": "A tiny network for tests.",
            "architecture": TINY.to_dict(),
            "upscaling": 2,
            "default_steps": 3,
        }
        network = random_network() if network is None else network
        return PretrainedModel("tiny", network, ModelCard(**(values | card)), sha256="ab" * 32)

    return make


@pytest.fixture
def model(make_model: MakeModel) -> PretrainedModel:
    """A random network that looks around, so that whatever tiling does wrong is seen."""
    return make_model()


@pytest.fixture
def simple_network() -> SimpleCVDM:
    return SimpleCVDM(TINY)


@pytest.fixture
def simple_model(make_model: MakeModel, simple_network: SimpleCVDM) -> PretrainedModel:
    """A model whose posterior is known."""
    return make_model(simple_network)


@pytest.fixture
def image() -> NDArray[np.uint16]:
    """A photon-counted image of two lines, 33 × 50 pixels."""
    rows, columns = np.mgrid[:33, :50]
    lines = np.exp(-((rows - 0.6 * columns) ** 2) / 8) + np.exp(-((columns - 31) ** 2) / 6)
    return np.random.default_rng(0).poisson(100 + 400 * lines).astype(np.uint16)
