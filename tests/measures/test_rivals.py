"""The rivals: right where the answer is known, and none of them held back."""

import numpy as np
import pytest
from measures.rivals import (
    METHODS,
    USUAL_WIDTHS,
    DetailedScores,
    _curvature,
    conventional,
    detailed_scores,
    recorded_psf,
    richardson_lucy_tv,
)
from scipy.ndimage import gaussian_filter, zoom

from napari_cvdm.assessment.baselines import enlarge, gaussian_psf, richardson_lucy

RNG = np.random.default_rng(0)


def scene(side=64):
    image = np.zeros((side, side))
    image[RNG.integers(8, side - 8, 40), RNG.integers(8, side - 8, 40)] = RNG.uniform(0.5, 1, 40)
    return gaussian_filter(image, 1.2) * 9


def record(truth, sigma=2.5, photons=300):
    blurred = gaussian_filter(truth, sigma)
    half = len(truth) // 2
    pixels = blurred.reshape(half, 2, half, 2).mean(axis=(1, 3))
    return RNG.poisson(photons * pixels / pixels.max() + 5).astype(np.uint16)


def test_without_weight_total_variation_is_richardson_lucy():
    image = np.maximum(record(scene()).astype(float), 1e-6)
    psf = gaussian_psf(1.5)
    ((_, plain),) = richardson_lucy(image, psf, (5,))
    ((_, zero),) = richardson_lucy_tv(image, psf, (5,), weight=0)
    np.testing.assert_array_equal(zero, plain)


def test_total_variation_is_smoother_and_nearer_to_the_truth_in_noise():
    truth = scene()
    noisy = enlarge(record(truth, photons=30).astype(float))
    psf = recorded_psf(gaussian_psf(2.5))
    noisy = np.maximum((noisy - np.percentile(noisy, 1)) / np.ptp(noisy), 1e-6)
    ((_, plain),) = richardson_lucy_tv(noisy, psf, (60,), weight=0)
    ((_, smooth),) = richardson_lucy_tv(noisy, psf, (60,), weight=0.01)
    assert np.abs(np.diff(smooth)).sum() < 0.9 * np.abs(np.diff(plain)).sum()
    assert detailed_scores(smooth, truth).psnr > detailed_scores(plain, truth).psnr


def test_total_variation_is_what_the_penalty_makes_less_of():
    image = RNG.random((6, 7))

    def variation(picture):
        down, right = (np.diff(picture, axis=axis) for axis in (0, 1))
        return np.sqrt(
            np.pad(down, [(0, 1), (0, 0)]) ** 2 + np.pad(right, [(0, 0), (0, 1)]) ** 2 + 1e-8
        ).sum()

    for place in np.ndindex(image.shape):
        step = np.zeros_like(image)
        step[place] = 1e-6
        slope = (variation(image + step) - variation(image - step)) / 2e-6
        assert _curvature(image)[place] == pytest.approx(-slope, abs=1e-4)


def test_each_method_beats_interpolation_where_noise_is_low():
    truth = scene()
    results = conventional(record(truth, photons=20000), truth, [recorded_psf(gaussian_psf(2.5))])
    assert set(METHODS) - set(results) == {
        "mean_network",
        "averaged_mean_network",
        "single_draw",
        "posterior_mean",
    }
    scores = {name: detailed_scores(result, truth) for name, result in results.items()}
    for name, score in scores.items():
        assert results[name].shape == truth.shape
        if name != "bicubic":
            assert score.psnr > scores["bicubic"].psnr + 0.5, name
            assert score.ms_ssim > scores["bicubic"].ms_ssim, name
            assert score.resolution < 1.1 * scores["bicubic"].resolution, name


def test_tuning_takes_the_best_of_several_psfs():
    truth = scene()
    camera = record(truth, photons=5000)
    right, wrong = (recorded_psf(gaussian_psf(sigma)) for sigma in (2.5, 6.0))
    alone = conventional(camera, truth, [wrong])["richardson_lucy_tuned"]
    both = conventional(camera, truth, [wrong, right])
    assert (
        detailed_scores(both["richardson_lucy_tuned"], truth).psnr > detailed_scores(alone, truth).psnr + 0.5
    )


def test_the_usual_bounds_hold_few_widths_and_few_iterations():
    truth = scene()
    camera = record(truth, photons=20000)
    narrow, right = (recorded_psf(gaussian_psf(sigma)) for sigma in (1.0, 2.5))

    def scores(*psfs):
        results = conventional(camera, truth, psfs)
        names = ("richardson_lucy_usual", "richardson_lucy_tuned")
        return [detailed_scores(results[name], truth).psnr for name in names]

    usual, tuned = scores(right)
    assert usual < tuned - 0.1  # with next to no noise, more iterations still help
    without, _ = scores(*[narrow] * USUAL_WIDTHS)
    too_far, found = scores(*[narrow] * USUAL_WIDTHS, right)
    assert too_far == without < usual
    assert found == tuned


def test_recorded_psf_is_wider_by_the_pixel():
    psf = recorded_psf(gaussian_psf(2.0))
    rows = np.arange(psf.shape[0]) - psf.shape[0] // 2
    assert psf.sum() == pytest.approx(1)
    assert (psf.sum(1) * rows**2).sum() == pytest.approx(4 + 1 / 3, rel=0.01)


def test_scores_are_perfect_for_the_truth_and_fall_with_blur():
    truth = scene()
    perfect = detailed_scores(3 * truth + 10, truth)
    assert perfect.psnr > 100
    assert (perfect.ssim, perfect.ms_ssim) == (pytest.approx(1), pytest.approx(1))
    assert perfect.resolution == pytest.approx(2, rel=0.01)
    noisy = detailed_scores(gaussian_filter(truth, 2) + 0.02 * RNG.standard_normal(truth.shape), truth)
    noisier = detailed_scores(gaussian_filter(truth, 2) + 0.1 * RNG.standard_normal(truth.shape), truth)
    assert 2 < noisy.resolution < noisier.resolution
    assert noisy.psnr > noisier.psnr
    nothing = detailed_scores(zoom(RNG.standard_normal((32, 32)), 2, order=0), truth)
    assert np.isnan(nothing.resolution) or nothing.resolution > 10
    scores = {"psnr": 20.0, "ssim": 0.5, "ms_ssim": 0.6, "resolution": 3.0}
    assert DetailedScores(**scores).to_dict() == scores
    assert DetailedScores(**scores | {"resolution": np.nan}).to_dict() == scores | {"resolution": None}


def test_a_region_is_deconvolved_with_what_lies_around_it(monkeypatch):
    monkeypatch.setattr("measures.rivals.ITERATIONS", (2,))
    truth = scene(192)
    camera = record(truth, photons=5000)
    region = np.s_[48:144, 32:128]
    psfs = [recorded_psf(gaussian_psf(2.5))]
    whole, part = conventional(camera, truth, psfs), conventional(camera, truth, psfs, region)
    assert part["bicubic"].shape == (96, 96)
    for name in set(part) - {"wiener"}:  # which judges the noise on the whole image
        np.testing.assert_allclose(part[name], whole[name][region], atol=1e-6)
