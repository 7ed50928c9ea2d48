"""Contrast limits follow all planes, ignore hot pixels, and are always a range."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cvdm.plugin.contrast import RunningLimits, limits_of
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


def test_a_finished_picture_is_a_range_even_where_it_is_flat():
    pixels = np.linspace(-3, 7, 1001)[None]
    assert limits_of("reconstruction", pixels) == pytest.approx((-2.95, 6.98))
    assert limits_of("uncertainty", pixels) == pytest.approx((0.0, 6.98))
    low, high = limits_of("reconstruction", np.full((4, 4), 5.0))
    assert low == 5.0 < high


def test_a_few_planes_of_a_stack_are_read_from_its_first_to_its_last():
    read = []

    class Stack:
        shape = (30, 20, 1000, 1000)

        def __getitem__(self, wanted: tuple) -> np.ndarray:
            read.append(wanted[:2])
            return np.full((1000, 1000), sum(wanted[:2]), np.float32)[wanted[2:]]

    assert limits_of("reconstruction", Stack()) == (0, 48)
    assert len(read) == 8
