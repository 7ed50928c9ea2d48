"""Alignment: restorations are told from images of something else, and displaced ones found."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cvdm.assessment.alignment import Alignment, check_alignment
from napari_cvdm.assessment.consistency import check_consistency
from napari_cvdm.assessment.forward import blur_and_bin
from napari_cvdm.simulation.pairs import simulate_pair
from napari_cvdm.simulation.ranges import AcquisitionRanges

HAZY = AcquisitionRanges(haze=(1.0, 1.5))


@pytest.mark.parametrize("photons", [30.0, 300.0])
@pytest.mark.parametrize("kind", ["microtubules", "tubule-mesh", "mitochondria"])
def test_a_right_result_is_alike_and_in_place_despite_haze_and_noise(kind: str, photons: float) -> None:
    image, truth = simulate_pair(kind, 3, 64, photons=photons, ranges=HAZY)
    found = check_consistency(image, truth).alignment
    assert found.likeness > 0.4
    assert found.distance < 0.5


def test_results_of_something_else_are_not_alike() -> None:
    image, truth = simulate_pair("microtubules", 3, 64, photons=300.0)
    others = [simulate_pair("tubule-mesh", 4, 64)[1], truth[::-1], truth.T]
    for other in others:
        found = check_consistency(image, np.ascontiguousarray(other)).alignment
        assert found.likeness < 0.33


@pytest.mark.parametrize("moved", [(0, 3), (-2, 1), (5, -4)])
def test_a_displacement_is_measured_from_the_result_to_the_image(moved: tuple[int, int]) -> None:
    image, truth = simulate_pair("microtubules", 3, 96, photons=300.0)
    core = blur_and_bin(truth.astype(float), 2, 1.3)
    found = check_alignment(np.roll(image, moved, (0, 1)).astype(float), core, 1.3)
    np.testing.assert_allclose(found.displacement, moved, atol=0.35)
    assert found.likeness_displaced > found.likeness
    assert found.distance == pytest.approx(np.hypot(*moved), abs=0.4)


def test_the_width_is_the_measure_of_all_lengths() -> None:
    image, truth = simulate_pair("microtubules", 3, 96, photons=30.0)
    image, core = np.roll(image, (3, -2), (0, 1)).astype(float), blur_and_bin(truth.astype(float), 2, 1.3)
    found, threefold = (
        check_alignment(np.kron(image, block), np.kron(core, block), 1.3 * len(block))
        for block in (np.ones((1, 1)), np.ones((3, 3)))
    )
    assert threefold.likeness == pytest.approx(found.likeness, abs=0.02)
    np.testing.assert_allclose(threefold.displacement, 3 * np.array(found.displacement), atol=0.5)


def test_what_is_found_again_far_away_is_chance() -> None:
    rows, columns = np.mgrid[:96, :96]
    core = 100 * np.exp(-((rows - 30) ** 2 + (columns - 48) ** 2) / 8)
    for moved, displacement in ((23, (23, 0)), (26, (0, 0))):
        found = check_alignment(np.roll(core, moved, 0), core, 1.3)
        np.testing.assert_allclose(found.displacement, displacement, atol=0.1)


@pytest.mark.parametrize("brightness", [0.0, 3.0, 1000 / 3])
def test_nothing_is_like_nothing(brightness: float) -> None:
    image = np.random.default_rng(0).poisson(20, (48, 48)).astype(float)
    nothing = np.full((48, 48), brightness)
    for pair in ((image, nothing), (nothing, image)):
        assert check_alignment(*pair, 1.3) == Alignment(0.0, (0.0, 0.0), 0.0)
