"""Contrast limits follow all planes, ignore hot pixels, and are always a range."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cvdm.plugin.contrast import RunningLimits
from napari_cvdm.restoration.events import Estimate


def _estimate(mean: np.ndarray, std: float = 1.0, index: tuple[int, ...] = ()) -> Estimate:
    return Estimate("mean", 0, 1, 0, 1, 0, 1, 0.5, index=index, mean=mean, std=np.full_like(mean, std))


def test_they_span_nearly_all_intensities_but_no_hot_pixel():
    mean = np.linspace(0, 100, 100 * 100, dtype=np.float32).reshape(100, 100)
    mean[50, 50] = 60_000
    limits = RunningLimits()
    limits.add(_estimate(mean))
    low, high = limits.now()["reconstruction"]
    assert low == pytest.approx(0.5, abs=0.1)
    assert high == pytest.approx(99.8, abs=0.2)


def test_a_large_plane_is_sampled_evenly():
    mean = np.zeros((3000, 3000), np.float32)
    mean[:, 1500:] = 10
    limits = RunningLimits()
    limits.add(_estimate(mean))
    assert limits.now()["reconstruction"] == (0, 10)


def test_they_fit_all_planes_and_a_new_estimate_replaces_the_old():
    limits = RunningLimits()
    ramp = np.linspace(0, 1, 10_000, dtype=np.float32).reshape(100, 100)
    limits.add(_estimate(ramp, std=2, index=(0,)))
    limits.add(_estimate(10 * ramp, std=5, index=(1,)))
    assert limits.now()["uncertainty"] == (0, 5)
    limits.add(_estimate(3 * ramp, std=1, index=(1,)))
    assert limits.now()["uncertainty"] == (0, 2)
    assert limits.now()["reconstruction"][1] == pytest.approx(3, rel=0.01)


@pytest.mark.parametrize("level", [0.0, 1000.0, -5.0, 1e9])
def test_a_flat_picture_has_limits_too(level):
    limits = RunningLimits()
    limits.add(_estimate(np.full((20, 20), level, np.float32), std=0))
    for low, high in limits.now().values():
        assert low < high
