"""Pairs by name and seed."""

import numpy as np
import pytest

from napari_cvdm.simulation.pairs import KINDS, simulate_pair
from napari_cvdm.simulation.ranges import AcquisitionRanges
from napari_cvdm.simulation.structures import STRUCTURES


class TestSimulatePair:
    def test_every_structure_and_their_mixture_can_be_had(self) -> None:
        assert set(KINDS) == {*STRUCTURES, "mixture"}
        assert len(KINDS) == len(set(KINDS))

    @pytest.mark.parametrize("kind", KINDS)
    def test_kind_and_seed_fix_the_pixels(self, kind: str) -> None:
        widefield, truth = simulate_pair(kind, 3, 32)
        same_widefield, same_truth = simulate_pair(kind, 3, 32)
        assert np.array_equal(widefield, same_widefield)
        assert np.array_equal(truth, same_truth)
        assert not np.array_equal(widefield, simulate_pair(kind, 4, 32)[0])

    def test_kinds_differ_for_one_seed(self) -> None:
        images = [simulate_pair(kind, 0, 32)[0] for kind in KINDS]
        assert len({image.tobytes() for image in images}) == len(KINDS)

    @pytest.mark.parametrize("size", [16, 37, 64])
    def test_shapes_and_types(self, size: int) -> None:
        widefield, truth = simulate_pair("actin", 0, size)
        assert widefield.shape == (size, size)
        assert widefield.dtype == np.uint16
        assert truth.shape == (2 * size, 2 * size)
        assert truth.dtype == np.float32
        assert truth.min() >= 0

    def test_truth_lies_on_the_wide_field_image(self) -> None:
        clean = AcquisitionRanges(haze=(0, 0), background=(0, 0))
        widefield, truth = simulate_pair("actin", 1, 96, photons=2000.0, psf_sigma=2.0, ranges=clean)
        binned = truth.reshape(96, 2, 96, 2).mean(axis=(1, 3))
        there = np.corrcoef(binned.ravel(), widefield.ravel())[0, 1]
        elsewhere = [
            np.corrcoef(np.roll(binned, shift, axis).ravel(), widefield.ravel())[0, 1]
            for shift in (-1, 1)
            for axis in (0, 1)
        ]
        assert there > 0.9
        assert there > max(elsewhere)

    def test_photons_set_the_noise(self) -> None:
        def grain(photons: float) -> float:
            image = simulate_pair("microtubules", 2, 64, photons=photons)[0].astype(float)
            rough = image[1:, 1:] - image[1:, :-1] - image[:-1, 1:] + image[:-1, :-1]
            return float(np.abs(rough).mean() / np.ptp(image))

        assert grain(20.0) > 2 * grain(3000.0)

    def test_the_width_of_the_psf_sets_the_detail(self) -> None:
        def detail(psf_sigma: float) -> float:
            truth = simulate_pair("microtubules", 2, 64, psf_sigma=psf_sigma)[1]
            return float(np.abs(np.diff(truth, axis=0)).mean() / truth.mean())

        assert detail(1.9) > 1.2 * detail(4.2)

    def test_ranges_can_be_chosen(self) -> None:
        clear = AcquisitionRanges(background=(0, 0), haze=(0, 0))
        murky = AcquisitionRanges(background=(2, 2), haze=(0, 0))
        lit = [
            float(np.median(simulate_pair("rings", 0, 48, photons=300.0, ranges=r)[0]))
            for r in (clear, murky)
        ]
        assert lit[1] > lit[0] + 200

    def test_unknown_kind(self) -> None:
        with pytest.raises(ValueError, match=r"unknown structure 'nuclei'; choose from micro.*, mixture"):
            simulate_pair("nuclei", 0, 32)

    def test_too_small(self) -> None:
        with pytest.raises(ValueError, match="at least 16 camera pixels, got 15"):
            simulate_pair("actin", 0, 15)

    def test_negative_seed(self) -> None:
        with pytest.raises(ValueError, match="must not be negative, got -1"):
            simulate_pair("actin", -1, 32)
