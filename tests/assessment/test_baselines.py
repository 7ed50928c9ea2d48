"""Baselines: registered to half a pixel, the same as the known implementation, given their best chance."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage import restoration

from napari_cvdm.assessment.baselines import (
    ITERATIONS,
    MARGIN,
    SIGMAS,
    best_number,
    best_richardson_lucy,
    enlarge,
    gaussian_psf,
    richardson_lucy,
)
from napari_cvdm.assessment.metrics import match_intensity, psnr

RNG = np.random.default_rng(0)


def spots(shape=(64, 48)):
    image = np.zeros(shape)
    image[RNG.integers(0, shape[0], 30), RNG.integers(0, shape[1], 30)] = 1
    return gaussian_filter(image, 1.0) * 10


def centre_of_mass(image):
    rows, columns = np.indices(image.shape)
    return (rows * image).sum() / image.sum(), (columns * image).sum() / image.sum()


@pytest.mark.parametrize("upscaling", [2, 3])
def test_a_camera_pixel_covers_its_fine_pixels(upscaling):
    image = np.zeros((16, 20))
    image[5, 12] = 1
    fine = enlarge(gaussian_filter(image, 1.5), upscaling)
    assert fine.shape == (16 * upscaling, 20 * upscaling)
    # The centre of camera pixel i lies at upscaling · (i + 1/2) - 1/2 on the fine grid.
    expected = [upscaling * (i + 0.5) - 0.5 for i in (5, 12)]
    np.testing.assert_allclose(centre_of_mass(fine), expected, atol=0.02)


def test_enlarging_a_smooth_image_and_binning_it_gives_it_back():
    image = gaussian_filter(RNG.uniform(0, 1, (32, 24)), 2)
    binned = enlarge(image).reshape(32, 2, 24, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(binned, image, atol=0.01 * np.ptp(image))


def test_a_constant_stays_constant_up_to_the_border():
    np.testing.assert_allclose(enlarge(np.full((9, 9), 7.0)), 7)


def test_a_psf_is_symmetric_of_odd_side_and_sum_one():
    psf = gaussian_psf(2.4)
    assert psf.shape == (21, 21)
    assert psf.sum() == pytest.approx(1)
    np.testing.assert_allclose(psf, psf[::-1, ::-1])
    profile = psf[10] / psf[10, 10]
    assert profile[10 + 3] == pytest.approx(np.exp(-9 / (2 * 2.4**2)))


def test_richardson_lucy_is_that_of_scikit_image():
    image = np.maximum(gaussian_filter(spots(), 2) + RNG.normal(0, 0.01, (64, 48)), 1e-6)
    psf = gaussian_psf(2.0)
    results = dict(richardson_lucy(image, psf, (1, 5, 12)))
    assert list(results) == [1, 5, 12]
    for count, result in results.items():
        expected = restoration.richardson_lucy(image, psf, num_iter=count, clip=False)
        np.testing.assert_allclose(result, expected, rtol=1e-6, atol=1e-9)


def test_the_best_of_the_grid_is_found():
    sharp = spots()
    blurred = gaussian_filter(sharp, 2.9) + np.abs(RNG.normal(0, 1e-4, sharp.shape))
    best = best_richardson_lucy(blurred, sharp)
    continued = np.pad(np.maximum(blurred, 1e-6), MARGIN, mode="symmetric")
    inner = np.s_[MARGIN:-MARGIN, MARGIN:-MARGIN]
    scores = {
        (sigma, count): psnr(match_intensity(result[inner], sharp).apply(result[inner]), sharp)
        for sigma in SIGMAS
        for count, result in richardson_lucy(continued, gaussian_psf(sigma), ITERATIONS)
    }
    assert best.psnr == pytest.approx(max(scores.values()))
    assert (best.sigma, best.iterations) == max(scores, key=scores.get)
    assert best.psnr > psnr(match_intensity(blurred, sharp).apply(blurred), sharp)


def test_iterations_go_on_as_long_as_they_help():
    asked = []

    def results(values):
        for count, value in enumerate(values, 1):
            asked.append(count)
            yield count, np.full((2, 2), value)

    def mean(image):
        return float(image.mean())

    value, count, image = best_number(results([1.0, 3.0, 2.0, 4.0, 3.0, 2.0, 9.0]), mean)
    assert (value, count, image[0, 0]) == (4, 4, 4)  # one that is no better does not end it, two do
    assert asked == [1, 2, 3, 4, 5, 6]
    assert best_number(results([1.0, 2.0]), mean)[:2] == (2, 2)


def test_a_region_is_deconvolved_with_what_lies_around_it():
    sharp = spots((260, 260))
    blurred = gaussian_filter(sharp, 2.4)
    region = np.s_[100:160, 90:150]
    whole = dict(richardson_lucy(np.maximum(blurred, 1e-6), gaussian_psf(2.4), (10,)))[10]
    best = best_richardson_lucy(blurred, sharp, region, sigmas=(2.4,), iterations=(10,))
    assert best.image.shape == (60, 60)
    np.testing.assert_allclose(best.image, whole[region], atol=1e-6)


def test_a_region_at_the_border_is_where_it_should_be():
    sharp = spots((200, 200))
    region = np.s_[0:40, 150:200]
    best = best_richardson_lucy(sharp, sharp, region, sigmas=(1.0,), iterations=(1,))
    assert best.image.shape == (40, 50)
    assert np.corrcoef(best.image.ravel(), sharp[region].ravel())[0, 1] > 0.9


def test_a_field_without_surroundings_is_deconvolved_as_well_as_one_with_them():
    sharp = gaussian_filter(np.random.default_rng(1).uniform(0, 1, (260, 260)) ** 8, 1.5)
    blurred = gaussian_filter(sharp, 3.4)
    region = np.s_[80:176, 80:176]
    within = best_richardson_lucy(blurred, sharp, region, sigmas=(3.4,), iterations=(80,))
    alone = best_richardson_lucy(blurred[region], sharp[region], sigmas=(3.4,), iterations=(80,))
    assert alone.psnr == pytest.approx(within.psnr, abs=0.6)


def test_negative_background_is_no_obstacle():
    best = best_richardson_lucy(spots() - 0.05, spots() + RNG.uniform(0, 1, (64, 48)))
    assert np.isfinite(best.image).all()
