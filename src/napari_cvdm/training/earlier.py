"""Networks trained earlier: to start from, and to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from napari_cvdm.cvdm.model import CVDM
from napari_cvdm.models.weights import read_model
from napari_cvdm.training.config import ConfigError


def read_earlier(path: Path) -> tuple[CVDM, str]:
    """Read the weights of another run, and what to call them in the log.

    Raises
    ------
    ConfigError
        If they are of the published implementation.
    ModelError
        If they cannot be read.
    """
    found = read_model(path)
    if not isinstance(found.network, CVDM):
        raise ConfigError(f"{path} is of the published implementation: choose weights of our own")
    return found.network, f"{found.name}, sha256 {found.sha256}"


class Teachers:
    """Mean networks whose weighted mean another one learns to estimate (knowledge distillation).

    Networks trained differently err differently, so the mean of their estimates is better than each, and
    one network can learn to give nearly the same (Hinton et al. 2015, arXiv 1503.02531). Targets hold what
    no recording tells; estimates do not, so few and small batches are enough.

    Parameters
    ----------
    start : CVDM
        The network that the training starts from.
    others : sequence of CVDM
        Networks of any architecture with the same upscaling.
    share : float
        Weight of the others together, 0 to 1.
    device : torch.device
        Where they are to work.
    """

    def __init__(self, start: CVDM, others: Sequence[CVDM], share: float, device: torch.device) -> None:
        self.networks = [network.to(device).eval().requires_grad_(False) for network in (start, *others)]
        for network in self.networks:
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.shares = [1 - share] + [share / len(others)] * len(others)

    @torch.no_grad()
    def mean(self, x: Tensor) -> Tensor:
        """Weighted mean of the estimates of observations (B, 1, H, W): (B, s², H, W), float32."""
        estimates = [network.mean_and_scale(x)[0] for network in self.networks]
        return torch.stack([share * each for share, each in zip(self.shares, estimates, strict=True)]).sum(
            dim=0
        )
