"""Contrast limits follow all planes, ignore hot pixels, and are always a range."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

from napari_cvdm.plugin.results.contrast import (
    RunningLimits,
    doubt_limits,
    fit_to_each_other,
    limits_of_channels,
    limits_of_result,
)
from napari_cvdm.plugin.results.layers import CHANNELS_KEY, METADATA_KEY
from napari_cvdm.restoration.events import Estimate


def _estimate(mean: np.ndarray, std: float = 1.0, index: tuple[int, ...] = ()) -> Estimate:
    return Estimate("mean", 0, 1, 0, 1, 0, 1, 0.5, index=index, mean=mean, std=np.full_like(mean, std))


def test_they_span_nearly_all_intensities_but_no_hot_pixel():
    mean = np.linspace(0, 100, 100 * 100, dtype=np.float32).reshape(100, 100)
    mean[50, 50] = 60_000
    limits = RunningLimits()
    limits.add(_estimate(mean))
    low, high = limits.now()[0]["reconstruction"]
    assert low == pytest.approx(0.5, abs=0.1)
    assert high == pytest.approx(99.8, abs=0.2)


def test_a_large_plane_is_sampled_evenly():
    mean = np.zeros((3000, 3000), np.float32)
    mean[:, 1500:] = 10
    limits = RunningLimits()
    limits.add(_estimate(mean))
    assert limits.now()[0]["reconstruction"] == (0, 10)


def test_they_fit_all_planes_and_a_new_estimate_replaces_the_old():
    limits = RunningLimits()
    ramp = np.linspace(0, 1, 10_000, dtype=np.float32).reshape(100, 100)
    limits.add(_estimate(ramp, std=2, index=(0,)))
    limits.add(_estimate(10 * ramp, std=5, index=(1,)))
    assert limits.now()[0]["uncertainty"][1] == 5
    limits.add(_estimate(3 * ramp, std=1, index=(1,)))
    assert limits.now()[0]["uncertainty"][1] == 2
    assert limits.now()[0]["reconstruction"][1] == pytest.approx(3, rel=0.01)
    limits.add(_estimate(ramp - 2, index=(2,)))
    assert limits.now()[0]["reconstruction"] == pytest.approx((-2, 3), abs=0.02)


def _filaments() -> tuple[np.ndarray, np.ndarray]:
    """Bright lines on an empty background, each as unsure as its number says."""
    rng = np.random.default_rng(0)
    mean, std = rng.normal(100, 0.1, (120, 90)), np.full((120, 90), 1.0)
    for number in range(30):
        mean[4 * number] += 1000
        std[4 * number] = 100 + 3 * number
    return mean.astype(np.float32), std.astype(np.float32)


@pytest.mark.parametrize("planes", [1, 2])
def test_limits_that_napari_has_chosen_are_replaced_and_no_others(planes):
    mean, std = (np.stack([each] * planes) for each in _filaments())
    own = tuple(Image(std).contrast_limits)
    fitting = limits_of_result(mean, std)["uncertainty"]
    assert doubt_limits(own, mean, std, std[0]) == fitting
    for chosen in (fitting, (0.0, own[1]), (own[0], 2 * own[1]), (50.0, 90.0)):
        assert doubt_limits(chosen, mean, std, std[0]) == chosen


def test_the_least_sure_third_of_the_signal_is_painted():
    mean, std = _filaments()
    begin, full = limits_of_result(mean, std)["uncertainty"]
    painted = (std > begin) & (mean > 500)
    assert painted.sum() / (mean > 500).sum() == pytest.approx(1 / 3, abs=1 / 30)
    assert std[~painted].max() <= begin < full <= std.max()


def test_what_is_as_doubtful_as_half_of_the_brightest_signal_is_painted_however_common():
    mean, std = _filaments()
    begin, _ = limits_of_result(mean, 20 * std)["uncertainty"]
    assert begin == pytest.approx(500, rel=0.01)


def test_without_signal_doubt_is_painted_from_the_first():
    mean = np.full((20, 20), 7, np.float32)
    assert limits_of_result(mean, np.full_like(mean, 3))["uncertainty"] == (0, 3)


def test_an_even_doubt_is_painted_all_over():
    mean = np.linspace(0, 100, 400, dtype=np.float32).reshape(20, 20)
    begin, full = limits_of_result(mean, np.full_like(mean, 3))["uncertainty"]
    assert (begin, full) == pytest.approx((2.7, 3))


def test_planes_have_a_say_by_their_signal():
    mean, std = _filaments()
    alone, limits = limits_of_result(mean, std)["uncertainty"], RunningLimits()
    limits.add(Estimate("draw", 0, 2, 0, 1, 0, 1, 0.5, index=(0,), mean=mean, std=std))
    limits.add(_estimate(np.full_like(mean, 100), std=1, index=(1,)))
    assert limits.now()[0]["uncertainty"] == pytest.approx(alone)
    limits.add(Estimate("draw", 0, 2, 0, 1, 0, 1, 0.5, index=(1,), mean=mean, std=2 * std))
    assert limits.now()[0]["uncertainty"] == pytest.approx((1.5 * alone[0], 2 * alone[1]))


@pytest.mark.parametrize("pyramid", [False, True])
def test_stored_results_are_painted_as_after_a_run(pyramid):
    mean, std = _filaments()

    def layer(picture: str, data: np.ndarray) -> tuple[object, dict, str]:
        attributes = {"contrast_limits": (0.0, 1.0), "metadata": {METADATA_KEY: {"picture": picture}}}
        return [np.zeros((240, 180)), data] if pyramid else data, attributes, "image"

    pair = [layer("reconstruction", mean), layer("uncertainty", std)]
    fit_to_each_other(pair)
    assert pair[0][1]["contrast_limits"] == (0, 1)
    assert pair[1][1]["contrast_limits"] == limits_of_result(mean, std)["uncertainty"]
    for alone in (
        [layer("uncertainty", std)],
        [layer("reconstruction", mean[:9]), layer("uncertainty", std)],
    ):
        fit_to_each_other(alone)
        assert alone[-1][1]["contrast_limits"] == (0, 1)


@pytest.mark.parametrize("level", [0.0, 1000.0, -5.0, 1e9])
def test_a_flat_picture_has_limits_too(level):
    limits = RunningLimits()
    limits.add(_estimate(np.full((20, 20), level, np.float32), std=0))
    for low, high in limits.now()[0].values():
        assert low < high


def test_each_stored_uncertainty_goes_with_the_reconstruction_of_its_run():
    mean, std = _filaments()

    def layer(picture: object, data: np.ndarray, run: str) -> tuple[object, dict, str]:
        return data, {"metadata": {METADATA_KEY: {"picture": picture, "run": run}}}, "image"

    layers = [
        layer("reconstruction", mean, "a"),
        layer("uncertainty", std, "a"),
        layer(["no", "picture"], mean, "a"),
        layer("uncertainty", std, "none"),
        layer("reconstruction", 2 * mean, "b"),
        layer("uncertainty", 20 * std, "b"),
    ]
    fit_to_each_other(layers)
    limits = [attributes.get("contrast_limits") for _, attributes, _ in layers]
    assert limits[1] == limits_of_result(mean, std)["uncertainty"]
    assert limits[5] == limits_of_result(2 * mean, 20 * std)["uncertainty"]
    assert [limits[place] for place in (0, 2, 3, 4)] == [None] * 4


def test_each_channel_is_measured_alone():
    mean, std = _filaments()
    of_two = np.stack([20 * mean, mean]), np.stack([20 * std, std])
    alone = limits_of_result(mean, std)
    by_channel = limits_of_channels(*of_two, 0)
    assert by_channel[1] == alone
    assert by_channel[0]["reconstruction"] == pytest.approx([20 * limit for limit in alone["reconstruction"]])
    assert limits_of_channels(*of_two, None) == {0: limits_of_result(*of_two)}
    running = RunningLimits()
    for channel, (plane, error) in enumerate(zip(*of_two, strict=True)):
        running.add(Estimate("mean", 0, 1, 0, 1, 0, 1, 0.5, index=(channel,), mean=plane, std=error), channel)
    assert running.now() == by_channel


def test_of_many_channels_fewer_pixels_are_looked_at(looked_at):
    mean = np.linspace(0, 1, 32 * 256 * 256, dtype=np.float32).reshape(32, 256, 256) ** 2
    by_channel = limits_of_channels(mean, mean, 0)
    assert max(looked_at) <= 2**14
    for channel in (0, 31):
        assert by_channel[channel]["reconstruction"] == pytest.approx(
            tuple(np.percentile(mean[channel], (0.5, 99.8))), abs=1e-3
        )


@pytest.mark.parametrize(("label", "kept"), [("c", True), ("s", True), ("z", False)])
def test_a_stored_result_keeps_the_limits_of_each_channel(label, kept):
    mean, std = _filaments()
    of_two = {"reconstruction": np.stack([20 * mean, mean]), "uncertainty": np.stack([20 * std, std])}
    layers = [
        (data, {"axis_labels": (label, "y", "x"), "metadata": {METADATA_KEY: {"picture": picture}}}, "image")
        for picture, data in of_two.items()
    ]
    fit_to_each_other(layers)
    by_channel = limits_of_channels(*of_two.values(), 0)
    for (_, attributes, _), picture in zip(layers, of_two, strict=True):
        found = attributes["metadata"].get(CHANNELS_KEY)
        limits = {channel: limits[picture] for channel, limits in by_channel.items()}
        assert found == ({"axis": 0, "ndim": 3, "limits": limits} if kept else None)
