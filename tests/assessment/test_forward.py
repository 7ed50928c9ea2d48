import numpy as np
import pytest

from napari_cvdm.assessment.baselines import gaussian_psf
from napari_cvdm.assessment.forward import bin_pixels, blur_and_bin, convolve_and_bin
from napari_cvdm.restoration.errors import InputError


def test_bin_pixels_averages_blocks() -> None:
    fine = np.arange(24.0).reshape(4, 6)
    assert bin_pixels(fine, 2).tolist() == [[3.5, 5.5, 7.5], [15.5, 17.5, 19.5]]


def test_a_point_is_blurred_to_the_width_asked_for_in_camera_pixels() -> None:
    point = np.zeros((64, 64))
    point[31:33, 31:33] = 1
    blurred = blur_and_bin(point, 2, 1.5)
    rows = np.arange(32) - 15.5
    variance = np.sum(blurred.sum(1) * rows**2) / blurred.sum()
    # The point's two fine pixels lie 1/4 from its middle, and binning moves each fine pixel by 1/4.
    assert variance == pytest.approx(1.5**2 + 1 / 16 + 1 / 16, rel=1e-3)
    assert blurred.sum() == pytest.approx(1.0)


def test_a_measured_psf_does_as_the_gaussian_it_is() -> None:
    sharp = np.random.default_rng(0).random((40, 48))
    np.testing.assert_allclose(
        convolve_and_bin(sharp, 2, 7 * gaussian_psf(2.4)), blur_and_bin(sharp, 2, 1.2), atol=2e-4
    )


def test_a_psf_that_is_not_symmetric_is_not_turned() -> None:
    sharp, psf = np.random.default_rng(0).random((9, 12)), np.zeros((5, 3))
    psf[0, 2] = 1  # two rows up, one column to the right
    moved = convolve_and_bin(sharp, 1, psf)
    np.testing.assert_allclose(moved[:-2, 1:], sharp[2:, :-1])
    np.testing.assert_allclose(moved[-2:, 1:], sharp[:-3:-1, :-1])  # from beyond the border, which mirrors


@pytest.mark.parametrize(
    "psf", [np.ones((2, 3)), np.ones(3), -np.ones((3, 3)), np.where(np.eye(3), np.nan, 1), np.zeros((3, 3))]
)
def test_refuses_what_is_no_psf(psf: np.ndarray) -> None:
    with pytest.raises(InputError, match="point-spread function"):
        convolve_and_bin(np.ones((8, 8)), 2, psf)
