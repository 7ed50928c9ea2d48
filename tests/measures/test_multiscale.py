"""Multi-scale similarity: one for equal images, and sensitive at every scale."""

import numpy as np
import pytest
from measures.multiscale import multiscale_ssim
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

from napari_cvdm.restoration.errors import InputError

RNG = np.random.default_rng(0)
TRUTH = gaussian_filter(RNG.standard_normal((192, 224)), 2)


def test_equal_images_reach_one():
    assert multiscale_ssim(TRUTH, TRUTH) == pytest.approx(1)


def test_images_with_nothing_in_common_reach_about_nothing():
    assert multiscale_ssim(RNG.permutation(TRUTH.ravel()).reshape(TRUTH.shape), TRUTH) < 0.2
    assert multiscale_ssim(-TRUTH, TRUTH) == 0


def test_one_scale_is_structural_similarity():
    small = TRUTH[:20, :20]
    other = small + 0.1 * RNG.standard_normal(small.shape)
    expected = structural_similarity(
        small, other, data_range=np.ptp(small), gaussian_weights=True, use_sample_covariance=False, full=True
    )[1].mean()
    assert multiscale_ssim(other, small) == pytest.approx(expected, abs=1e-9)


def test_fine_noise_matters_less_than_to_one_scale():
    noisy = TRUTH + 0.1 * np.ptp(TRUTH) * RNG.standard_normal(TRUTH.shape)
    fine = structural_similarity(TRUTH, noisy, data_range=np.ptp(TRUTH), gaussian_weights=True)
    assert fine + 0.1 < multiscale_ssim(noisy, TRUTH) < 0.95


def test_an_error_of_any_scale_counts():
    for size in (1, 3, 8, 20):
        error = gaussian_filter(RNG.standard_normal(TRUTH.shape), size)
        assert multiscale_ssim(TRUTH + 0.4 * np.ptp(TRUTH) * error / np.ptp(error), TRUTH) < 0.97, size


def test_units_do_not_matter():
    noisy = TRUTH + 0.1 * RNG.standard_normal(TRUTH.shape)
    assert multiscale_ssim(1000 * noisy, 1000 * TRUTH) == pytest.approx(multiscale_ssim(noisy, TRUTH))


def test_faults_are_named():
    with pytest.raises(InputError, match="one shape"):
        multiscale_ssim(TRUTH, TRUTH[:-1])
    with pytest.raises(InputError, match="at least 11"):
        multiscale_ssim(TRUTH[:8], TRUTH[:8])
    with pytest.raises(InputError, match="constant"):
        multiscale_ssim(TRUTH, np.ones_like(TRUTH))
