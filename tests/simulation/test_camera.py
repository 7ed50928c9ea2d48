"""The camera: shot noise of photons, read noise, gain, offset, whole numbers and an end to brightness."""

import numpy as np
import pytest

from napari_cvdm.simulation.camera import expose, integrate_pixels


def record(
    electrons: float, *, read_noise: float = 1.5, gain: float = 2.0, offset: float = 100.0, seed: int = 0
) -> np.ndarray:
    light = np.full((300, 300), electrons, np.float32)
    return expose(np.random.default_rng(seed), light, read_noise=read_noise, gain=gain, offset=offset)


class TestExpose:
    def test_variance_over_mean_is_the_gain(self) -> None:
        # The photon transfer curve, as one measures a real camera.
        levels = (20, 100, 500, 2000)
        images = [record(level, read_noise=2.0, gain=3.0).astype(float) for level in levels]
        slope, intercept = np.polyfit([i.mean() for i in images], [i.var() for i in images], 1)
        assert slope == pytest.approx(3.0, rel=0.02)
        # At the offset, where there is no light, the read noise and the rounding are left.
        assert intercept + slope * 100 == pytest.approx((3.0 * 2.0) ** 2, abs=25)

    @pytest.mark.parametrize("electrons", [5.0, 800.0])
    def test_mean_and_variance(self, electrons: float) -> None:
        image = record(electrons, read_noise=3.0, gain=2.0, offset=200.0).astype(float)
        assert image.mean() == pytest.approx(200 + 2 * electrons, rel=2e-3)
        assert image.var() == pytest.approx(4 * (electrons + 9) + 1 / 12, rel=0.03)

    def test_darkness_is_offset_and_read_noise(self) -> None:
        image = record(0.0, read_noise=2.5, gain=4.0, offset=150.0).astype(float)
        assert image.mean() == pytest.approx(150, abs=0.2)
        assert image.std() == pytest.approx(10, rel=0.02)

    def test_counts_are_those_of_photons(self) -> None:
        image = record(1.0, read_noise=0.0, gain=1.0, offset=0.0)
        assert np.mean(image == 0) == pytest.approx(np.exp(-1), abs=0.01)
        assert np.mean(image == 3) == pytest.approx(np.exp(-1) / 6, abs=0.005)

    def test_saturates_at_its_depth(self) -> None:
        image = record(32_700.0)
        assert image.dtype == np.uint16
        assert image.max() == 65535
        # Light 17.5 electrons, or 0.1 standard deviations, above the mean is too much.
        assert np.mean(image == 65535) == pytest.approx(0.461, abs=0.01)
        assert (record(1e6) == 65535).all()

    def test_stops_at_zero_instead_of_wrapping_around(self) -> None:
        image = record(0.0, read_noise=5.0, gain=1.0, offset=0.0)
        assert image.max() < 100
        assert np.mean(image == 0) > 0.4

    def test_takes_negative_light_for_darkness(self) -> None:
        assert (record(-3.0, read_noise=0.0, gain=1.0, offset=7.0) == 7).all()

    def test_the_generator_fixes_the_noise(self) -> None:
        assert np.array_equal(record(50.0, seed=1), record(50.0, seed=1))
        assert not np.array_equal(record(50.0, seed=1), record(50.0, seed=2))


class TestIntegratePixels:
    def test_sums_the_pixels_under_each_camera_pixel(self) -> None:
        fine = np.arange(16, dtype=np.float32).reshape(4, 4)
        assert integrate_pixels(fine).tolist() == [[0 + 1 + 4 + 5, 2 + 3 + 6 + 7], [42, 50]]

    def test_a_fine_pixel_lands_in_the_camera_pixel_over_it(self) -> None:
        for row, column in ((6, 3), (7, 2)):
            fine = np.zeros((10, 8), np.float32)
            fine[row, column] = 1
            assert np.argwhere(integrate_pixels(fine)).tolist() == [[3, 1]]

    def test_keeps_the_place_up_to_half_a_fine_pixel(self) -> None:
        # The centre of camera pixel c lies between fine pixels 2c and 2c + 1.
        rng = np.random.default_rng(0)
        fine = rng.random((40, 40), np.float32)
        coarse = integrate_pixels(fine)
        for axis in (0, 1):
            fine_centre = (fine * np.indices(fine.shape)[axis]).sum() / fine.sum()
            centre = (coarse * np.indices(coarse.shape)[axis]).sum() / coarse.sum()
            assert 2 * centre + 0.5 == pytest.approx(fine_centre, abs=0.02)
