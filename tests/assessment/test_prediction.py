import numpy as np
import pytest
from scipy import ndimage

from napari_cvdm.assessment.baselines import gaussian_psf
from napari_cvdm.assessment.camera_noise import CameraNoise, measure_noise
from napari_cvdm.assessment.forward import blur_and_bin
from napari_cvdm.assessment.prediction import best_sigma, explain, psf_width
from napari_cvdm.assessment.significance import SIGNIFICANT


def points() -> np.ndarray:
    rng = np.random.default_rng(0)
    image = np.zeros((128, 128))
    image[rng.integers(0, 128, 60), rng.integers(0, 128, 60)] = 1
    return ndimage.gaussian_filter(image, 1.2)


@pytest.mark.parametrize("sigma", [0.7, 1.2, 2.0])
def test_best_sigma_is_that_of_the_blur_though_there_is_haze(sigma: float) -> None:
    light = blur_and_bin(points(), 2, sigma)
    image = 1000 * light + 3000 * ndimage.gaussian_filter(light, 12) + 50
    assert best_sigma(image, points(), 2) == pytest.approx(sigma, rel=0.1)


@pytest.mark.parametrize("width", [1.0, 1.8])
def test_explain_finds_the_shares_of_core_skirt_and_background(width: float) -> None:
    core = blur_and_bin(points(), 2, width)
    light = 900 * core + 500 * ndimage.gaussian_filter(core, 3 * width) + np.linspace(0, 1, 64)
    image = light + np.random.default_rng(1).normal(0, 0.3, light.shape)
    found = explain(image, core, width, measure_noise(image))
    np.testing.assert_allclose(found.difference, image - light, atol=0.5)
    assert np.std(found.significance) == pytest.approx(1, abs=0.2)
    assert found.gain == pytest.approx(900, rel=0.05)
    assert found.misfit < 0.02


def test_what_was_invented_does_not_bend_the_gain() -> None:
    invented = np.roll(points(), 40, axis=0)
    invented[:, :88] = 0
    core = blur_and_bin(points() + 2 * invented, 2, 1.0)
    light = 900 * blur_and_bin(points(), 2, 1.0) + 50
    image = light + np.random.default_rng(1).normal(0, 0.3, light.shape)
    noise = CameraNoise(0.0, 0.09, 0.09, 0.0)
    found, other = explain(image, core, 1.0, noise), explain(image + 5000, core / 1000, 1.0, noise)
    assert found.gain == pytest.approx(900, rel=0.15)
    assert other.gain == pytest.approx(1000 * found.gain, rel=0.01)  # and units and offset make no difference
    np.testing.assert_allclose(other.significance, found.significance, rtol=0.02, atol=0.1)
    where = blur_and_bin(invented, 2, 1.0) > 0.02
    assert (found.significance[where] < -SIGNIFICANT).mean() > 0.9


def test_psf_width_is_its_standard_deviation_wherever_it_lies() -> None:
    assert psf_width(gaussian_psf(2.0)) == pytest.approx(2.0, rel=0.02)
    narrow, wide = (gaussian_psf(sigma).sum(0) for sigma in (2.0, 3.0))
    psf = np.pad(7 * np.outer(narrow, wide), ((0, 6), (2, 0)))
    assert psf_width(psf) == pytest.approx(np.sqrt((2**2 + 3**2) / 2), rel=0.02)
