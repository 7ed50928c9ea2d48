"""Optics: transfer functions that fall from one, PSFs as wide as they say, light that is only moved."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from napari_cvdm.simulation.optics import (
    SIGMA_TIMES_CUTOFF,
    ZERNIKE,
    Transfer,
    aberrated_transfer,
    blur,
    disc_transfer,
    gaussian_transfer,
    radial_frequency,
    remaining_sigma,
    widefield_transfer,
)

TRANSFERS = [gaussian_transfer, widefield_transfer]


def point(size: int, row: int, column: int) -> np.ndarray:
    image = np.zeros((size, size), np.float32)
    image[row, column] = 1
    return image


def moments(image: np.ndarray) -> tuple[float, float, float, float]:
    """Centroid and standard deviation along rows and columns."""
    image = image.astype(float)
    rows, columns = np.indices(image.shape)
    weight = image / image.sum()
    row, column = (weight * rows).sum(), (weight * columns).sum()
    return (
        float(row),
        float(column),
        float(np.sqrt((weight * (rows - row) ** 2).sum())),
        float(np.sqrt((weight * (columns - column) ** 2).sum())),
    )


def full_width_at_half_maximum(transfer: Transfer, size: int) -> float:
    profile = np.fft.irfft2(transfer, s=(size, size))[0, : size // 4]
    roots = CubicSpline(np.arange(size // 4), profile - profile[0] / 2).roots(extrapolate=False)
    return 2 * float(roots[0])


class TestRadialFrequency:
    def test_is_in_cycles_per_pixel(self) -> None:
        frequency = radial_frequency(8)
        assert frequency.shape == (8, 5)
        assert frequency[0, 0] == 0
        assert frequency[0, 4] == frequency[4, 0] == 0.5
        assert frequency[-3, 4] == pytest.approx(np.hypot(3 / 8, 0.5))


class TestTransfers:
    @pytest.mark.parametrize("make", TRANSFERS)
    @pytest.mark.parametrize("sigma", [1.0, 2.4, 6.0])
    def test_is_one_at_zero_and_falls_with_frequency(self, make: object, sigma: float) -> None:
        transfer = make(96, sigma)  # type: ignore[operator]
        frequency = radial_frequency(96)
        assert transfer[0, 0] == pytest.approx(1.0, abs=1e-12)
        ordered = transfer.ravel()[np.argsort(frequency.ravel(), kind="stable")]
        assert (np.diff(ordered) <= 1e-12).all()
        assert ordered[0] > ordered[1]
        assert transfer.min() >= 0

    @pytest.mark.parametrize("sigma", [1.5, 3.0])
    def test_wide_field_passes_nothing_beyond_its_cut_off(self, sigma: float) -> None:
        frequency, transfer = radial_frequency(128), widefield_transfer(128, sigma)
        cut_off = SIGMA_TIMES_CUTOFF / sigma
        assert (transfer[frequency >= cut_off] == 0).all()
        assert (transfer[frequency < 0.98 * cut_off] > 0).all()

    def test_wide_field_is_the_autocorrelation_of_a_circular_pupil(self) -> None:
        # Computed from a pupil drawn on a fine grid, not from the closed form.
        grid = np.hypot(*np.meshgrid(np.arange(-128, 128), np.arange(-128, 128)))
        pupil = np.fft.fft2((grid <= 40).astype(float))
        overlap = np.fft.ifft2(np.abs(pupil) ** 2).real
        expected = overlap[0, :80] / overlap[0, 0]
        # 80 pixels of the overlap are the cut-off: a frequency in cycles per pixel for a PSF this wide.
        size = 1024
        sigma = SIGMA_TIMES_CUTOFF * size / 80
        np.testing.assert_allclose(widefield_transfer(size, sigma)[0, :80], expected, atol=0.015)

    @pytest.mark.parametrize("sigma", [1.9, 3.0, 4.2])
    @pytest.mark.parametrize("make", TRANSFERS)
    def test_the_centre_of_the_psf_is_as_wide_as_it_says(self, make: object, sigma: float) -> None:
        width = full_width_at_half_maximum(make(256, sigma), 256)  # type: ignore[operator]
        tolerance = 0.01 if make is gaussian_transfer else 0.1
        assert width / 2.3548 == pytest.approx(sigma, rel=tolerance)


class TestBlur:
    @pytest.mark.parametrize("size", [64, 65])
    @pytest.mark.parametrize("sigma", [1.2, 3.0])
    def test_a_point_becomes_a_gaussian_of_that_width_in_its_place(self, size: int, sigma: float) -> None:
        image = blur(point(size, 30, 34), gaussian_transfer(size, sigma))
        assert image.shape == (size, size)
        assert image.dtype == np.float32
        assert moments(image) == pytest.approx((30, 34, sigma, sigma), rel=0.01)
        assert image[30, 34] == pytest.approx(1 / (2 * np.pi * sigma**2), rel=0.01)

    @pytest.mark.parametrize("make", TRANSFERS)
    def test_conserves_brightness(self, make: object) -> None:
        image = np.random.default_rng(0).random((64, 64), np.float32)
        blurred = blur(image, make(64, 2.7))  # type: ignore[operator]
        assert blurred.sum() == pytest.approx(image.sum(), rel=1e-5)
        assert blurred.std() < image.std()

    def test_no_width_changes_nothing(self) -> None:
        image = np.random.default_rng(1).random((32, 32), np.float32)
        np.testing.assert_allclose(blur(image, gaussian_transfer(32, 0.0)), image, atol=1e-6)


class TestRemainingSigma:
    def test_two_blurs_make_the_whole(self) -> None:
        rest = remaining_sigma(3.0, 1.4)
        assert rest < 3.0
        twice = blur(blur(point(64, 32, 32), gaussian_transfer(64, 1.4)), gaussian_transfer(64, rest))
        np.testing.assert_allclose(twice, blur(point(64, 32, 32), gaussian_transfer(64, 3.0)), atol=1e-7)

    def test_is_zero_where_the_image_is_already_too_blurred(self) -> None:
        assert remaining_sigma(1.0, 1.4) == 0.0


class TestDiscTransfer:
    def test_a_point_becomes_an_even_disc(self) -> None:
        size, radius = 128, 20.0
        disc = blur(point(size, 64, 64), disc_transfer(size, radius))
        rows, columns = np.indices(disc.shape)
        distance = np.hypot(rows - 64, columns - 64)
        assert disc[distance < radius - 3].mean() == pytest.approx(1 / (np.pi * radius**2), rel=0.02)
        assert abs(disc[distance > radius + 3]).sum() < 0.05
        assert disc.sum() == pytest.approx(1, rel=1e-4)


class TestAberratedTransfer:
    def test_without_aberrations_it_is_the_wide_field_one(self) -> None:
        transfer = aberrated_transfer(256, 3.0, np.zeros(len(ZERNIKE)))
        # The pupil's edge is made of whole frequencies: hence not exactly.
        np.testing.assert_allclose(transfer, widefield_transfer(256, 3.0), atol=0.02)

    @pytest.mark.parametrize("term", range(len(ZERNIKE)))
    def test_an_aberration_blurs_and_moves_nothing(self, term: int) -> None:
        waves = np.zeros(len(ZERNIKE))
        waves[term] = 0.1
        size = 128
        transfer = aberrated_transfer(size, 3.0, waves)
        image = blur(point(size, 60, 64), transfer)
        perfect = blur(point(size, 60, 64), aberrated_transfer(size, 3.0, 0 * waves))
        assert image.sum() == pytest.approx(1, rel=1e-4)
        assert image.min() > -1e-4
        # Maréchal: the peak falls to exp(−(2π · 0.1)²) of what it was.
        assert image.max() / perfect.max() == pytest.approx(np.exp(-((0.2 * np.pi) ** 2)), abs=0.08)
        angles = np.angle([transfer[1, 0], transfer[0, 1]])
        np.testing.assert_allclose(angles, 0, atol=1e-9)

    def test_every_term_has_unit_variance_over_the_pupil(self) -> None:
        rows, columns = np.mgrid[-1:1:801j, -1:1:801j]
        radius, angle = np.hypot(rows, columns), np.arctan2(rows, columns)
        inside = radius <= 1
        values = [shape(radius, angle)[inside] for shape in ZERNIKE]
        products = np.array([[np.mean(a * b) for a in values] for b in values])
        np.testing.assert_allclose(products, np.eye(len(ZERNIKE)), atol=0.01)
