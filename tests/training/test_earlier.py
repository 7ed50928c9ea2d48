"""Networks trained earlier: read, and put together as teachers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.training import earlier
from napari_cvdm.training.config import ConfigError
from napari_cvdm.training.earlier import Teachers, read_earlier

SMALL = CVDMConfig(mean_widths=(4, 8), mean_blocks=(1, 1), noise_widths=(4, 8), noise_blocks=(1, 1))


def test_weights_of_the_published_implementation_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(earlier, "read_model", lambda path: SimpleNamespace(network=nn.Identity()))
    with pytest.raises(ConfigError, match=r"lab\.h5 is of the published implementation"):
        read_earlier(Path("lab.h5"))


def test_teachers_teach_the_weighted_mean_of_their_estimates() -> None:
    torch.manual_seed(0)
    networks = [CVDM(SMALL), CVDM(CVDMConfig(mean_widths=(4,), mean_blocks=(2,))), CVDM(SMALL)]
    x = torch.randn(2, 1, 8, 8)
    first, second, third = (network.mean_and_scale(x)[0].detach() for network in networks)
    taught = Teachers(networks[0], networks[1:], 0.25, torch.device("cpu")).mean(x)
    torch.testing.assert_close(taught, 0.75 * first + 0.125 * (second + third), rtol=1e-4, atol=1e-5)
    assert not taught.requires_grad
