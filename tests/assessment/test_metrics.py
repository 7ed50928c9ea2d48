"""Metrics: known values, and blindness to gain and offset only where it is meant."""

import numpy as np
import pytest

from napari_cvdm.assessment.metrics import (
    correlation,
    match_intensity,
    matched_psnr,
    normalize_truth,
    psnr,
    ssim,
)
from napari_cvdm.restoration.errors import InputError

RNG = np.random.default_rng(0)
TRUTH = RNG.uniform(0, 1, (32, 24))
EVEN = np.full((37, 41), 1 / 3)  # its mean is another number, by rounding


def test_gain_and_offset_are_recovered():
    match = match_intensity(100 + 20 * TRUTH, TRUTH)
    assert match.gain == pytest.approx(1 / 20)
    assert match.offset == pytest.approx(-5)
    np.testing.assert_allclose(match.apply(100 + 20 * TRUTH), TRUTH)


def test_gain_and_offset_are_those_of_least_squares():
    prediction = TRUTH**2 + RNG.normal(0, 0.1, TRUTH.shape)
    design = np.stack([prediction.ravel(), np.ones(TRUTH.size)], axis=1)
    np.testing.assert_allclose(
        match_intensity(prediction, TRUTH), np.linalg.lstsq(design, TRUTH.ravel(), rcond=None)[0]
    )


def test_an_inverted_prediction_is_not_turned_back():
    match = match_intensity(-TRUTH, TRUTH)
    assert match == pytest.approx((0, TRUTH.mean()))
    assert match_intensity(0.5 * TRUTH, TRUTH).gain == pytest.approx(2)


def test_a_constant_prediction_is_matched_to_the_mean():
    match = match_intensity(np.full_like(TRUTH, 7), TRUTH)
    assert match.gain == 0
    assert match.offset == pytest.approx(TRUTH.mean())
    truth = np.random.default_rng(0).random(EVEN.shape)
    assert match_intensity(EVEN, truth).gain == 0
    assert correlation(EVEN, truth) == correlation(EVEN, EVEN) == 0


def test_psnr_is_the_range_of_the_truth_over_the_error():
    truth = np.array([[0.0, 2.0], [1.0, 1.0]])
    assert psnr(truth + 0.02, truth) == pytest.approx(40)
    assert psnr(10 * truth + 0.2, 10 * truth) == pytest.approx(40)
    assert psnr(truth, truth) == np.inf


def test_ssim_is_one_for_the_truth_and_falls_with_noise_and_blur():
    assert ssim(TRUTH, TRUTH) == pytest.approx(1)
    noisy = [ssim(TRUTH + RNG.normal(0, size, TRUTH.shape), TRUTH) for size in (0.05, 0.2, 0.5)]
    assert 1 > noisy[0] > noisy[1] > noisy[2]
    # Unlike correlation it sees a difference in contrast.
    assert ssim(0.5 * TRUTH, TRUTH) < 0.9


def test_correlation_has_the_values_of_pearson():
    assert correlation(TRUTH, 3 - 2 * TRUTH) == pytest.approx(-1)
    other = RNG.uniform(0, 1, TRUTH.shape) + TRUTH
    assert correlation(TRUTH, other) == pytest.approx(np.corrcoef(TRUTH.ravel(), other.ravel())[0, 1])
    assert correlation(TRUTH, np.ones_like(TRUTH)) == 0


@pytest.mark.parametrize("metric", [match_intensity, psnr, ssim, correlation])
def test_shapes_must_agree(metric):
    with pytest.raises(InputError, match="one shape"):
        metric(TRUTH, TRUTH[:-1])


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_a_constant_truth_is_no_measure(metric):
    with pytest.raises(InputError, match="constant"):
        metric(TRUTH, np.ones_like(TRUTH))


def test_ssim_needs_room_for_its_windows():
    assert ssim(TRUTH[:7], TRUTH[:7]) == pytest.approx(1)
    with pytest.raises(InputError, match="7 × 7"):
        ssim(TRUTH[:6], TRUTH[:6])


def test_the_truth_runs_from_zero_to_one_and_a_half():
    sharp = np.arange(10_001.0).reshape(73, 137)
    sharp[0, 0] = -1e6
    sharp[-1, -1] = 1e6
    truth = normalize_truth(sharp)
    assert truth[0, 0] == 0
    assert truth[-1, -1] == 1.5
    low, high = np.percentile(sharp, (0.1, 99.8))
    np.testing.assert_allclose(truth[20, 20], (sharp[20, 20] - low) / (high - low))
    with pytest.raises(InputError, match="nearly constant"):
        normalize_truth(np.zeros((100, 100)))


def test_the_matched_psnr_does_not_depend_on_gain_and_offset():
    truth = np.random.default_rng(0).uniform(0, 1, (32, 32))
    prediction = truth + np.random.default_rng(1).normal(0, 0.1, truth.shape)
    expected = psnr(match_intensity(prediction, truth).apply(prediction), truth)
    assert matched_psnr(prediction, truth) == expected
    assert matched_psnr(300 * prediction - 7, truth) == pytest.approx(expected)
