import numpy as np
import pytest
from scipy import ndimage

from napari_cvdm.assessment.baselines import gaussian_psf
from napari_cvdm.assessment.camera_noise import measure_noise
from napari_cvdm.assessment.forward import blur_and_bin
from napari_cvdm.assessment.prediction import best_sigma, explain, psf_width


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


def test_explain_finds_the_shares_of_core_skirt_and_background() -> None:
    core = blur_and_bin(points(), 2, 1.0)
    light = 900 * core + 500 * ndimage.gaussian_filter(core, 3) + np.linspace(0, 1, 64)
    image = light + np.random.default_rng(1).normal(0, 0.3, light.shape)
    found = explain(image, core, 1.0, measure_noise(image))
    np.testing.assert_allclose(found.difference, image - light, atol=0.5)
    assert np.std(found.significance) == pytest.approx(1, abs=0.2)
    assert found.gain == pytest.approx(900, rel=0.05)
    assert found.misfit < 0.02


def test_psf_width_is_its_standard_deviation() -> None:
    assert psf_width(gaussian_psf(2.0)) == pytest.approx(2.0, rel=0.02)
