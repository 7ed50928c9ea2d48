"""Points and curves: brightness and position survive drawing, curves wander as far as they are told."""

import numpy as np
import pytest

from napari_cvdm.simulation.curves import SPACING, labelling, smooth_noise, splat, wandering_curves


class TestSplat:
    def test_keeps_brightness_and_centroid_to_float_accuracy(self) -> None:
        rng = np.random.default_rng(0)
        y, x, brightness = rng.uniform(1, 62, 300), rng.uniform(1, 62, 300), rng.uniform(0, 5, 300)
        image = splat(64, y, x, brightness).astype(float)
        rows, columns = np.indices(image.shape)
        total = brightness.sum()
        assert image.sum() == pytest.approx(total, rel=1e-6)
        assert (image * rows).sum() / total == pytest.approx((brightness * y).sum() / total, abs=1e-5)
        assert (image * columns).sum() / total == pytest.approx((brightness * x).sum() / total, abs=1e-5)

    def test_shares_a_point_by_bilinear_weights(self) -> None:
        image = splat(5, np.array([1.25]), np.array([2.5]), 8.0)
        expected = np.zeros((5, 5), np.float32)
        expected[1, 2:4] = 8 * 0.75 * 0.5
        expected[2, 2:4] = 8 * 0.25 * 0.5
        np.testing.assert_allclose(image, expected, rtol=1e-6)

    def test_a_point_on_a_pixel_centre_stays_there(self) -> None:
        image = splat(4, np.array([2.0]), np.array([1.0]), 3.0)
        assert image[2, 1] == 3.0
        assert np.count_nonzero(image) == 1

    def test_adds_points_that_coincide(self) -> None:
        assert splat(4, np.full(7, 1.0), np.full(7, 2.0), 2.0)[1, 2] == 14.0

    def test_drops_points_outside_and_wraps_none_around(self) -> None:
        y, x = np.array([-0.5, 3.0, 9.5, 3.0, 4.0]), np.array([3.0, -0.1, 3.0, 9.2, 4.0])
        image = splat(10, y, x, 1.0)
        assert image.sum() == 1.0
        assert image[4, 4] == 1.0

    def test_broadcasts_one_brightness_for_each_curve(self) -> None:
        y, x = np.array([[1.0, 1.0], [3.0, 3.0]]), np.array([[1.0, 2.0], [1.0, 2.0]])
        image = splat(6, y, x, np.array([[2.0], [5.0]]))
        assert image[1, 1:3].tolist() == [2.0, 2.0]
        assert image[3, 1:3].tolist() == [5.0, 5.0]
        assert image.dtype == np.float32


class TestWanderingCurves:
    def curves(self, persistence: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        rng = np.random.default_rng(1)
        heading = rng.uniform(0, 2 * np.pi, 4000)
        zero = np.zeros(4000)
        y, x, angle = wandering_curves(rng, zero, zero + 5, heading, 60, persistence)
        return y, x, angle, heading

    @pytest.mark.parametrize("persistence", [30.0, 300.0])
    def test_variance_of_the_heading_follows_the_persistence_length(self, persistence: float) -> None:
        *_, angle, heading = self.curves(persistence)
        arc = SPACING * np.arange(1, angle.shape[1] + 1)
        for at in (angle.shape[1] // 4, angle.shape[1] - 1):
            turned = angle[:, at] - heading
            assert turned.var() == pytest.approx(2 * arc[at] / persistence, rel=0.09)
            # What defines a persistence length: the tangents' correlation falls to 1/e over it.
            assert np.cos(turned).mean() == pytest.approx(np.exp(-arc[at] / persistence), abs=0.03)

    def test_points_are_evenly_spaced_from_the_start_on(self) -> None:
        y, x, angle, _ = self.curves(50)
        assert y.shape == x.shape == angle.shape == (4000, int(60 / SPACING))
        steps = np.hypot(np.diff(y, axis=1, prepend=0.0), np.diff(x, axis=1, prepend=5.0))
        np.testing.assert_allclose(steps, SPACING, rtol=1e-9)

    def test_a_stiff_curve_goes_where_it_heads(self) -> None:
        rng = np.random.default_rng(2)
        y, x, _ = wandering_curves(rng, np.array([3.0]), np.array([4.0]), np.array([np.pi / 2]), 20, 1e12)
        assert y[0, -1] == pytest.approx(23.0, abs=1e-3)
        assert x[0, -1] == pytest.approx(4.0, abs=1e-3)

    def test_has_two_points_at_least(self) -> None:
        y, *_ = wandering_curves(np.random.default_rng(0), np.zeros(3), np.zeros(3), np.zeros(3), 0.1, 100.0)
        assert y.shape == (3, 2)


class TestLabelling:
    @pytest.mark.parametrize("density", [0.3, 4.0])
    def test_has_mean_one_and_the_spread_of_counting(self, density: float) -> None:
        labels = labelling(np.random.default_rng(3), (200, 500), density)
        assert labels.shape == (200, 500)
        assert labels.mean() == pytest.approx(1.0, abs=0.02)
        assert labels.var() == pytest.approx(1 / density, rel=0.03)
        assert labels.min() == 0.0


class TestSmoothNoise:
    def test_has_zero_mean_and_unit_spread(self) -> None:
        field = smooth_noise(np.random.default_rng(4), 96, 5.0)
        assert field.shape == (96, 96)
        assert field.dtype == np.float32
        assert field.mean() == pytest.approx(0, abs=1e-5)
        assert field.std() == pytest.approx(1, abs=1e-5)

    def test_is_correlated_over_the_scale(self) -> None:
        scale = 5
        fields = [smooth_noise(np.random.default_rng(i), 256, scale) for i in range(4)]
        for lag in (scale, 2 * scale):
            found = np.mean([(f * np.roll(f, lag, axis=1)).mean() for f in fields])
            assert found == pytest.approx(np.exp(-(lag**2) / (4 * scale**2)), abs=0.08)
