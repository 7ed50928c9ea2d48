"""The learned schedule as a map: the network's own λ(x), whatever the tiles."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.restoration import schedule_map as module
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.schedule_map import schedule_map


@pytest.fixture
def model():
    torch.manual_seed(0)
    config = CVDMConfig(
        mean_widths=(4, 4), mean_blocks=(1, 1), noise_widths=(4, 4), noise_blocks=(1, 1), scale_width=4
    )
    network = CVDM(config).eval()
    torch.nn.init.normal_(network.rate_network.head.weight, std=0.5)
    return SimpleNamespace(name="small", network=network)


def test_it_is_the_network_s_rate_on_the_fine_grid(model):
    plane = np.random.default_rng(0).random((64, 48)).astype(np.float32)
    found = schedule_map(plane, model)
    assert (found.shape, found.dtype) == ((128, 96), np.float32)
    with torch.inference_mode():
        whole = model.network.unfold(model.network.rate(torch.from_numpy(plane)[None, None]))[0, 0].numpy()
    inner = np.s_[20:-20, 20:-20]  # away from the border, where the surroundings differ
    np.testing.assert_allclose(found[inner], whole[inner], rtol=1e-5)
    assert np.ptp(found) > 0.01


def test_tiles_change_nothing(model, monkeypatch):
    plane = np.random.default_rng(0).random((60, 45)).astype(np.float32)
    whole = schedule_map(plane, model)
    monkeypatch.setattr(module, "_TILE", 16)
    np.testing.assert_allclose(schedule_map(plane, model), whole, rtol=1e-5)


def test_a_caller_s_autocast_changes_no_pixel(model):
    plane = np.random.default_rng(0).random((32, 32)).astype(np.float32)
    plain = schedule_map(plane, model)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        np.testing.assert_array_equal(schedule_map(plane, model), plain)


def test_it_can_be_stopped(model):
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        schedule_map(np.zeros((16, 16), np.float32), model, checkpoint=stop)


def test_a_model_without_such_a_map_says_so():
    plain = SimpleNamespace(name="plain", network=torch.nn.Identity())
    with pytest.raises(InputError, match="'plain' has no learned schedule"):
        schedule_map(np.zeros((16, 16), np.float32), plain)
