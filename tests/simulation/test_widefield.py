"""Light in focus and haze: PSFs of every kind conserve the light, and their own blur is left out."""

from dataclasses import replace

import numpy as np
import pytest

from napari_cvdm.simulation.curves import splat
from napari_cvdm.simulation.optics import blur, gaussian_transfer
from napari_cvdm.simulation.ranges import AcquisitionRanges
from napari_cvdm.simulation.widefield import draw_focus, draw_widefield

PLAIN = AcquisitionRanges(haze=(0.0, 0.0))
ABERRATED = replace(PLAIN, aberrated_share=1.0, aberration=(0.08, 0.08))
HALO = replace(PLAIN, halo_share=1.0, halo_light=(0.4, 0.4), halo_width=(2.0, 2.0))
SIZE = 128


def focus(ranges: AcquisitionRanges, seed: int = 0, native: float = 0.0, sigma: float = 3.0) -> np.ndarray:
    return draw_focus(np.random.default_rng(seed), SIZE, ranges, sigma, native)


def spot() -> np.ndarray:
    return splat(SIZE, np.array([64.0]), np.array([64.0]), np.ones(1))


def spread(image: np.ndarray) -> float:
    """Share of the light farther than 9 pixels from the middle."""
    rows, columns = np.indices(image.shape)
    far = np.hypot(rows - 64, columns - 64) > 9
    return float(image[far].sum() / image.sum())


class TestDrawFocus:
    @pytest.mark.parametrize("ranges", [PLAIN, ABERRATED, HALO])
    @pytest.mark.parametrize("native", [0.0, 1.0])
    def test_conserves_the_light(self, ranges: AcquisitionRanges, native: float) -> None:
        for seed in range(4):
            assert abs(focus(ranges, seed, native)[0, 0]) == pytest.approx(1)

    def test_half_of_the_structures_are_seen_through_diffraction(self) -> None:
        cut_off = gaussian_transfer(SIZE, 3.0) < 0.01
        sharp = [bool((focus(PLAIN, seed)[cut_off] == 0).any()) for seed in range(40)]
        assert 10 < sum(sharp) < 30
        assert not any((focus(PLAIN, seed, native=1.0)[cut_off] == 0).any() for seed in range(20))
        both = replace(PLAIN, diffracted_micrographs=True)
        assert 10 < sum((focus(both, seed, native=1.0)[cut_off] == 0).any() for seed in range(40)) < 30

    @pytest.mark.parametrize("ranges", [replace(PLAIN, diffracted_micrographs=True), ABERRATED])
    def test_what_a_structure_carries_is_left_out(self, ranges: AcquisitionRanges) -> None:
        # The blur it has and the blur it gets make the whole one, where the first has left anything.
        for seed in range(6):
            whole = focus(replace(ranges, diffracted_micrographs=False), seed)
            rest = focus(ranges, seed, native=1.2) * gaussian_transfer(SIZE, 1.2)
            passing = gaussian_transfer(SIZE, 1.2) > 0.25
            np.testing.assert_allclose(rest[passing], whole[passing], atol=1e-9)

    def test_a_halo_holds_its_share(self) -> None:
        for seed in range(6):
            plain, halo = (spread(blur(spot(), focus(each, seed))) for each in (PLAIN, HALO))
            # Of a Gaussian of σ = 6, exp(−9² / 2 · 6²) lies beyond 9 pixels.
            assert halo == pytest.approx(0.6 * plain + 0.4 * np.exp(-(81 / 72)), abs=0.01)

    def test_shares_are_those_of_the_draws(self) -> None:
        aberrated, halo = replace(ABERRATED, aberrated_share=0.5), replace(HALO, halo_share=0.5)
        assert 10 < sum(np.iscomplexobj(focus(aberrated, seed)) for seed in range(40)) < 30
        same = [np.array_equal(focus(halo, seed), focus(PLAIN, seed)) for seed in range(40)]
        assert 10 < sum(same) < 30

    def test_aberrations_differ_from_draw_to_draw(self) -> None:
        assert not np.allclose(focus(ABERRATED, 0), focus(ABERRATED, 1), atol=0.01)


class TestDrawWidefield:
    def haze(self, ranges: AcquisitionRanges, seed: int) -> np.ndarray:
        focused, light = draw_widefield(np.random.default_rng(seed), spot(), ranges, 2.0, 0.0)
        assert light.sum() == pytest.approx(2 * focused.sum(), rel=1e-3)  # of haze, there is as much
        return light - focused

    def test_discs_have_their_share(self) -> None:
        hazy = replace(PLAIN, haze=(1.0, 1.0), haze_sigma=(8.0, 8.0), disc_share=0.5)
        # The edge of a disc is sharp, and its rings fall below zero.
        rings = [(pattern := self.haze(hazy, seed)).min() < -0.01 * pattern.max() for seed in range(40)]
        assert 10 < sum(rings) < 30

    def test_haze_is_as_wide_in_discs_as_in_gaussians(self) -> None:
        hazy = replace(PLAIN, haze=(1.0, 1.0), haze_sigma=(8.0, 8.0))
        for seed in range(4):
            gaussian, discs = self.haze(hazy, seed), self.haze(replace(hazy, disc_share=1.0), seed)
            # Deep inside a disc the light is even; a Gaussian has a top.
            assert discs.max() < 0.8 * gaussian.max()
