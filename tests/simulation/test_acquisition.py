"""The acquisition: target and wide-field image show the same light in the same place, in the same units."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_cvdm.simulation.acquisition import MARGIN, Acquisition, acquire
from napari_cvdm.simulation.curves import splat
from napari_cvdm.simulation.optics import blur, gaussian_transfer, remaining_sigma
from napari_cvdm.simulation.ranges import AcquisitionRanges

#: Nothing but in-focus light.
CLEAN = AcquisitionRanges(haze=(0, 0), background=(0, 0), read_noise=(0, 0))

#: A blur so slight that it changes nothing, yet makes the optics Gaussian instead of drawn at random.
GAUSSIAN = 0.01


def scene(camera_pixels: int = 64, points: int = 60, seed: int = 0) -> np.ndarray:
    """Points of light in the middle of a field with its margin, dark all around."""
    size = 2 * camera_pixels + 2 * MARGIN
    rng = np.random.default_rng(seed)
    low, high = MARGIN + 0.3 * camera_pixels, size - MARGIN - 0.3 * camera_pixels
    return splat(size, *rng.uniform(low, high, (2, points)), rng.uniform(0.5, 2, points))


def image(density: np.ndarray, ranges: AcquisitionRanges = CLEAN, seed: int = 0, **fixed: Any) -> Acquisition:
    return acquire(np.random.default_rng(seed), density, ranges, **fixed)


def without_offset(pair: Acquisition) -> np.ndarray:
    """Wide-field image above its offset, which the dark border shows."""
    widefield = pair.widefield.astype(float)
    border = np.concatenate([widefield[:3].ravel(), widefield[-3:].ravel()])
    return widefield - np.median(border)


def centroid(values: np.ndarray) -> np.ndarray:
    values = values.astype(float)
    return np.array([(values * grid).sum() / values.sum() for grid in np.indices(values.shape)])


class TestAcquire:
    def test_shapes_and_types(self) -> None:
        pair = image(scene(40), AcquisitionRanges())
        assert pair.widefield.shape == (40, 40)
        assert pair.widefield.dtype == np.uint16
        assert pair.target.shape == (80, 80)
        assert pair.target.dtype == np.float32
        assert pair.target.min() >= 0

    def test_the_generator_fixes_the_pair(self) -> None:
        first, same, other = (image(scene(), AcquisitionRanges(), seed) for seed in (1, 1, 2))
        assert np.array_equal(first.widefield, same.widefield)
        assert np.array_equal(first.target, same.target)
        assert not np.array_equal(first.widefield, other.widefield)

    @pytest.mark.parametrize("seed", range(4))
    def test_target_and_wide_field_hold_the_same_light(self, seed: int) -> None:
        # Whatever gain and offset were drawn: the mean over 2×2 fine pixels is a camera pixel's light.
        pair = image(scene(), seed=seed, photons=3e4, native_sigma=GAUSSIAN)
        assert without_offset(pair).sum() == pytest.approx(pair.target.sum() / 4, rel=3e-3)

    def test_the_wide_field_psf_keeps_the_light_but_for_its_tails(self) -> None:
        shares = []
        for seed in range(6):
            pair = image(scene(), seed=seed, photons=3e4)
            shares.append(without_offset(pair).sum() / (pair.target.sum() / 4))
        # The rings of a diffraction pattern reach beyond the border; a Gaussian, the other choice, does not.
        assert all(0.92 < share < 0.98 or share == pytest.approx(1, abs=3e-3) for share in shares)
        assert min(shares) < 0.98
        assert max(shares) > 0.99

    def test_the_target_blurred_and_binned_is_the_wide_field_image(self) -> None:
        pair = image(scene(), native_sigma=GAUSSIAN, photons=3e4, psf_sigma=3.0)
        rest = remaining_sigma(3.0, 0.48 * 3.0)
        expected = blur(pair.target, gaussian_transfer(128, rest)).reshape(64, 2, 64, 2).mean(axis=(1, 3))
        found = without_offset(pair)
        assert np.polyfit(expected.ravel(), found.ravel(), 1)[0] == pytest.approx(1, abs=0.01)
        assert np.abs(found - expected).max() < 0.04 * expected.max()

    @pytest.mark.parametrize("seed", range(4))
    def test_target_and_wide_field_are_registered(self, seed: int) -> None:
        pair = image(scene(points=7, seed=seed), seed=seed, photons=3e4)
        # Camera pixel c has its centre between fine pixels 2c and 2c + 1.
        expected = (centroid(pair.target) - 0.5) / 2
        bright = np.clip(without_offset(pair), 0, None)
        assert np.abs(centroid(bright) - expected).max() < 0.1

    @pytest.mark.parametrize("psf_sigma", [1.9, 2.2, 3.8])
    def test_the_target_is_half_as_wide_but_never_too_sharp_for_its_grid(self, psf_sigma: float) -> None:
        density = np.zeros((2 * MARGIN + 80, 2 * MARGIN + 80), np.float32)
        density[MARGIN + 40, MARGIN + 40] = 1
        pair = image(density, native_sigma=GAUSSIAN, photons=3e4, psf_sigma=psf_sigma)

        def width(values: np.ndarray) -> float:
            centre = centroid(values)
            squares = sum((g - c) ** 2 for g, c in zip(np.indices(values.shape), centre, strict=True))
            return float(np.sqrt((values * squares).sum() / values.sum() / 2))

        assert width(pair.target[30:51, 30:51].astype(float)) == pytest.approx(
            max(1.0, 0.48 * psf_sigma), rel=0.02
        )
        # The pixel's own width, 2 fine pixels, adds (2² − 1) / 12 to the variance.
        near = without_offset(pair)[10:31, 10:31]
        assert 2 * width(near) == pytest.approx(np.hypot(psf_sigma, 0.5), rel=0.03)

    def test_a_blurred_structure_is_blurred_only_by_what_is_missing(self) -> None:
        density = blur(scene(), gaussian_transfer(scene().shape[0], 1.5))
        fresh = image(scene(), native_sigma=GAUSSIAN, photons=3e4, psf_sigma=4.0)
        again = image(density, native_sigma=1.5, photons=3e4, psf_sigma=4.0)
        np.testing.assert_allclose(again.target, fresh.target, atol=2e-3 * fresh.target.max())
        assert without_offset(again) == pytest.approx(without_offset(fresh), abs=0.03 * fresh.widefield.max())

    def test_a_structure_wider_than_the_target_stays_as_it_is(self) -> None:
        size = scene().shape[0]
        density = blur(scene(), gaussian_transfer(size, 1.8))
        pair = image(density, native_sigma=1.8, psf_sigma=2.5)
        inner = density[MARGIN:-MARGIN, MARGIN:-MARGIN]
        np.testing.assert_allclose(pair.target / pair.target.max(), inner / inner.max(), atol=1e-5)

    @pytest.mark.parametrize("photons", [40.0, 1000.0])
    def test_reaches_the_photon_level(self, photons: float) -> None:
        # An even field is all bright end: its signal-to-noise ratio tells the electrons, whatever the gain.
        density = np.ones((2 * MARGIN + 240, 2 * MARGIN + 240), np.float32)
        pair = image(density, photons=photons)
        signal = float(pair.target.mean())
        assert signal**2 / pair.widefield.astype(float).var() == pytest.approx(photons, rel=0.06)

    def test_read_noise_comes_in_electrons(self) -> None:
        density = np.ones((2 * MARGIN + 240, 2 * MARGIN + 240), np.float32)
        pair = image(density, replace(CLEAN, read_noise=(8, 8)), photons=40.0)
        noise = pair.widefield.astype(float).var() / float(pair.target.mean()) ** 2 * 40**2
        assert noise == pytest.approx(40 + 64, rel=0.06)

    @pytest.mark.parametrize("extra", [{"haze": (1.5, 1.5)}, {"background": (0.4, 0.4)}])
    def test_haze_and_background_go_into_the_wide_field_image_only(self, extra: dict[str, Any]) -> None:
        clear = image(scene(), photons=500.0)
        hazy = image(scene(), replace(CLEAN, **extra), photons=500.0)
        assert np.array_equal(clear.target, hazy.target)
        assert hazy.widefield.mean() > clear.widefield.mean() + 10

    @pytest.mark.parametrize(
        ("extra", "share"), [({"haze": (1.5, 1.5)}, 1.5), ({"background": (0.4, 0.4)}, 0.4)]
    )
    def test_haze_and_background_are_shares_of_the_light_in_focus(
        self, extra: dict[str, Any], share: float
    ) -> None:
        density = np.ones((2 * MARGIN + 128, 2 * MARGIN + 128), np.float32)
        clear = image(density, photons=500.0)
        hazy = image(density, replace(CLEAN, **extra), photons=500.0)
        added = hazy.widefield.mean() - clear.widefield.mean()
        assert added == pytest.approx(share * clear.target.mean(), rel=0.02)

    def test_haze_is_smooth(self) -> None:
        clear = image(scene(), photons=3e3, psf_sigma=2.0)
        hazy = image(scene(), replace(CLEAN, haze=(2, 2), haze_sigma=(12, 12)), photons=3e3, psf_sigma=2.0)
        added = hazy.widefield.astype(float) - clear.widefield
        focused = without_offset(clear)

        def roughness(values: np.ndarray) -> float:
            return float(np.abs(np.diff(values, axis=0)).mean() / np.abs(values).mean())

        assert roughness(added) < 0.5 * roughness(focused)

    def test_haze_is_never_so_sharp_that_it_passes_for_structure(self) -> None:
        # One point of light: what haze adds must be as wide as a point clearly out of focus.
        size = 2 * MARGIN + 160
        density = np.zeros((size, size), np.float32)
        density[size // 2, size // 2] = 1
        sharp = replace(CLEAN, haze=(2, 2), haze_sigma=(4, 4), photons=(3000, 3000))
        for seed in range(12):
            clear = image(density, replace(sharp, haze=(0, 0)), seed, psf_sigma=3.0)
            hazy = image(density, sharp, seed, psf_sigma=3.0)
            added = hazy.widefield.astype(float) / hazy.target.max() - clear.widefield / clear.target.max()
            added = added - np.median(added)
            # The peak of a Gaussian of σ = 7.5 fine pixels and twice the light, in units of one of σ = 3.
            peak = (clear.widefield - np.median(clear.widefield)).max() / clear.target.max()
            assert added.max() < 1.3 * 2 * peak / 2.5**2

    def test_nothing_crosses_the_border_from_the_other_side(self) -> None:
        # Fourier blur is periodic: light at one end of the margin must not show at the opposite side.
        size = 2 * MARGIN + 96
        density = np.zeros((size, size), np.float32)
        density[size // 2, MARGIN + 2] = 1
        pair = image(density, photons=1000.0, psf_sigma=4.2, native_sigma=GAUSSIAN)
        assert pair.target[:, -12:].max() < 1e-6 * pair.target.max()
        assert without_offset(pair)[:, -6:].max() <= 2

    def test_an_empty_field_is_dark_and_finite(self) -> None:
        for ranges in (AcquisitionRanges(), CLEAN):
            pair = image(np.zeros((2 * MARGIN + 32, 2 * MARGIN + 32), np.float32), ranges)
            assert np.isfinite(pair.target).all()
            assert pair.target.max() == 0
        assert np.ptp(pair.widefield) == 0

    def test_bright_fields_do_not_saturate(self) -> None:
        density = scene(32, points=1)
        for seed in range(12):
            pair = image(density, AcquisitionRanges(photons=(3000, 3000)), seed)
            assert pair.widefield.max() < 65535
